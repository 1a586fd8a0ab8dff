// A data block: entries in ascending order of internal keys, readable without parsing it first.
//
//   u8 layout = 1
//   u8 flags            bit 0: offsets are u32, else u16; bits 1 (hash index) and 2 (key heads) are not written
//   varint p, p bytes   the bytes that all user keys of the block begin with; p = 0 under a custom comparator
//   entries:            varint suffix length | u8 kind | varint sequence | varint value length (kind 1 only) | suffix | value
//   offsets  u16|u32 n  of the entries, relative to the block's start
//   u32 position of the offsets | u32 n
//
// The entries lie side by side, from the end of the prefix to the offsets. Offsets are u16 as long as the last entry
// starts at or below 65,535. block-cursor.ts reads it.

import { assert } from "../common/assert.ts";
import { putVarint, varintLength } from "../common/byte-writer.ts";
import { putRange } from "../common/bytes.ts";
import { compareVersions, isKind, Kind, type InternalKey } from "../common/internal-key.ts";
import type { KeyOrder } from "../common/comparator.ts";
import { TRAILER_BYTES } from "./table-format.ts";

export const BLOCK_LAYOUT = 1;
export const FLAG_WIDE_OFFSETS = 1;
/** The largest offset that a u16 holds. */
export const NARROW_OFFSET_MAX = 0xffff;
/** What follows the offsets: their position and their count. */
export const BLOCK_TAIL_BYTES = 8;
/** Layout, flags, a prefix length of 0, one entry of 3 bytes, its offset, the tail. */
export const BLOCK_BYTES_MIN: number = 3 + 3 + 2 + BLOCK_TAIL_BYTES;

/** The most that an entry takes beside suffix and value: suffix length 3, kind 1, sequence 8, value length 5, offset 4. */
const ENTRY_OVERHEAD_MAX = 21;
/** The most that a block takes beside prefix and entries: layout, flags, prefix length, tail. */
const BLOCK_OVERHEAD_MAX = 2 + 3 + BLOCK_TAIL_BYTES;
/** Capacities at first: a block of the default size, and as many entries as it holds when they are small. */
const BYTES_AT_FIRST = 8 << 10;
const ENTRIES_AT_FIRST = 256;

/**
 * Packs the entries of one block after another. Keys and values are copied, so the caller may reuse its buffers.
 *
 * The prefix is known only with the last key, so entries are kept apart in columns until finish().
 *
 * Invariants:
 *   - entries arrive in strictly ascending order (the table builder, which sees blocks side by side, asserts it);
 *   - a finished block is never empty.
 */
export class BlockBuilder {
  readonly #order: KeyOrder;
  #keys: Uint8Array = new Uint8Array(BYTES_AT_FIRST);
  #values: Uint8Array = new Uint8Array(BYTES_AT_FIRST);
  #block: Buffer = Buffer.allocUnsafeSlow(BYTES_AT_FIRST);
  // Columns, one element an entry: where key and value end, sequence number, kind.
  #keyEnds: Uint32Array = new Uint32Array(ENTRIES_AT_FIRST);
  #valueEnds: Uint32Array = new Uint32Array(ENTRIES_AT_FIRST);
  #sequences: Float64Array = new Float64Array(ENTRIES_AT_FIRST);
  #kinds: Uint8Array = new Uint8Array(ENTRIES_AT_FIRST);
  #count = 0;
  #prefixLength = 0;
  /** How many bytes the last key shares with the one that it was compared with since; -1 = with none. */
  #shared = -1;
  /** Bytes of all entries without their suffixes: lengths, kinds, sequences, values, offsets. */
  #fixedBytes = 0;

  constructor(order: KeyOrder) {
    this.#order = order;
  }

  get count(): number {
    return this.#count;
  }

  /** The length of the block if it were finished now; 0 when it is empty. (With wide offsets a little more.) */
  get estimatedSize(): number {
    if (this.#count === 0) return 0;
    return blockSize(this.#count, this.#prefixLength, this.#keyEnds[this.#count - 1]!, this.#fixedBytes);
  }

  /** The length of the block if an entry were added and it were finished then. */
  estimatedSizeWith(key: Uint8Array, sequence: number, kind: number, valueLength: number): number {
    const keyBytes = (this.#count === 0 ? 0 : this.#keyEnds[this.#count - 1]!) + key.length;
    const fixed = this.#fixedBytes + entryFixedBytes(key.length, sequence, kind, valueLength);
    return blockSize(this.#count + 1, this.#commonPrefix(key), keyBytes, fixed);
  }

  /** Compares the last entry's user key with `key`, which nothing but `key` may then follow. The block is not empty. */
  compareLastKey(key: Uint8Array): number {
    const last = this.#count - 1;
    const start = this.#keyStart(last);
    const end = this.#keyEnds[last]!;
    if (!this.#order.isBytewise) return this.#order.compareRanges(this.#keys, start, end, key, 0, key.length);
    const keys = this.#keys;
    const length = end - start;
    const most = length < key.length ? length : key.length;
    let shared = 0;
    while (shared < most && keys[start + shared] === key[shared]) shared++;
    this.#shared = shared;
    return shared < most ? keys[start + shared]! - key[shared]! : length - key.length;
  }

  /** Negative when the last entry is newer than (sequence, kind). The block is not empty. */
  compareLastVersion(sequence: number, kind: number): number {
    const last = this.#count - 1;
    return compareVersions(this.#sequences[last]!, this.#kinds[last]!, sequence, kind);
  }

  /** A copy of the last entry's key. The block is not empty. */
  last(): InternalKey {
    const last = this.#count - 1;
    const kind = this.#kinds[last]!;
    assert(isKind(kind), "the block holds entries");
    const key = this.#keys.slice(this.#keyStart(last), this.#keyEnds[last]);
    return { key, sequence: this.#sequences[last]!, kind };
  }

  /** Adds an entry behind the last; the caller has compared them. */
  add(key: Uint8Array, sequence: number, kind: number, value: Uint8Array): void {
    const entry = this.#count;
    this.#prefixLength = this.#commonPrefix(key);
    this.#fixedBytes += entryFixedBytes(key.length, sequence, kind, value.length);
    if (entry === this.#kinds.length) this.#growColumns();
    const keyStart = this.#keyStart(entry);
    const valueStart = entry === 0 ? 0 : this.#valueEnds[entry - 1]!;
    this.#keys = reserve(this.#keys, keyStart, key.length);
    this.#values = reserve(this.#values, valueStart, value.length);
    this.#keyEnds[entry] = putRange(this.#keys, keyStart, key, 0, key.length);
    this.#valueEnds[entry] = putRange(this.#values, valueStart, value, 0, value.length);
    this.#sequences[entry] = sequence;
    this.#kinds[entry] = kind;
    this.#count++;
    this.#shared = -1;
  }

  /**
   * The finished block with room for its trailer behind it, valid until the next finish(); the builder is empty again.
   */
  finish(): { bytes: Uint8Array; length: number } {
    const count = this.#count;
    assert(count > 0, "a block is never empty");
    const most =
      this.#keyEnds[count - 1]! + this.#valueEnds[count - 1]! + count * ENTRY_OVERHEAD_MAX + BLOCK_OVERHEAD_MAX;
    if (this.#block.length < most + TRAILER_BYTES) this.#block = Buffer.allocUnsafeSlow(most + TRAILER_BYTES);
    const length = this.#encode(this.#block);
    this.#count = 0;
    this.#shared = -1;
    this.#prefixLength = 0;
    this.#fixedBytes = 0;
    return { bytes: this.#block, length };
  }

  // Where an entry's key ended is of no use once it is written: the column takes the entry's offset instead.
  #encode(block: Buffer): number {
    const prefix = this.#prefixLength;
    block[0] = BLOCK_LAYOUT;
    let at = putVarint(block, 2, prefix);
    at = putRange(block, at, this.#keys, 0, prefix);
    let keyStart = 0;
    let valueStart = 0;
    for (let entry = 0; entry < this.#count; entry++) {
      const keyEnd = this.#keyEnds[entry]!;
      const valueEnd = this.#valueEnds[entry]!;
      const kind = this.#kinds[entry]!;
      this.#keyEnds[entry] = at;
      at = putVarint(block, at, keyEnd - keyStart - prefix);
      block[at++] = kind;
      at = putVarint(block, at, this.#sequences[entry]!);
      if (kind === Kind.put) at = putVarint(block, at, valueEnd - valueStart);
      at = putRange(block, at, this.#keys, keyStart + prefix, keyEnd);
      at = putRange(block, at, this.#values, valueStart, valueEnd);
      keyStart = keyEnd;
      valueStart = valueEnd;
    }
    return putOffsets(block, at, this.#keyEnds, this.#count);
  }

  #keyStart(entry: number): number {
    return entry === 0 ? 0 : this.#keyEnds[entry - 1]!;
  }

  // Keys ascend, so what the first and the newest key share, all keys share; and so do the newest two, if it is less.
  #commonPrefix(key: Uint8Array): number {
    if (!this.#order.isBytewise) return 0;
    if (this.#count === 0) return key.length;
    if (this.#shared >= 0) return this.#prefixLength < this.#shared ? this.#prefixLength : this.#shared;
    const keys = this.#keys;
    const most = this.#prefixLength < key.length ? this.#prefixLength : key.length;
    let length = 0;
    while (length < most && keys[length] === key[length]) length++;
    return length;
  }

  #growColumns(): void {
    const capacity = this.#kinds.length * 2;
    this.#keyEnds = grow(this.#keyEnds, new Uint32Array(capacity));
    this.#valueEnds = grow(this.#valueEnds, new Uint32Array(capacity));
    this.#sequences = grow(this.#sequences, new Float64Array(capacity));
    this.#kinds = grow(this.#kinds, new Uint8Array(capacity));
  }
}

/**
 * A block of one put, in three parts of which the middle one is `value` itself: a large value is not copied to be
 * written. The last part has room for the trailer.
 */
export function encodeLoneBlock(
  order: KeyOrder,
  key: Uint8Array,
  sequence: number,
  value: Uint8Array,
): { head: Uint8Array; value: Uint8Array; tail: Uint8Array } {
  const prefix = order.isBytewise ? key.length : 0;
  const head = new Uint8Array(BLOCK_OVERHEAD_MAX + key.length + ENTRY_OVERHEAD_MAX);
  head[0] = BLOCK_LAYOUT;
  let at = putVarint(head, 2, prefix);
  at = putRange(head, at, key, 0, prefix);
  const start = at;
  at = putVarint(head, at, key.length - prefix);
  head[at++] = Kind.put;
  at = putVarint(head, at, sequence);
  at = putVarint(head, at, value.length);
  at = putRange(head, at, key, prefix, key.length);
  const wide = start > NARROW_OFFSET_MAX;
  head[1] = wide ? FLAG_WIDE_OFFSETS : 0;
  const tail = Buffer.alloc((wide ? 4 : 2) + BLOCK_TAIL_BYTES + TRAILER_BYTES);
  const end = wide ? tail.writeUInt32LE(start, 0) : tail.writeUInt16LE(start, 0);
  tail.writeUInt32LE(at + value.length, end);
  tail.writeUInt32LE(1, end + 4);
  return { head: head.subarray(0, at), value, tail };
}

// Writes the offsets and the tail at `position` and sets the flags; returns the length of the block.
function putOffsets(block: Buffer, position: number, offsets: Uint32Array, count: number): number {
  const wide = offsets[count - 1]! > NARROW_OFFSET_MAX;
  block[1] = wide ? FLAG_WIDE_OFFSETS : 0;
  let at = position;
  for (let entry = 0; entry < count; entry++) {
    at = wide ? block.writeUInt32LE(offsets[entry]!, at) : block.writeUInt16LE(offsets[entry]!, at);
  }
  at = block.writeUInt32LE(position, at);
  return block.writeUInt32LE(count, at);
}

function blockSize(count: number, prefixLength: number, keyBytes: number, fixedBytes: number): number {
  const bytes = 2 + varintLength(prefixLength) + keyBytes - (count - 1) * prefixLength + fixedBytes + BLOCK_TAIL_BYTES;
  return bytes > NARROW_OFFSET_MAX ? bytes + 2 * count : bytes;
}

// The suffix length is taken for the key's: an estimate that is at most two bytes an entry too high.
function entryFixedBytes(keyLength: number, sequence: number, kind: number, valueLength: number): number {
  const value = kind === Kind.put ? varintLength(valueLength) + valueLength : 0;
  return varintLength(keyLength) + 1 + varintLength(sequence) + value + 2;
}

// `bytes`, or a larger copy of its first `used` bytes with room for `more`.
function reserve(bytes: Uint8Array, used: number, more: number): Uint8Array {
  if (used + more <= bytes.length) return bytes;
  const grown = new Uint8Array(Math.max(used + more, bytes.length * 2));
  grown.set(bytes.subarray(0, used));
  return grown;
}

function grow<T extends Uint8Array | Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

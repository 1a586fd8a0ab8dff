// Reads a data block (block-builder.ts has its picture) where it lies: a search compares suffixes in place, a step
// reads one offset and one entry header. Nothing is decoded when a block is loaded.
//
// The bytes come from a disk. A checksum has held mostly, but nothing here rests on it: every position is compared with
// the bounds of the block before it is used, and what does not fit is a CorruptionError.

import { CorruptionError } from "../common/errors.ts";
import { bufferView, compareByteRanges, EMPTY } from "../common/bytes.ts";
import type { KeyOrder } from "../common/comparator.ts";
import { compareVersions, Kind } from "../common/internal-key.ts";
import { headOf } from "../common/key-heads.ts";
import { BLOCK_BYTES_MIN, BLOCK_LAYOUT, BLOCK_TAIL_BYTES, FLAG_WIDE_OFFSETS } from "./block-builder.ts";
import { HEAD_BYTES, HeadsState, makeHeads, readHead } from "./block-heads.ts";
import { formatUnsupported, TRAILER_BYTES } from "./table-format.ts";

/** Varints up to here are put together with integer shifts; longer ones (from 2^28 on) with multiplications. */
const SHIFT_MAX = 28;
const KEY_BUFFER_AT_FIRST = 64;
/** In place of where the heads are. */
const NO_ROOM = -1;

/**
 * A position in one data block, and then in the next: load() takes another block.
 *
 * `key` is assembled when it is asked for, in a buffer that the next key overwrites, and keys of one length are handed
 * out as the same view: a scan makes no garbage for them.
 */
export class BlockCursor {
  readonly #order: KeyOrder;
  readonly #file: string;
  #bytes = EMPTY;
  /** What #bytes is a view of, once a value was asked for. */
  #memory: ArrayBufferLike | undefined;
  /** Where the block starts in the file, for errors. */
  #base = 0;
  #prefixStart = 0;
  #prefixLength = 0;
  #entriesAt = 0;
  #offsetsAt = 0;
  #wide = false;
  #headsAt = NO_ROOM;
  // Where the varint that is being read goes on.
  #at = 0;
  #suffixStart = 0;
  #valueStart = 0;
  #valueEnd = 0;
  #keyBuffer: Uint8Array = new Uint8Array(KEY_BUFFER_AT_FIRST);
  #keyView: Uint8Array = EMPTY;
  /** The entry whose key #keyView shows; -1 = none. */
  #keyIndex = -1;
  #prefixCopied = false;

  /** Entries in the block; 0 before the first load(). */
  count = 0;
  /** The entry that read() was last called for. */
  index = -1;
  sequence = 0;
  kind: Kind = Kind.put;

  constructor(order: KeyOrder, file: string) {
    this.#order = order;
    this.#file = file;
  }

  /**
   * Takes the block in the first `length` bytes, which lies at `base` in the file. Positions are undefined until read().
   * What follows behind the block and its trailer, if anything does, is room for heads: block-heads.ts.
   */
  load(bytes: Uint8Array, base: number, length: number = bytes.length): void {
    this.count = 0;
    this.index = -1;
    this.#keyIndex = -1;
    this.#prefixCopied = false;
    this.#bytes = bytes;
    this.#memory = undefined;
    this.#base = base;
    if (length < BLOCK_BYTES_MIN) throw this.corruption(0, `a block of ${length} bytes`);
    if (bytes[0] !== BLOCK_LAYOUT) throw formatUnsupported(this.#file, `block layout ${bytes[0]}`);
    const flags = bytes[1]!;
    if ((flags & ~FLAG_WIDE_OFFSETS) !== 0) throw formatUnsupported(this.#file, `block flags ${flags}`);
    this.#wide = flags === FLAG_WIDE_OFFSETS;
    const tail = length - BLOCK_TAIL_BYTES;
    this.#at = 2;
    this.#prefixLength = this.#varint();
    this.#prefixStart = this.#at;
    this.#entriesAt = this.#prefixStart + this.#prefixLength;
    this.#offsetsAt = readU32(bytes, tail);
    const count = readU32(bytes, tail + 4);
    this.#checkLayout(count, tail);
    this.count = count;
    this.#headsAt = bytes.length > length && this.#order.isBytewise ? length + TRAILER_BYTES : NO_ROOM;
  }

  #checkLayout(count: number, tail: number): void {
    if (this.#prefixLength > 0 && !this.#order.isBytewise)
      throw this.corruption(2, "a common prefix under a custom comparator");
    if (count === 0) throw this.corruption(tail + 4, "an empty block");
    if (this.#offsetsAt + count * (this.#wide ? 4 : 2) !== tail)
      throw this.corruption(tail, `${count} offsets at ${this.#offsetsAt} do not end at the tail`);
    if (this.#entriesAt >= this.#offsetsAt) throw this.corruption(2, `a prefix of ${this.#prefixLength} bytes`);
    if (this.#offset(0) !== this.#entriesAt)
      throw this.corruption(this.#offsetsAt, "the first entry is not behind the prefix");
  }

  /** Lands on entry `index`, which is from 0 to count - 1. */
  read(index: number): void {
    const bytes = this.#bytes;
    const start = this.#offset(index);
    const end = index + 1 < this.count ? this.#offset(index + 1) : this.#offsetsAt;
    this.#at = start;
    const suffixLength = this.#varint();
    const kind = bytes[this.#at++]!;
    this.sequence = this.#varint();
    const valueLength = kind === Kind.put ? this.#varint() : 0;
    if (kind !== Kind.put && kind !== Kind.delete) throw this.corruption(start, `an entry of kind ${kind}`);
    const valueStart = this.#at + suffixLength;
    // The entries lie side by side: this one must end where the next one, or the offsets, start.
    if (valueStart + valueLength !== end) throw this.corruption(start, "an entry does not end where the next starts");
    this.kind = kind;
    this.#suffixStart = this.#at;
    this.#valueStart = valueStart;
    this.#valueEnd = end;
    this.index = index;
  }

  /** The user key of the entry read last; the next read() or load() may change it. */
  get key(): Uint8Array {
    if (this.#keyIndex !== this.index) this.#assembleKey();
    return this.#keyView;
  }

  /** The value of the entry read last: a view of the block. */
  get value(): Buffer {
    const memory = (this.#memory ??= this.#bytes.buffer);
    return bufferView(memory, this.#bytes.byteOffset + this.#valueStart, this.#valueEnd - this.#valueStart);
  }

  get valueLength(): number {
    return this.#valueEnd - this.#valueStart;
  }

  /** True when the entry read last is of this user key. */
  keyIs(key: Uint8Array): boolean {
    const bytes = this.#bytes;
    const prefix = this.#prefixLength;
    const suffix = this.#suffixStart;
    if (this.#valueStart - suffix + prefix !== key.length) return false;
    for (let i = key.length - 1; i >= prefix; i--) if (key[i] !== bytes[suffix + i - prefix]) return false;
    for (let i = 0; i < prefix; i++) if (key[i] !== bytes[this.#prefixStart + i]) return false;
    return true;
  }

  /** The first entry at or behind (key, sequence, kind); count when there is none. Does not move: read() does. */
  seek(key: Uint8Array, sequence: number, kind: number): number {
    const prefix = this.#prefixLength;
    const start = this.#prefixStart;
    if (prefix > 0) {
      const shared = key.length < prefix ? key.length : prefix;
      const difference = compareByteRanges(key, 0, shared, this.#bytes, start, start + prefix);
      if (difference !== 0) return difference < 0 ? 0 : this.count;
    }
    if (!this.#order.isBytewise) return this.#searchPlainly(key, sequence, kind);
    return this.#headsAt !== NO_ROOM && this.#hasHeads()
      ? this.#searchHeads(key, prefix, sequence, kind)
      : this.#searchBytes(key, prefix, sequence, kind);
  }

  // A block that is sought in for the second time gets its heads.
  #hasHeads(): boolean {
    const bytes = this.#bytes;
    const state = bytes[this.#headsAt];
    if (state === HeadsState.unsought) bytes[this.#headsAt] = HeadsState.soughtOnce;
    if (state !== HeadsState.soughtOnce) return state === HeadsState.made;
    const offset = (index: number): number => this.#offset(index);
    return makeHeads(bytes, this.#headsAt, this.count, this.#offsetsAt, offset);
  }

  // Looks at entries only where heads are equal: a search then touches some neighbouring lines and not one for each step.
  #searchHeads(key: Uint8Array, prefix: number, sequence: number, kind: number): number {
    const bytes = this.#bytes;
    const heads = this.#headsAt + 1;
    const head = headOf(key, prefix, key.length);
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const middleHead = readHead(bytes, heads + HEAD_BYTES * middle);
      const isBefore = middleHead === head ? this.#compare(middle, key, prefix, sequence, kind) < 0 : middleHead < head;
      if (isBefore) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #searchPlainly(key: Uint8Array, sequence: number, kind: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(middle, key, 0, sequence, kind) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // Nearly all of a look-up in memory is this loop: it goes without calls where suffixes and varints are short.
  #searchBytes(key: Uint8Array, prefix: number, sequence: number, kind: number): number {
    const bytes = this.#bytes;
    const entriesAt = this.#entriesAt;
    const offsetsAt = this.#offsetsAt;
    const wide = this.#wide;
    const rest = key.length - prefix;
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const slot = offsetsAt + 2 * middle;
      const start = wide ? this.#offset(middle) : bytes[slot]! | (bytes[slot + 1]! << 8);
      if (start < entriesAt || start >= offsetsAt) throw this.#badOffset(middle, start);
      const suffixLength = bytes[start]!;
      let at = start + 2;
      // Skips two varints; behind the end of the block a byte is undefined, which ends the loop, and the check follows.
      while (bytes[at++]! >= 128);
      if (bytes[start + 1] === Kind.put) while (bytes[at++]! >= 128);
      if (suffixLength >= 128) {
        // A length of more than one byte: the long way.
        if (this.#compare(middle, key, prefix, sequence, kind) < 0) low = middle + 1;
        else high = middle;
        continue;
      }
      if (at + suffixLength > offsetsAt) throw this.corruption(start, "an entry beyond the offsets");
      const common = suffixLength < rest ? suffixLength : rest;
      let i = 0;
      while (i < common && bytes[at + i] === key[prefix + i]) i++;
      let difference = i < common ? bytes[at + i]! - key[prefix + i]! : suffixLength - rest;
      if (difference === 0) difference = this.#compareVersion(start + 1, sequence, kind);
      if (difference < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** For the caller to throw; `at` is relative to the block. */
  corruption(at: number, problem: string): CorruptionError {
    return new CorruptionError(this.#file, this.#base + at, problem);
  }

  // Compares entry `index` with (key, sequence, kind), of whose user key the first `prefix` bytes are known to be equal.
  #compare(index: number, key: Uint8Array, prefix: number, sequence: number, kind: number): number {
    const bytes = this.#bytes;
    const start = this.#offset(index);
    let at = start;
    let suffixLength = bytes[at++]!;
    if (suffixLength >= 128) {
      this.#at = start;
      suffixLength = this.#varint();
      at = this.#at;
    }
    const kindAt = at;
    const entryKind = bytes[at++]!;
    // Skips two varints; behind the end of the block a byte is undefined, which ends the loop, and the check follows.
    while (bytes[at++]! >= 128);
    if (entryKind === Kind.put) while (bytes[at++]! >= 128);
    const end = at + suffixLength;
    if (end > this.#offsetsAt) throw this.corruption(start, "an entry beyond the offsets");
    const difference = this.#order.compareRanges(bytes, at, end, key, prefix, key.length);
    return difference === 0 ? this.#compareVersion(kindAt, sequence, kind) : difference;
  }

  // Compares the version whose kind stands at `kindAt`, with its sequence number behind it.
  #compareVersion(kindAt: number, sequence: number, kind: number): number {
    this.#at = kindAt + 1;
    return compareVersions(this.#varint(), this.#bytes[kindAt]!, sequence, kind);
  }

  // The offset of an entry, inside the entries.
  #offset(index: number): number {
    const bytes = this.#bytes;
    let offset: number;
    if (this.#wide) offset = readU32(bytes, this.#offsetsAt + 4 * index);
    else {
      const at = this.#offsetsAt + 2 * index;
      offset = bytes[at]! | (bytes[at + 1]! << 8);
    }
    if (offset < this.#entriesAt || offset >= this.#offsetsAt) throw this.#badOffset(index, offset);
    return offset;
  }

  #badOffset(index: number, offset: number): CorruptionError {
    return this.corruption(this.#offsetsAt, `entry ${index} at ${offset}`);
  }

  // Reads from #at and moves it. Behind the end of the block a byte is undefined, which ends a varint; whoever uses the
  // position compares it with the bounds.
  #varint(): number {
    const bytes = this.#bytes;
    const start = this.#at;
    let at = start;
    let byte = bytes[at++]!;
    let value = byte & 0x7f;
    for (let shift = 7; byte >= 128 && shift < SHIFT_MAX; shift += 7) {
      byte = bytes[at++]!;
      value |= (byte & 0x7f) << shift;
    }
    for (let scale = 2 ** SHIFT_MAX; byte >= 128; scale *= 128) {
      byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER || at - start > 8) throw this.corruption(start, "integer beyond 2^53-1");
    }
    this.#at = at;
    return value;
  }

  #assembleKey(): void {
    const bytes = this.#bytes;
    const prefix = this.#prefixLength;
    const suffixStart = this.#suffixStart;
    const length = prefix + this.#valueStart - suffixStart;
    if (this.#keyBuffer.length < length) {
      this.#keyBuffer = new Uint8Array(2 * length);
      this.#prefixCopied = false;
    }
    const buffer = this.#keyBuffer;
    if (!this.#prefixCopied) {
      buffer.set(bytes.subarray(this.#prefixStart, this.#prefixStart + prefix));
      this.#prefixCopied = true;
    }
    for (let to = prefix, from = suffixStart; to < length; to++, from++) buffer[to] = bytes[from]!;
    if (this.#keyView.length !== length || this.#keyView.buffer !== buffer.buffer)
      this.#keyView = buffer.subarray(0, length);
    this.#keyIndex = this.index;
  }
}

function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

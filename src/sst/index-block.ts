// The index: one entry a data block, and, when that takes more than `indexBlockSize`, cut into partitions with a top
// index over them, one entry a partition.
//
//   u8 layout = 2 | u8 level (0: entries are data blocks, 1: entries are index blocks) | varint count
//   entries: lp user key | u8 kind | varint sequence (not for kind 15) | varint offset | varint length | varint first (level 1 only)
//
// User key, sequence and kind are the separator, an internal key: at or behind the last entry of its block and before the
// first of the next. It is the shortest such user key with the highest sequence number, (SEQUENCE_MAX, kind 15); where
// that is no longer than the block's last user key, or one user key's versions span the edge, it is the block's last
// internal key itself. So a search never has to go on into the next block: an entry at or behind a separator's
// predecessor and at or before the separator is in its block, or nowhere. An index entry's separator in the top is the
// last of its partition; `first` is the number, from 0 in the table, of its first data block.
//
// The blocks of one index block lie side by side in the file. The top index (the only one when there is one level) is
// held while the table is open; separators are compared where they lie, the rest is decoded into flat columns.

import { ByteReader } from "../common/byte-reader.ts";
import { ByteWriter, varintLength } from "../common/byte-writer.ts";
import { compareByteRanges, copyBytes, EMPTY } from "../common/bytes.ts";
import type { KeyOrder } from "../common/comparator.ts";
import { compareVersions, isKind, KIND_MAX, SEQUENCE_MAX } from "../common/internal-key.ts";
import { wideHeadOf } from "../common/key-heads.ts";
import { formatUnsupported, TRAILER_BYTES } from "./table-format.ts";

const INDEX_LAYOUT = 2;
/** lp of an empty key, kind, offset and length at one byte each: what bounds the count before columns are allocated. */
const ENTRY_BYTES_MIN = 4;
/** Offset 8, length 4, sequence 8, key start and end 8, first 4, head 8, kind 1. */
const COLUMN_BYTES = 41;

/** One entry of an index block being built. */
export interface IndexEntry {
  readonly key: Uint8Array;
  readonly sequence: number;
  readonly kind: number;
  readonly offset: number;
  readonly length: number;
  /** Level 1 only. */
  readonly first?: number;
}

export class IndexBuilder {
  readonly #level: 0 | 1;
  readonly #entries = new ByteWriter();
  #count = 0;

  constructor(level: 0 | 1) {
    this.#level = level;
  }

  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    return 2 + varintLength(this.#count) + this.#entries.length;
  }

  /** byteLength after `entry` were added. */
  byteLengthWith(entry: IndexEntry): number {
    const { key, sequence, kind, offset, length, first } = entry;
    let bytes = varintLength(key.length) + key.length + 1 + varintLength(offset) + varintLength(length);
    if (kind !== KIND_MAX) bytes += varintLength(sequence);
    if (first !== undefined) bytes += varintLength(first);
    return 2 + varintLength(this.#count + 1) + this.#entries.length + bytes;
  }

  add(entry: IndexEntry): void {
    this.#entries.lengthPrefixed(entry.key).u8(entry.kind);
    if (entry.kind !== KIND_MAX) this.#entries.varint(entry.sequence);
    this.#entries.varint(entry.offset).varint(entry.length);
    if (entry.first !== undefined) this.#entries.varint(entry.first);
    this.#count++;
  }

  /** A copy; the builder is empty again. */
  finish(): Uint8Array {
    const block = new ByteWriter(this.byteLength);
    block.u8(INDEX_LAYOUT).u8(this.#level).varint(this.#count).bytes(this.#entries.finish());
    this.#entries.clear();
    this.#count = 0;
    return block.finish();
  }
}

/** A decoded index block. Entries are numbered from 0; all columns have `count` elements. */
export class IndexBlock {
  readonly level: number;
  readonly count: number;
  /** The table's number of the first data block below this index block. */
  readonly first: number;
  readonly offsets: Float64Array;
  readonly lengths: Uint32Array;
  /** Level 1: the table's number of the first data block below each entry. */
  readonly firsts: Uint32Array;
  readonly #order: KeyOrder;
  readonly #bytes: Uint8Array;
  readonly #keyStarts: Uint32Array;
  readonly #keyEnds: Uint32Array;
  readonly #sequences: Float64Array;
  readonly #kinds: Uint8Array;
  // What all separators but the last begin with, and the six bytes behind it as a number, zeros for missing ones: under
  // byte order a search decides almost every step by one comparison of numbers.
  #prefix: Uint8Array = EMPTY;
  readonly #heads: Float64Array;

  /**
   * `bytes` (kept, not copied) lies at `offset` in the file; all blocks it names lie before `limit`.
   * Everything is checked here, the order of separators included, so that searches need not.
   */
  static decode(
    bytes: Uint8Array,
    at: { readonly file: string; readonly offset: number; readonly limit: number; readonly first: number },
    order: KeyOrder,
  ): IndexBlock {
    const reader = new ByteReader(bytes, at.file, at.offset);
    const layout = reader.u8();
    if (layout !== INDEX_LAYOUT) throw formatUnsupported(at.file, `index layout ${layout}`);
    const level = reader.u8();
    if (level > 1) throw reader.corruption(`index level ${level}`, 1);
    const count = reader.varint();
    if (count > reader.remaining / ENTRY_BYTES_MIN) throw reader.corruption(`${count} index entries`);
    const block = new IndexBlock(bytes, level, count, at.first, order);
    for (let i = 0; i < count; i++) block.#decodeEntry(i, reader, at.limit);
    reader.expectEnd();
    if (order.isBytewise && count > 0) block.#makeHeads();
    return block;
  }

  private constructor(bytes: Uint8Array, level: number, count: number, first: number, order: KeyOrder) {
    this.#bytes = bytes;
    this.level = level;
    this.count = count;
    this.first = first;
    this.#order = order;
    this.offsets = new Float64Array(count);
    this.lengths = new Uint32Array(count);
    this.firsts = new Uint32Array(level === 0 ? 0 : count);
    this.#keyStarts = new Uint32Array(count);
    this.#keyEnds = new Uint32Array(count);
    this.#sequences = new Float64Array(count);
    this.#kinds = new Uint8Array(count);
    this.#heads = new Float64Array(order.isBytewise ? count : 0);
  }

  /** Memory it takes, nearly. */
  get byteLength(): number {
    return this.#bytes.length + this.count * COLUMN_BYTES;
  }

  /** Where the blocks of the entries end, trailers included; 0 without entries. */
  get end(): number {
    return this.count === 0 ? 0 : this.offsets[this.count - 1]! + this.lengths[this.count - 1]! + TRAILER_BYTES;
  }

  /** The separator of entry `i`; the key is a view. */
  separator(i: number): { key: Uint8Array; sequence: number; kind: number } {
    const key = this.#bytes.subarray(this.#keyStarts[i], this.#keyEnds[i]);
    return { key, sequence: this.#sequences[i]!, kind: this.#kinds[i]! };
  }

  /** The first entry whose separator is at or behind (key, sequence, kind); count when there is none. */
  seek(key: Uint8Array, sequence: number, kind: number): number {
    return this.#order.isBytewise ? this.#seekByHeads(key, sequence, kind) : this.#seekPlainly(key, sequence, kind);
  }

  #seekByHeads(key: Uint8Array, sequence: number, kind: number): number {
    if (this.count === 0) return 0;
    const last = this.count - 1;
    const prefix = this.#prefix.length;
    const shared = key.length < prefix ? key.length : prefix;
    const difference = compareByteRanges(key, 0, shared, this.#prefix, 0, prefix);
    let low = 0;
    let high = last;
    if (difference < 0) high = 0;
    else if (difference > 0) low = last;
    const heads = this.#heads;
    const head = wideHeadOf(key, prefix, key.length);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const middleHead = heads[middle]!;
      if (middleHead < head || (middleHead === head && this.#compare(middle, key, sequence, kind) < 0))
        low = middle + 1;
      else high = middle;
    }
    return low < last || this.#compare(last, key, sequence, kind) >= 0 ? low : this.count;
  }

  #seekPlainly(key: Uint8Array, sequence: number, kind: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(middle, key, sequence, kind) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #compare(i: number, key: Uint8Array, sequence: number, kind: number): number {
    const difference = this.#order.compareRanges(
      this.#bytes,
      this.#keyStarts[i]!,
      this.#keyEnds[i]!,
      key,
      0,
      key.length,
    );
    return difference || compareVersions(this.#sequences[i]!, this.#kinds[i]!, sequence, kind);
  }

  #decodeEntry(i: number, reader: ByteReader, limit: number): void {
    const entryAt = reader.position;
    const key = reader.lengthPrefixed();
    this.#keyEnds[i] = reader.position;
    this.#keyStarts[i] = reader.position - key.length;
    const kind = reader.u8();
    if (!isKind(kind)) throw reader.corruption(`separator of kind ${kind}`, entryAt);
    const sequence = kind === KIND_MAX ? SEQUENCE_MAX : reader.varint();
    this.#kinds[i] = kind;
    this.#sequences[i] = sequence;
    const offset = reader.varint();
    const length = reader.varint();
    if (offset + length + TRAILER_BYTES > limit || length > 0xffff_ffff)
      throw reader.corruption("a block beyond the index", entryAt);
    if (i > 0 && offset !== this.offsets[i - 1]! + this.lengths[i - 1]! + TRAILER_BYTES)
      throw reader.corruption("blocks do not lie side by side", entryAt);
    if (i > 0 && this.#compare(i - 1, key, sequence, kind) >= 0)
      throw reader.corruption("separators do not ascend", entryAt);
    this.offsets[i] = offset;
    this.lengths[i] = length;
    if (this.level === 1) this.#decodeFirst(i, reader);
  }

  #decodeFirst(i: number, reader: ByteReader): void {
    const at = reader.position;
    const first = reader.varint();
    const ascends = i === 0 ? first === this.first : first > this.firsts[i - 1]!;
    if (!ascends || first > 0xffff_ffff) throw reader.corruption("block numbers do not ascend", at);
    this.firsts[i] = first;
  }

  // The last separator is left out: behind the last key of a table it is often a single byte, and shares no prefix.
  #makeHeads(): void {
    const bytes = this.#bytes;
    const starts = this.#keyStarts;
    const ends = this.#keyEnds;
    const count = this.count - 1;
    if (count === 0) return;
    const most = Math.min(ends[0]! - starts[0]!, ends[count - 1]! - starts[count - 1]!);
    let prefix = 0;
    while (prefix < most && bytes[starts[0]! + prefix] === bytes[starts[count - 1]! + prefix]) prefix++;
    // A copy: it lies in one place with its object, and a search need not touch the keys.
    this.#prefix = copyBytes(bytes.subarray(starts[0], starts[0]! + prefix));
    for (let i = 0; i < count; i++) this.#heads[i] = wideHeadOf(bytes, starts[i]! + prefix, ends[i]!);
  }
}

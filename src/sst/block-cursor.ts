// Reads a data block (block-builder.ts has its picture) where it lies: a search compares suffixes in place, a step
// reads one offset and one entry header. Nothing is decoded when a block is loaded.
//
// The bytes come from a disk. A checksum has held mostly, but nothing here rests on it: every position is compared with
// the bounds of the block before it is used, and what does not fit is a CorruptionError.

import { CorruptionError } from "../common/errors.ts";
import { bufferView, compareByteRanges, EMPTY, putRange } from "../common/bytes.ts";
import type { KeyOrder } from "../common/comparator.ts";
import { compareVersions, Kind } from "../common/internal-key.ts";
import { AssembledKey } from "./assembled-key.ts";
import { BlockCopies } from "./block-copies.ts";
import {
  DIRECTORY_BLOCK_AT,
  DIRECTORY_BLOCK_LENGTH,
  DIRECTORY_COUNT,
  DIRECTORY_ENTRIES_AT,
  DIRECTORY_OFFSETS_AT,
  DIRECTORY_PREFIX,
  directoryBase,
  directoryOffset,
  hasWideOffsets,
  headsPlace,
  NO_HEADS,
  prefixPlace,
  signedHead,
  soughtHeads,
} from "./block-directory.ts";
import { readLayout, readU32, type BlockLayout } from "./block-layout.ts";
import type { CacheSegment } from "./cache-segment.ts";

/** Varints up to here are put together with integer shifts; longer ones (from 2^28 on) with multiplications. */
const SHIFT_MAX = 28;
const NO_DIRECTORY = -1;
const NO_WORDS = new Int32Array(0);

/**
 * A position in one data block, and then in the next: load() takes another block.
 *
 * `key` is assembled when it is asked for, in a buffer that the next key overwrites, and keys of one length are handed
 * out as the same view: a scan makes no garbage for them.
 */
export class BlockCursor {
  readonly #order: KeyOrder;
  /** The file that blocks are of, for errors. */
  file: string;
  #bytes = EMPTY;
  /** What #bytes is a view of, once a value was asked for. */
  #memory: ArrayBufferLike | undefined;
  // Places in #bytes: of the block, its prefix or a copy of it, its entries, its offsets.
  #start = 0;
  #length = 0;
  #prefixStart = 0;
  #prefixLength = 0;
  #entriesAt = 0;
  #offsetsAt = 0;
  /** Where the block starts in the file, for errors. */
  #base = 0;
  #wide = false;
  /** The directory of a block in the cache, and the words it is in. */
  #words: Int32Array = NO_WORDS;
  #directory = NO_DIRECTORY;
  /** The directory's heads, if they may be searched by. */
  #heads: number = NO_HEADS;
  /** The block is a copy that nobody will write to. */
  #isKept = false;
  readonly #copies: BlockCopies;
  // Where the varint that is being read goes on.
  #at = 0;
  #suffixStart = 0;
  #valueStart = 0;
  #valueEnd = 0;
  readonly #key = new AssembledKey();
  /** The entry that #key is of; -1 = none. */
  #keyIndex = -1;

  /** The block lies in memory that the cache will use for others. */
  isBorrowed = false;
  /** Entries in the block; 0 before the first load(). */
  count = 0;
  /** The entry that read() was last called for. */
  index = -1;
  sequence = 0;
  kind: Kind = Kind.put;

  /** `keeps`: own() takes copies that are never written over, and values are parts of them. */
  constructor(order: KeyOrder, file: string, keeps = false) {
    this.#order = order;
    this.file = file;
    this.#copies = new BlockCopies(keeps);
  }

  /**
   * Takes the block of `length` bytes at `start`, which lies at `base` in the file; returns what its directory is to say.
   * Positions are undefined until read().
   */
  load(bytes: Uint8Array, base: number, start = 0, length: number = bytes.length - start): BlockLayout {
    this.#take(bytes, base, start, length);
    const layout = readLayout(bytes, start, length, this.#order, { file: this.file, base });
    this.#wide = layout.wide;
    this.#prefixLength = layout.prefixLength;
    this.#entriesAt = start + layout.entriesAt;
    this.#prefixStart = this.#entriesAt - layout.prefixLength;
    this.#offsetsAt = start + layout.offsetsAt;
    this.count = layout.count;
    return layout;
  }

  /** load() of a block in the cache, whose directory is at word `at`: it is used where it lies, until own() or the next load. */
  loadCached({ bytes, words }: CacheSegment, at: number): void {
    const start = words[at + DIRECTORY_BLOCK_AT]!;
    this.#take(bytes, directoryBase(words, at), start, words[at + DIRECTORY_BLOCK_LENGTH]!);
    this.#words = words;
    this.#directory = at;
    this.#heads = headsPlace(words, at);
    this.isBorrowed = true;
    this.#wide = hasWideOffsets(words, at);
    this.#prefixStart = prefixPlace(words, at);
    this.#prefixLength = words[at + DIRECTORY_PREFIX]!;
    this.#entriesAt = start + words[at + DIRECTORY_ENTRIES_AT]!;
    this.#offsetsAt = start + words[at + DIRECTORY_OFFSETS_AT]!;
    this.count = words[at + DIRECTORY_COUNT]!;
  }

  #take(bytes: Uint8Array, base: number, start: number, length: number): void {
    this.count = 0;
    this.index = -1;
    this.#keyIndex = -1;
    this.#key.forgetPrefix();
    this.#bytes = bytes;
    this.#memory = undefined;
    this.#start = start;
    this.#length = length;
    this.#base = base;
    this.#directory = NO_DIRECTORY;
    this.#heads = NO_HEADS;
    this.isBorrowed = false;
    this.#isKept = false;
  }

  /** Takes a copy of a block that lies in the cache, so that it stays whatever the cache does. Entries keep their numbers. */
  own(): void {
    if (!this.isBorrowed) return;
    const copies = this.#copies;
    const length = this.#length;
    const from = this.#start;
    copies.take(length);
    const moved = copies.start - from;
    putRange(copies.bytes, copies.start, this.#bytes, from, from + length);
    this.#bytes = copies.bytes;
    this.#memory = undefined;
    this.#start += moved;
    this.#entriesAt += moved;
    this.#offsetsAt += moved;
    this.#prefixStart = this.#entriesAt - this.#prefixLength;
    this.#directory = NO_DIRECTORY;
    this.#heads = NO_HEADS;
    this.isBorrowed = false;
    this.#isKept = copies.areKept;
  }

  /** Takes a copy of the entry read last. Nothing but the entry and its number may be asked for until the next load. */
  detach(): void {
    const length = this.#valueEnd - this.#valueStart;
    this.#assembleKey();
    const copies = this.#copies;
    copies.take(length);
    putRange(copies.bytes, copies.start, this.#bytes, this.#valueStart, this.#valueEnd);
    this.#bytes = copies.bytes;
    this.#memory = undefined;
    this.#valueStart = copies.start;
    this.#valueEnd = copies.start + length;
    this.isBorrowed = false;
    this.#isKept = copies.areKept;
  }

  /** Lands on entry `index`, which is from 0 to count - 1. Before own() only right behind the load. */
  read(index: number): void {
    const bytes = this.#bytes;
    const start = this.#position(index);
    const end = index + 1 < this.count ? this.#position(index + 1) : this.#offsetsAt;
    this.#at = start;
    const suffixLength = this.#varint();
    const kind = bytes[this.#at++]!;
    this.sequence = this.#varint();
    const valueLength = kind === Kind.put ? this.#varint() : 0;
    if (kind !== Kind.put && kind !== Kind.delete) throw this.#corruption(start, `an entry of kind ${kind}`);
    const valueStart = this.#at + suffixLength;
    // The entries lie side by side: this one must end where the next one, or the offsets, start.
    if (valueStart + valueLength !== end) throw this.#corruption(start, "an entry does not end where the next starts");
    this.kind = kind;
    this.#suffixStart = this.#at;
    this.#valueStart = valueStart;
    this.#valueEnd = end;
    this.index = index;
  }

  /** The user key of the entry read last; the next read() or load() may change it. */
  get key(): Uint8Array {
    if (this.#keyIndex !== this.index) this.#assembleKey();
    return this.#key.view;
  }

  #assembleKey(): void {
    this.#key.assemble(this.#bytes, this.#prefixStart, this.#prefixLength, this.#suffixStart, this.#valueStart);
    this.#keyIndex = this.index;
  }

  /** The value of the entry read last: a view of the block. */
  get value(): Buffer {
    const memory = (this.#memory ??= this.#bytes.buffer);
    return bufferView(memory, this.#bytes.byteOffset + this.#valueStart, this.#valueEnd - this.#valueStart);
  }

  /** The value of the entry read last, for the caller to keep and to change. To be asked for once an entry. */
  takeValue(): Buffer {
    if (this.#isKept) return this.value;
    const copy = Buffer.allocUnsafe(this.#valueEnd - this.#valueStart);
    putRange(copy, 0, this.#bytes, this.#valueStart, this.#valueEnd);
    return copy;
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
    return this.#heads !== NO_HEADS || this.#findHeads()
      ? this.#searchHeads(key, prefix, sequence, kind)
      : this.#searchBytes(key, prefix, sequence, kind);
  }

  #findHeads(): boolean {
    if (this.#directory === NO_DIRECTORY) return false;
    this.#heads = soughtHeads({ words: this.#words, bytes: this.#bytes }, this.#directory);
    return this.#heads !== NO_HEADS;
  }

  // Looks at entries only where heads are equal: a search then touches some neighbouring lines and not one for each step.
  #searchHeads(key: Uint8Array, prefix: number, sequence: number, kind: number): number {
    const words = this.#words;
    const heads = this.#heads;
    const head = signedHead(key, prefix, key.length);
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const middleHead = words[heads + middle]!;
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
    const blockStart = this.#start;
    const entriesAt = this.#entriesAt;
    const offsetsAt = this.#offsetsAt;
    const wide = this.#wide;
    const rest = key.length - prefix;
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const slot = offsetsAt + 2 * middle;
      const start = wide ? this.#position(middle) : blockStart + (bytes[slot]! | (bytes[slot + 1]! << 8));
      if (start < entriesAt || start >= offsetsAt) throw this.#badOffset(middle, start);
      const suffixLength = bytes[start]!;
      let at = start + 2;
      // Skips two varints; what stands behind the block, or nothing, ends the loop, and the check follows.
      while (bytes[at++]! >= 128);
      if (bytes[start + 1] === Kind.put) while (bytes[at++]! >= 128);
      if (suffixLength >= 128) {
        // A length of more than one byte: the long way.
        if (this.#compare(middle, key, prefix, sequence, kind) < 0) low = middle + 1;
        else high = middle;
        continue;
      }
      if (at + suffixLength > offsetsAt) throw this.#corruption(start, "an entry beyond the offsets");
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

  // `at` is a place in #bytes.
  #corruption(at: number, problem: string): CorruptionError {
    return new CorruptionError(this.file, this.#base + at - this.#start, problem);
  }

  // Compares entry `index` with (key, sequence, kind), of whose user key the first `prefix` bytes are known to be equal.
  #compare(index: number, key: Uint8Array, prefix: number, sequence: number, kind: number): number {
    const bytes = this.#bytes;
    const start = this.#position(index);
    let at = start;
    let suffixLength = bytes[at++]!;
    if (suffixLength >= 128) {
      this.#at = start;
      suffixLength = this.#varint();
      at = this.#at;
    }
    const kindAt = at;
    const entryKind = bytes[at++]!;
    // Skips two varints; what stands behind the block, or nothing, ends the loop, and the check follows.
    while (bytes[at++]! >= 128);
    if (entryKind === Kind.put) while (bytes[at++]! >= 128);
    const end = at + suffixLength;
    if (end > this.#offsetsAt) throw this.#corruption(start, "an entry beyond the offsets");
    const difference = this.#order.compareRanges(bytes, at, end, key, prefix, key.length);
    return difference === 0 ? this.#compareVersion(kindAt, sequence, kind) : difference;
  }

  // Compares the version whose kind stands at `kindAt`, with its sequence number behind it.
  #compareVersion(kindAt: number, sequence: number, kind: number): number {
    this.#at = kindAt + 1;
    return compareVersions(this.#varint(), this.#bytes[kindAt]!, sequence, kind);
  }

  // Where an entry starts in #bytes, inside the entries.
  #position(index: number): number {
    const bytes = this.#bytes;
    let offset: number;
    if (this.#heads !== NO_HEADS) offset = directoryOffset(this.#words, this.#heads, this.count, index);
    else if (this.#wide) offset = readU32(bytes, this.#offsetsAt + 4 * index);
    else {
      const at = this.#offsetsAt + 2 * index;
      offset = bytes[at]! | (bytes[at + 1]! << 8);
    }
    const position = this.#start + offset;
    if (position < this.#entriesAt || position >= this.#offsetsAt) throw this.#badOffset(index, position);
    return position;
  }

  #badOffset(index: number, position: number): CorruptionError {
    return this.#corruption(this.#offsetsAt, `entry ${index} at ${position - this.#start}`);
  }

  // Reads from #at and moves it. What stands behind the block may be anything; whoever uses the position compares it with
  // the bounds.
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
      if (value > Number.MAX_SAFE_INTEGER || at - start > 8) throw this.#corruption(start, "integer beyond 2^53-1");
    }
    this.#at = at;
    return value;
  }
}

// The blocks of an open table, by number: the way from the index through the block cache to the file. Lookups, cursors
// and verification all go this way.

import { assert } from "../common/assert.ts";
import type { KeyOrder } from "../common/comparator.ts";
import { CorruptionError } from "../common/errors.ts";
import { compareVersions } from "../common/internal-key.ts";
import { BLOCK_BYTES_MIN } from "./block-builder.ts";
import { BlockSlots, CacheItems, type BlockCache } from "./block-cache.ts";
import type { BlockCursor } from "./block-cursor.ts";
import { directoryWordsFor, writeDirectory } from "./block-directory.ts";
import type { BlockFile } from "./block-file.ts";
import type { CacheSegment } from "./cache-segment.ts";
import { untransferable } from "../util/untransferable.ts";
import { IndexBlock } from "./index-block.ts";
import { TRAILER_BYTES, type BlockHandle, type TableProperties } from "./table-format.ts";

/** How one read treats the block cache and checksums. */
export interface ReadFlags {
  /** Keep the blocks that are read; default true. */
  readonly fillCache?: boolean;
  /** Verify the checksums of blocks that are read from the file; default true. Unverified blocks are never kept. */
  readonly verifyChecksums?: boolean;
  /** Of a cursor: values that it gives away are parts of whole blocks, which saves copying each; default false. */
  readonly keepsBlocks?: boolean;
}

/** A table of half a terabyte at the default block size; sparse files have room for any count. */
const BLOCKS_MOST = 2 ** 27;

export const DEFAULT_FLAGS: ReadFlags = {};

export class TableBlocks {
  readonly file: BlockFile;
  readonly order: KeyOrder;
  /** The top of the index: of level 0 when it names data blocks, else of level 1. */
  readonly top: IndexBlock;
  /** Data blocks of the table. */
  readonly count: number;
  /** Where the index ends, behind which no block that it names may lie. */
  readonly #limit: number;
  readonly #cache: BlockCache;
  readonly #slots: BlockSlots;
  /** Data blocks that are too large for segments. */
  readonly #large = new CacheItems<Uint8Array>();
  readonly #partitions = new CacheItems<IndexBlock>();
  #closed = false;

  /** Reads the top index at `handle` of a table that says it has `count` data blocks. */
  constructor(
    file: BlockFile,
    order: KeyOrder,
    cache: BlockCache,
    handle: BlockHandle,
    { dataBlocks: count }: Pick<TableProperties, "dataBlocks">,
  ) {
    this.file = file;
    this.order = order;
    this.count = count;
    this.#limit = handle.offset;
    this.#cache = cache;
    this.top = this.#decodeIndex(handle.offset, handle.length, 0, true);
    this.#checkCount(handle.offset);
    this.#slots = new BlockSlots(count);
  }

  /** Bytes held for the index and for the places of cached blocks. */
  get memoryBytes(): number {
    return this.top.byteLength + this.#slots.byteLength;
  }

  /** Index blocks of level 0: one, or as many as the top has entries. */
  get indexCount(): number {
    return this.top.level === 0 ? 1 : this.top.count;
  }

  /** The index block of level 0 that has `number`, from 0 to indexCount - 1. */
  index(number: number, flags: ReadFlags): IndexBlock {
    if (this.top.level === 0) return this.top;
    const cached = this.#cache.item(this.#partitions, number);
    if (cached !== undefined) return cached;
    const verify = flags.verifyChecksums !== false;
    const partition = this.readIndex(number, verify);
    if (verify && flags.fillCache !== false)
      this.#cache.insert(this.#partitions, number, partition, partition.byteLength);
    return partition;
  }

  /** The same of a table with two levels, past the cache. */
  readIndex(number: number, verify: boolean): IndexBlock {
    this.#assertOpen();
    const { top } = this;
    const offset = top.offsets[number]!;
    const partition = this.#decodeIndex(offset, top.lengths[number]!, top.firsts[number]!, verify);
    const next = number + 1 < top.count ? top.firsts[number + 1]! : this.count;
    if (partition.level !== 0) throw this.#corruption(offset, "an index of more than two levels");
    if (partition.count !== next - partition.first)
      throw this.#corruption(offset, `${partition.count} index entries instead of ${next - partition.first}`);
    const last = partition.separator(partition.count - 1);
    const bound = top.separator(number);
    if (
      this.order.compare(last.key, bound.key) !== 0 ||
      compareVersions(last.sequence, last.kind, bound.sequence, bound.kind) !== 0
    )
      throw this.#corruption(offset, "an index partition does not end at its separator");
    return partition;
  }

  /** The index block of level 0 to look in for the first entry at or behind (key, sequence, kind); indexCount = none. */
  seekIndex(key: Uint8Array, sequence: number, kind: number): number {
    return this.top.level === 0 ? 0 : this.top.seek(key, sequence, kind);
  }

  /**
   * Loads the data block of entry `entry` of an index block of level 0. The cursor may then look at the cache's memory:
   * it must have its own() before anything else is read.
   */
  load(cursor: BlockCursor, index: IndexBlock, entry: number, flags: ReadFlags): void {
    const slots = this.#slots;
    const slot = index.first + entry;
    const home = slots.home(slot);
    if (home === 0) {
      this.#loadElsewhere(cursor, index, entry, flags);
      return;
    }
    slots.referenced[slot] = 1;
    cursor.loadCached(this.#cache.segment(home), slots.directory(slot));
  }

  // A block that is in no segment.
  #loadElsewhere(cursor: BlockCursor, index: IndexBlock, entry: number, flags: ReadFlags): void {
    const slot = index.first + entry;
    const offset = index.offsets[entry]!;
    const length = index.lengths[entry]!;
    const cached = this.#cache.item(this.#large, slot);
    if (cached !== undefined) {
      cursor.load(cached, offset);
      return;
    }
    this.#assertOpen();
    const verify = flags.verifyChecksums !== false;
    const isKept = verify && flags.fillCache !== false;
    const segment = isKept ? this.#cache.room(length + TRAILER_BYTES) : undefined;
    if (segment !== undefined) {
      this.#readInto(segment, cursor, slot, { offset, length });
      return;
    }
    const block = this.file.readBlock(offset, length, verify);
    cursor.load(block, offset);
    if (!isKept) return;
    untransferable(block.buffer);
    this.#cache.insert(this.#large, slot, block, length);
  }

  // Read where it is to stay: nothing is allocated and nothing copied. It is kept once it has been verified.
  #readInto(segment: CacheSegment, cursor: BlockCursor, slot: number, { offset, length }: BlockHandle): void {
    const { bytes, words, low } = segment;
    this.file.readInto(bytes.subarray(low, low + length + TRAILER_BYTES), offset);
    const layout = cursor.load(bytes, offset, low, length);
    const count = directoryWordsFor(layout);
    if (length + count * words.BYTES_PER_ELEMENT > segment.freeBytes) {
      // There is room for the block only, without its directory: the next time it goes into the next segment.
      this.#cache.close(segment);
      cursor.isBorrowed = true;
      return;
    }
    const at = segment.add(this.#slots, slot, length, count);
    writeDirectory(segment, at, layout, offset);
    cursor.loadCached(segment, at);
  }

  /** Gives the cached blocks back; nothing can be read from then on. */
  close(): void {
    this.#closed = true;
    this.#cache.dropBlocks(this.#slots);
    this.#cache.drop(this.#large);
    this.#cache.drop(this.#partitions);
  }

  // A block of a closed table must not enter the cache: nobody would take it out.
  #assertOpen(): void {
    assert(!this.#closed, "the table is open");
  }

  #decodeIndex(offset: number, length: number, first: number, verify: boolean): IndexBlock {
    const at = { file: this.file.name, offset, limit: Math.min(offset, this.#limit), first };
    return IndexBlock.decode(this.file.readBlock(offset, length, verify), at, this.order);
  }

  // The count sizes the slots: it must be one that the file has room for, and the index must not contradict it.
  #checkCount(offset: number): void {
    const { top, count } = this;
    const possible = count <= BLOCKS_MOST && count <= this.file.size / (BLOCK_BYTES_MIN + TRAILER_BYTES);
    const agreed = top.level === 0 ? top.count === count : top.count > 0 && top.firsts[top.count - 1]! < count;
    if (!possible || !agreed) throw this.#corruption(offset, `an index that does not fit ${count} data blocks`);
    if (top.level === 0 && count > 0 && top.offsets[0] !== 0)
      throw this.#corruption(offset, "the first data block is not at the start");
  }

  #corruption(offset: number, problem: string): CorruptionError {
    return new CorruptionError(this.file.name, offset, problem);
  }
}

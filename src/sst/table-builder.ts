// Writes a sorted table from its first byte to its last: blocks go to the file as they fill, everything else at the end.
// table-format.ts has the picture of the file.

import { assert } from "../common/assert.ts";
import { copyBytes } from "../common/bytes.ts";
import type { KeyOrder } from "../common/comparator.ts";
import { crc32, placedChecksum } from "../common/crc32.ts";
import { compareInternalKeys, Kind, type InternalKey } from "../common/internal-key.ts";
import type { FileHandle } from "../util/env.ts";
import { writeFully } from "../util/file-io.ts";
import { BlockBuilder, encodeLoneBlock } from "./block-builder.ts";
import { BloomBuilder, bloomHash, FILTER_BLOOM, FILTER_NONE } from "./bloom-filter.ts";
import { encodeProperties } from "./properties.ts";
import { encodeRangeDeletes, widenBounds, type RangeDelete } from "./range-deletes.ts";
import {
  BlockName,
  COMPRESSION_NONE,
  encodeFooter,
  encodeMetaindex,
  FOOTER_BYTES,
  putStoredChecksum,
  putTrailer,
  TRAILER_BYTES,
  type BlockHandle,
  type TableIdentity,
  type TableProvenance,
} from "./table-format.ts";
import { TableIndexBuilder } from "./table-index-builder.ts";
import { TableCounters } from "./table-counters.ts";

export interface TableBuilderOptions {
  /** Empty, open for writing; the builder neither syncs nor closes it. */
  readonly file: FileHandle;
  readonly order: KeyOrder;
  /** Bytes that a data block should not exceed; an entry larger than that has a block of its own. */
  readonly blockSize: number;
  /** Bytes that an index block should not exceed: above them the index gets a second level. */
  readonly indexBlockSize: number;
  /** 0 = no filter. */
  readonly bloomBitsPerKey: number;
  readonly identity: TableIdentity;
}

export interface TableSummary {
  /** Bytes of the file. */
  readonly size: number;
  readonly tag: number;
  readonly smallest: InternalKey;
  readonly largest: InternalKey;
  readonly leastSequence: number;
  readonly greatestSequence: number;
  /** Puts and deletes. */
  readonly entries: number;
  readonly deletes: number;
  readonly rangeDeletes: number;
  /** Bytes of user keys and values. */
  readonly rawBytes: number;
  readonly dataBlocks: number;
}

/** From here on a value is written from where it lies instead of being copied twice; a write call more costs less. */
const LONE_FROM_BYTES = 64 << 10;

/**
 * Builds one table.
 *
 * Invariants:
 *   - entries arrive in strictly ascending order of internal keys;
 *   - a table is never empty;
 *   - once finished, nothing is added.
 */
export class TableBuilder {
  readonly #file: FileHandle;
  readonly #order: KeyOrder;
  readonly #blockSize: number;
  readonly #identity: TableIdentity;
  readonly #block: BlockBuilder;
  readonly #index: TableIndexBuilder;
  readonly #bloom: BloomBuilder | undefined;
  readonly #ranges: RangeDelete[] = [];
  readonly #counters = new TableCounters();
  #first: InternalKey | undefined;
  /** The last entry of the last block written. */
  #last: InternalKey | undefined;
  #offset = 0;
  #blocksWritten = 0;
  #rangeBytes = 0;
  #finished = false;

  constructor(options: TableBuilderOptions) {
    this.#file = options.file;
    this.#order = options.order;
    this.#blockSize = options.blockSize;
    this.#identity = options.identity;
    this.#block = new BlockBuilder(options.order);
    this.#index = new TableIndexBuilder(options.order, options.indexBlockSize);
    this.#bloom = options.bloomBitsPerKey === 0 ? undefined : new BloomBuilder(options.bloomBitsPerKey);
    assert(options.identity.tag !== 0, "a tag is never zero");
    assert(options.identity.comparatorName === options.order.comparator.name, "the order is the identity's");
  }

  /** Puts and deletes added. */
  get entries(): number {
    return this.#counters.entries;
  }

  /** Data blocks written. */
  get blocksWritten(): number {
    return this.#blocksWritten;
  }

  /** Bytes written plus the open block; what finish() adds (filter, index, properties) is not in it. */
  get estimatedSize(): number {
    return this.#offset + this.#block.estimatedSize + this.#rangeBytes;
  }

  /** Adds a put or a delete (whose value is empty), greater than all before. Key and value are copied or written. */
  add(key: Uint8Array, sequence: number, kind: Kind, value: Uint8Array): void {
    assert(!this.#finished, "a finished table takes nothing more");
    assert(kind === Kind.put || kind === Kind.delete, "range deletes have a block of their own");
    assert(kind === Kind.put || value.length === 0, "only a put has a value");
    const isNewKey = this.#checkAscent(key, sequence, kind);
    const block = this.#block;
    if (block.count > 0 && block.estimatedSizeWith(key, sequence, kind, value.length) > this.#blockSize)
      this.#finishBlock();
    if (block.count === 0) this.#startBlock(key, sequence, kind);
    if (isNewKey) this.#bloom?.add(bloomHash(key));
    this.#counters.add(key.length, sequence, kind, value.length);
    if (block.count === 0 && value.length >= LONE_FROM_BYTES && key.length + value.length > this.#blockSize)
      this.#writeLone(key, sequence, value);
    else block.add(key, sequence, kind, value);
  }

  /** Adds a delete of what is older than `sequence` in [start, end), start < end; in any order, at any time. */
  addRangeDelete(start: Uint8Array, end: Uint8Array, sequence: number): void {
    assert(!this.#finished, "a finished table takes nothing more");
    assert(this.#order.compare(start, end) < 0, "a range delete deletes something");
    this.#ranges.push({ start: copyBytes(start), end: copyBytes(end), sequence });
    this.#rangeBytes += start.length + end.length;
    this.#counters.addRange(start.length, sequence, end.length);
  }

  /** Writes filter, index, properties, metaindex and footer; does not sync or close the file. */
  finish(provenance: TableProvenance): TableSummary {
    assert(!this.#finished, "a table is finished once");
    this.#finished = true;
    if (this.#block.count > 0) this.#finishBlock();
    const { smallest, largest } = this.#bounds();
    const blocks = new Map<string, BlockHandle>();
    if (this.#ranges.length > 0)
      blocks.set(BlockName.rangeDeletes, this.#writeBlock(encodeRangeDeletes(this.#ranges, this.#order)));
    const filter = this.#bloom?.finish();
    if (filter !== undefined) blocks.set(BlockName.filter, this.#writeBlock(filter));
    blocks.set(
      BlockName.index,
      this.#index.finish((block) => this.#writeBlock(block)),
    );
    const counts = this.#counters.totals();
    const properties = encodeProperties({
      ...this.#identity,
      ...counts,
      smallest,
      largest,
      filterId: filter === undefined ? FILTER_NONE : FILTER_BLOOM,
      dataBlocks: this.#blocksWritten,
      provenance,
    });
    blocks.set(BlockName.properties, this.#writeBlock(properties));
    const metaindex = this.#writeBlock(encodeMetaindex(blocks));
    const { tag, fileNumber: number } = this.#identity;
    this.#write(encodeFooter({ metaindex, tag, size: this.#offset + FOOTER_BYTES, number }));
    const { rawKeyBytes, rawValueBytes, ...rest } = counts;
    const rawBytes = rawKeyBytes + rawValueBytes;
    return { size: this.#offset, tag, smallest, largest, ...rest, rawBytes, dataBlocks: this.#blocksWritten };
  }

  // Returns whether the user key differs from the last entry's.
  #checkAscent(key: Uint8Array, sequence: number, kind: Kind): boolean {
    const block = this.#block;
    if (block.count > 0) {
      const difference = block.compareLastKey(key);
      assert(difference < 0 || (difference === 0 && block.compareLastVersion(sequence, kind) < 0), "entries ascend");
      return difference !== 0;
    }
    const last = this.#last;
    if (last === undefined) return true;
    assert(compareInternalKeys(this.#order, last, { key, sequence, kind }) < 0, "entries ascend");
    return this.#order.compare(last.key, key) !== 0;
  }

  #startBlock(key: Uint8Array, sequence: number, kind: Kind): void {
    if (this.#first === undefined) this.#first = { key: copyBytes(key), sequence, kind };
    else this.#index.separate(this.#last!, key);
  }

  #finishBlock(): void {
    this.#last = this.#block.last();
    const { bytes, length } = this.#block.finish();
    this.#endBlock(this.#writeInPlace(bytes, length));
  }

  #writeLone(key: Uint8Array, sequence: number, value: Uint8Array): void {
    const offset = this.#offset;
    const { head, tail } = encodeLoneBlock(this.#order, key, sequence, value);
    const length = head.length + value.length + tail.length - TRAILER_BYTES;
    const inTail = tail.length - TRAILER_BYTES;
    tail[inTail] = COMPRESSION_NONE;
    const crc = crc32(tail, 0, inTail + 1, crc32(value, 0, value.length, crc32(head)));
    putStoredChecksum(tail, inTail + 1, placedChecksum(crc, this.#identity.tag, offset));
    for (const part of [head, value, tail]) this.#write(part);
    this.#last = { key: copyBytes(key), sequence, kind: Kind.put };
    this.#endBlock({ offset, length });
  }

  #endBlock(written: BlockHandle): void {
    this.#index.add(written);
    this.#blocksWritten++;
  }

  #bounds(): { smallest: InternalKey; largest: InternalKey } {
    if (this.#last !== undefined) this.#index.end(this.#last);
    const entries = { smallest: this.#first, largest: this.#last };
    const { smallest, largest } = widenBounds(entries, this.#ranges, this.#order);
    assert(smallest !== undefined && largest !== undefined, "a table is never empty");
    return { smallest, largest };
  }

  #writeBlock(block: Uint8Array): BlockHandle {
    const withTrailer = Buffer.allocUnsafeSlow(block.length + TRAILER_BYTES);
    withTrailer.set(block);
    return this.#writeInPlace(withTrailer, block.length);
  }

  #writeInPlace(bytes: Uint8Array, length: number): BlockHandle {
    const offset = this.#offset;
    putTrailer(bytes, length, this.#identity.tag, offset);
    this.#write(bytes.subarray(0, length + TRAILER_BYTES));
    return { offset, length };
  }

  #write(bytes: Uint8Array): void {
    if (bytes.length > 0) writeFully(this.#file, bytes, this.#offset);
    this.#offset += bytes.length;
  }
}

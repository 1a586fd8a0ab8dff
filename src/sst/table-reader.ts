// An open sorted table. Footer, metaindex, properties, the top of the index and the filter are read and checked when it
// is opened and held; data blocks, and the partitions of a large index, are read when they are needed, verified, and
// kept by the block cache. table-format.ts has the picture of the file.

import type { InternalCursor } from "../common/cursor.ts";
import { Kind, KIND_MAX, SEQUENCE_MAX } from "../common/internal-key.ts";
import { PRESENT, TOMBSTONE, type Lookup, type Wanted } from "../common/lookup.ts";
import { BlockCursor } from "./block-cursor.ts";
import { bloomHash, type BloomFilter } from "./bloom-filter.ts";
import type { RangeDelete } from "./range-deletes.ts";
import { DEFAULT_FLAGS, type ReadFlags, type TableBlocks } from "./table-blocks.ts";
import { TableCursor } from "./table-cursor.ts";
import type { TableProperties } from "./table-format.ts";
import { layoutOf, type BlockPlace } from "./table-layout.ts";
import { readParts, type TableParts, type TableReaderOptions } from "./table-parts.ts";
import { verifyTable } from "./table-verify.ts";

export type { TableSource } from "./block-file.ts";
export type { ReadFlags } from "./table-blocks.ts";
export type { TableReaderOptions } from "./table-parts.ts";

export class TableReader {
  readonly properties: TableProperties;
  /** Bytes held for index and filter while the table is open; the block cache is not counted. */
  readonly memoryBytes: number;
  /** Ascending by start; get() and cursor() do not apply them. */
  readonly rangeDeletes: readonly RangeDelete[];
  readonly #parts: TableParts;
  readonly #blocks: TableBlocks;
  readonly #filter: BloomFilter | undefined;
  readonly #block: BlockCursor;

  /**
   * Throws CorruptionError for a table that is not whole or not the one that the options ask for, FORMAT_UNSUPPORTED
   * for one that needs a newer version, COMPARATOR_MISMATCH for one of another order, IO_ERROR when it cannot be read.
   */
  static open(options: TableReaderOptions): TableReader {
    return new TableReader(readParts(options));
  }

  private constructor(parts: TableParts) {
    this.#parts = parts;
    this.#blocks = parts.blocks;
    this.#filter = parts.filter;
    this.#block = new BlockCursor(parts.blocks.order, parts.file.name);
    this.properties = parts.properties;
    this.rangeDeletes = parts.ranges;
    this.memoryBytes = parts.blocks.memoryBytes + (parts.filter?.byteLength ?? 0);
  }

  /** False: the table has no entry of this user key. (Range deletes are not asked.) */
  mayContain(key: Uint8Array): boolean {
    return this.#filter === undefined || this.#filter.mayContain(bloomHash(key));
  }

  /** mayContain for a key whose bloomHash() is known, for callers that ask many tables. */
  mayContainHash(hash: number): boolean {
    return this.#filter === undefined || this.#filter.mayContain(hash);
  }

  /**
   * The newest version of `key` with a number up to `sequence`, the filter asked first. A value is a copy, or empty when
   * only its presence is wanted.
   */
  get(key: Uint8Array, sequence: number, flags: ReadFlags = DEFAULT_FLAGS, wanted: Wanted = "value"): Lookup {
    if (this.#filter !== undefined && !this.#filter.mayContain(bloomHash(key))) return undefined;
    return this.find(key, sequence, flags, wanted);
  }

  /** get without asking the filter. */
  find(key: Uint8Array, sequence: number, flags: ReadFlags = DEFAULT_FLAGS, wanted: Wanted = "value"): Lookup {
    const blocks = this.#blocks;
    const number = blocks.seekIndex(key, sequence, KIND_MAX);
    if (number === blocks.indexCount) return undefined;
    const index = blocks.index(number, flags);
    const entry = index.seek(key, sequence, KIND_MAX);
    if (entry === index.count) return undefined;
    // A comparator of the user's may come back here before this look-up is done.
    const block = blocks.order.isBytewise ? this.#block : new BlockCursor(blocks.order, blocks.file.name);
    blocks.load(block, index, entry, flags);
    if (!blocks.order.isBytewise) block.own();
    const at = block.seek(key, sequence, KIND_MAX);
    // Behind the last entry and not behind the separator: no block has it (index-block.ts), the next one neither.
    if (at === block.count) return undefined;
    block.read(at);
    if (!block.keyIs(key)) return undefined;
    if (block.kind !== Kind.put) return TOMBSTONE;
    return wanted === "value" ? block.takeValue() : PRESENT;
  }

  /** `spare`, if given, is a cursor with the same flags of another table that nobody uses any more: it may be the one returned. */
  cursor(flags: ReadFlags = DEFAULT_FLAGS, spare?: InternalCursor): InternalCursor {
    return spare instanceof TableCursor ? spare.over(this.#blocks) : new TableCursor(this.#blocks, flags);
  }

  /** The offset in the file of the data block that `key` is in or would be in; for a key behind all, the end of the data. */
  approximateOffset(key: Uint8Array): number {
    const blocks = this.#blocks;
    if (blocks.count === 0) return 0;
    const number = blocks.seekIndex(key, SEQUENCE_MAX, KIND_MAX);
    const index = blocks.index(Math.min(number, blocks.indexCount - 1), DEFAULT_FLAGS);
    const entry = index.seek(key, SEQUENCE_MAX, KIND_MAX);
    return entry < index.count ? index.offsets[entry]! : index.end;
  }

  /** Every block from the start of the file to its end, the footer included; lengths are without trailers. */
  blocks(): Iterable<BlockPlace> {
    return layoutOf(this.#parts, DEFAULT_FLAGS);
  }

  /**
   * Reads every byte of the file anew, past the cache, and reports what is wrong: checksums, order in blocks and across
   * them, separators, a filter that misses a key, counts, bounds and sequence numbers that the properties contradict,
   * gaps between blocks. Throws only what reading throws for other reasons than the bytes.
   */
  verify(report: (offset: number, problem: string) => void): { blocks: number; entries: number } {
    return verifyTable(this.#parts, report);
  }

  /** Gives its cached blocks back. The source stays open: it is the caller's. */
  close(): void {
    this.#blocks.close();
  }
}

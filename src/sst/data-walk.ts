// All readable data blocks of a possibly damaged table, in the order of the file: by its index where that can be read, by
// looking for them (block-search.ts) where it cannot.
//
// Blocks are visited at ascending places only, so that an index that names one block many times costs no more than one
// that does not.

import { equalBytes } from "../common/bytes.ts";
import type { KeyOrder } from "../common/comparator.ts";
import { KIND_MAX, type Kind } from "../common/internal-key.ts";
import { BlockCursor } from "./block-cursor.ts";
import type { BlockFile } from "./block-file.ts";
import { BlockSearch } from "./block-search.ts";
import { IndexBlock } from "./index-block.ts";
import { attempt } from "./salvage-parts.ts";
import { TRAILER_BYTES, type BlockHandle } from "./table-format.ts";
import type { BlockPlace } from "./table-layout.ts";

/** A part of the file that cannot be read, in bytes from its start. */
export interface SalvageProblem {
  readonly offset: number;
  readonly length: number;
  readonly problem: string;
}

/** Lost are keys in (after, upTo]; undefined: not known, or no bound. */
export interface SalvageGap {
  readonly after: Buffer | undefined;
  readonly upTo: Buffer | undefined;
  /** Bytes of the file that cannot be read. */
  readonly bytes: number;
}

/** `key` and `value` are valid during the call only. For a range delete they are its start and its end. */
export type SalvageVisitor = (
  key: Uint8Array,
  sequence: number,
  kind: Kind,
  value: Uint8Array,
  blockOffset: number,
) => void;

export interface WalkReport {
  problem(problem: SalvageProblem): void;
  place(place: BlockPlace): void;
  gap(gap: SalvageGap): void;
}

export class DataWalk {
  readonly #file: BlockFile;
  readonly #order: KeyOrder;
  readonly #entry: SalvageVisitor;
  readonly #report: WalkReport;
  readonly #cursor: BlockCursor;
  readonly #search: BlockSearch;
  /** A user key that is less than every key of the blocks still to come; undefined = none is known. */
  #bound: Uint8Array | undefined;
  /** The last user key, of an entry or a separator. */
  #last: Uint8Array | undefined;
  #position = 0;
  #hasSearched = false;

  constructor(file: BlockFile, order: KeyOrder, entry: SalvageVisitor, report: WalkReport) {
    this.#file = file;
    this.#order = order;
    this.#entry = entry;
    this.#report = report;
    this.#cursor = new BlockCursor(order, file.name);
    this.#search = new BlockSearch(file);
  }

  /** Where the last block that was found, damaged or not, ends with its trailer. */
  get position(): number {
    return this.#position;
  }

  /** Parts of the index could not be used. */
  get hasSearched(): boolean {
    return this.#hasSearched;
  }

  /** Visits what the index names; `end` is where data blocks end. */
  visitIndex(top: IndexBlock, end: number): void {
    if (top.level === 0) this.#visitEntries(top);
    else {
      for (let i = 0; i < top.count; i++) this.#visitPartition(top, i);
    }
    if (this.#position < end) this.search(end, undefined, undefined);
  }

  /**
   * Visits the blocks that are found from the position on up to `end`. What lies between them is lost; so is what
   * follows the last, unless there are `expected` of them.
   */
  search(end: number, expected: number | undefined, upTo: Uint8Array | undefined): void {
    this.#hasSearched = true;
    let found = 0;
    for (const { offset, bytes } of this.#search.blocks(this.#position, end)) {
      if (!this.#load(offset, bytes)) continue;
      found++;
      this.#cursor.read(0);
      if (offset > this.#position) this.#lose(offset - this.#position, "no readable data block", this.#cursor.key);
      this.#visitLoaded(offset, bytes.length);
      this.#noteLastKeys();
    }
    if (this.#position >= end || (expected !== undefined && found >= expected)) return;
    const problem = this.#search.isExhausted ? "the search for blocks was given up" : "no readable data block";
    this.#lose(end - this.#position, problem, upTo);
  }

  /** For a table that nothing says the end of: it may have gone on behind the last block. */
  tellOpenEnd(): void {
    this.#gap(0, undefined);
  }

  #visitPartition(top: IndexBlock, number: number): void {
    const offset = top.offsets[number]!;
    const handle = { offset, length: top.lengths[number]! };
    const place = { kind: "index", ...handle };
    const partition = attempt(
      () => readIndex(this.#file, this.#order, handle, top.firsts[number]!),
      (problem) => this.#report.problem({ ...spanOf(place), problem: `index: ${problem}` }),
    );
    if (!partition) return;
    this.#report.place(place);
    if (partition.level === 0) this.#visitEntries(partition);
    else this.#report.problem({ ...spanOf(place), problem: "an index of more than two levels" });
  }

  #visitEntries(index: IndexBlock): void {
    if (index.count === 0) return;
    const first = index.offsets[0]!;
    if (first < this.#position) {
      this.#report.problem({ offset: first, length: 0, problem: "the index names a block twice" });
      return;
    }
    // Blocks that a damaged partition named.
    if (first > this.#position) this.search(first, undefined, undefined);
    for (let entry = 0; entry < index.count; entry++) {
      const offset = index.offsets[entry]!;
      const length = index.lengths[entry]!;
      const separator = index.separator(entry);
      const bytes = this.#read(offset, length);
      if (bytes && this.#load(offset, bytes)) this.#visitLoaded(offset, length);
      else this.#gap(length + TRAILER_BYTES, separator.key);
      this.#position = offset + length + TRAILER_BYTES;
      this.#note(separator.key, separator.kind === KIND_MAX);
    }
  }

  #read(offset: number, length: number): Uint8Array | undefined {
    return attempt(
      () => this.#file.readBlock(offset, length, true),
      (problem) => this.#report.problem({ offset, length: length + TRAILER_BYTES, problem }),
    );
  }

  // Whether all of its entries can be read; the cursor has it then.
  #load(offset: number, bytes: Uint8Array): boolean {
    const cursor = this.#cursor;
    const loaded = attempt(
      () => {
        cursor.load(bytes, offset);
        for (let i = 0; i < cursor.count; i++) cursor.read(i);
        return true;
      },
      (problem) => this.#report.problem({ offset, length: bytes.length + TRAILER_BYTES, problem }),
    );
    return loaded === true;
  }

  #visitLoaded(offset: number, length: number): void {
    const cursor = this.#cursor;
    this.#report.place({ kind: "data", offset, length });
    for (let i = 0; i < cursor.count; i++) {
      cursor.read(i);
      this.#entry(cursor.key, cursor.sequence, cursor.kind, cursor.value, offset);
    }
    this.#position = offset + length + TRAILER_BYTES;
  }

  #lose(length: number, problem: string, upTo: Uint8Array | undefined): void {
    this.#report.problem({ offset: this.#position, length, problem });
    this.#gap(length, upTo);
    this.#position += length;
  }

  #gap(bytes: number, upTo: Uint8Array | undefined): void {
    this.#report.gap({
      after: this.#bound && Buffer.from(this.#bound),
      upTo: upTo && Buffer.from(upTo),
      bytes,
    });
  }

  // The last two user keys of the block in the cursor: the next block may go on with the last.
  #noteLastKeys(): void {
    const cursor = this.#cursor;
    cursor.read(cursor.count - 1);
    const last = Uint8Array.from(cursor.key);
    for (let i = cursor.count - 2; i >= 0; i--) {
      cursor.read(i);
      if (equalBytes(cursor.key, last)) continue;
      this.#note(Uint8Array.from(cursor.key), false);
      break;
    }
    this.#note(last, false);
  }

  // The next block's keys are behind `key`, or, unless `isHighest`, may be equal to it.
  #note(key: Uint8Array, isHighest: boolean): void {
    if (isHighest) this.#bound = key;
    else if (this.#last && !equalBytes(this.#last, key)) this.#bound = this.#last;
    this.#last = key;
  }
}

/** The index block at `handle`, whose first data block is the table's number `first`. Throws CorruptionError. */
export function readIndex(
  file: BlockFile,
  order: KeyOrder,
  { offset, length }: BlockHandle,
  first: number,
): IndexBlock {
  return IndexBlock.decode(
    file.readBlock(offset, length, true),
    { file: file.name, offset, limit: offset, first },
    order,
  );
}

function spanOf({ offset, length }: BlockHandle): { offset: number; length: number } {
  return { offset, length: length + TRAILER_BYTES };
}

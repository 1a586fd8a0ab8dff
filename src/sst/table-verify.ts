// Verification of a table: every byte is read anew, and everything that a table promises about itself is checked
// against its entries. Bad bytes are reported and passed over, so that one report names all that is wrong.

import { copyBytes } from "../common/bytes.ts";
import { CorruptionError, TinyKVError } from "../common/errors.ts";
import { compareInternalKeys, compareVersions, KIND_MAX, type InternalKey } from "../common/internal-key.ts";
import { BlockCursor } from "./block-cursor.ts";
import { bloomHash, type BloomFilter } from "./bloom-filter.ts";
import type { IndexBlock } from "./index-block.ts";
import { widenBounds } from "./range-deletes.ts";
import { TableCounters, type TableTotals } from "./table-counters.ts";
import { BlockName } from "./table-format.ts";
import { endOf, tailLayout, type BlockPlace } from "./table-layout.ts";
import { readFilter, readFooter, readMetaindex, readProperties, readRanges, type TableParts } from "./table-parts.ts";

export type Report = (offset: number, problem: string) => void;

/** TableReader.verify */
export function verifyTable(parts: TableParts, report: Report): { blocks: number; entries: number } {
  const verifier = new TableVerifier(parts, report);
  verifier.checkTail();
  for (let number = 0; number < parts.blocks.indexCount; number++) verifier.checkIndex(number);
  verifier.checkTiling();
  verifier.checkTotals();
  return { blocks: verifier.blocks, entries: verifier.entries };
}

class TableVerifier {
  readonly #parts: TableParts;
  readonly #report: Report;
  readonly #cursor: BlockCursor;
  readonly #counters = new TableCounters();
  /** Read anew; undefined when there is none or it is damaged. */
  #filter: BloomFilter | undefined;
  #first: InternalKey | undefined;
  #last: InternalKey | undefined;
  /** The separator of the data block before. */
  #separator: { key: Uint8Array; sequence: number; kind: number } | undefined;
  /** Where the next data block must start. */
  #position = 0;
  /** Blocks could not be read: what was counted is not the whole table. */
  #incomplete = false;
  #dataBlocks = 0;

  blocks = 0;

  constructor(parts: TableParts, report: Report) {
    this.#parts = parts;
    this.#report = report;
    this.#cursor = new BlockCursor(parts.blocks.order, parts.file.name);
  }

  get entries(): number {
    return this.#counters.entries;
  }

  /** Footer, metaindex, properties, top index, filter, range deletes. */
  checkTail(): void {
    const { file, footer, handles, blocks } = this.#parts;
    this.#attempt(footer.size, () => readFooter(file, footer.number, footer.tag));
    this.#attempt(footer.metaindex.offset, () => readMetaindex(file, footer));
    this.blocks++;
    for (const [name, { offset, length }] of handles) {
      this.blocks++;
      this.#attempt(offset, () => {
        if (name === BlockName.properties) readProperties(file, footer, handles);
        else if (name === BlockName.filter) this.#filter = readFilter(file, handles);
        else if (name === BlockName.rangeDeletes) readRanges(file, handles, blocks.order);
        else file.readBlock(offset, length, true);
      });
    }
  }

  /** One index block of level 0 and the data blocks below it. */
  checkIndex(number: number): void {
    const { top } = this.#parts.blocks;
    let index: IndexBlock | undefined = top;
    if (top.level === 1) {
      this.blocks++;
      index = this.#attempt(top.offsets[number]!, () => this.#parts.blocks.readIndex(number, true));
    }
    if (index === undefined) {
      this.#skip(undefined);
      this.#separator = top.separator(number);
      return;
    }
    for (let entry = 0; entry < index.count; entry++) this.#checkBlock(index, entry);
  }

  /** Every byte belongs to a block: what follows the data blocks lies side by side up to the end of the file. */
  checkTiling(): void {
    let position = this.#position;
    for (const place of tailLayout(this.#parts)) {
      this.#expectAt(place, position);
      position = endOf(place);
    }
  }

  checkTotals(): void {
    if (this.#incomplete) return;
    const { properties, ranges, blocks, handles, footer } = this.#parts;
    for (const { start, end, sequence } of ranges) this.#counters.addRange(start.length, sequence, end.length);
    const at = handles.get(BlockName.properties)?.offset ?? footer.metaindex.offset;
    const totals = this.#counters.totals();
    for (const name of Object.keys(totals) as (keyof TableTotals)[]) {
      if (totals[name] !== properties[name])
        this.#report(at, `${name} is ${totals[name]}, the properties say ${properties[name]}`);
    }
    if (this.#dataBlocks !== properties.dataBlocks) this.#report(at, `${this.#dataBlocks} data blocks`);
    if (handles.has(BlockName.filter) !== (properties.filterId !== 0)) this.#report(at, "filter id without its filter");
    const bounds = widenBounds({ smallest: this.#first, largest: this.#last }, ranges, blocks.order);
    for (const name of ["smallest", "largest"] as const) {
      const bound = bounds[name];
      if (bound === undefined || compareInternalKeys(blocks.order, bound, properties[name]) !== 0)
        this.#report(at, `${name} key is not the one in the properties`);
    }
  }

  #checkBlock(index: IndexBlock, entry: number): void {
    const { file } = this.#parts;
    const offset = index.offsets[entry]!;
    const length = index.lengths[entry]!;
    const separator = index.separator(entry);
    const place = { kind: "data", offset, length };
    if (this.#position >= 0) this.#expectAt(place, this.#position);
    // What has been read already is not read again: an index may name one block many times.
    if (offset < this.#position) return this.#skip(this.#position);
    this.blocks++;
    this.#dataBlocks++;
    const whole = this.#attempt(offset, () => {
      this.#cursor.load(file.readBlock(offset, length, true), offset);
      this.#checkEntries(offset, separator);
      return true;
    });
    if (whole === undefined) this.#skip(endOf(place));
    this.#position = endOf(place);
    this.#separator = separator;
  }

  #checkEntries(offset: number, separator: { key: Uint8Array; sequence: number; kind: number }): void {
    const cursor = this.#cursor;
    const before = this.#separator;
    for (let i = 0; i < cursor.count; i++) {
      cursor.read(i);
      const { key, sequence, kind } = cursor;
      if (i === 0 && before !== undefined && this.#compareCursor(before) <= 0)
        this.#report(offset, "the first entry is not behind the separator before it");
      if (this.#last !== undefined && this.#compareCursor(this.#last) <= 0)
        this.#report(offset, `entry ${i} is not behind the one before it`);
      const isNewKey = this.#last === undefined || this.#parts.blocks.order.compare(this.#last.key, key) !== 0;
      if (!isNewKey && sequence === this.#last!.sequence)
        this.#report(offset, `entry ${i} has the sequence number of the one before it`);
      if (isNewKey && this.#filter !== undefined && !this.#filter.mayContain(bloomHash(key)))
        this.#report(offset, `the filter misses the key of entry ${i}`);
      this.#counters.add(key.length, sequence, kind, cursor.valueLength);
      this.#last = { key: isNewKey ? copyBytes(key) : this.#last!.key, sequence, kind };
      this.#first ??= this.#last;
    }
    const distance = this.#compareCursor(separator);
    if (distance > 0) this.#report(offset, "the last entry is behind its separator");
    // Between two versions of a key, a search for the second would end at a separator that is neither.
    else if (distance < 0 && separator.kind !== KIND_MAX)
      this.#report(offset, "the separator is a version and not the last entry");
  }

  // Compares the cursor's entry with an internal key: positive when the entry is behind it.
  #compareCursor(key: { key: Uint8Array; sequence: number; kind: number }): number {
    const { order } = this.#parts.blocks;
    const cursor = this.#cursor;
    return order.compare(cursor.key, key.key) || compareVersions(cursor.sequence, cursor.kind, key.sequence, key.kind);
  }

  #expectAt(place: BlockPlace, position: number): void {
    if (position >= 0 && place.offset !== position)
      this.#report(Math.min(position, place.offset), `${place.kind} at ${place.offset} instead of ${position}`);
  }

  // Passes over entries that cannot be read. Without `position` it is not known where the next block starts.
  #skip(position: number | undefined): void {
    this.#incomplete = true;
    this.#position = position ?? -1;
  }

  // Undefined when the bytes were bad, which is then reported.
  #attempt<T>(offset: number, action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      if (error instanceof CorruptionError) this.#report(error.offset, error.problem);
      else if (error instanceof TinyKVError && error.code === "TINYKV_FORMAT_UNSUPPORTED")
        this.#report(offset, error.message);
      else throw error;
      return undefined;
    }
  }
}

// What is in a table against what the table says of itself: chapter "Sorted tables" of docs/formats.md, behind the framing.
// Keys ascend, separators separate, the filter knows every key, and each property is what the entries give.

import { mayContain, readFilter, type BloomFilter } from "./bloom-filter.ts";
import { FormatProblem } from "./byte-source.ts";
import { readDataBlock, type TableVersion } from "./data-block.ts";
import { compareInternalKeys, KIND_DELETE, KIND_DELETE_RANGE, type InternalKey } from "./edit-framing.ts";
import { KEY_BYTES_MAX } from "./limits.ts";
import { compareRangeDeletes, readRangeDeletes, type RangeDelete } from "./range-deletes.ts";
import type { FramedTable, IndexEntry, TableBlock, TableProperties } from "./table-framing.ts";
import { BYTEWISE } from "./version-soundness.ts";

/** C15: something is not as it is said to be; C16: something is not where order wants it. */
export interface ContentProblem {
  readonly condition: "C15" | "C16";
  readonly problem: string;
}

/** Every version in the data blocks, in the order of the file. Throws FormatProblem. */
export function* versionsOf(bytes: Uint8Array, { index }: FramedTable): Generator<TableVersion> {
  for (const entry of index) yield* readDataBlock(bytes, entry).versions;
}

/** Of a table whose structure is sound and whose blocks verify. Throws nothing. */
export function contentProblems(bytes: Uint8Array, table: FramedTable): ContentProblem[] {
  const judge = new ContentJudge(bytes, table);
  try {
    judge.run();
  } catch (error) {
    if (!(error instanceof FormatProblem)) throw error;
    judge.problems.push({ condition: "C15", problem: error.message });
  }
  return judge.problems;
}

/** What a table's properties must say. */
type Tally = {
  -readonly [
    Name in keyof TableProperties & ("entries" | "deletes" | "rangeDeletes" | "rawKeyBytes" | "rawValueBytes")
  ]: number;
};

class ContentJudge {
  readonly problems: ContentProblem[] = [];
  readonly #bytes: Uint8Array;
  readonly #table: FramedTable;
  readonly #properties: TableProperties;
  /** The comparator is the one whose order is known here. */
  readonly #ordered: boolean;
  readonly #tally: Tally = { entries: 0, deletes: 0, rangeDeletes: 0, rawKeyBytes: 0, rawValueBytes: 0 };
  #filter: BloomFilter | undefined;
  #least = Infinity;
  #greatest = -1;
  #smallest: InternalKey | undefined;
  #largest: InternalKey | undefined;
  readonly #said = new Set<string>();

  constructor(bytes: Uint8Array, table: FramedTable) {
    this.#bytes = bytes;
    this.#table = table;
    this.#properties = table.properties!;
    this.#ordered = this.#properties.comparatorName === BYTEWISE;
  }

  run(): void {
    this.#readFilter();
    let last: TableVersion | undefined;
    for (const [i, entry] of this.#table.index.entries()) last = this.#block(i, entry, last);
    const deletes = this.#rangeDeletes();
    if (this.#tally.entries + deletes.length === 0) this.#say("C15", "holds nothing");
    else this.#compare(deletes);
  }

  /** Each kind of problem once a table: what is wrong in one block is often so in all. */
  #say(condition: ContentProblem["condition"], kind: string, detail = ""): void {
    if (this.#said.has(kind)) return;
    this.#said.add(kind);
    this.problems.push({ condition, problem: kind + detail });
  }

  #readFilter(): void {
    const block = this.#blockOf("filter");
    const { filter } = this.#properties;
    if (block) this.#filter = readFilter(this.#bytes, block);
    const algorithm = this.#filter?.algorithm ?? 0;
    if (algorithm !== filter) this.#say("C15", `filter algorithm ${algorithm}, the properties say ${filter}`);
  }

  #blockOf(role: TableBlock["role"]): TableBlock | undefined {
    return this.#table.blocks.find((block) => block.role === role);
  }

  #block(i: number, entry: IndexEntry, before: TableVersion | undefined): TableVersion {
    const { prefixLength, versions } = readDataBlock(this.#bytes, entry);
    if (prefixLength > 0 && !this.#ordered) this.#say("C15", "a prefix under a comparator that is not bytewise");
    const first = versions[0]!;
    if (this.#ordered && before && compareInternalKeys(this.#table.index[i - 1]!.separator, first) >= 0)
      this.#say("C16", "a separator that is not before the next block", ` at ${first.offset}`);
    let last = before;
    for (const version of versions) {
      this.#version(version, last);
      last = version;
    }
    this.#separator(entry, last!);
    return last!;
  }

  #version(version: TableVersion, before: TableVersion | undefined): void {
    const { key, sequence, kind, value, offset } = version;
    if (this.#ordered && before && compareInternalKeys(before, version) >= 0)
      this.#say("C16", "keys that do not ascend", ` at ${offset}`);
    if (before?.key === key && before.sequence === sequence)
      this.#say("C16", "two versions of a key with one sequence number", ` at ${offset}`);
    if (key.length > KEY_BYTES_MAX) this.#say("C15", "a key beyond the limit", ` at ${offset}`);
    if (this.#filter && before?.key !== key && !mayContain(this.#filter, key))
      this.#say("C15", "a key that the filter does not know", ` at ${offset}`);
    const tally = this.#tally;
    tally.entries++;
    if (kind === KIND_DELETE) tally.deletes++;
    tally.rawKeyBytes += key.length;
    tally.rawValueBytes += value?.length ?? 0;
    this.#sequence(sequence);
    this.#smallest ??= version;
    this.#largest = version;
  }

  #sequence(sequence: number): void {
    this.#least = Math.min(this.#least, sequence);
    this.#greatest = Math.max(this.#greatest, sequence);
  }

  #separator({ separator }: IndexEntry, last: TableVersion): void {
    const isLast = compareInternalKeys(separator, last) === 0;
    if (separator.kind !== KIND_DELETE_RANGE && !isLast)
      this.#say("C16", "a separator that is no version of its block's last entry", ` at ${last.offset}`);
    else if (this.#ordered && compareInternalKeys(separator, last) < 0)
      this.#say("C16", "a separator before the end of its block", ` at ${last.offset}`);
  }

  #rangeDeletes(): RangeDelete[] {
    const block = this.#blockOf("rangeDeletes");
    const deletes = block ? readRangeDeletes(this.#bytes, block) : [];
    const tally = this.#tally;
    for (const [i, one] of deletes.entries()) {
      tally.rangeDeletes++;
      tally.rawKeyBytes += one.start.length;
      tally.rawValueBytes += one.end.length;
      this.#sequence(one.sequence);
      if (!this.#ordered) continue;
      if (one.start >= one.end) this.#say("C16", "a range delete that ends before it starts");
      if (i > 0 && compareRangeDeletes(deletes[i - 1]!, one) >= 0) this.#say("C16", "range deletes that do not ascend");
      this.#widen(one);
    }
    return deletes;
  }

  // A table covers its range deletes too; the end of the last one is exclusive.
  #widen({ start, end, sequence }: RangeDelete): void {
    const from = { key: start, sequence, kind: KIND_DELETE_RANGE };
    const to = { key: end, sequence: Number.MAX_SAFE_INTEGER, kind: KIND_DELETE_RANGE };
    if (!this.#smallest || compareInternalKeys(from, this.#smallest) < 0) this.#smallest = from;
    if (!this.#largest || compareInternalKeys(to, this.#largest) > 0) this.#largest = to;
  }

  #compare(deletes: readonly RangeDelete[]): void {
    const properties = this.#properties;
    for (const name of ["entries", "deletes", "rangeDeletes", "rawKeyBytes", "rawValueBytes"] as const)
      if (properties[name] !== this.#tally[name])
        this.#say("C15", `${name} ${this.#tally[name]}, the properties say ${properties[name]}`);
    const { leastSequence, greatestSequence } = properties;
    if (leastSequence !== this.#least)
      this.#say("C16", `least sequence number ${this.#least}, the properties say ${leastSequence}`);
    if (greatestSequence !== this.#greatest)
      this.#say("C16", `greatest sequence number ${this.#greatest}, the properties say ${greatestSequence}`);
    // Where range deletes begin and end among entries is the comparator's to say.
    if (!this.#ordered && deletes.length > 0) return;
    if (compareInternalKeys(properties.smallest, this.#smallest!) !== 0)
      this.#say("C16", "its smallest key is not the properties'");
    if (compareInternalKeys(properties.largest, this.#largest!) !== 0)
      this.#say("C16", "its largest key is not the properties'");
  }
}

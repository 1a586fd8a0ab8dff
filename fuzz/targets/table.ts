// A whole table: opened, scanned both ways, searched, verified, with checksums and without.

import {
  BlockCache,
  bloomHash,
  Kind,
  SEQUENCE_MAX,
  TableBuilder,
  TableReader,
  type BlockPlace,
  type InternalCursor,
} from "tinykv/formats";
import type { Random } from "tinykv/harness";
import { Drafter, type Draft } from "../draft.ts";
import { GrowingFile, sourceOf } from "../files.ts";
import { demand, misplacedIn, sameBytes, unlessCorrupt, type Target } from "../target.ts";
import { dissectBlock } from "./block.ts";
import { dissectIndex } from "./index-block.ts";
import { dissectFilter, dissectFooter, dissectMetaindex, dissectProperties, dissectRanges } from "./table-parts.ts";
import { ascendingEntries, BYTEWISE, DATABASE_ID, TAG, type Entry } from "./values.ts";

const FILE = "000007.sst";
const NUMBER = 7;

interface TableForm {
  readonly blockSize: number;
  readonly indexBlockSize: number;
  readonly bloomBitsPerKey: number;
}

const USUAL: TableForm = { blockSize: 64, indexBlockSize: 1 << 18, bloomBitsPerKey: 10 };

function build(
  entries: readonly Entry[],
  ranges: readonly (readonly [Uint8Array, Uint8Array])[],
  form: TableForm,
): Uint8Array {
  const file = new GrowingFile();
  const comparatorName = BYTEWISE.comparator.name;
  const identity = { fileNumber: NUMBER, databaseId: DATABASE_ID, tag: TAG, epoch: 1, creationTime: 1, comparatorName };
  const builder = new TableBuilder({ file, order: BYTEWISE, identity, ...form });
  for (const [start, end] of ranges) builder.addRangeDelete(start, end, 9);
  for (const { key, sequence, kind, value } of entries) builder.add(key, sequence, kind, value);
  builder.finish({ inputs: [{ number: 3, tag: 1 }], obsolete: [], logNumber: 2 });
  return file.bytes;
}

function seedTable(random: Random): Uint8Array {
  const ranges = random.chance(1, 4) ? [[Uint8Array.of(0x61), Uint8Array.of(0x63)] as const] : [];
  const entries = ranges.length > 0 && random.chance(1, 4) ? [] : ascendingEntries(random, 12);
  return build(entries, ranges, {
    blockSize: random.pick([16, 64, 4096]),
    indexBlockSize: random.pick([16, 40, 1 << 18]),
    bloomBitsPerKey: random.pick([0, 10]),
  });
}

export function openTable(bytes: Uint8Array): TableReader {
  const source = sourceOf(bytes);
  const cache = new BlockCache(0);
  const options = { source, name: FILE, number: NUMBER, size: bytes.length, databaseId: DATABASE_ID };
  return TableReader.open({ ...options, order: BYTEWISE, cache });
}

/** A table in a larger draft or alone; false if it does not open, and is left as it is. */
export function dissectTable(drafter: Drafter, bytes: Uint8Array, open: (bytes: Uint8Array) => TableReader): boolean {
  let places: BlockPlace[];
  try {
    places = [...open(bytes).blocks()].sort((a, b) => a.offset - b.offset);
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
  new TableDissection(drafter).all(places);
  return true;
}

interface Piece {
  readonly from: number;
  readonly to: number;
}

class TableDissection {
  readonly #drafter: Drafter;
  readonly #origin: number;
  readonly #begin: number;
  readonly #list: number;
  readonly #data: Piece[] = [];
  readonly #partitions: Piece[] = [];
  readonly #named = new Map<string, Piece>();
  /** Places of offsets, each followed by its length: of data blocks, of index partitions, of the metaindex. */
  readonly #toData: number[] = [];
  #toPartitions: number[] = [];
  #toNamed = new Map<string, number>();
  #checksums: { at: number; from: number }[] = [];

  constructor(drafter: Drafter) {
    this.#drafter = drafter;
    this.#origin = drafter.next;
    this.#begin = drafter.position;
    this.#list = drafter.newList();
  }

  all(places: readonly BlockPlace[]): void {
    const hasLevels = places.some(({ kind }) => kind === "top index");
    for (const place of places) {
      const gap = place.offset - (this.#drafter.position - this.#begin);
      if (gap < 0) return;
      if (gap > 0) this.#drafter.bytes(gap);
      if (place.kind === "footer") this.#footer();
      else if (place.kind === "data") this.#drafter.group(this.#list, () => this.#block(place, hasLevels));
      else this.#block(place, hasLevels);
    }
  }

  #block({ kind, length }: BlockPlace, hasLevels: boolean): void {
    const drafter = this.#drafter;
    const from = drafter.next;
    drafter.within(length, () => this.#inside(kind));
    const block = { from, to: drafter.next };
    if (kind === "data") this.#data.push(block);
    else if (kind === "index" && hasLevels) this.#partitions.push(block);
    else this.#named.set(kind === "top index" ? "index" : kind, block);
    drafter.u8();
    this.#checksums.push({ at: drafter.next, from });
    drafter.u32();
  }

  #inside(kind: string): void {
    const drafter = this.#drafter;
    switch (kind) {
      case "data":
        return dissectBlock(drafter);
      case "index":
        return void this.#toData.push(...dissectIndex(drafter));
      case "top index":
        this.#toPartitions = dissectIndex(drafter);
        return;
      case "properties":
        return dissectProperties(drafter);
      case "filter":
        return dissectFilter(drafter);
      case "rangeDeletes":
        return dissectRanges(drafter);
      case "metaindex":
        this.#toNamed = dissectMetaindex(drafter);
        return;
      default:
        return;
    }
  }

  #footer(): void {
    const drafter = this.#drafter;
    const origin = this.#origin;
    const { metaindex, tag, size } = dissectFooter(drafter, origin);
    this.#link(metaindex, this.#named.get("metaindex"));
    drafter.link(size, { kind: "offset", of: drafter.next, origin, plus: 0 });
    for (const [i, at] of this.#toData.entries()) this.#link(at, this.#data[i]);
    for (const [i, at] of this.#toPartitions.entries())
      this.#link(at, this.#partitions.length > 0 ? this.#partitions[i] : this.#data[i]);
    for (const [name, at] of this.#toNamed) this.#link(at, this.#named.get(name));
    for (const { at, from } of this.#checksums)
      drafter.link(at, { kind: "checksum", from, to: at, tag, origin, placed: true });
  }

  #link(at: number, block: Piece | undefined): void {
    if (!block) return;
    this.#drafter.link(at, { kind: "offset", of: block.from, origin: this.#origin, plus: 0 });
    this.#drafter.link(at + 1, { kind: "length", from: block.from, to: block.to, plus: 0 });
  }
}

export const tableTarget: Target = {
  name: "table",
  modules: [
    "src/sst/block-file",
    "src/sst/table-blocks",
    "src/sst/table-parts",
    "src/sst/table-layout",
    "src/sst/table-reader",
    "src/sst/table-cursor",
    "src/sst/table-verify",
    "src/sst/table-format",
  ],
  bytesMax: 4096,
  memory: "sum",
  misplaced: misplacedIn(FILE, 0),
  isLegal: (error) => (error as { code?: unknown }).code === "TINYKV_COMPARATOR_MISMATCH",
  seed: seedTable,
  dissect(bytes): Draft | undefined {
    const drafter = new Drafter(bytes);
    let isTable = false;
    const draft = drafter.dissect(() => {
      isTable = dissectTable(drafter, bytes, openTable);
    });
    return isTable ? draft : undefined;
  },
  run(bytes) {
    const table = openTable(bytes);
    const { properties } = table;
    demand(properties.fileNumber === NUMBER, "a table is the one that was asked for");
    for (const { offset, length } of table.blocks())
      demand(offset >= 0 && offset + length <= bytes.length, "every block is inside the file");
    let problems = 0;
    table.verify((offset, problem) => {
      demand(Number.isSafeInteger(offset) && offset >= 0 && offset <= bytes.length, `a place for "${problem}"`);
      problems++;
    });
    // Whatever happens without checksums, nothing but the legal errors comes of it.
    unlessCorrupt(() => scan(table.cursor({ verifyChecksums: false }), bytes.length));
    const entries = scan(table.cursor(), bytes.length);
    checkBackwards(table.cursor(), entries);
    for (const { key, sequence } of entries) search(table, key, sequence);
    if (problems === 0) checkSound(table, entries);
  },
};

export function scan(cursor: InternalCursor, most: number): Entry[] {
  const entries: Entry[] = [];
  for (cursor.first(); cursor.valid; cursor.next()) {
    entries.push({ key: cursor.key.slice(), sequence: cursor.sequence, kind: cursor.kind, value: cursor.value });
    demand(entries.length <= most, "a scan ends");
  }
  return entries;
}

function checkBackwards(cursor: InternalCursor, entries: readonly Entry[]): void {
  let i = entries.length;
  for (cursor.last(); cursor.valid; cursor.prev()) {
    i--;
    const entry = entries[i];
    demand(entry !== undefined && sameBytes(cursor.key, entry.key), "a scan backwards sees the same");
    demand(cursor.sequence === entry.sequence && cursor.kind === entry.kind, "and the same versions");
  }
  demand(i === 0, "a scan backwards sees all of it");
}

function search(table: TableReader, key: Uint8Array, sequence: number): void {
  const found = table.get(key, SEQUENCE_MAX);
  demand(found === undefined || table.mayContain(key), "the filter knows what is found");
  demand(table.mayContain(key) === table.mayContainHash(bloomHash(key)), "a key is asked for by its hash");
  table.find(key, sequence, { verifyChecksums: false });
  table.approximateOffset(key);
  const cursor = table.cursor();
  cursor.seek(key, sequence);
  cursor.seekForPrev(key, sequence);
}

// What verify() has nothing to say against keeps every promise of a table.
function checkSound(table: TableReader, entries: readonly Entry[]): void {
  demand(entries.length === table.properties.entries, "a table has as many entries as it says");
  let before: Entry | undefined;
  for (const entry of entries) {
    demand(before === undefined || compare(before, entry) < 0, "entries ascend");
    const found = table.get(entry.key, entry.sequence);
    demand(found !== undefined, "what is scanned is found");
    if (entry.kind === Kind.put)
      demand(found instanceof Uint8Array && sameBytes(found, entry.value), "and has the same value");
    before = entry;
  }
  if (entries.length === 0) return;
  const ranges = table.rangeDeletes.map(({ start, end }) => [start, end] as const);
  const again = scan(openTable(build(entries, ranges, USUAL)).cursor(), entries.length);
  const same = again.every(
    (entry, i) => compare(entry, entries[i]!) === 0 && sameBytes(entry.value, entries[i]!.value),
  );
  demand(same && again.length === entries.length, "built anew it holds the same");
}

function compare(a: Entry, b: Entry): number {
  return BYTEWISE.compare(a.key, b.key) || b.sequence - a.sequence || b.kind - a.kind;
}

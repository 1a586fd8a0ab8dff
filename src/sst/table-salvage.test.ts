import { expect, test } from "vitest";
import type { KeyOrder } from "../common/comparator.ts";
import { compareBytes, equalBytes } from "../common/bytes.ts";
import { TinyKVError } from "../common/errors.ts";
import { Kind } from "../common/internal-key.ts";
import { MemoryEnv } from "../util/memory-env.ts";
import type { FileHandle } from "../util/env.ts";
import { writeFully } from "../util/file-io.ts";
import { FOOTER_BYTES, type BlockHandle } from "./table-format.ts";
import { salvageTable, type SalvagedTable } from "./table-salvage.ts";
import {
  buildTable,
  bytesOf,
  bytewiseOrder,
  FILE_NAME,
  FILE_NUMBER,
  forge,
  openTable,
  put,
  randomEntries,
  reverseOrder,
  show,
  sorted,
  TAG,
  type BuiltTable,
  type Entry,
} from "./test-tables.ts";

const RANGES = [
  { start: bytesOf("a"), end: bytesOf("b"), sequence: 3 },
  { start: bytesOf("k"), end: bytesOf("m"), sequence: 9 },
];
const ENTRIES = randomEntries(78, 60);
const ONE_LEVEL = buildTable(ENTRIES, { blockSize: 128, ranges: RANGES });
const TWO_LEVELS = buildTable(ENTRIES, { blockSize: 64, indexBlockSize: 60, ranges: RANGES });
const BOTH: [string, BuiltTable][] = [
  ["one level", ONE_LEVEL],
  ["two levels", TWO_LEVELS],
];

interface Salvaged {
  readonly table: SalvagedTable;
  readonly entries: string[];
  readonly ranges: string[];
}

function salvage(bytes: Uint8Array, options: { tag?: number; order?: KeyOrder; number?: number } = {}): Salvaged {
  const file = new MemoryEnv({ shortCounts: false }).open("/table", "wx");
  writeFully(file, bytes, 0);
  const table = salvageTable({ file, name: FILE_NAME, number: FILE_NUMBER, order: bytewiseOrder, ...options });
  const entries: string[] = [];
  const ranges: string[] = [];
  table.visit((key, sequence, kind, value) => {
    if (kind === Kind.deleteRange) ranges.push(`${Buffer.from(key)}..${Buffer.from(value)}@${sequence}`);
    else entries.push(show({ key, sequence, kind, value }));
  });
  return { table, entries, ranges };
}

function changed(built: BuiltTable, change: (bytes: Uint8Array) => void): Uint8Array {
  const bytes = built.bytes.slice();
  change(bytes);
  return bytes;
}

function placesOf(built: BuiltTable, kind: string): BlockHandle[] {
  return [...openTable(built).blocks()].filter((place) => place.kind === kind);
}

/** The entries of each data block, in order. */
function entriesByBlock(built: BuiltTable): Entry[][] {
  const blocks = new Map<number, Entry[]>();
  salvageWhole(built).visit((key, sequence, kind, value, at) => {
    if (kind === Kind.deleteRange) return;
    const entry = { key: key.slice(), sequence, kind, value: value.slice() };
    blocks.set(at, [...(blocks.get(at) ?? []), entry]);
  });
  return [...blocks.values()];
}

function salvageWhole(built: BuiltTable): SalvagedTable {
  return salvage(built.bytes).table;
}

const ALL = ENTRIES.map(show);
const ALL_RANGES = ["a..b@3", "k..m@9"];

test.each(BOTH)("a whole table is visited whole: %s", (_, built) => {
  const { table, entries, ranges } = salvage(built.bytes);
  expect(entries).toEqual(ALL);
  expect(ranges).toEqual(ALL_RANGES);
  expect(table).toMatchObject({ isWhole: true, problems: [], gaps: [], method: "index", tag: TAG });
  expect(table.places).toEqual([...openTable(built).blocks()]);
});

test.each(BOTH)("any flipped byte costs at most the block that it is in, and is told there: %s", (_, built) => {
  const places = [...openTable(built).blocks()];
  const blocks = entriesByBlock(built);
  const data = placesOf(built, "data");
  for (let at = 0; at < built.bytes.length; at++) {
    const { table, entries, ranges } = salvage(changed(built, (bytes) => (bytes[at]! ^= 1 << (at % 8))));
    const hit = places.findLast(({ offset }) => offset <= at)!;
    const lost = data.findIndex(({ offset }) => offset === hit.offset);
    expect(entries, `byte ${at}`).toEqual(
      lost < 0
        ? ALL
        : blocks
            .filter((_, i) => i !== lost)
            .flat()
            .map(show),
    );
    expect(ranges, `byte ${at}`).toEqual(hit.kind === "rangeDeletes" ? [] : ALL_RANGES);
    expect(table.isWhole, `byte ${at}`).toBe(false);
    const end = hit.offset + hit.length + 5;
    expect(
      table.problems.some(({ offset, length }) => offset < end && offset + length > hit.offset),
      `byte ${at} in ${hit.kind}: ${JSON.stringify(table.problems)}`,
    ).toBe(true);
  }
});

test.each(BOTH)(
  "the gap of a damaged block covers every key that it held, and not those of blocks far before it: %s",
  (_, built) => {
    const blocks = entriesByBlock(built);
    for (const [i, { offset, length }] of placesOf(built, "data").entries()) {
      const { table } = salvage(changed(built, (bytes) => (bytes[offset + 1]! ^= 0x40)));
      expect(table.gaps).toHaveLength(1);
      const { after, upTo, bytes } = table.gaps[0]!;
      expect(bytes).toBe(length + 5);
      const inside = (key: Uint8Array): boolean =>
        (after === undefined || compareBytes(key, after) > 0) && (upTo === undefined || compareBytes(key, upTo) <= 0);
      for (const { key } of blocks[i]!) expect(inside(key), `block ${i}`).toBe(true);
      // Behind the last block that ends with another key than the block before this one.
      const lasts = blocks.slice(0, i).map((block) => block.at(-1)!.key);
      const bound = lasts.findLast((key) => !equalBytes(key, lasts.at(-1)!));
      if (bound) expect(compareBytes(after!, bound)).toBeGreaterThanOrEqual(0);
    }
  },
);

test.each(BOTH)(
  "a truncated table gives all blocks that are left, by the tag that a manifest knows: %s",
  (_, built) => {
    const data = placesOf(built, "data");
    const blocks = entriesByBlock(built);
    // Where another block ends as far from the end as the metaindex does, it may look like one.
    const ends = [...openTable(built).blocks()].map(({ offset, length }) => offset + length + 5 + FOOTER_BYTES);
    const steps = Array.from({ length: Math.ceil(built.bytes.length / 13) }, (_, i) => 13 * i);
    for (const size of [...steps, ...ends.filter((end) => end < built.bytes.length)]) {
      const { table, entries } = salvage(built.bytes.subarray(0, size), { tag: TAG });
      const left = blocks.filter((_, i) => data[i]!.offset + data[i]!.length + 5 <= size);
      expect(entries, `${size} bytes`).toEqual(left.flat().map(show));
      expect(table.isWhole).toBe(false);
    }
  },
);

test.each(BOTH)("without footer, properties and manifest two blocks tell the tag: %s", (_, built) => {
  const data = placesOf(built, "data");
  const end = data[1]!.offset + data[1]!.length + 5;
  const two = salvage(built.bytes.subarray(0, end));
  expect(two.entries).toEqual(entriesByBlock(built).slice(0, 2).flat().map(show));
  expect(two.table.tag).toBe(TAG);
  const one = salvage(built.bytes.subarray(0, end - 1));
  expect(one.entries).toEqual([]);
  expect(one.table.problems.map(({ problem }) => problem).join()).toContain("no two blocks agree about a tag");
  expect(one.table.gaps).toEqual([{ after: undefined, upTo: undefined, bytes: end - 1 }]);
});

test("a damaged footer costs nothing: the properties tell the tag and the metaindex stands before it", () => {
  const { table, entries } = salvage(changed(ONE_LEVEL, (bytes) => bytes.fill(0xee, bytes.length - FOOTER_BYTES)));
  expect(entries).toEqual(ALL);
  expect(table.method).toBe("index");
  expect(table.footer).toBeUndefined();
  expect(table.properties?.entries).toBe(ENTRIES.length);
  expect(table.problems.map(({ problem }) => problem)).toEqual(["footer: not a TinyKV table"]);
});

test("bytes behind the footer are told and cost nothing", () => {
  const { table, entries } = salvage(Buffer.concat([ONE_LEVEL.bytes, Buffer.alloc(1000, 7)]));
  expect(entries).toEqual(ALL);
  expect(table.problems).toEqual([
    { offset: ONE_LEVEL.bytes.length, length: 1000, problem: "bytes behind the footer" },
  ]);
});

test("a damaged index is done without: blocks and range deletes are found where they lie", () => {
  for (const [, built] of BOTH) {
    const bytes = changed(built, (all) => {
      for (const kind of ["index", "top index"])
        for (const { offset, length } of placesOf(built, kind)) all[offset + length - 1]! ^= 1;
    });
    const { table, entries, ranges } = salvage(bytes);
    expect(entries).toEqual(ALL);
    expect(ranges).toEqual(ALL_RANGES);
    expect(table.method).toBe("search");
    expect(table.gaps).toEqual([]);
  }
});

test("a damaged block under a damaged index is a gap between its neighbours' keys", () => {
  const [index] = placesOf(ONE_LEVEL, "index");
  const data = placesOf(ONE_LEVEL, "data");
  const blocks = entriesByBlock(ONE_LEVEL);
  const bytes = changed(ONE_LEVEL, (all) => {
    all[index!.offset]! ^= 1;
    all[data[3]!.offset + 9]! ^= 1;
  });
  const { table, entries } = salvage(bytes);
  expect(entries).toEqual(
    blocks
      .filter((_, i) => i !== 3)
      .flat()
      .map(show),
  );
  expect(table.gaps).toHaveLength(1);
  const { after, upTo } = table.gaps[0]!;
  for (const { key } of blocks[3]!) {
    expect(compareBytes(key, after!)).toBeGreaterThan(0);
    expect(compareBytes(key, upTo!)).toBeLessThanOrEqual(0);
  }
});

test("a table cut between two blocks may have gone on: a gap follows its last key", () => {
  const blocks = placesOf(ONE_LEVEL, "data");
  const { table, entries } = salvage(ONE_LEVEL.bytes.slice(0, blocks[4]!.offset));
  const before = entriesByBlock(ONE_LEVEL).slice(0, 4).flat();
  expect(entries).toEqual(before.map(show));
  const [gap, ...more] = table.gaps;
  expect(more).toEqual([]);
  expect(gap?.upTo).toBeUndefined();
  const keys = before.map(({ key }) => key);
  expect(keys.some((key) => equalBytes(key, gap!.after!))).toBe(true);
  expect(keys.filter((key) => compareBytes(key, gap!.after!) > 0)).not.toHaveLength(before.length);
});

test("a table in a value is not taken for the table, with the tag known or not", () => {
  const inner = ONE_LEVEL.bytes;
  const entries = [put("a", 1, inner), ...Array.from({ length: 40 }, (_, i) => put(`b${i + 10}`, 2 + i, inner))];
  const outer = buildTable(entries, { tag: 77, bloomBitsPerKey: 0 });
  const data = placesOf(outer, "data");
  const end = data.at(-1)!.offset + data.at(-1)!.length + 5;
  for (const tag of [77, undefined]) {
    const { table, entries: found } = salvage(outer.bytes.subarray(0, end), tag === undefined ? {} : { tag });
    expect(table.tag).toBe(77);
    expect(found).toEqual(entries.map(show));
  }
});

test("a table of another comparator is read as it lies", () => {
  const entries = sorted(ENTRIES, reverseOrder);
  const built = buildTable(entries, { blockSize: 100, order: reverseOrder });
  const { table, entries: found } = salvage(built.bytes, { order: bytewiseOrder });
  expect(found).toEqual(entries.map(show));
  expect(table.isWhole).toBe(true);
  expect(table.properties?.comparatorName).toBe("test.reverse");
});

test("a table of another number is read, and told", () => {
  const { table, entries } = salvage(ONE_LEVEL.bytes, { number: 99 });
  expect(entries).toEqual(ALL);
  expect(table.problems.map(({ problem }) => problem)).toEqual(["the table is number 7, not 99"]);
});

test("a footer of a newer version is FORMAT_UNSUPPORTED, not damage", () => {
  const footer = placesOf(ONE_LEVEL, "footer")[0]!;
  const newer = forge(ONE_LEVEL, { kind: "footer", ...footer }, (bytes) => (bytes[4] = 2));
  expect(() => salvage(newer.bytes)).toThrow(expect.objectContaining({ code: "TINYKV_FORMAT_UNSUPPORTED" }));
  expect(() => salvage(newer.bytes)).toThrow(TinyKVError);
});

test("bytes that look like the ends of long blocks end the search, and are not checksummed again and again", () => {
  const bytes = Buffer.alloc(1 << 21);
  bytes[0] = 1;
  // One unit is an offset, 3, the position of it, a count of 1 and no compression: a block that starts at 0.
  for (let at = 16; at + 11 <= bytes.length; at += 11) {
    bytes.writeUInt16LE(3, at);
    bytes.writeUInt32LE(at, at + 2);
    bytes.writeUInt32LE(1, at + 6);
  }
  const file = new MemoryEnv({ shortCounts: false }).open("/table", "wx");
  writeFully(file, bytes, 0);
  let read = 0;
  const counting = {
    ...methods(file),
    read: (buffer: Uint8Array, at: number) => ((read += buffer.length), file.read(buffer, at)),
  };
  for (const tag of [undefined, 5]) {
    read = 0;
    const options = { file: counting, name: FILE_NAME, number: FILE_NUMBER, order: bytewiseOrder };
    const table = salvageTable(tag === undefined ? options : { ...options, tag });
    table.visit(() => expect.unreachable());
    expect(read).toBeLessThan(12 * bytes.length);
    if (tag !== undefined) expect(table.problems.at(0)!.problem).toBe("the search for blocks was given up");
  }
});

function methods(file: FileHandle): FileHandle {
  return {
    read: (buffer, at) => file.read(buffer, at),
    write: (buffer, at) => file.write(buffer, at),
    sync: (barrier) => file.sync(barrier),
    syncAsync: (barrier) => file.syncAsync(barrier),
    truncate: (size) => file.truncate(size),
    size: () => file.size(),
    close: () => file.close(),
  };
}

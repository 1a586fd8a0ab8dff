import { expect, test } from "vitest";
import { compareInternalKeys, SEQUENCE_MAX } from "../common/internal-key.ts";
import { TOMBSTONE } from "../common/lookup.ts";
import { BlockCache } from "./block-cache.ts";
import {
  actualGet,
  buildTable,
  bytesOf,
  bytewiseOrder,
  del,
  expectedGet,
  FILE_NUMBER,
  openTable,
  put,
  PROVENANCE,
  randomEntries,
  reverseOrder,
  show,
  sourceOf,
  type Entry,
  getPlain,
} from "./test-tables.ts";
import type { RangeDelete } from "./range-deletes.ts";
import type { TableReader } from "./table-reader.ts";

const SHAPES = [16, 64, 4096, 1 << 20].flatMap((blockSize) =>
  [16, 100, 256 << 10].map((indexBlockSize) => ({ blockSize, indexBlockSize })),
);

function scan(table: TableReader): string[] {
  const cursor = table.cursor();
  const seen: string[] = [];
  for (cursor.first(); cursor.valid; cursor.next()) seen.push(show(cursor));
  return seen;
}

function noProblems(table: TableReader): { blocks: number; entries: number } {
  return table.verify((offset, problem) => expect.fail(`${offset}: ${problem}`));
}

test.each(SHAPES)("what is read is what was written: %o", (shape) => {
  for (const order of [bytewiseOrder, reverseOrder]) {
    const entries = randomEntries(shape.blockSize + shape.indexBlockSize, 400, order);
    const built = buildTable(entries, { ...shape, order });
    const table = openTable(built);
    expect(scan(table)).toEqual(entries.map(show));
    expect(noProblems(table).entries).toBe(entries.length);
  }
});

test.each(SHAPES)("get answers for every key at every sequence number and between them: %o", (shape) => {
  for (const order of [bytewiseOrder, reverseOrder]) {
    const entries = randomEntries(shape.blockSize, 150, order);
    const table = openTable(buildTable(entries, { ...shape, order }));
    for (const { key, sequence } of entries) {
      for (const at of [0, sequence - 1, sequence, sequence + 1, SEQUENCE_MAX])
        expect(actualGet(table, key, at)).toBe(expectedGet(entries, key, at));
      for (const absent of [Buffer.concat([key, bytesOf("\0")]), Buffer.concat([key, bytesOf("~")]), key.subarray(1)])
        expect(actualGet(table, absent, SEQUENCE_MAX)).toBe(expectedGet(entries, absent, SEQUENCE_MAX));
    }
  }
});

test("without its filter a table answers the same", () => {
  const entries = randomEntries(3, 300);
  const table = openTable(buildTable(entries, { bloomBitsPerKey: 0, blockSize: 64 }));
  expect(table.properties.filterId).toBe(0);
  expect(table.mayContain(bytesOf("certainly not"))).toBe(true);
  for (const { key, sequence } of entries)
    expect(actualGet(table, key, sequence)).toBe(expectedGet(entries, key, sequence));
  expect(actualGet(table, bytesOf("certainly not"), 9)).toBe("absent");
  noProblems(table);
});

test("one entry makes a table, be its key empty, its value empty or both", () => {
  for (const order of [bytewiseOrder, reverseOrder]) {
    for (const entry of [put("", 0, ""), del("", SEQUENCE_MAX), put("k", 1, ""), put("", 1, "v")]) {
      const table = openTable(buildTable([entry], { order }));
      expect(scan(table)).toEqual([show(entry)]);
      expect(getPlain(table, entry.key, SEQUENCE_MAX)).toEqual(entry.kind === 0 ? TOMBSTONE : entry.value);
      noProblems(table);
    }
  }
});

test("a table without entries is a bug of the caller", () => {
  expect(() => buildTable([])).toThrow("a table is never empty");
});

test("entries that do not ascend are a bug of the caller, within a block and across blocks", () => {
  const pairs: [Entry, Entry][] = [
    [put("b", 1, ""), put("a", 1, "")],
    [put("a", 1, ""), put("a", 2, "")],
    [put("a", 1, ""), put("a", 1, "")],
    [del("a", 1), put("a", 1, "")],
  ];
  for (const [first, second] of pairs) {
    for (const blockSize of [16, 4096]) {
      const long = { ...first, value: first.kind === 1 ? new Uint8Array(100) : first.value };
      expect(() => buildTable([long, second], { blockSize })).toThrow("entries ascend");
    }
  }
});

test("a key of 1 MiB and values around every varint length come back", () => {
  const lengths = [0, 1, 127, 128, 129, 16_383, 16_384, 65_535, 65_536, 65_537, 2_097_151, 2_097_152];
  const entries = lengths.map((length, i) => put(`k${String(i).padStart(3, "0")}`, i, new Uint8Array(length).fill(i)));
  entries.push(
    put(new Uint8Array(1 << 20).fill(0xfe), 5, "small"),
    put(new Uint8Array((1 << 20) + 1).fill(0xfe), 5, new Uint8Array(70_000)),
  );
  for (const blockSize of [16, 4096, 1 << 20]) {
    const table = openTable(buildTable(entries, { blockSize }));
    for (const { key, sequence, value } of entries)
      expect(Buffer.compare(table.get(key, sequence) as Uint8Array, value)).toBe(0);
    expect(scan(table)).toEqual(entries.map(show));
    noProblems(table);
  }
});

test("what is larger than a block has a block of its own", () => {
  const entries = [
    put("a", 1, "x"),
    put("b", 1, new Uint8Array(5000)),
    put("c", 1, "y"),
    put("d", 1, new Uint8Array(70_000)),
    put("e", 1, "z"),
  ];
  const table = openTable(buildTable(entries));
  const data = [...table.blocks()].filter(({ kind }) => kind === "data");
  expect(data.map(({ length }) => length > 4096)).toEqual([false, true, false, true, false]);
});

test("no block but those is larger than its target", () => {
  for (const blockSize of [64, 300, 4096, 100_000]) {
    const table = openTable(buildTable(randomEntries(blockSize, 3000), { blockSize, bloomBitsPerKey: 0 }));
    const lengths = [...table.blocks()].filter(({ kind }) => kind === "data").map(({ length }) => length);
    for (const length of lengths) expect(length).toBeLessThanOrEqual(Math.max(blockSize, 350));
    // An entry has up to 350 bytes: a block that is cut before the next one falls short of its target by no more.
    expect(Math.min(...lengths.slice(0, -1))).toBeGreaterThan(0.9 * blockSize - 400);
  }
});

test("sequence numbers keep all their 53 bits", () => {
  const numbers = [
    SEQUENCE_MAX,
    2 ** 52,
    2 ** 49,
    2 ** 49 - 1,
    2 ** 32 + 1,
    2 ** 32,
    2 ** 32 - 1,
    2 ** 31,
    2 ** 28,
    2 ** 28 - 1,
    128,
    127,
    1,
    0,
  ];
  const entries = numbers.map((sequence) => put("key", sequence, `at ${sequence}`));
  for (const blockSize of [16, 4096]) {
    const table = openTable(buildTable(entries, { blockSize, indexBlockSize: 16 }));
    for (const { key, sequence, value } of entries) expect(getPlain(table, key, sequence)).toEqual(value);
    expect(table.properties.leastSequence).toBe(0);
    expect(table.properties.greatestSequence).toBe(SEQUENCE_MAX);
    noProblems(table);
  }
});

test("versions of one key that span blocks and index partitions are all found", () => {
  const versions = Array.from({ length: 300 }, (_, i) => put("same", 1000 - 2 * i, `version ${i}`));
  const entries = [put("before", 1, "b"), ...versions, put("sane", 1, "a")];
  for (const shape of SHAPES) {
    const table = openTable(buildTable(entries, shape));
    for (let sequence = 395; sequence <= 1003; sequence++)
      expect(actualGet(table, bytesOf("same"), sequence)).toBe(expectedGet(entries, bytesOf("same"), sequence));
  }
});

test("properties and summary say what is in the table", () => {
  const entries = randomEntries(11, 500);
  const { bytes, summary, order } = buildTable(entries, { blockSize: 128 });
  const table = openTable({ bytes, summary, order });
  const sum = (of: (entry: Entry) => number): number => entries.reduce((total, entry) => total + of(entry), 0);
  const { properties } = table;
  expect(properties).toMatchObject({
    fileNumber: FILE_NUMBER,
    epoch: 5,
    creationTime: 1_700_000_000_000,
    comparatorName: "tinykv.bytewise",
    entries: entries.length,
    deletes: entries.filter(({ kind }) => kind === 0).length,
    rangeDeletes: 0,
    rawKeyBytes: sum(({ key }) => key.length),
    rawValueBytes: sum(({ value }) => value.length),
    leastSequence: Math.min(...entries.map(({ sequence }) => sequence)),
    greatestSequence: Math.max(...entries.map(({ sequence }) => sequence)),
    provenance: PROVENANCE,
    dataBlocks: summary.dataBlocks,
    filterId: 1,
  });
  expect(compareInternalKeys(order, properties.smallest, entries[0]!)).toBe(0);
  expect(compareInternalKeys(order, properties.largest, entries.at(-1)!)).toBe(0);
  expect(summary).toMatchObject({ size: bytes.length, rawBytes: properties.rawKeyBytes + properties.rawValueBytes });
  expect(compareInternalKeys(order, summary.smallest, properties.smallest)).toBe(0);
});

function range(start: string, end: string, sequence: number): RangeDelete {
  return { start: bytesOf(start), end: bytesOf(end), sequence };
}

test("range deletes lie beside the entries and widen the bounds", () => {
  const ranges = [range("m", "z", 4), range("a", "c", 9), range("a", "b", 9), range("a", "c", 11)];
  for (const entries of [[], [put("b", 5, "v")], randomEntries(1, 100)]) {
    const table = openTable(buildTable(entries, { ranges }));
    expect(table.rangeDeletes).toEqual([ranges[3], ranges[2], ranges[1], ranges[0]]);
    expect(table.properties.rangeDeletes).toBe(4);
    expect(scan(table)).toEqual(entries.map(show));
    expect(noProblems(table).entries).toBe(entries.length);
    if (entries.length > 1) continue;
    expect(table.properties.smallest).toEqual({ key: bytesOf("a"), sequence: 11, kind: 15 });
    expect(table.properties.largest).toEqual({ key: bytesOf("z"), sequence: SEQUENCE_MAX, kind: 15 });
    const cursor = table.cursor();
    cursor.seekForPrev(bytesOf("zz"), 0);
    expect(cursor.valid).toBe(entries.length > 0);
  }
});

test("blocks() names every byte of the file", () => {
  for (const indexBlockSize of [50, 256 << 10]) {
    const built = buildTable(randomEntries(2, 200), {
      blockSize: 200,
      indexBlockSize,
      ranges: [{ start: bytesOf("a"), end: bytesOf("b"), sequence: 1 }],
    });
    let position = 0;
    const kinds = new Set<string>();
    for (const { kind, offset, length } of openTable(built).blocks()) {
      expect(offset).toBe(position);
      position = offset + length + (kind === "footer" ? 0 : 5);
      kinds.add(kind);
    }
    expect(position).toBe(built.bytes.length);
    const index = indexBlockSize === 50 ? ["index", "top index"] : ["index"];
    expect([...kinds]).toEqual(["data", "rangeDeletes", "filter", ...index, "properties", "metaindex", "footer"]);
  }
});

test("approximateOffset ascends with the keys from the start to the end of the data", () => {
  const entries = randomEntries(5, 500);
  for (const indexBlockSize of [64, 256 << 10]) {
    const table = openTable(buildTable(entries, { blockSize: 128, indexBlockSize }));
    const offsets = entries.map(({ key }) => table.approximateOffset(key));
    expect(offsets[0]).toBe(0);
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
    const dataEnd = [...table.blocks()].filter(({ kind }) => kind === "data").at(-1)!;
    expect(table.approximateOffset(new Uint8Array(9).fill(0xff))).toBe(dataEnd.offset + dataEnd.length + 5);
    expect(new Set(offsets).size).toBeGreaterThan(50);
  }
});

test("short reads and short writes change nothing", () => {
  const entries = randomEntries(8, 200);
  const built = buildTable(entries, { blockSize: 200, shortCounts: true });
  expect(Buffer.compare(built.bytes, buildTable(entries, { blockSize: 200 }).bytes)).toBe(0);
  const whole = sourceOf(built.bytes);
  const table = openTable(built, {
    source: { read: (buffer, position) => whole.read(buffer.subarray(0, Math.max(1, buffer.length >> 1)), position) },
  });
  expect(scan(table)).toEqual(entries.map(show));
  noProblems(table);
});

test("memory for index and filter is reported", () => {
  const table = openTable(buildTable(randomEntries(8, 2000), { blockSize: 64 }), { cache: new BlockCache(0) });
  expect(table.memoryBytes).toBeGreaterThan(2000);
  expect(table.memoryBytes).toBeLessThan(2000 * 150);
});

test("the builder keeps nothing of the caller's buffers", () => {
  const key = Buffer.alloc(4);
  const value = Buffer.alloc(8);
  const entries: Entry[] = [];
  const reused = (function* (): Generator<Entry> {
    for (let i = 0; i < 300; i++) {
      key.writeUInt32BE(i);
      value.fill(i);
      entries.push(put(Uint8Array.from(key), i, Uint8Array.from(value)));
      yield { key, sequence: i, kind: 1, value };
    }
  })();
  const built = buildTable(reused as unknown as Entry[], { blockSize: 100 });
  expect(scan(openTable(built))).toEqual(entries.map(show));
});

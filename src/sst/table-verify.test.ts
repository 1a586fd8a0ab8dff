// Tables that lie: every checksum is right, and something that the table promises is not.

import { expect, test } from "vitest";
import { CorruptionError, TinyKVError } from "../common/errors.ts";
import { KeyOrder } from "../common/comparator.ts";
import { Prng } from "../util/prng.ts";
import { BlockCache } from "./block-cache.ts";
import {
  actualGet,
  buildTable,
  bytesOf,
  bytewiseOrder,
  del,
  forge,
  openTable,
  put,
  randomEntries,
  type BuiltTable,
  getPlain,
} from "./test-tables.ts";
import { encodeProperties } from "./properties.ts";
import type { BlockPlace } from "./table-layout.ts";

const ENTRIES = Array.from({ length: 30 }, (_, i) => put(`key ${100 + 2 * i}`, 50 + i, `value ${100 + i}`));
const BUILT = buildTable(ENTRIES, { blockSize: 100 });

function placeOf(built: BuiltTable, kind: string, number = 0): BlockPlace {
  return [...openTable(built).blocks()].filter((place) => place.kind === kind)[number]!;
}

function problemsOf(built: BuiltTable): string[] {
  const problems: string[] = [];
  openTable(built).verify((_, problem) => problems.push(problem));
  return problems;
}

/** Replaces bytes that occur once in the block by as many others. */
function replace(block: Uint8Array, from: string, to: string): void {
  const at = Buffer.from(block.buffer, block.byteOffset, block.length).indexOf(from);
  expect(at).toBeGreaterThan(0);
  block.set(bytesOf(to), at);
}

function lie(kind: string, number: number, from: string, to: string): string[] {
  return problemsOf(forge(BUILT, placeOf(BUILT, kind, number), (block) => replace(block, from, to)));
}

test("a table that tells the truth has no problems", () => {
  expect(problemsOf(BUILT)).toEqual([]);
  expect(placeOf(BUILT, "data", 3).length).toBeGreaterThan(0);
});

test("an entry out of order is reported, inside a block and across blocks", () => {
  const inside = problemsOf(
    forge(BUILT, placeOf(BUILT, "data", 1), (block) => {
      const suffixes = [
        ...Buffer.from(block)
          .toString("latin1")
          .matchAll(/\d+value/g),
      ];
      expect(suffixes.length).toBeGreaterThan(1);
      const [first, second] = suffixes;
      const swap = (at: number, text: string): void => block.set(bytesOf(text), at);
      swap(first!.index, second![0]);
      swap(second!.index, first![0]);
    }),
  );
  expect(inside).toContainEqual(expect.stringContaining("is not behind the one before it"));
  const across = lie("data", 2, "key 1", "key 0");
  expect(across).toContainEqual("entry 0 is not behind the one before it");
  expect(across).toContainEqual("the first entry is not behind the separator before it");
});

test("an entry behind its separator is reported, and a key that the filter misses", () => {
  const beyond = lie("data", 2, "key 1", "key 9");
  expect(beyond).toContainEqual("the last entry is behind its separator");
  expect(beyond).toContainEqual(expect.stringContaining("the filter misses the key"));
  const emptied = problemsOf(forge(BUILT, placeOf(BUILT, "filter"), (block) => block.fill(0, 8)));
  expect(emptied.filter((problem) => problem.startsWith("the filter misses"))).toHaveLength(30);
});

// An index that said (k, 1, put) for a block that ends with (k, 2) stands before (k, 1, delete) in the next block, and behind
// what a search for version 1 looks for: get found nothing where a scan found a tombstone, and verify() had nothing to say.
// docs/formats.md allows no separator of a version but the block's last entry.
test("a separator that is a version and not its block's last entry is reported: a search would pass over the next block", () => {
  const versions = [put("a", 9, "x"), put("k", 2, "value"), del("k", 1), put("z", 3, "y")];
  const built = buildTable(versions, { blockSize: 1 });
  expect(problemsOf(built)).toEqual([]);
  const forged = forge(built, placeOf(built, "index"), (block) => replace(block, "k\x01\x02", "k\x01\x01"));
  expect(actualGet(openTable(forged), bytesOf("k"), 1)).not.toEqual(actualGet(openTable(built), bytesOf("k"), 1));
  expect(problemsOf(forged)).toEqual(["the separator is a version and not the last entry"]);
});

test("every count, bound and sequence number in the properties is compared with the entries", () => {
  const place = placeOf(BUILT, "properties");
  const { properties } = openTable(BUILT);
  // entries, deletes, range deletes … : number × 2, length 1, the value below 128.
  const fields = [
    [7, properties.entries],
    [8, properties.deletes],
    [12, properties.leastSequence],
    [13, properties.greatestSequence],
  ] as const;
  for (const [property, value] of fields) {
    const problems = problemsOf(
      forge(BUILT, place, (block) =>
        replace(block, String.fromCharCode(property * 2, 1, value), String.fromCharCode(property * 2, 1, value + 1)),
      ),
    );
    expect(problems).toEqual([expect.stringContaining(`the properties say ${value + 1}`)]);
  }
  const smallest = forge(BUILT, place, (block) => replace(block, "key 100", "key 000"));
  expect(problemsOf(smallest)).toEqual(["smallest key is not the one in the properties"]);
  const largest = forge(BUILT, place, (block) => replace(block, "key 158", "key 159"));
  expect(problemsOf(largest)).toEqual(["largest key is not the one in the properties"]);
});

test("one report names every damaged block", () => {
  const bytes = BUILT.bytes.slice();
  const data = [...openTable(BUILT).blocks()].filter(({ kind }) => kind === "data");
  for (const { offset } of data) bytes[offset + 8]! ^= 1;
  expect(problemsOf({ ...BUILT, bytes })).toEqual(data.map(() => "block checksum"));
});

test("verify reads the file and not the cache", () => {
  const bytes = BUILT.bytes.slice();
  const table = openTable({ ...BUILT, bytes });
  const cursor = table.cursor();
  for (cursor.first(); cursor.valid; cursor.next());
  bytes[20]! ^= 1;
  const offsets: number[] = [];
  table.verify((offset) => offsets.push(offset));
  expect(offsets).toEqual([0]);
});

test("a lying block of any kind is corruption, unsupported or another table's order, and nothing else", () => {
  const prng = new Prng(5);
  const built = buildTable(randomEntries(9, 25), {
    blockSize: 80,
    indexBlockSize: 60,
    ranges: [{ start: bytesOf("a"), end: bytesOf("b"), sequence: 1 }],
  });
  const allowed = new Set(["TINYKV_CORRUPTION", "TINYKV_FORMAT_UNSUPPORTED", "TINYKV_COMPARATOR_MISMATCH"]);
  for (const place of openTable(built).blocks()) {
    for (let at = 0; at < place.length; at++) {
      for (const value of [0, 0x7f, 0x80, 0xff, prng.next() & 0xff]) {
        const forged = forge(built, place, (block) => (block[at] = value));
        try {
          const table = openTable(forged, { cache: new BlockCache(0) });
          table.verify(() => {});
          const cursor = table.cursor();
          for (cursor.last(); cursor.valid; cursor.prev());
          for (const key of ["", "a", "zz"]) actualGet(table, bytesOf(key), 5);
          for (const _ of table.blocks());
        } catch (error) {
          if (!(error instanceof TinyKVError) || !allowed.has(error.code)) throw error;
        }
      }
    }
  }
});

test("a separator that a comparator puts in the wrong place is not used", () => {
  const wrong = {
    name: "test.wrong",
    compare: (a: Uint8Array, b: Uint8Array) => bytewiseOrder.compare(a, b),
    separator: (_: Uint8Array, b: Uint8Array) => b,
    successor: () => bytesOf(""),
  };
  const built = buildTable(ENTRIES, { blockSize: 100, order: new KeyOrder(wrong) });
  expect(problemsOf(built)).toEqual([]);
  const table = openTable(built);
  for (const { key, sequence, value } of ENTRIES) expect(getPlain(table, key, sequence)).toEqual(value);
});

test("a count of blocks that the file has no room for is refused before memory is taken for it", () => {
  const place = placeOf(BUILT, "properties");
  const blocks = openTable(BUILT).properties.dataBlocks;
  const from = String.fromCharCode(17 * 2, 1, blocks);
  const forged = forge(BUILT, place, (block) => replace(block, from, String.fromCharCode(17 * 2, 1, 127)));
  expect(() => openTable(forged)).toThrow(CorruptionError);
  const twoLevels = buildTable(ENTRIES, { blockSize: 100, indexBlockSize: 50 });
  const { properties } = openTable(twoLevels);
  // The room that a creation time of 0 leaves is what the larger count takes.
  const lying = encodeProperties({ ...properties, creationTime: 0, dataBlocks: 2 ** 35 });
  const huge = forge(twoLevels, placeOf(twoLevels, "properties"), (block) => {
    expect(block.length).toBe(lying.length);
    block.set(lying);
  });
  expect(() => openTable(huge)).toThrow(CorruptionError);
});

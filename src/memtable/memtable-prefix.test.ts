import { expect, test } from "vitest";
import { KeyOrder } from "../common/comparator.ts";
import { Kind } from "../common/internal-key.ts";
import { TOMBSTONE } from "../common/lookup.ts";
import { Memtable } from "./memtable.ts";
import {
  ORDER,
  backward,
  current,
  fill,
  forward,
  put,
  randomEntries,
  sorted,
  type Entry,
} from "./testdata/reference.ts";

const PREFIXES = ["", "00", "61", "80", "ff", "6161", "610000", "7f80ff01", "6161616161", "ffffffffffffffffff"];

// Random keys as they are, and behind the prefix: before it, with it and behind it, cut off inside it, and all of it.
function entriesAround(prefix: Buffer): Entry[] {
  const entries = randomEntries(prefix.length + 1, 300).flatMap((entry) => [
    entry,
    { ...entry, key: Buffer.concat([prefix, entry.key]), sequence: entry.sequence + 1000 },
    { ...entry, key: prefix.subarray(0, entry.key.length), sequence: entry.sequence + 2000 },
  ]);
  return entries;
}

test.each(PREFIXES)("whatever prefix is expected, the order is that of keys and every entry is found: %s", (hex) => {
  const prefix = Buffer.from(hex, "hex");
  const entries = entriesAround(prefix);
  const memtable = fill(entries, ORDER, 1, prefix);
  const expected = sorted(entries);
  expect(forward(memtable)).toEqual(expected);
  expect(backward(memtable)).toEqual([...expected].reverse());
  const other = Memtable.attach(memtable.buffer, ORDER, 2);
  for (const reader of [memtable, other]) {
    const cursor = reader.cursor();
    for (const entry of expected) {
      cursor.seek(entry.key, entry.sequence);
      expect(current(cursor)).toEqual(entry);
      const answer = reader.get(entry.key, entry.sequence);
      expect(answer instanceof Uint8Array ? Buffer.from(answer) : answer).toEqual(
        entry.kind === Kind.put ? entry.value : TOMBSTONE,
      );
    }
  }
});

test("a prefix takes nothing from the capacity", () => {
  const sizes = ["", "6162636465"].map((hex) => {
    const memtable = new Memtable({ order: ORDER, capacity: 200, seed: 1, prefix: Buffer.from(hex, "hex") });
    memtable.insert(Kind.put, 1, Buffer.from("abcdefg"), Buffer.alloc(10));
    return [memtable.bytesUsed, memtable.fits(1, 60), memtable.fits(1, 90)];
  });
  expect(sizes[0]).toEqual(sizes[1]);
});

test("the common prefix is that of the first and the last key, cut at 64 bytes", () => {
  const prefixOf = (...keys: string[]): string =>
    Buffer.from(fill(keys.map((key, i) => put(key, i + 1))).commonPrefix).toString();
  expect(prefixOf()).toBe("");
  expect(prefixOf("user:1", "user:2", "user:17")).toBe("user:");
  expect(prefixOf("user:1", "view:1", "user:2")).toBe("");
  expect(prefixOf("only")).toBe("only");
  expect(prefixOf("a", "")).toBe("");
  expect(prefixOf("x".repeat(100))).toBe("x".repeat(64));
  const reversed = new KeyOrder({ name: "test.reversed", compare: (a, b) => Buffer.compare(b, a) });
  expect(fill([put("aa", 1), put("ab", 2)], reversed).commonPrefix).toHaveLength(0);
});

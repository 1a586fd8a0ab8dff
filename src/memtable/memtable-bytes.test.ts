import { expect, test } from "vitest";
import { Kind } from "../common/internal-key.ts";
import { Memtable } from "./memtable.ts";
import { ORDER, fill, forward, put, randomEntries, touchedBytes } from "./testdata/reference.ts";

function key(i: number): Buffer {
  return Buffer.from(`${i}`.padStart(6, "0"));
}

test.each([
  [10, 0],
  [1, 1],
  [16, 100],
  [100, 1000],
])("bytesUsed is within a tenth of the memory touched: keys of %i bytes, values of %i", (keyBytes, valueBytes) => {
  const entries = Array.from({ length: 3000 }, (_, i) =>
    put(Buffer.from(`${i * 7919}`.padStart(keyBytes, "k").slice(-keyBytes)), i + 1, Buffer.alloc(valueBytes, "v")),
  );
  const memtable = fill(entries);
  const touched = touchedBytes(memtable);
  expect(memtable.bytesUsed).toBeGreaterThan(touched * 0.9);
  expect(memtable.bytesUsed).toBeLessThan(touched * 1.1);
  expect(memtable.dataBytes).toBe(entries.length * (keyBytes + valueBytes));
});

test("entries, deletes and dataBytes count what was inserted", () => {
  const entries = randomEntries(21, 2000);
  const memtable = fill(entries);
  expect(memtable.entries).toBe(entries.length);
  expect(memtable.deletes).toBe(entries.filter(({ kind }) => kind === Kind.delete).length);
  expect(memtable.dataBytes).toBe(entries.reduce((sum, { key, value }) => sum + key.length + value.length, 0));
});

test("a node has a third of a link more than one, on average, for any seed", () => {
  for (let seed = 0; seed < 20; seed++) {
    const entries = Array.from({ length: 5000 }, (_, i) => put("key.", i + 1, ""));
    const memtable = fill(entries, ORDER, seed);
    const words = (memtable.bytesUsed - memtable.dataBytes) / 4 / entries.length;
    expect(words).toBeGreaterThan(6 + 1.3);
    expect(words).toBeLessThan(6 + 1.37);
  }
});

test("another thread's memtable is the same memtable", () => {
  const memtable = new Memtable({ order: ORDER, capacity: 10_000, seed: 1 });
  const attached = Memtable.attach(memtable.buffer, ORDER, 2);
  memtable.insert(Kind.put, 1, Buffer.from("a"), Buffer.from("1"));
  attached.insert(Kind.put, 2, Buffer.from("b"), Buffer.from("2"));
  memtable.insert(Kind.put, 3, Buffer.from("c"), Buffer.from("3"));
  const expected = [put("a", 1), put("b", 2), put("c", 3)];
  expect(forward(memtable)).toEqual(expected);
  expect(forward(attached)).toEqual(expected);
  expect([attached.capacity, attached.entries, attached.bytesUsed]).toEqual([10_000, 3, memtable.bytesUsed]);
});

test("approximateBytes is exact for small ranges and within a fifth for large ones", () => {
  const entries = Array.from({ length: 20_000 }, (_, i) =>
    put(`${i}`.padStart(6, "0"), i + 1, Buffer.alloc(i < 10_000 ? 10 : 100)),
  );
  const memtable = fill(entries);
  expect(memtable.approximateBytes(undefined, undefined)).toBe(memtable.dataBytes);
  expect(memtable.approximateBytes(key(100), key(100))).toBe(0);
  expect(memtable.approximateBytes(key(200), key(100))).toBe(0);
  expect(memtable.approximateBytes(key(100), key(101))).toBe(16);
  expect(memtable.approximateBytes(key(15_000), key(15_200))).toBe(200 * 106);
  expect(memtable.approximateBytes(undefined, key(3))).toBe(3 * 16);
  expect(memtable.approximateBytes(key(19_998), undefined)).toBe(2 * 106);
  for (const [from, to] of [
    [0, 10_000],
    [10_000, 20_000],
    [500, 3000],
    [5000, 15_000],
    [0, 20_000],
  ] as const) {
    const exact = entries.slice(from, to).reduce((sum, entry) => sum + entry.key.length + entry.value.length, 0);
    const estimate = memtable.approximateBytes(key(from), key(to));
    expect(estimate).toBeGreaterThan(exact * 0.8);
    expect(estimate).toBeLessThan(exact * 1.2);
  }
});

test("all versions of the lower bound are inside a range, none of the upper bound", () => {
  const memtable = fill([put("a", 1, "x"), put("a", 2, "x"), put("b", 3, "x"), put("b", 4, "x"), put("c", 5, "x")]);
  expect(memtable.approximateBytes(Buffer.from("a"), Buffer.from("b"))).toBe(4);
  expect(memtable.approximateBytes(Buffer.from("b"), Buffer.from("c"))).toBe(4);
});

test("bytesFor counts the tallest tower, three bytes of padding and the bytes themselves", () => {
  expect(Memtable.bytesFor(2, 10)).toBe(2 * ((6 + 12) * 4 + 3) + 10);
});

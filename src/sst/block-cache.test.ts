import { expect, test } from "vitest";
import { assert } from "../common/assert.ts";
import { CorruptionError } from "../common/errors.ts";
import { SEQUENCE_MAX } from "../common/internal-key.ts";
import { Prng } from "../util/prng.ts";
import { BlockCache, CacheSlots } from "./block-cache.ts";
import { actualGet, buildTable, expectedGet, openTable, put, randomEntries, getPlain } from "./test-tables.ts";

/** What each block is charged beside its bytes, seen from outside. */
const OVERHEAD = chargeOf(0);

function chargeOf(bytes: number): number {
  const cache = new BlockCache(1 << 20);
  cache.insert(new CacheSlots<string>(1), 0, "block", bytes);
  return cache.bytes;
}

test("bytes never exceed the capacity, and every slot is held by the ring or empty", () => {
  const prng = new Prng(1);
  for (const capacity of [0, 300, 1000, 20_000]) {
    const cache = new BlockCache(capacity);
    const tables = [new CacheSlots<number>(50), new CacheSlots<number>(7)];
    for (let step = 0; step < 5000; step++) {
      const table = tables[prng.next() % 2]!;
      const slot = prng.next() % table.items.length;
      const found = cache.get(table, slot);
      assert(found === undefined || found === slot, "what is found is what was put there");
      if (found === undefined) cache.insert(table, slot, slot, prng.next() % 700);
      if (step % 500 === 499) cache.drop(tables[1]!);
      expect(cache.bytes).toBeLessThanOrEqual(capacity);
      const held = tables.flatMap(({ items }) => items.filter((item) => item !== undefined)).length;
      expect(held).toBe(cache.count);
    }
    expect(cache.hits + cache.misses).toBe(5000);
    for (const table of tables) cache.drop(table);
    expect([cache.bytes, cache.count]).toEqual([0, 0]);
  }
});

test("a block that is hit stays; those that are not leave in the order of their arrival", () => {
  const cache = new BlockCache(10 * (100 + OVERHEAD));
  const slots = new CacheSlots<number>(1000);
  for (let slot = 0; slot < 1000; slot++) {
    cache.insert(slots, slot, slot, 100);
    expect(cache.get(slots, 0)).toBe(0);
    const held = slots.items.filter((item) => item !== undefined);
    expect(held).toEqual(slot < 10 ? [...held.keys()] : [0, ...Array.from({ length: 9 }, (_, i) => slot - 8 + i)]);
  }
  expect(cache.evictions).toBe(990);
});

test("hits, misses and evictions are counted", () => {
  const cache = new BlockCache(2 * (10 + OVERHEAD));
  const slots = new CacheSlots<string>(3);
  expect(cache.get(slots, 0)).toBeUndefined();
  cache.insert(slots, 0, "a", 10);
  expect(cache.get(slots, 0)).toBe("a");
  cache.insert(slots, 1, "b", 10);
  cache.insert(slots, 2, "c", 10);
  expect({ hits: cache.hits, misses: cache.misses, evictions: cache.evictions }).toEqual({
    hits: 1,
    misses: 1,
    evictions: 1,
  });
  expect(cache.get(slots, 0)).toBe("a");
});

test("a block larger than the capacity is not kept and evicts nothing", () => {
  const cache = new BlockCache(1000);
  const slots = new CacheSlots<string>(2);
  cache.insert(slots, 0, "small", 10);
  cache.insert(slots, 1, "large", 1001);
  expect([cache.count, cache.evictions]).toEqual([1, 0]);
});

test("a table reads rightly through caches of every size", () => {
  const entries = randomEntries(31, 300);
  const prng = new Prng(31);
  for (const [capacity, evictionsLeast] of [
    [0, 0],
    [400, 0],
    [3000, 100],
    [1 << 20, 0],
  ] as const) {
    for (const indexBlockSize of [64, 1 << 20]) {
      const cache = new BlockCache(capacity);
      const table = openTable(buildTable(entries, { blockSize: 64, indexBlockSize }), { cache });
      for (let i = 0; i < 1000; i++) {
        const { key, sequence } = entries[prng.next() % entries.length]!;
        expect(actualGet(table, key, sequence)).toBe(expectedGet(entries, key, sequence));
        expect(cache.bytes).toBeLessThanOrEqual(capacity);
      }
      expect(cache.evictions).toBeGreaterThanOrEqual(evictionsLeast);
      table.close();
      expect(cache.bytes).toBe(0);
    }
  }
});

test("a block evicted and read again is verified again", () => {
  const entries = Array.from({ length: 50 }, (_, i) => put(`key ${String(i).padStart(3, "0")}`, 1, "v".repeat(60)));
  const built = buildTable(entries, { blockSize: 200 });
  const cache = new BlockCache(3 * (200 + OVERHEAD));
  const table = openTable(built, { cache });
  const { key, value } = entries[0]!;
  const first = table.get(key, SEQUENCE_MAX) as Uint8Array;
  built.bytes[30]! ^= 1;
  expect(getPlain(table, key, SEQUENCE_MAX)).toEqual(value);
  for (const other of entries.slice(10)) table.get(other.key, SEQUENCE_MAX);
  expect(() => table.get(key, SEQUENCE_MAX)).toThrow(CorruptionError);
  expect(first instanceof Uint8Array && Uint8Array.from(first)).toEqual(value);
});

test("a closed table cannot be read into the cache", () => {
  const cache = new BlockCache(1 << 20);
  const table = openTable(buildTable([put("a", 1, "v")]), { cache });
  const cursor = table.cursor();
  table.close();
  expect(() => cursor.first()).toThrow("the table is open");
  expect(cache.bytes).toBe(0);
});

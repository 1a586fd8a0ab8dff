import { expect, test } from "vitest";
import { assert } from "../common/assert.ts";
import { bytewise, KeyOrder } from "../common/comparator.ts";
import { CorruptionError } from "../common/errors.ts";
import { SEQUENCE_MAX } from "../common/internal-key.ts";
import { Prng } from "../util/prng.ts";
import { BlockCache, BlockSlots, CacheItems } from "./block-cache.ts";
import { DIRECTORY_BLOCK_AT, DIRECTORY_BLOCK_LENGTH, writeDirectory } from "./block-directory.ts";
import {
  actualGet,
  buildTable,
  bytesOf,
  expectedGet,
  openTable,
  put,
  randomEntries,
  show,
  type Entry,
} from "./test-tables.ts";

const HEADER_WORDS = 9;
/** What each item is charged beside its bytes, seen from outside. */
const OVERHEAD = chargeOf(0);

function chargeOf(bytes: number): number {
  const cache = new BlockCache(1 << 20);
  cache.insert(new CacheItems<string>(), 0, "block", bytes);
  return cache.bytes;
}

/** Something that looks like a block to the cache: `length` bytes that say which it is. */
function addBlock(cache: BlockCache, slots: BlockSlots, slot: number, length: number): void {
  const segment = cache.room(length + HEADER_WORDS * 4);
  assert(segment !== undefined, "the block is small enough");
  const start = segment.low;
  segment.bytes.fill(slot, start, start + length);
  const at = segment.add(slots, slot, length, HEADER_WORDS);
  const layout = { start, length, count: 1, prefixLength: 0, entriesAt: 3, offsetsAt: 9, wide: true, isBytewise: true };
  writeDirectory(segment, at, layout, 0);
}

/** The block in a slot as it was added, or undefined; it counts as a hit. */
function readBlock(cache: BlockCache, slots: BlockSlots, slot: number): Uint8Array | undefined {
  const home = slots.home(slot);
  if (home === 0) return undefined;
  slots.referenced[slot] = 1;
  const { bytes, words } = cache.segment(home);
  const at = slots.directory(slot);
  const start = words[at + DIRECTORY_BLOCK_AT]!;
  return bytes.subarray(start, start + words[at + DIRECTORY_BLOCK_LENGTH]!);
}

function held(slots: BlockSlots): number[] {
  return Array.from({ length: slots.count }, (_, slot) => slot).filter((slot) => slots.home(slot) !== 0);
}

test("blocks and items are what was put there, and the memory taken never exceeds the capacity", () => {
  const prng = new Prng(1);
  const lengths = new Map<string, number>();
  for (const capacity of [0, 300, 4000, 20_000, 60_000]) {
    const cache = new BlockCache(capacity);
    const tables = [new BlockSlots(200), new BlockSlots(17)];
    const items = new CacheItems<number>();
    for (let step = 0; step < 8000; step++) {
      const which = prng.next() % 2;
      const slot = prng.next() % tables[which]!.count;
      const block = readBlock(cache, tables[which]!, slot);
      if (block !== undefined) {
        expect(block.length).toBe(lengths.get(`${which} ${slot}`));
        assert(
          block.every((byte) => byte === slot),
          "no byte of a block was written over",
        );
      } else if (prng.next() % 4 === 0) {
        const found = cache.item(items, slot);
        assert(found === undefined || found === slot, "what is found is what was put there");
        if (found === undefined) cache.insert(items, slot, slot, prng.next() % 700);
      } else {
        const length = prng.next() % 300;
        if (cache.room(length + HEADER_WORDS * 4) !== undefined) {
          lengths.set(`${which} ${slot}`, length);
          addBlock(cache, tables[which]!, slot, length);
        }
      }
      if (step % 1000 === 999) cache.dropBlocks(tables[1]!);
      expect(cache.memoryBytes).toBeLessThanOrEqual(capacity);
      expect(cache.bytes).toBeLessThanOrEqual(cache.memoryBytes);
    }
    for (const table of tables) cache.dropBlocks(table);
    cache.drop(items);
    expect([cache.bytes, items.bySlot.size]).toEqual([0, 0]);
  }
});

test("a block that is used stays; those that are not leave in the order of their arrival", () => {
  const cache = new BlockCache(8 * 2000);
  const slots = new BlockSlots(1000);
  for (let slot = 0; slot < 1000; slot++) {
    addBlock(cache, slots, slot, 200 - HEADER_WORDS * 4);
    expect(readBlock(cache, slots, 0)?.every((byte) => byte === 0)).toBe(true);
    const [first, ...others] = held(slots);
    expect(first).toBe(0);
    // Ten to a segment, of which there are eight, the one that was compacted last being filled again.
    expect(others).toEqual(others.map((_, i) => slot - others.length + 1 + i));
    expect(others.length).toBeGreaterThanOrEqual(Math.min(slot, 68));
  }
  expect(cache.evictions).toBe(1000 - held(slots).length);
});

test("when all was used, a quarter of a segment at least makes room", () => {
  const cache = new BlockCache(8 * 2000);
  const slots = new BlockSlots(200);
  for (let slot = 0; slot < 200; slot++) {
    addBlock(cache, slots, slot, 200 - HEADER_WORDS * 4);
    for (const each of held(slots)) readBlock(cache, slots, each);
  }
  expect(held(slots)).toContain(0);
  expect(held(slots)).toContain(199);
  expect(cache.memoryBytes).toBe(8 * 2000);
});

test("an item that is used stays for another round; hits, misses and evictions are counted", () => {
  const cache = new BlockCache(2 * (10 + OVERHEAD));
  const items = new CacheItems<string>();
  expect(cache.item(items, 0)).toBeUndefined();
  cache.insert(items, 0, "a", 10);
  expect(cache.item(items, 0)).toBe("a");
  cache.insert(items, 1, "b", 10);
  cache.insert(items, 2, "c", 10);
  expect({ hits: cache.hits, misses: cache.misses, evictions: cache.evictions }).toEqual({
    hits: 1,
    misses: 1,
    evictions: 1,
  });
  expect(cache.item(items, 0)).toBe("a");
  expect(cache.item(items, 1)).toBeUndefined();
});

test("an item larger than the capacity is not kept and evicts nothing", () => {
  const cache = new BlockCache(1000);
  const items = new CacheItems<string>();
  cache.insert(items, 0, "small", 10);
  cache.insert(items, 1, "large", 1001);
  expect([items.bySlot.size, cache.evictions]).toEqual([1, 0]);
});

test("an item takes the room of segments, but of those that are used last", () => {
  const cache = new BlockCache(8 * 2000);
  const slots = new BlockSlots(80);
  for (let slot = 0; slot < 80; slot++) addBlock(cache, slots, slot, 200 - HEADER_WORDS * 4);
  for (let slot = 0; slot < 10; slot++) readBlock(cache, slots, slot);
  cache.insert(new CacheItems<string>(), 0, "large", 3000);
  expect(held(slots)).toEqual([
    ...Array.from({ length: 10 }, (_, i) => i),
    ...Array.from({ length: 50 }, (_, i) => 30 + i),
  ]);
});

test("a table reads rightly through caches of every size", () => {
  const entries = randomEntries(31, 300);
  const prng = new Prng(31);
  for (const [capacity, evictionsLeast] of [
    [0, 0],
    [400, 0],
    [3000, 100],
    [8000, 100],
    [14_000, 100],
    [1 << 20, 0],
  ] as const) {
    for (const indexBlockSize of [64, 1 << 20]) {
      const cache = new BlockCache(capacity);
      const table = openTable(buildTable(entries, { blockSize: 64, indexBlockSize }), { cache });
      for (let i = 0; i < 1000; i++) {
        const { key, sequence } = entries[prng.next() % entries.length]!;
        expect(actualGet(table, key, sequence)).toBe(expectedGet(entries, key, sequence));
        expect(cache.memoryBytes).toBeLessThanOrEqual(capacity);
      }
      expect(cache.evictions).toBeGreaterThanOrEqual(evictionsLeast);
      table.close();
      expect(cache.bytes).toBe(0);
    }
  }
});

test("cursors keep their places, keys and values while others use the cache's memory for other blocks", () => {
  const entries = randomEntries(7, 400);
  const other = Array.from({ length: 400 }, (_, i) =>
    put(`other ${String(i).padStart(3, "0")}`, 1, "x".repeat(i % 50)),
  );
  const cache = new BlockCache(8 << 10);
  const table = openTable(buildTable(entries, { blockSize: 128 }), { cache });
  const noise = openTable(buildTable(other, { blockSize: 128 }), { cache });
  const prng = new Prng(7);
  const disturb = (): void => {
    for (let i = 0; i < 20; i++) noise.get(other[prng.next() % other.length]!.key, SEQUENCE_MAX);
  };
  const cursor = table.cursor();
  const step = (at: number, expected: Entry): void => {
    expect(cursor.valid).toBe(true);
    const { key, value } = cursor;
    disturb();
    expect([at, show(cursor)]).toEqual([at, show(expected)]);
    expect([key, value].map((bytes) => Buffer.from(bytes).toString("hex"))).toEqual(
      [expected.key, expected.value].map((bytes) => Buffer.from(bytes).toString("hex")),
    );
  };
  cursor.first();
  for (const [at, entry] of entries.entries()) {
    step(at, entry);
    cursor.next();
  }
  expect(cursor.valid).toBe(false);
  for (let i = 0; i < 200; i++) {
    const at = prng.next() % entries.length;
    cursor.seek(entries[at]!.key, entries[at]!.sequence);
    step(at, entries[at]!);
    cursor.prev();
    if (at > 0) step(at - 1, entries[at - 1]!);
  }
  expect(cache.evictions).toBeGreaterThan(1000);
});

test("a block evicted and read again is verified again, and what was read of it stays", () => {
  const entries = Array.from({ length: 400 }, (_, i) => put(`key ${String(i).padStart(3, "0")}`, 1, "v".repeat(60)));
  const built = buildTable(entries, { blockSize: 200 });
  const cache = new BlockCache(16 << 10);
  const table = openTable(built, { cache });
  const { key, value } = entries[0]!;
  const first = table.get(key, SEQUENCE_MAX) as Buffer;
  built.bytes[30]! ^= 1;
  expect(table.get(key, SEQUENCE_MAX)).toEqual(Buffer.from(value));
  for (const other of entries.slice(10)) table.get(other.key, SEQUENCE_MAX);
  expect(() => table.get(key, SEQUENCE_MAX)).toThrow(CorruptionError);
  expect(first).toEqual(Buffer.from(value));
});

test("damage that a read into the cache meets leaves what the cache holds as it was", () => {
  const entries = Array.from({ length: 200 }, (_, i) => put(`key ${String(i).padStart(3, "0")}`, 1, bytesOf(`v${i}`)));
  const built = buildTable(entries, { blockSize: 200 });
  const cache = new BlockCache(1 << 20);
  const table = openTable(built, { cache });
  for (const { key } of entries.slice(50)) table.get(key, SEQUENCE_MAX);
  const before = cache.bytes;
  built.bytes[30]! ^= 1;
  for (let i = 0; i < 3; i++) expect(() => table.get(entries[0]!.key, SEQUENCE_MAX)).toThrow(CorruptionError);
  expect(cache.bytes).toBe(before);
  for (const { key, value } of entries.slice(50)) expect(table.get(key, SEQUENCE_MAX)).toEqual(Buffer.from(value));
});

test("a comparator that reads the very block that is being read leaves nothing behind in the cache", () => {
  let left = 0;
  const order = new KeyOrder({
    name: "test.reads",
    compare(a, b) {
      if (left > 0 && --left === 0) inner();
      return bytewise.compare(a, b);
    },
  });
  const entries = Array.from({ length: 200 }, (_, i) => put(`key ${String(i).padStart(3, "0")}`, 1, `v${i}`));
  const { key, value } = entries[77]!;
  const built = buildTable(entries, { order, blockSize: 64, indexBlockSize: 128 });
  let inner = (): void => undefined;
  for (let nth = 1; nth < 60; nth++) {
    const cache = new BlockCache(1 << 20);
    const table = openTable(built, { cache });
    inner = () => expect(table.get(key, SEQUENCE_MAX)).toEqual(Buffer.from(value));
    left = nth;
    expect(table.get(key, SEQUENCE_MAX)).toEqual(Buffer.from(value));
    left = 0;
    table.close();
    expect(cache.bytes).toBe(0);
  }
});

test("a closed table cannot be read into the cache", () => {
  const cache = new BlockCache(1 << 20);
  const table = openTable(buildTable([put("a", 1, "v")]), { cache });
  const cursor = table.cursor();
  table.close();
  expect(() => cursor.first()).toThrow("the table is open");
  expect(cache.bytes).toBe(0);
});

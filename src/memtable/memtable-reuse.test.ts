// Memory that served one memtable serves another: nothing of the first may be seen in the second.

import { expect, test } from "vitest";
import { AssertionError } from "../common/assert.ts";
import { Kind, SEQUENCE_MAX } from "../common/internal-key.ts";
import { Memtable } from "./memtable.ts";
import { ORDER, backward, fill, forward, put, randomEntries, sorted, type Entry } from "./testdata/reference.ts";

/** What an arena keeps its counters in, and the head of the list behind them. */
const COUNTERS_BYTES = 64;

function insertAll(memtable: Memtable, entries: readonly Entry[]): void {
  for (const { kind, sequence, key, value } of entries) expect(memtable.insert(kind, sequence, key, value)).toBe(true);
}

function counters(memtable: Memtable): number[] {
  const { entries, deletes, bytesUsed, dataBytes, leastSequence, greatestSequence } = memtable;
  return [entries, deletes, bytesUsed, dataBytes, leastSequence, greatestSequence];
}

test.each([0x00, 0x01, 0x80, 0xff])(
  "a memtable in used memory full of %i is as one in new memory, towers and all",
  (byte) => {
    for (const seed of [1, 2, 3]) {
      const entries = randomEntries(seed, 600);
      const fresh = fill(entries, ORDER, seed);
      const memory = fill(randomEntries(seed + 10, 900)).frozenBuffer;
      new Uint8Array(memory, COUNTERS_BYTES).fill(byte);
      const reused = Memtable.make({ order: ORDER, capacity: fresh.capacity, seed }, memory);
      expect([forward(reused), counters(reused)]).toEqual([[], [0, 0, 0, 0, 0, 0]]);
      expect(reused.get(Buffer.alloc(0), SEQUENCE_MAX)).toBeUndefined();
      insertAll(reused, entries);
      expect(counters(reused)).toEqual(counters(fresh));
      expect(forward(reused)).toEqual(sorted(entries));
      expect(backward(reused)).toEqual(sorted(entries).reverse());
      for (const { key, sequence } of entries) expect(reused.get(key, sequence)).toEqual(fresh.get(key, sequence));
      expect(reused.approximateBytes(Buffer.from([0x61]), undefined)).toBe(
        fresh.approximateBytes(Buffer.from([0x61]), undefined),
      );
    }
  },
);

test("memory may be larger than its next memtable needs, and not smaller; the capacity is the memtable's own", () => {
  const memory = fill(randomEntries(1, 900)).frozenBuffer;
  const small = Memtable.make({ order: ORDER, capacity: 1000, seed: 1 }, memory);
  expect(small.capacity).toBe(1000);
  let sequence = 0;
  while (small.insert(Kind.put, sequence + 1, Buffer.from(`key ${sequence}`), Buffer.from("value"))) sequence++;
  expect(small.bytesUsed).toBeLessThanOrEqual(1000);
  expect(forward(small)).toHaveLength(sequence);
  expect(() => Memtable.make({ order: ORDER, capacity: memory.byteLength, seed: 1 }, memory)).toThrow(AssertionError);
  expect(() => Memtable.make({ order: ORDER, capacity: 1000, seed: 1 }, new SharedArrayBuffer(9000))).toThrow(
    AssertionError,
  );
});

test("nodes and values may fill the memory in any mixture without meeting: no page is there for one of them alone", () => {
  const capacity = 20_000;
  const memory = new Memtable({ order: ORDER, capacity, seed: 1 }).frozenBuffer;
  expect(memory.byteLength).toBeLessThan(capacity + 200);
  const mixtures = [0, 1, 30, 1000, 19_000].map((valueBytes, round) => {
    const memtable = Memtable.make({ order: ORDER, capacity, seed: round }, memory);
    const entries: Entry[] = [];
    for (let i = 0; ; i++) {
      const entry = put(`key${i}`, i + 1, Buffer.alloc(valueBytes, i | 1));
      if (!memtable.insert(entry.kind, entry.sequence, entry.key, entry.value)) break;
      entries.push(entry);
    }
    expect(forward(memtable)).toEqual(sorted(entries));
    return entries.length;
  });
  expect(mixtures.at(-1)).toBe(1);
  expect(mixtures[0]).toBeGreaterThan(400);
});

test("who still reads a memtable whose memory serves another is told so", () => {
  const first = fill([put("a", 1), put("b", 2), put("c", 3)]);
  const cursor = first.cursor();
  cursor.first();
  const second = Memtable.make({ order: ORDER, capacity: first.capacity, seed: 2 }, first.frozenBuffer);
  insertAll(second, [put("x", 4), put("y", 5)]);
  expect([first.isAlive, second.isAlive]).toEqual([false, true]);
  for (const move of ["first", "last", "next", "prev"] as const) expect(() => cursor[move]()).toThrow(AssertionError);
  expect(() => cursor.seek(Buffer.from("b"), SEQUENCE_MAX)).toThrow(AssertionError);
  expect(() => cursor.seekForPrev(Buffer.from("b"), 0)).toThrow(AssertionError);
});

test("a thread that was told of a memtable too late can still attach to its memory", () => {
  const first = fill([put("a", 1)]);
  Memtable.make({ order: ORDER, capacity: 50, seed: 2 }, first.frozenBuffer);
  expect(Memtable.attachFrozen(first.frozenBuffer, ORDER).capacity).toBe(50);
});

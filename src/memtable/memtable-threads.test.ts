// Several threads insert into one memtable at once. The threads run the built file of testdata/memtable-worker.ts.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { Kind } from "../common/internal-key.ts";
import { Memtable } from "./memtable.ts";
import type { Share } from "./testdata/memtable-worker.ts";
import { ORDER, backward, forward, touchedBytes } from "./testdata/reference.ts";

const WORKER = new URL("../../dist/src/memtable/testdata/memtable-worker.js", import.meta.url);
const THREADS = 4;

/** Runs the threads to their end; returns how many entries they say they inserted. */
async function insertWithThreads(share: Omit<Share, "thread" | "threads" | "gate">): Promise<number> {
  const gate = new SharedArrayBuffer(8);
  const workers = Array.from({ length: THREADS }, (_, thread) => {
    const workerData: Share = { ...share, thread, threads: THREADS, gate };
    return new Worker(WORKER, { workerData });
  });
  const codes = await Promise.all(workers.map((worker) => once(worker, "exit")));
  expect(codes).toEqual(workers.map(() => [0]));
  return Atomics.load(new Int32Array(gate), 1);
}

// The order is checked by hand: 20,000 toEqual calls would take longer than the threads.
function faults(memtable: Memtable, count: number): string[] {
  const found: string[] = [];
  const entries = forward(memtable);
  if (entries.length !== count) found.push(`${entries.length} entries`);
  entries.forEach(({ key, sequence, kind, value }, i) => {
    const isDelete = i % 10 === 0;
    const expected = isDelete ? "" : `value ${i}`;
    if (key.toString() !== i.toString(16).padStart(8, "0")) found.push(`key ${key.toString()} at ${i}`);
    if (sequence !== i + 1 || value.toString() !== expected || (kind === Kind.delete) !== isDelete)
      found.push(`entry ${i}`);
  });
  const reversed = backward(memtable).reverse();
  if (reversed.some(({ sequence }, i) => sequence !== entries[i]?.sequence)) found.push("backwards differs");
  for (const { key, sequence, kind } of entries) {
    const answer = memtable.get(key, sequence);
    if (answer === undefined || (typeof answer === "symbol") !== (kind === Kind.delete)) found.push(`get ${sequence}`);
  }
  return found.slice(0, 5);
}

test.each([
  [1, false],
  [2, false],
  [3, false],
  [4, true],
  [5, true],
])(
  "four threads inserting at once lose nothing, double nothing, keep the order: seed %i, ascending %s",
  async (seed, ascending) => {
    const count = 20_000;
    const memtable = new Memtable({ order: ORDER, capacity: Memtable.bytesFor(count, count * 20), seed });
    const inserted = await insertWithThreads({ buffer: memtable.buffer, count, seed, ascending });
    expect(inserted).toBe(count);
    expect(faults(memtable, count)).toEqual([]);
    expect([memtable.entries, memtable.deletes]).toEqual([count, count / 10]);
    expect([memtable.leastSequence, memtable.greatestSequence]).toEqual([1, count]);
    expect(memtable.bytesUsed).toBe(touchedBytes(memtable));
    expect(memtable.dataBytes).toBe(
      forward(memtable).reduce((sum, { key, value }) => sum + key.length + value.length, 0),
    );
  },
);

test("four threads fill a memtable to its capacity and not beyond; what was taken is there", async () => {
  const memtable = new Memtable({ order: ORDER, capacity: 300_000, seed: 9 });
  const inserted = await insertWithThreads({ buffer: memtable.buffer, count: 20_000, seed: 9, ascending: false });
  expect(inserted).toBeLessThan(20_000);
  expect(memtable.entries).toBe(inserted);
  expect(memtable.bytesUsed).toBeLessThanOrEqual(memtable.capacity);
  expect(memtable.capacity - memtable.bytesUsed).toBeLessThan(100);
  const entries = forward(memtable);
  expect(entries).toHaveLength(inserted);
  expect(entries.every(({ key, sequence }) => Number.parseInt(key.toString(), 16) === sequence - 1)).toBe(true);
  expect(entries.every(({ sequence }, i) => i === 0 || entries[i - 1]!.sequence < sequence)).toBe(true);
});

test("a reader beside the writers sees whole entries in order, and all that were there when it began", async () => {
  const count = 20_000;
  const memtable = new Memtable({ order: ORDER, capacity: Memtable.bytesFor(count, count * 20), seed: 10 });
  const done = insertWithThreads({ buffer: memtable.buffer, count, seed: 10, ascending: false });
  const problems: string[] = [];
  let running = true;
  const stopped = done.then(() => (running = false));
  let rounds = 0;
  while (running) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    const before = memtable.entries;
    const seen = forward(memtable);
    rounds++;
    if (seen.length < before) problems.push(`${seen.length} of ${before}`);
    seen.forEach(({ key, sequence, value }, i) => {
      if (Number.parseInt(key.toString(), 16) !== sequence - 1) problems.push(`key of ${sequence}`);
      if ((sequence - 1) % 10 !== 0 && value.toString() !== `value ${sequence - 1}`)
        problems.push(`value of ${sequence}`);
      if (i > 0 && seen[i - 1]!.sequence >= sequence) problems.push(`order at ${sequence}`);
    });
  }
  await stopped;
  expect(problems.slice(0, 5)).toEqual([]);
  expect(rounds).toBeGreaterThan(1);
  expect(faults(memtable, count)).toEqual([]);
});

// G31. Flushes and compactions in a worker thread: the same answers, bounded waits, and nothing left behind.

import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { WriteBatch } from "../../memtable/write-batch.ts";
import { Prng } from "../../util/prng.ts";
import { MemoryEnv } from "../../util/memory-env.ts";
import { open } from "../database.ts";
import { codeOf, entries, fill, filled, key, SMALL } from "../engine.test-support.ts";
import {
  drain,
  eventually,
  FaultyThreadEnv,
  openThreaded,
  storePath,
  tables,
  ThreadEnv,
  useScratch,
} from "./thread.test-support.ts";

useScratch();

test("random writes under snapshots read back as from a map, before and after compactions and a reopen", () => {
  const db = openThreaded({ paranoid: true });
  const random = new Prng(1);
  const model = new Map<string, string>();
  const frozen: { snapshot: ReturnType<typeof db.snapshot>; state: string[] }[] = [];
  const state = (): string[] => [...model].sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => `${k}=${v}`);
  for (let i = 0; i < 6_000; i++) {
    const name = key(random.next() % 400);
    if (random.next() % 4 === 0) {
      db.delete(name);
      model.delete(name);
    } else {
      db.put(name, `value ${i}`);
      model.set(name, `value ${i}`);
    }
    if (i % 1500 === 700) frozen.push({ snapshot: db.snapshot(), state: state() });
  }
  expect(db.options.background).toBe("thread");
  expect(db.stats().compactions).toBeGreaterThan(3);
  expect(entries(db)).toEqual(state());
  db.compactRange();
  expect(entries(db)).toEqual(state());
  for (const { snapshot, state } of frozen) {
    expect([...db.iterate({ snapshot })].map(([k, v]) => `${k.toString()}=${v.toString()}`)).toEqual(state);
    snapshot.close();
  }
  expect(db.verify().problems).toEqual([]);
  db.close();
  const again = openThreaded();
  expect(entries(again)).toEqual(state());
});

test("a loop that never returns to the event loop is flushed and compacted beside it, and level 0 stays bounded", () => {
  const db = openThreaded({ writeBufferSize: 16 << 10, targetFileSize: 16 << 10, maxBytesForLevelBase: 64 << 10 });
  const { level0StopWrites, maxWriteBufferNumber } = db.options;
  let most = 0;
  const end = Date.now() + 1_500;
  let writes = 0;
  for (; Date.now() < end; writes++) {
    db.put(key(writes % 5_000), Buffer.alloc(100, writes));
    if (writes % 50 === 0) most = Math.max(most, db.stats().levels[0]!.tables);
  }
  const { flushes, compactions, levels } = db.stats();
  expect(flushes).toBeGreaterThan(10);
  expect(compactions).toBeGreaterThan(3);
  expect(levels.slice(1).some(({ tables }) => tables > 0)).toBe(true);
  expect(most).toBeLessThanOrEqual(level0StopWrites + maxWriteBufferNumber);
});

test("writes that never have to wait begin jobs and commit them", () => {
  const db = openThreaded({ maxWriteBufferNumber: 16 });
  let ended = 0;
  db.on("flushEnd", () => ended++);
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const end = Date.now() + 10_000;
  for (let i = 0; ended < 3 && Date.now() < end; i++) {
    db.put(key(i), "value");
    Atomics.wait(pause, 0, 0, 1);
  }
  expect(ended).toBeGreaterThanOrEqual(3);
  expect(db.stats().stalls.count).toBe(0);
});

test("what is finished is committed for a caller that does nothing any more", async () => {
  const ended: string[] = [];
  const db = openThreaded();
  db.on("flushEnd", ({ outputs }) => ended.push(...outputs));
  fill(db, 120);
  await eventually(() => ended.length > 0, "a flush has ended");
  await eventually(() => db.stats().memtables.count === 1, "no memtable waits");
  expect(entries(db)).toEqual(filled(120));
});

test("flush() and compactRange() return when it is done, and tell of their progress", () => {
  const db = openThreaded();
  fill(db, 300);
  db.flush();
  expect(db.stats().memtables.entries).toBe(0);
  const told: [number, number][] = [];
  db.compactRange(undefined, undefined, (done, total) => told.push([done, total]));
  expect(told.length).toBeGreaterThan(0);
  expect(told.every(([done, total]) => done <= total)).toBe(true);
  const { levels } = db.stats();
  expect(levels.filter(({ tables }) => tables > 0)).toHaveLength(1);
  expect(levels[0]!.tables).toBe(0);
  expect(tables(db)).toEqual({ onDisk: tables(db).live, live: tables(db).live });
  expect(entries(db)).toEqual(filled(300));
});

test("close() in the middle of a job waits for the thread to let go, and its files are gone", () => {
  const env = new FaultyThreadEnv();
  const db = openThreaded({ env });
  // The thread is not ended by this close.
  const other = openThreaded({ env }, "other");
  fill(other, 100);
  other.flush();
  drain(other);
  env.set("slow", 100);
  fill(db, 100);
  env.untilWrites(1);
  while (env.writesUnderWay === 0);
  const { live } = tables(db);
  const begin = Date.now();
  db.close();
  expect(env.writesUnderWay).toBe(0);
  expect(Date.now() - begin).toBeLessThan(2_000);
  expect(readdirSync(storePath()).filter((name) => name.endsWith(".sst"))).toHaveLength(live);
  env.set("slow", 0);
  const again = openThreaded({ env });
  expect(entries(again)).toEqual(filled(100));
  again.flush();
  drain(again);
  expect(tables(again).onDisk).toBe(tables(again).live);
});

test("a flush goes ahead of a compaction that would take minutes", () => {
  const db = openThreaded({ compactionBytesPerSecond: 64 << 10, writeBufferSize: 64 << 10, targetFileSize: 1 << 20 });
  const value = Buffer.alloc(1_000, 1);
  for (let i = 0; i < 400; i++) db.put(key(i), value);
  db.flush();
  drainFlushes(db);
  expect(db.backgroundJobs().some(({ kind }) => kind === "compaction")).toBe(true);
  const running = db.stats().compactions;
  const begin = Date.now();
  db.put("z", "z");
  db.flush();
  expect(Date.now() - begin).toBeLessThan(1_000);
  expect(db.backgroundJobs().some(({ kind }) => kind === "compaction")).toBe(true);
  expect(db.stats().compactions - running).toBeLessThan(2);
});

function drainFlushes(db: ReturnType<typeof openThreaded>): void {
  while (db.backgroundJobs().some(({ kind }) => kind === "flush")) db.runBackgroundStep();
}

test("a flush that comes while a compaction runs has the thread to itself", () => {
  const env = new FaultyThreadEnv();
  const sizes = { writeBufferSize: 64 << 10, targetFileSize: 1 << 20, maxBytesForLevelBase: 1 << 20 };
  const db = openThreaded({ env, ...sizes, level0FileNumCompactionTrigger: 4 });
  const flushed = (): number => {
    for (let i = 0; i < 40; i++) db.put(key(i), Buffer.alloc(1_000, i));
    const { writes } = env;
    db.flush();
    return env.writes - writes;
  };
  const alone = [flushed(), flushed(), flushed()];
  env.set("slow", 3);
  flushed();
  db.backgroundJobs();
  const beside = flushed();
  expect(db.backgroundJobs().map(({ kind }) => kind)).toEqual(["compaction"]);
  expect(alone[2]).toBeGreaterThan(20);
  expect(beside).toBeLessThan(alone[2]! * 1.5);
  env.set("slow", 0);
});

test("compactionBytesPerSecond stretches a compaction to what it asks for", () => {
  const seconds = (rate: number): number => {
    const name = `rate-${rate}`;
    const sizes = { writeBufferSize: 64 << 10, targetFileSize: 64 << 10, blockSize: 4 << 10 };
    const manual = open(storePath(name), { ...SMALL, ...sizes, sync: false, background: "manual" });
    for (let i = 0; i < 600; i++) manual.put(key(i), Buffer.alloc(1_000, i));
    manual.flush();
    manual.close();
    const db = openThreaded({ ...sizes, compactionBytesPerSecond: rate }, name);
    const begin = Date.now();
    db.compactRange();
    const took = (Date.now() - begin) / 1000;
    db.close();
    return took;
  };
  const free = seconds(0);
  const slow = seconds(300_000);
  expect(slow).toBeGreaterThan(1.7);
  expect(slow).toBeLessThan(free + 6);
  expect(slow / free).toBeGreaterThan(2);
});

test("two stores share a thread, and the first to close leaves it to the other", () => {
  const env = new ThreadEnv();
  const one = openThreaded({ env }, "one");
  const two = openThreaded({ env }, "two");
  fill(one, 300);
  fill(two, 300, "w");
  one.flush();
  two.flush();
  one.close();
  fill(two, 300, "x");
  two.flush();
  expect(entries(two)).toEqual(filled(300, "x"));
});

test("a store without a worker, or with a comparator that names no module, works inline and says why, once", () => {
  const told: string[] = [];
  const logger = { info: (line: string) => told.push(line), warn: () => undefined, error: () => undefined };
  const memory = open("/db", { env: new MemoryEnv(), logger });
  expect(memory.options.background).toBe("inline");
  memory.close();
  const compare = (a: Uint8Array, b: Uint8Array): number => Buffer.compare(b, a);
  const db = openThreaded({ comparator: { name: "test.nameless", compare }, logger });
  expect(db.options.background).toBe("inline");
  fill(db, 200);
  expect(entries(db)).toEqual(filled(200).reverse());
  expect(told).toHaveLength(2);
  expect(told[0]).toMatch(/inline.*Env has no worker/);
  expect(told[1]).toMatch(/inline.*test\.nameless names no module/);
});

test("noSlowdown throws STALLED with nothing written, and the thread ends the stall", async () => {
  const env = new FaultyThreadEnv();
  const db = openThreaded({ env, noSlowdown: true, maxWriteBufferNumber: 2 });
  env.set("slow", 50);
  let written = 0;
  const code = ((): string | undefined => {
    for (; written < 10_000; written++) {
      const refused = codeOf(() => db.put(key(written), `v${written}`));
      if (refused !== undefined) return refused;
    }
    return undefined;
  })();
  expect(code).toBe("STALLED");
  expect(db.backgroundJobs().length).toBeGreaterThan(0);
  expect(entries(db)).toEqual(filled(written));
  env.set("slow", 0);
  await eventually(() => codeOf(() => db.put(key(written), `v${written}`)) === undefined, "a write is taken again");
  expect(entries(db)).toEqual(filled(written + 1));
});

test("a write that must stop names the job that ends its stall, and waits no longer than that", () => {
  const env = new FaultyThreadEnv();
  const db = openThreaded({ env, maxWriteBufferNumber: 2 });
  const begun: (number | undefined)[] = [];
  const ended: number[] = [];
  db.on("stallBegin", ({ job }) => begun.push(job));
  db.on("stallEnd", ({ milliseconds }) => ended.push(milliseconds));
  const flushes = new Set<number>();
  db.on("flushBegin", ({ job }) => flushes.add(job));
  env.set("slow", 10);
  fill(db, 200);
  env.set("slow", 0);
  expect(begun.length).toBeGreaterThan(0);
  expect(begun.every((job) => job !== undefined && flushes.has(job))).toBe(true);
  expect(ended.length).toBe(begun.length);
  expect(Math.max(...ended)).toBeLessThan(2_000);
  expect(db.stats().stalls.count).toBe(begun.length);
});

test("above the slow-down mark of level 0 writes are held back, visibly, and none by more than a millisecond", () => {
  const env = new ThreadEnv();
  const options = { level0SlowdownWrites: 3, level0StopWrites: 1_000, compactionBytesPerSecond: 64 << 10 };
  const db = openThreaded({ env, ...options, writeBufferSize: 64 << 10 });
  const value = Buffer.alloc(1_000, 1);
  for (let i = 0; i < 20_000 && env.sleeps.length < 20; i++) db.put(key(i % 1_000), value);
  const { delays, delayMilliseconds } = db.stats().stalls;
  expect(delays).toBeGreaterThan(0);
  expect(env.sleeps).toHaveLength(delays);
  expect(Math.max(...env.sleeps)).toBeLessThanOrEqual(1);
  expect(delayMilliseconds).toBeCloseTo(env.sleeps.reduce((sum, each) => sum + each, 0));
});

test("above that mark a batch is held back like the writes that it stands for, in parts of a millisecond", () => {
  const env = new ThreadEnv();
  const options = { level0SlowdownWrites: 3, level0StopWrites: 1_000, compactionBytesPerSecond: 64 << 10 };
  const db = openThreaded({ env, ...options, writeBufferSize: 64 << 10 });
  const value = Buffer.alloc(1_000, 1);
  let most = 0;
  for (let i = 0; i < 1_000 && most <= 1; i++) {
    const batch = new WriteBatch();
    for (let entry = 0; entry < 50; entry++) batch.put(key((i + entry) % 1_000), value);
    const before = env.sleeps.length;
    db.write(batch);
    most = env.sleeps.slice(before).reduce((sum, each) => sum + each, 0);
  }
  // Fifty kilobytes at sixteen megabytes a second.
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(50);
  expect(Math.max(...env.sleeps)).toBeLessThanOrEqual(1);
});

// A thread that is lost costs a store no more than it must: only the store whose step may still go on has failed. One
// store's comparator that did not load took all stores of the process with it, after ten seconds; a thread that could not
// start at all failed its store, again after each resume().

import { expect, test } from "vitest";
import { codeOf, entries, fill, filled, key } from "../engine.test-support.ts";
import {
  drain,
  eventually,
  FaultyThreadEnv,
  moduleOf,
  openThreaded,
  reverse,
  tables,
  ThreadEnv,
  useScratch,
  warnings,
} from "./thread.test-support.ts";

useScratch();

const FOREVER = `await new Promise(() => setInterval(() => undefined, 1000))`;
const BUILT_THREAD = new URL("../../../dist/src/util/worker-thread.js", import.meta.url).href;

const pause = (milliseconds: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
};

/** A compaction that rests most of the time. */
const RESTING = {
  compactionBytesPerSecond: 64 << 10,
  writeBufferSize: 64 << 10,
  targetFileSize: 1 << 20,
  maxBytesForLevelBase: 1 << 20,
  level0FileNumCompactionTrigger: 6,
};

/** Begins one, and comes back at the beginning of a rest of 300 milliseconds. */
function rest(db: ReturnType<typeof openThreaded>): void {
  for (let i = 0; i < 20; i++) db.put(key(i % 7), Buffer.alloc(20_000, i));
  db.flush();
  while (db.backgroundJobs().some(({ kind }) => kind === "flush")) db.runBackgroundStep();
  expect(db.backgroundJobs().map(({ kind }) => kind)).toEqual(["compaction"]);
  // Its first step is done, with an output open.
  const end = Date.now() + 5_000;
  while (tables(db).onDisk === tables(db).live && Date.now() < end) pause(5);
  expect(tables(db).onDisk).toBeGreaterThan(tables(db).live);
}

test("a comparator that does not load sends its own store inline after three seconds, and stops no other", () => {
  const env = new FaultyThreadEnv();
  const [mine, others] = [warnings(), warnings()];
  const other = openThreaded({ env, logger: others.logger }, "other");
  const db = openThreaded({ env, comparator: reverse(FOREVER), logger: mine.logger, maxWriteBufferNumber: 16 });
  fill(db, 100);
  const begin = Date.now();
  fill(other, 300);
  other.flush();
  drain(other);
  expect(Date.now() - begin).toBeLessThan(2_000);
  expect(mine.told).toEqual([]);
  db.flush();
  expect(Date.now() - begin).toBeGreaterThan(2_000);
  expect(Date.now() - begin).toBeLessThan(6_000);
  expect(mine.told).toEqual([expect.stringMatching(/"inline" in place.*has not loaded within 3 seconds/) as string]);
  fill(db, 100, "w");
  expect(entries(db)).toEqual(filled(100, "w").reverse());
  other.flush();
  expect(others.told).toEqual([]);
  expect([db.lastError, other.lastError]).toEqual([undefined, undefined]);
});

test("a comparator whose module never returns is blamed itself; a thread anew does the work of all others", async () => {
  const env = new FaultyThreadEnv();
  const [mine, others] = [warnings(), warnings()];
  const other = openThreaded({ env, ...RESTING, logger: others.logger }, "other");
  rest(other);
  let begun = 0;
  other.on("compactionBegin", () => begun++);
  const db = openThreaded({ env, comparator: reverse("for (;;)"), logger: mine.logger });
  fill(db, 20);
  env.haste = 20;
  db.flush();
  expect(mine.told).toEqual([
    expect.stringMatching(/"inline" in place.*while it loaded comparator test\.reverse.*10 seconds/) as string,
  ]);
  env.haste = 1;
  expect(entries(db)).toEqual(filled(20).reverse());
  await eventually(() => begun === 1, "the compaction is begun anew, unasked");
  other.put("z", "z");
  other.flush();
  expect(others.told).toEqual([]);
  expect([db.lastError, other.lastError]).toEqual([undefined, undefined]);
  expect(other.stats().failedJobs).toBe(0);
  other.close();
  expect(openThreaded({ env }, "other").verify().problems).toEqual([]);
});

test("of two stores the one whose step a thread died in has failed, and the other's compaction is done anew", async () => {
  const env = new FaultyThreadEnv();
  const other = openThreaded({ env, ...RESTING }, "other");
  // Opened before the rest begins: the next step is to be its own, on a slow machine too.
  const db = openThreaded({ env, maxWriteBufferNumber: 16 });
  rest(other);
  const { onDisk, live } = tables(other);
  let begun = 0;
  other.on("compactionBegin", () => begun++);
  env.set("exit", 1);
  fill(db, 100);
  await eventually(() => db.lastError !== undefined, "the death is noticed");
  expect(codeOf(() => db.put("a", "a"))).toBe("BACKGROUND_ERROR");
  await eventually(() => begun === 1, "the compaction is begun anew, unasked");
  expect(other.lastError).toBeUndefined();
  await eventually(() => tables(other).onDisk > live, "it has an output");
  expect(tables(other)).toEqual({ onDisk, live });
  db.resume();
  expect(entries(db)).toEqual(filled(100));
});

test("compactRange() whose thread is lost begins again, and returns when it is done", () => {
  const env = new FaultyThreadEnv();
  const sizes = { ...RESTING, level0FileNumCompactionTrigger: 100 };
  const db = openThreaded({ env, ...sizes, compactionBytesPerSecond: 200_000 });
  for (let i = 0; i < 12; i++) db.put(key(i), Buffer.alloc(20_000, 1));
  db.flush();
  const other = openThreaded({ env }, "other");
  let isBroken = false;
  let begun = 0;
  db.on("compactionBegin", () => begun++);
  db.compactRange(undefined, undefined, (done) => {
    // Just behind a step: the next one is behind a rest of a tenth of a second.
    if (done === 0 || isBroken) return;
    isBroken = true;
    env.set("hang", 1);
    fill(other, 20);
    env.haste = 20;
    codeOf(() => other.flush());
    env.haste = 1;
  });
  expect(begun).toBe(2);
  expect(db.lastError).toBeUndefined();
  expect(db.stats().levels[0]!.tables).toBe(0);
  expect(db.stats().compactions).toBe(1);
  expect(tables(db).onDisk).toBe(tables(db).live);
});

test("what a thread had said before it was lost is committed, and not done again", () => {
  const env = new FaultyThreadEnv();
  const db = openThreaded({ env, maxWriteBufferNumber: 16 });
  const other = openThreaded({ env }, "other");
  const flushes: string[] = [];
  db.on("flushBegin", () => flushes.push("begin"));
  db.on("flushEnd", ({ ok }) => flushes.push(ok ? "end" : "failed"));
  for (let i = 0; flushes.length === 0; i++) db.put(key(i), "value");
  for (let seen = -1; seen !== env.writes || env.writes === 0; pause(100)) seen = env.writes;
  expect(flushes).toEqual(["begin"]);
  env.set("hang", 1);
  fill(other, 20);
  env.haste = 20;
  expect(codeOf(() => other.flush())).toBe("BACKGROUND_ERROR");
  env.haste = 1;
  db.put("z", "z");
  expect(flushes.slice(0, 2)).toEqual(["begin", "end"]);
  expect(db.lastError).toBeUndefined();
  expect(tables(db).live).toBe(1);
});

test("a thread that does not start is given up after three seconds, and its store works inline", () => {
  const env = new ThreadEnv(moduleOf(`${FOREVER};`).href);
  const { told, logger } = warnings();
  const db = openThreaded({ env, logger });
  fill(db, 20);
  env.haste = 20;
  const begin = Date.now();
  db.flush();
  expect(Date.now() - begin).toBeLessThan(1_500);
  expect(told).toEqual([
    expect.stringMatching(/"inline" in place.*no thread can be started: .*not moved for 3 seconds/) as string,
  ]);
  fill(db, 300);
  expect(entries(db)).toEqual(filled(300));
  expect(db.lastError).toBeUndefined();
  expect(tables(db).onDisk).toBe(tables(db).live);
});

test("a thread that dies before it has started leaves its stores well, inline, and says why", async () => {
  const env = new ThreadEnv(moduleOf(`throw new Error("no such luck");`).href);
  const { told, logger } = warnings();
  const db = openThreaded({ env, logger, maxWriteBufferNumber: 16 });
  fill(db, 100);
  await eventually(() => told.length > 0, "it is told");
  expect(told).toEqual([expect.stringMatching(/no thread can be started: no such luck/) as string]);
  db.flush();
  expect(entries(db)).toEqual(filled(100));
  expect(db.lastError).toBeUndefined();
});

test("threads that start and die one after the other, with nothing done, are not tried for ever", async () => {
  const text = [
    `import { ThreadSelf } from ${JSON.stringify(BUILT_THREAD)};`,
    `new ThreadSelf().listen(() => process.exit(5));`,
  ];
  const env = new ThreadEnv(moduleOf(text.join("\n")).href);
  const { told, logger } = warnings();
  const db = openThreaded({ env, logger, maxWriteBufferNumber: 16 });
  let begun = 0;
  db.on("flushBegin", () => begun++);
  fill(db, 100);
  await eventually(() => told.length > 0, "it is told");
  expect(told).toEqual([expect.stringMatching(/one thread after the other is lost: .*code 5/) as string]);
  expect(begun).toBe(2);
  db.flush();
  expect(entries(db)).toEqual(filled(100));
  expect(db.lastError).toBeUndefined();
});

test("a comparator that throws in the thread is an error of its own store's job, and of nothing else", () => {
  const env = new FaultyThreadEnv();
  const text = `export default { name: "test.reverse", compare() { throw new Error("no order here"); } };`;
  const db = openThreaded({ env, comparator: { ...reverse(), module: moduleOf(text) } });
  const other = openThreaded({ env }, "other");
  const told: [string, boolean][] = [];
  db.on("backgroundError", ({ error, forGood }) => told.push([error.message, forGood]));
  other.on("backgroundError", ({ error }) => told.push([error.message, true]));
  fill(other, 20);
  fill(db, 20);
  expect(codeOf(() => db.flush())).toBe("IO_ERROR");
  other.flush();
  expect(told[0]).toEqual([expect.stringMatching(/no order here/) as string, false]);
  db.put("z", "z");
  expect(entries(db)).toEqual(["z=z", ...filled(20).reverse()]);
  expect(tables(db)).toEqual({ onDisk: 0, live: 0 });
  expect(other.lastError).toBeUndefined();
  expect(tables(other).live).toBe(1);
});

test("a comparator that throws where a turn of the event loop looks for work is told, and ends no process", async () => {
  const env = new FaultyThreadEnv();
  let isBroken = false;
  const compare = (a: Uint8Array, b: Uint8Array): number => {
    if (isBroken) throw new Error("no order today");
    return Buffer.compare(b, a);
  };
  const db = openThreaded({ env, comparator: { ...reverse(), compare }, maxWriteBufferNumber: 16 });
  const told: string[] = [];
  db.on("backgroundError", ({ error }) => told.push(error.message));
  fill(db, 20);
  db.flush();
  // No job can end while the store is filled.
  env.set("slow", 200);
  fill(db, 100);
  // Nothing is compared between this and the choice of a compaction.
  env.onCommit = () => (isBroken = true);
  env.set("slow", 0);
  await eventually(() => told.length > 0, "the failure is told");
  isBroken = false;
  env.onCommit = () => undefined;
  // Perhaps by more than one turn.
  expect(told[0]).toMatch(/no order today/);
  db.flush();
  expect(entries(db)).toEqual(filled(100).reverse());
});

test("a directory that the thread cannot open to sync it fails the job alone", () => {
  const env = new FaultyThreadEnv();
  const db = openThreaded({ env });
  fill(db, 5);
  env.set("noDescriptor", 1);
  expect(codeOf(() => db.flush())).toBe("IO_ERROR");
  db.put("z", "z");
  db.flush();
  expect(entries(db)).toEqual([...filled(5), "z=z"]);
  expect(tables(db)).toEqual({ onDisk: 2, live: 2 });
});

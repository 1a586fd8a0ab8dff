// G31. A worker thread that fails, falls silent or dies: what its store says, and how it goes on.

import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { TinyKVError } from "../../common/errors.ts";
import { codeOf, entries, fill, filled, key, thrown } from "../engine.test-support.ts";
import {
  drain,
  eventually,
  FaultyThreadEnv,
  openThreaded,
  reverse as reverseIn,
  tables,
  useScratch,
} from "./thread.test-support.ts";

useScratch();

const reverse = reverseIn();

/** A memtable of two kilobytes makes a table of five blocks, and five more writes end it. */
const WRITES_OF_A_FLUSH = 10;
/** Milliseconds a write, so that what comes after the second of them can be seen to stop. */
const SLOW = 150;

test("no space in the thread is the job's failure, as it is inline: the store stays well and nothing is left", () => {
  const env = new FaultyThreadEnv();
  const db = openThreaded({ env });
  fill(db, 20);
  env.set("noSpace", 1);
  expect(codeOf(() => db.flush())).toBe("NO_SPACE");
  expect((db.lastError!.cause as { code?: string }).code).toBe("ENOSPC");
  expect(tables(db)).toEqual({ onDisk: 0, live: 0 });
  db.put("more", "more");
  db.flush();
  expect(db.stats().failedJobs).toBe(1);
  expect(tables(db)).toEqual({ onDisk: 2, live: 2 });
  expect(entries(db)).toEqual([...filled(20), "more=more"]);
});

test("a directory that cannot be synced in the thread fails the store for good; a reopen finds everything", () => {
  const env = new FaultyThreadEnv();
  const db = openThreaded({ env });
  fill(db, 20);
  env.set("directorySync", 1);
  expect(codeOf(() => db.flush())).toBe("BACKGROUND_ERROR");
  expect(codeOf(() => db.put("a", "a"))).toBe("BACKGROUND_ERROR");
  expect(codeOf(() => db.resume())).toBe("BACKGROUND_ERROR");
  db.close();
  const again = openThreaded({ env });
  expect(entries(again)).toEqual(filled(20));
});

test("a thread that dies in the middle of a job fails the store; resume() mends it, with a new thread", async () => {
  const env = new FaultyThreadEnv();
  const db = openThreaded({ env });
  const told: boolean[] = [];
  db.on("backgroundError", ({ forGood }) => told.push(forGood));
  env.set("exit", 1);
  fill(db, 100);
  await eventually(() => db.lastError !== undefined, "the death is noticed");
  expect(told).toEqual([false]);
  expect(db.lastError!.message).toMatch(/worker thread is lost.*ended with code 3/);
  expect(codeOf(() => db.put("refused", "refused"))).toBe("BACKGROUND_ERROR");
  expect(entries(db)).toEqual(filled(100));
  db.resume();
  expect(db.lastError).toBeUndefined();
  fill(db, 200, "w");
  db.flush();
  drain(db);
  expect(entries(db)).toEqual(filled(200, "w"));
  expect(tables(db).onDisk).toBe(tables(db).live);
  expect(db.verify().problems).toEqual([]);
});

test("a silent thread is given up after ten seconds: no call hangs, and close() gives up the lock", () => {
  const env = new FaultyThreadEnv();
  const db = openThreaded({ env });
  fill(db, 20);
  db.flush();
  fill(db, 20);
  env.set("hang", 1);
  env.haste = 20;
  const begin = Date.now();
  expect(codeOf(() => db.flush())).toBe("BACKGROUND_ERROR");
  expect(db.lastError!.message).toMatch(/has not moved for 10 seconds/);
  expect(Date.now() - begin).toBeLessThan(5_000);
  expect(codeOf(() => db.put("a", "a"))).toBe("BACKGROUND_ERROR");
  db.resume();
  db.put("after", "after");
  db.flush();
  db.close();
  const again = openThreaded({ env });
  expect(entries(again)).toEqual(["after=after", ...filled(20)]);
});

test("it takes ten seconds of a clock that somebody looks at: a process that slept finds its thread alive", () => {
  const env = new FaultyThreadEnv();
  const db = openThreaded({ env, maxWriteBufferNumber: 16 });
  env.set("slow", 400);
  fill(db, 120);
  while (env.writesUnderWay === 0);
  db.put("before", "a leap");
  env.haste = 1.5; // the clock leaps ahead by decades, once, while the thread is in the middle of one write
  db.put("after", "a leap");
  expect(db.lastError).toBeUndefined();
  env.set("slow", 0);
  db.flush();
  expect(db.lastError).toBeUndefined();
});

test("close() beside a silent thread is bounded too", () => {
  const env = new FaultyThreadEnv();
  const db = openThreaded({ env, maxWriteBufferNumber: 16 });
  env.set("hang", 1);
  fill(db, 100);
  env.untilWrites(1);
  env.haste = 20;
  const begin = Date.now();
  db.close();
  expect(Date.now() - begin).toBeLessThan(5_000);
  expect(entries(openThreaded({ env }))).toEqual(filled(100));
});

test("a failed log makes the thread stop, and resume() leaves none of its files", async () => {
  const env = new FaultyThreadEnv();
  const db = openThreaded({ env });
  env.set("slow", SLOW);
  fill(db, 100);
  env.untilWrites(2);
  env.failLogs = true;
  expect(codeOf(() => db.put("lost", "lost", { sync: true }))).toBe("IO_ERROR");
  env.failLogs = false;
  await new Promise((resolve) => setTimeout(resolve, WRITES_OF_A_FLUSH * SLOW));
  expect(env.writes).toBeLessThan(WRITES_OF_A_FLUSH);
  env.set("slow", 0);
  expect(codeOf(() => db.put("a", "a"))).toBe("BACKGROUND_ERROR");
  db.resume();
  db.put("b", "b");
  db.flush();
  drain(db);
  expect(tables(db).onDisk).toBe(tables(db).live);
  expect(entries(db).filter((entry) => entry.startsWith("key"))).toEqual(filled(100));
});

test("a comparator is loaded from its module, and orders what the thread writes", () => {
  const db = openThreaded({ comparator: reverse });
  fill(db, 300);
  db.flush();
  db.compactRange();
  expect(db.options.background).toBe("thread");
  expect(db.stats().compactions).toBeGreaterThan(0);
  expect(entries(db)).toEqual(filled(300).reverse());
  expect(db.verify().problems).toEqual([]);
});

test("a module that is no such comparator sends the store's work back inline, with nothing lost", () => {
  const told: string[] = [];
  const logger = { info: () => undefined, warn: (line: string) => told.push(line), error: () => undefined };
  const comparator = { ...reverse, name: "test.another" };
  const db = openThreaded({ comparator, logger });
  fill(db, 300);
  db.flush();
  expect(told).toEqual([
    expect.stringMatching(/"inline" in place of "thread".*not the comparator test\.another/) as string,
  ]);
  db.compactRange();
  expect(entries(db)).toEqual(filled(300).reverse());
  expect(db.lastError).toBeUndefined();
  expect(tables(db).onDisk).toBe(tables(db).live);
});

test("an error of the thread keeps its code, its message and its cause", () => {
  const env = new FaultyThreadEnv();
  const db = openThreaded({ env });
  fill(db, 20);
  env.set("noSpace", 1);
  const error = thrown(() => db.flush()) as TinyKVError;
  expect(error).toBeInstanceOf(TinyKVError);
  expect(error.message).toMatch(/write \d+\.sst: ENOSPC/);
  expect(key(0)).toBe("key0000");
  expect(readdirSync(db.path).some((name) => name.endsWith(".sst"))).toBe(false);
});

test("a comparator that throws while nobody calls is told as a failure, and ends no process", async () => {
  let isBroken = false;
  const compare = (a: Uint8Array, b: Uint8Array): number => {
    if (isBroken) throw new Error("no order today");
    return Buffer.compare(b, a);
  };
  const env = new FaultyThreadEnv();
  const db = openThreaded({ env, comparator: { ...reverse, compare }, maxWriteBufferNumber: 16 });
  // No job can end while the store is filled.
  env.set("slow", 200);
  const told: string[] = [];
  db.on("backgroundError", ({ error }) => told.push(error.message));
  fill(db, 400);
  isBroken = true;
  env.set("slow", 0);
  await eventually(() => told.length > 0, "the failure is told");
  isBroken = false;
  expect(told[0]).toMatch(/no order today/);
  db.flush();
  expect(entries(db)).toEqual(filled(400).reverse());
});

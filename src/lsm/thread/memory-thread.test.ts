// The worker thread reads the memory of memtables: what it has, or may still have, serves no other memtable.

import { expect, test } from "vitest";
import { Prng } from "../../util/prng.ts";
import type { Database } from "../database.ts";
import { codeOf, entries, fill, filled, key, SMALL } from "../engine.test-support.ts";
import { watchReservedMemory } from "../reserved-memory.test-support.ts";
import { drain, eventually, FaultyThreadEnv, openThreaded, tables, useScratch } from "./thread.test-support.ts";

useScratch();

const reserved = watchReservedMemory(SMALL.writeBufferSize!);

/** Memtables that may wait, the one written to, and one more when flush() or resume() begins another, whatever waits. */
const MOST = 4;

/** Uses the memory of the store several times over. */
function churn(db: Database): void {
  for (let round = 0; round < 12; round++) fill(db, 60, `churn ${round} `);
  db.flush();
}

function bytesOf(memory: SharedArrayBuffer): Buffer {
  return Buffer.from(Buffer.from(memory));
}

test("a store with a thread makes do with as many memories as there may be memtables", () => {
  const db = openThreaded({ maxWriteBufferNumber: 3 });
  for (let round = 0; round < 60; round++) fill(db, 60, `${round} `);
  db.flush();
  expect(db.stats().flushes).toBeGreaterThan(50);
  // Not at once: where the thread keeps up for a while one goes unused, and another comes when it does not.
  expect(reserved.length).toBeLessThanOrEqual(2 * MOST);
  expect(entries(db)).toEqual(filled(60, "59 "));
  expect(db.verify().problems).toEqual([]);
});

test("what a slow flush reads is left alone while iterations begin, end and read beside it", () => {
  const env = new FaultyThreadEnv();
  const db = openThreaded({ env, maxWriteBufferNumber: 3 });
  env.set("slow", 2);
  const random = new Prng(7);
  const readers: { iteration: ReturnType<Database["iterate"]>; expected: string[] }[] = [];
  for (let round = 0; round < 30; round++) {
    fill(db, 40, `${round} `);
    readers.push({ iteration: db.iterate(), expected: filled(40, `${round} `) });
    if (readers.length < 4) continue;
    const [{ iteration, expected }] = readers.splice(random.next() % readers.length, 1) as [(typeof readers)[number]];
    expect([...iteration].map(([k, v]) => `${k.toString()}=${v.toString()}`)).toEqual(expected);
  }
  env.set("slow", 0);
  db.flush();
  drain(db);
  expect(reserved.length).toBeLessThan(db.stats().flushes);
  expect(db.verify().problems).toEqual([]);
  expect(entries(db)).toEqual(filled(40, "29 "));
});

test.each(["hang", "exit"] as const)("a lost thread (%s) keeps what it was given, for ever", async (fault) => {
  const env = new FaultyThreadEnv();
  // The thread has begun before the clock is made faster: one that is slow to begin is given up, which is another case.
  const other = openThreaded({ env }, "other");
  fill(other, 20);
  other.flush();
  const others = reserved.length;
  const db = openThreaded({ env });
  fill(db, 20);
  const given = reserved[others];
  const before = bytesOf(given!);
  env.set(fault, 1);
  env.haste = 20;
  expect(codeOf(() => db.flush())).toBe("BACKGROUND_ERROR");
  await eventually(() => db.lastError !== undefined, "the loss is noticed");
  env.haste = 1;
  db.resume();
  churn(db);
  churn(db);
  expect(reserved.length).toBeGreaterThan(others + 1);
  expect(bytesOf(given!).equals(before)).toBe(true);
  drain(db);
  expect(tables(db).onDisk).toBe(tables(db).live);
  expect(entries(db)).toEqual(filled(60, "churn 11 "));
});

test("an abandoned job's memory serves again once the thread has said that it ended", () => {
  const env = new FaultyThreadEnv();
  const db = openThreaded({ env, maxWriteBufferNumber: 3 });
  env.set("slow", 20);
  fill(db, 100);
  env.untilWrites(2);
  env.failLogs = true;
  expect(codeOf(() => db.put("lost", "lost", { sync: true }))).toBe("IO_ERROR");
  env.failLogs = false;
  db.resume();
  env.set("slow", 0);
  churn(db);
  expect(reserved.length).toBeLessThanOrEqual(MOST + 1);
  drain(db);
  expect(tables(db).onDisk).toBe(tables(db).live);
  expect(entries(db)).toEqual(filled(100).map((entry, i) => (i < 60 ? filled(60, "churn 11 ")[i]! : entry)));
  expect(db.verify().problems).toEqual([]);
});

test("a job that failed in the thread gives its memory back with the next flush", () => {
  const env = new FaultyThreadEnv();
  const db = openThreaded({ env });
  fill(db, 20);
  env.set("noSpace", 1);
  expect(codeOf(() => db.flush())).toBe("NO_SPACE");
  churn(db);
  expect(reserved.length).toBeLessThanOrEqual(MOST);
  expect(entries(db)).toEqual(filled(60, "churn 11 "));
});

test("a thread that cannot do a store's work leaves its memory to the store", () => {
  const comparator = { name: "test.none", compare: Buffer.compare, module: new URL("data:text/javascript,") };
  const db = openThreaded({ comparator });
  churn(db);
  churn(db);
  expect(reserved.length).toBeLessThanOrEqual(MOST + 1);
  expect(db.stats().flushes).toBeGreaterThan(10);
  expect(db.get(key(5))!.toString()).toBe("churn 11 5");
});

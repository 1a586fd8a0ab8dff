// The entry point of the children: `child-main.js load|check|repair PLAN`.

import { readdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { open, repair, WriteBatch, type Database } from "tinykv";
import { peakKiB, say, type LevelZero, type Role } from "./messages.ts";
import { fillValue, indexOf, keyOf, type Plan } from "./plan.ts";

/** Long enough that only the parent's SIGKILL ends the wait. */
const WAIT_FOR_DEATH_MILLISECONDS = 600_000;

/** Writes everything, tells of each batch, and waits to be killed: no close, no sync. */
function load(plan: Plan): void {
  const db = open(plan.directory, { errorIfExists: true });
  const value = Buffer.alloc(plan.valueBytes);
  const batch = new WriteBatch();
  for (let index = 0; index < plan.entries;) {
    const end = Math.min(plan.entries, index + plan.batchEntries);
    for (; index < end; index++) {
      fillValue(value, index);
      batch.put(keyOf(index), value);
    }
    db.write(batch, { sync: false });
    batch.clear();
    if (end === plan.entries) say({ kind: "loaded", stats: db.stats(), peakKiB: peakKiB() });
    say({ kind: "acknowledged", written: end });
  }
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_FOR_DEATH_MILLISECONDS);
}

/** Reads everything back in a process of its own; throws what is wrong. */
function check(plan: Plan): void {
  const db = timed("reopen", () => open(plan.directory, { createIfMissing: false }));
  timed("get every key", () => getAll(db, plan));
  timed("scan", () => scanAll(db, plan));
  const before = levelZero(db);
  timed("compactRange", () => db.compactRange());
  const after = levelZero(db);
  if (after.tables >= before.tables) {
    throw new Error(`level 0 had ${before.tables} tables before compactRange and ${after.tables} after it`);
  }
  timed("scan, compacted", () => scanAll(db, plan));
  timed("close", () => db.close());
  say({ kind: "checked", before, after, peakKiB: peakKiB() });
}

/** Takes away what names the tables, and reads everything back from what repair makes of them and of the logs. */
function repairAndCheck(plan: Plan): void {
  for (const name of readdirSync(plan.directory)) {
    if (name === "CURRENT" || name.startsWith("MANIFEST-")) unlinkSync(join(plan.directory, name));
  }
  const { lost, files, entries } = timed("repair without CURRENT", () => repair(plan.directory));
  // A table that the kill cut short cannot be told from one that was cut later: that much may be named.
  const whole = new Set(files.filter(({ state }) => state === "whole").map(({ file }) => file));
  const untrue = lost.filter(({ file }) => whole.has(file) || !file.endsWith(".sst"));
  if (untrue.length > 0 || entries !== plan.entries) {
    throw new Error(`repair brought ${entries} entries of ${plan.entries} back: ${JSON.stringify(untrue)}`);
  }
  const db = timed("reopen, repaired", () => open(plan.directory, { createIfMissing: false }));
  timed("get every key, repaired", () => getAll(db, plan));
  timed("scan, repaired", () => scanAll(db, plan));
  db.close();
  say({ kind: "repaired", doubtful: lost.length, peakKiB: peakKiB() });
}

function getAll(db: Database, { entries, valueBytes }: Plan): void {
  const expected = Buffer.alloc(valueBytes);
  for (let index = 0; index < entries; index++) {
    const value = db.get(keyOf(index), { fillCache: true });
    if (value === undefined) throw new Error(`entry ${index} of ${entries} is gone`);
    fillValue(expected, index);
    if (!expected.equals(value)) throw new Error(`entry ${index} of ${entries} has another value`);
  }
}

function scanAll(db: Database, { entries, valueBytes }: Plan): void {
  const expected = Buffer.alloc(valueBytes);
  let last: Buffer | undefined;
  let count = 0;
  for (const [key, value] of db.iterate({ fillCache: false })) {
    const index = indexOf(key);
    if (!keyOf(index).equals(key)) throw new Error(`a key that was never written: ${key.toString("hex")}`);
    if (last && last.compare(key) >= 0) throw new Error(`a scan is out of order at entry ${index}`);
    fillValue(expected, index);
    if (!expected.equals(value)) throw new Error(`a scan finds another value in entry ${index}`);
    last = key;
    count++;
  }
  if (count !== entries) throw new Error(`a scan finds ${count} entries of ${entries}`);
}

function levelZero(db: Database): LevelZero {
  const { levels } = db.stats();
  return { tables: levels[0]?.tables ?? 0, bytes: levels.reduce((sum, level) => sum + level.bytes, 0) };
}

function timed<T>(name: string, action: () => T): T {
  const start = performance.now();
  const result = action();
  say({ kind: "phase", name, seconds: (performance.now() - start) / 1000 });
  return result;
}

const plan = JSON.parse(process.argv[3] ?? "") as Plan;
const roles: Record<Role, (plan: Plan) => void> = { load, check, repair: repairAndCheck };
roles[process.argv[2] as Role](plan);

// Every event fires when it should, listeners may do as they like, and every number of stats() moves when it should.

import { expect, test } from "vitest";
import { WriteBatch } from "../memtable/write-batch.ts";
import { open, type Database } from "./database.ts";
import type { EventName, Events, Listeners } from "./events.ts";
import {
  PATH,
  SMALL,
  codeOf,
  damage,
  entries,
  fill,
  filled,
  key,
  names,
  namesLike,
  openSmall,
} from "./engine.test-support.ts";
import type { Stats } from "./stats.ts";

const EVENTS: readonly EventName[] = [
  "flushBegin",
  "flushEnd",
  "compactionBegin",
  "compactionEnd",
  "tableCreated",
  "tableDeleted",
  "logCreated",
  "logDeleted",
  "manifestCreated",
  "stallBegin",
  "stallEnd",
  "backgroundError",
  "corruption",
  "walRecovered",
];

type Told = { [Name in EventName]: Events[Name][] };

function recorder(): { told: Told; listeners: Listeners } {
  const told = Object.fromEntries(EVENTS.map((name) => [name, []])) as unknown as Told;
  const listeners = Object.fromEntries(
    EVENTS.map((name) => [name, (event: never) => void (told[name] as unknown[]).push(event)]),
  ) as Listeners;
  return { told, listeners };
}

test("what happens inside open() is told to the listeners given to it", () => {
  const { told, listeners } = recorder();
  const { db, env } = openSmall({ listeners });
  expect(told.manifestCreated).toEqual([{ file: "MANIFEST-000001" }]);
  expect(told.logCreated).toEqual([{ file: "000002.log", recycled: false }]);
  db.put("a", "1");
  db.close();
  const again = recorder();
  open(PATH, { ...SMALL, env, listeners: again.listeners });
  expect(again.told.walRecovered).toEqual([{ file: "000002.log", records: 1, bytes: 17, tornBytes: 0 }]);
});

test("a flush tells its begin, its table, the end of its log and its end, in this order", () => {
  const { db } = openSmall({ walRecycle: false });
  const order: string[] = [];
  for (const name of EVENTS) db.on(name, () => void order.push(name));
  fill(db, 3);
  db.flush();
  expect(order).toEqual(["logCreated", "flushBegin", "tableCreated", "logDeleted", "flushEnd"]);
});

test("flush events say how much, compaction events say what went in and what came out", () => {
  const { told, listeners } = recorder();
  const { db, env } = openSmall({ listeners, level0FileNumCompactionTrigger: 100 });
  fill(db, 20);
  db.flush();
  expect(told.flushBegin).toEqual([{ job: 1, entries: 20, bytes: expect.any(Number) }]);
  const [created] = told.tableCreated;
  expect(created).toMatchObject({ level: 0, entries: 20, size: env.stat(`${PATH}/${created!.file}`).size });
  expect(told.flushEnd[0]).toMatchObject({ job: 1, ok: true, outputs: [created!.file], entriesIn: 20, entriesOut: 20 });
  expect(told.flushEnd[0]!.bytesWritten).toBe(created!.size);
  fill(db, 20, "w");
  db.compactRange();
  const inputs = told.compactionBegin[0]!.inputs;
  expect(inputs.map(({ level }) => level)).toEqual([0, 0]);
  expect(told.compactionBegin[0]).toMatchObject({ reason: "range", outputLevel: 6 });
  expect(told.compactionEnd[0]).toMatchObject({ ok: true, entriesIn: 40, entriesOut: 20, error: undefined });
  expect(told.compactionEnd[0]!.outputs).toEqual(namesLike(env, ".sst"));
  expect(told.tableDeleted.map(({ file }) => file).sort()).toEqual(inputs.map(({ file }) => file).sort());
});

test("stalls, failures and damage are told", () => {
  const { told, listeners } = recorder();
  const { db, env } = openSmall({ listeners, maxWriteBufferNumber: 1, background: "manual" });
  fill(db, 60);
  expect(told.stallBegin[0]).toEqual({ cause: "memtables", job: 1 });
  expect(told.stallEnd[0]).toMatchObject({ cause: "memtables", job: 1, milliseconds: expect.any(Number) });
  damage(env, `${PATH}/${namesLike(env, ".sst")[0]}`, 20);
  expect(db.verify().ok).toBe(false);
  expect(told.corruption[0]).toMatchObject({ file: namesLike(env, ".sst")[0], offset: expect.any(Number) });
  env.fail(({ kind, file }) => kind === "sync" && file.endsWith(".log"), "EIO", 1);
  expect(codeOf(() => db.put("x", "1"))).toBe("IO_ERROR");
  expect(told.backgroundError).toEqual([{ error: db.lastError, forGood: true }]);
});

test("a level 0 that is too deep stalls a write until it was compacted", () => {
  const { told, listeners } = recorder();
  const { db } = openSmall({ listeners, background: "manual", level0StopWrites: 3, maxWriteBufferNumber: 4 });
  for (let i = 0; i < 6; i++) {
    fill(db, 2, `t${i}`);
    if (db.stats().levels[0]!.tables < 3) db.flush();
  }
  fill(db, 200, "v");
  expect(told.stallBegin.map(({ cause }) => cause)).toContain("level0");
  expect(told.stallEnd.length).toBe(told.stallBegin.length);
  expect(db.stats().levels[0]!.tables).toBeLessThanOrEqual(3);
});

test("a listener that throws is logged and harms nobody; off() ends it", () => {
  const lines: string[] = [];
  const logger = { error: (line: string) => void lines.push(line), warn: () => undefined, info: () => undefined };
  const { db } = openSmall({ logger: { ...logger, debug: () => undefined } as never });
  let calls = 0;
  const listener = (): void => {
    calls++;
    throw new Error("listener");
  };
  let others = 0;
  db.on("flushEnd", listener).on("flushEnd", () => void others++);
  db.put("a", "1");
  db.flush();
  expect({ calls, others }).toEqual({ calls: 1, others: 1 });
  expect(lines.some((line) => line.includes("flushEnd") && line.includes("listener"))).toBe(true);
  db.off("flushEnd", listener);
  db.put("a", "2");
  db.flush();
  expect({ calls, others }).toEqual({ calls: 1, others: 2 });
});

test("a listener may write to the database, flush it, compact it and close it", () => {
  for (const action of [
    (db: Database) => db.put("from-listener", "1"),
    (db: Database) => db.write(new WriteBatch().put("from-listener", "1").put("big", "x".repeat(3000))),
    (db: Database) => (db.put("from-listener", "1"), db.flush()),
    (db: Database) => (db.put("from-listener", "1"), db.compactRange()),
    (db: Database) => (db.put("from-listener", "1"), db.close()),
  ]) {
    for (const event of ["flushBegin", "flushEnd", "tableCreated", "logCreated", "compactionEnd"] as const) {
      const { db, env } = openSmall();
      let called = false;
      db.on(event, () => {
        if (called) return;
        called = true;
        action(db);
      });
      fill(db, 20);
      db.flush();
      if (db.isOpen) db.compactRange();
      expect(called).toBe(true);
      db.close();
      const again = open(PATH, { ...SMALL, env });
      expect(again.get("from-listener")?.toString()).toBe("1");
      expect(entries(again)).toEqual(expect.arrayContaining(filled(20)));
      expect(again.verify().problems).toEqual([]);
      again.close();
      expect(env.openHandles).toBe(0);
    }
  }
});

/** stats() as a flat list of paths and values. */
function flat(value: unknown, path = ""): [string, unknown][] {
  if (typeof value !== "object") return [[path, value]];
  if (Array.isArray(value) && path.endsWith(".jobs")) return [[path, value.length]];
  return Object.entries(value as object).flatMap(([name, each]) => flat(each, `${path}.${name}`));
}

test("every field of stats() changes when what it counts happens", () => {
  const { db, env } = openSmall({
    background: "manual",
    maxWriteBufferNumber: 2,
    blockCacheSize: 2000,
    maxManifestFileSize: 1,
    numLevels: 3,
    maxBytesForLevelBase: 256,
  });
  const seen = new Map<string, Set<unknown>>();
  const look = (stats: Stats): void => {
    for (const [path, value] of flat(stats)) seen.set(path, (seen.get(path) ?? new Set()).add(value));
  };
  look(db.stats());
  fill(db, 150);
  look(db.stats());
  const early = db.snapshot();
  for (let i = 0; i < 150; i += 2) db.delete(key(i));
  look(db.stats());
  const snapshot = db.snapshot();
  const cursor = db.cursor();
  for (let step = 0; step < 300 && db.runBackgroundStep(); step++) look(db.stats());
  for (let i = 0; i < 150; i++) db.get(key(i));
  look(db.stats());
  env.fail(({ kind, file }) => kind === "write" && file.endsWith(".sst"), "EIO", 1);
  db.put("a", "1");
  expect(codeOf(() => db.flush())).toBe("IO_ERROR");
  db.compactRange(key(10), key(40));
  look(db.stats());
  db.compactRange();
  look(db.stats());
  for (const each of [early, snapshot, cursor]) each.close();
  for (let round = 0; round < 3; round++) {
    fill(db, 150, `w${round}`);
    for (let step = 0; step < 300 && db.runBackgroundStep(); step++) look(db.stats());
  }
  db.compactRange();
  look(db.stats());
  db.close();
  const again = open(PATH, { ...SMALL, env, numLevels: 3 });
  fill(again, 5, "x");
  again.close();
  damage(env, `${PATH}/${namesLike(env, ".log").at(-1)}`, 150);
  const salvaged = open(PATH, { ...SMALL, env, numLevels: 3, blockCacheSize: 1, walRecoveryMode: "skipCorrupted" });
  look(salvaged.stats());
  const constant = [...seen].filter(([, values]) => values.size < 2).map(([name]) => name);
  // What never changes, what only a level between others has, and what only a worker thread makes writes wait for.
  const levels = [".levels.0.level", ".levels.0.readBytes", ".levels.1.level", ".levels.2.level", ".levels.2.score"];
  expect(constant.sort()).toEqual([...levels, ".stalls.delays", ".stalls.delayMilliseconds"].sort());
});

test("stats() agrees with what is on the disk", () => {
  const { db, env } = openSmall();
  fill(db, 200);
  for (let i = 0; i < 20; i++) db.delete(key(i));
  db.flush();
  db.put("z", "1");
  const stats = db.stats();
  const sizes = (end: string): number[] => namesLike(env, end).map((name) => env.stat(`${PATH}/${name}`).size);
  const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
  expect(sum(stats.levels.map(({ bytes }) => bytes))).toBe(sum(sizes(".sst")));
  expect(sum(stats.levels.map(({ tables }) => tables))).toBe(sizes(".sst").length);
  expect(stats.logs).toMatchObject({ count: 1, waiting: namesLike(env, ".log").length === 2 });
  expect(stats.manifest.bytes).toBe(
    sum(
      names(env)
        .filter((name) => name.startsWith("MANIFEST"))
        .map((name) => env.stat(`${PATH}/${name}`).size),
    ),
  );
  expect(stats.writes).toMatchObject({ batches: 221, entries: 221, syncs: 221 });
  expect(stats.lastSequence).toBe(221);
  expect(stats.tombstones).toBe(sum(stats.levels.map(({ tombstones }) => tombstones)));
  expect(stats.memtables).toMatchObject({ count: 1, entries: 1 });
  expect(stats.writeAmplification).toBeGreaterThan(1);
  expect(stats.readAmplification).toBe(0);
  for (let i = 0; i < 40; i++) db.get(key(i));
  expect(db.stats().reads).toMatchObject({ gets: 40, found: 20 });
});

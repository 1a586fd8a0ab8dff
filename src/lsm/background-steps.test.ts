// background: "manual", stalls under noSlowdown, and what snapshots keep.

import { expect, test } from "vitest";
import { WriteBatch } from "../memtable/write-batch.ts";
import { open, type Database } from "./database.ts";
import { PATH, SMALL, codeOf, entries, fill, filled, image, key, openSmall } from "./engine.test-support.ts";
import type { Snapshot } from "./snapshots.ts";

function settle(db: Database): number {
  let steps = 0;
  while (db.runBackgroundStep()) expect(++steps).toBeLessThan(10_000);
  return steps;
}

test("manual: jobs are listed, move only when told, and end", () => {
  const { db, env } = openSmall({ background: "manual", maxWriteBufferNumber: 8 });
  expect(db.backgroundJobs()).toEqual([]);
  expect(db.runBackgroundStep()).toBe(false);
  fill(db, 200);
  const jobs = db.backgroundJobs();
  expect(jobs).toMatchObject([{ id: 1, kind: "flush", inputs: ["000002.log"] }]);
  expect(db.stats().flushes).toBe(0);
  const before = image(env);
  expect(db.backgroundJobs()).toEqual(jobs);
  expect(db.runBackgroundStep(999)).toBe(false);
  expect(image(env)).toEqual(before);
  expect(db.runBackgroundStep(1)).toBe(true);
  expect(settle(db)).toBeGreaterThan(5);
  expect(db.backgroundJobs()).toEqual([]);
  expect(db.runBackgroundStep()).toBe(false);
  expect(db.stats().memtables.count).toBe(1);
  expect(db.stats().levels[0]!.tables).toBeLessThan(2);
  expect(entries(db)).toEqual(filled(200));
});

test("manual: steps and writes may be interleaved in any way", () => {
  for (let every = 1; every < 8; every++) {
    const { db, env } = openSmall({ background: "manual", paranoid: true });
    const model = new Map<string, string>();
    const seen = db.snapshot();
    for (let i = 0; i < 300; i++) {
      const each = key((i * 37) % 90);
      if (i % 5 === 4) {
        db.delete(each);
        model.delete(each);
      } else {
        db.put(each, `v${i}`);
        model.set(each, `v${i}`);
      }
      if (i % every === 0) db.runBackgroundStep();
    }
    const lines = [...model].map(([each, value]) => `${each}=${value}`).sort();
    expect(entries(db)).toEqual(lines);
    expect([...db.iterate({ snapshot: seen })]).toEqual([]);
    settle(db);
    expect(entries(db)).toEqual(lines);
    db.close();
    expect(entries(open(PATH, { ...SMALL, env }))).toEqual(lines);
  }
});

for (const background of ["inline", "manual"] as const) {
  for (const maxWriteBufferNumber of [1, 2, 3]) {
    test(`G13: noSlowdown throws STALLED with nothing written, and that ends (${background}, ${maxWriteBufferNumber} buffers)`, () => {
      const { db, env } = openSmall({ background, maxWriteBufferNumber, noSlowdown: true, level0StopWrites: 2 });
      let stalls = 0;
      for (let i = 0; i < 200; i++) {
        for (let tries = 0; ; tries++) {
          expect(tries).toBeLessThan(500);
          const { lastSequence } = db.stats();
          const code = codeOf(() => db.put(key(i), `v${i}`));
          if (code === undefined) break;
          stalls++;
          expect(code).toBe("STALLED");
          expect(db.get(key(i))).toBeUndefined();
          expect(db.stats().lastSequence).toBe(lastSequence);
          if (background === "manual") expect(db.runBackgroundStep()).toBe(true);
        }
      }
      if (background === "manual") expect(stalls).toBeGreaterThan(0);
      expect(entries(db)).toEqual(filled(200));
      db.close();
      expect(entries(open(PATH, { ...SMALL, env }))).toEqual(filled(200));
    });
  }
}

test("without noSlowdown a manual store runs what a write must wait for, and counts the stall", () => {
  const { db } = openSmall({ background: "manual", maxWriteBufferNumber: 1 });
  fill(db, 200);
  const { stalls, flushes } = db.stats();
  expect(stalls).toMatchObject({ lastCause: "memtables", lastJob: expect.any(Number) });
  expect(stalls.count).toBeGreaterThan(2);
  expect(stalls.milliseconds).toBeGreaterThan(0);
  expect(flushes).toBe(stalls.count);
  expect(entries(db)).toEqual(filled(200));
});

test("G9 G10: snapshots keep old versions and deleted keys through flush and compactRange, each its own", () => {
  const { db } = openSmall({ paranoid: true });
  const views: { snapshot: Snapshot; expected: string[] }[] = [];
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 40; i++) {
      if ((i + round) % 4 === 0) db.delete(key(i));
      else db.put(key(i), `r${round}-${i}`);
    }
    views.push({ snapshot: db.snapshot(), expected: entries(db) });
    if (round % 2 === 0) db.flush();
  }
  const check = (): void => {
    for (const { snapshot, expected } of views) {
      const seen = [...db.iterate({ snapshot })].map(([each, value]) => `${each.toString()}=${value.toString()}`);
      expect(seen).toEqual(expected);
      for (let i = 0; i < 40; i++) {
        const line = expected.find((entry) => entry.startsWith(key(i)));
        expect(db.get(key(i), { snapshot })?.toString()).toBe(line?.slice(8));
      }
    }
  };
  check();
  db.compactRange();
  check();
  while (views.length > 0) {
    views.splice(Math.floor(views.length / 2), 1)[0]!.snapshot.close();
    db.compactRange();
    check();
    expect(db.verify().problems).toEqual([]);
  }
  expect(db.stats().tombstones).toBe(0);
});

test("once no snapshot needs them, old versions and tombstones go: one version a key is left after compactRange", () => {
  const { db } = openSmall();
  for (let round = 0; round < 10; round++) fill(db, 60, `round${round}-`);
  const snapshot = db.snapshot();
  for (let i = 0; i < 60; i += 2) db.delete(key(i));
  db.compactRange();
  const total = (): number => db.stats().levels.reduce((sum, level) => sum + level.entries, 0);
  const bytes = (): number => db.stats().levels.reduce((sum, level) => sum + level.bytes, 0);
  expect(total()).toBe(60 + 30);
  expect(db.find(key(0)).map(({ kind }) => kind)).toEqual(["delete", "put"]);
  snapshot.close();
  const kept = bytes();
  db.compactRange();
  expect(total()).toBe(30);
  expect(db.stats().tombstones).toBe(0);
  expect(db.find(key(0))).toEqual([]);
  expect(db.find(key(1)).length).toBe(1);
  expect(bytes()).toBeLessThan(kept);
  for (let i = 0; i < 60; i++) db.delete(key(i));
  db.compactRange();
  expect(db.stats().levels.every(({ tables }) => tables === 0)).toBe(true);
  expect(entries(db)).toEqual([]);
});

test("compactRange of a part leaves the rest alone, of an empty, inverted or unknown range does nothing", () => {
  const { db, env } = openSmall({ level0FileNumCompactionTrigger: 100 });
  fill(db, 60);
  db.compactRange();
  const before = image(env);
  db.compactRange("z", "a");
  db.compactRange("x", "y");
  expect([...image(env).keys()].filter((name) => name.endsWith(".sst"))).toEqual(
    [...before.keys()].filter((name) => name.endsWith(".sst")),
  );
  fill(db, 60, "w");
  const progress: [number, number][] = [];
  db.compactRange(key(10), key(12), (done, total) => void progress.push([done, total]));
  expect(progress.length).toBeGreaterThan(0);
  for (const [done, total] of progress) expect(done).toBeLessThanOrEqual(total);
  expect(entries(db)).toEqual(filled(60, "w"));
  db.compactRange(undefined, key(5));
  db.compactRange(key(50));
  expect(entries(db)).toEqual(filled(60, "w"));
  expect(db.find(key(55)).length).toBe(1);
});

test("approximateSize grows with the range and counts memory and tables", () => {
  const { db } = openSmall();
  const value = "x".repeat(90);
  for (let i = 0; i < 100; i++) db.put(key(i), value);
  const size = (from: number, to: number): number => db.approximateSize(key(from), key(to));
  for (const step of [() => undefined, () => db.flush(), () => db.compactRange()]) {
    step();
    const all = size(0, 100);
    expect(all).toBeGreaterThan(0.5 * 100 * 97);
    expect(all).toBeLessThan(2 * 100 * 97);
    expect(size(0, 50)).toBeLessThan(0.75 * all);
    expect(size(0, 50)).toBeGreaterThan(0.25 * all);
    expect(size(50, 50)).toBe(0);
    expect(size(70, 20)).toBe(0);
    expect(db.approximateSize("a", "b")).toBe(0);
  }
});

test("G6: a batch that stalls under noSlowdown is not there in part", () => {
  const { db } = openSmall({ background: "manual", noSlowdown: true, maxWriteBufferNumber: 2 });
  let count = 0;
  for (;;) {
    const batch = new WriteBatch();
    for (let i = 0; i < 10; i++) batch.put(`${key(count)}-${i}`, "x");
    if (codeOf(() => db.write(batch)) === "STALLED") break;
    expect(++count).toBeLessThan(100);
  }
  expect([...db.iterate()].length).toBe(10 * count);
});

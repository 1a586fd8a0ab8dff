import { open, type Database, type Options } from "tinykv";
import { MemoryEnv } from "tinykv/env";
import { expect, test } from "vitest";
import { mergedProblems, settledProblems } from "./shape.ts";

const OPTIONS: Options = {
  background: "manual",
  writeBufferSize: 4096,
  targetFileSize: 2048,
  maxBytesForLevelBase: 8192,
  level0FileNumCompactionTrigger: 2,
};

function filled(): Database {
  const db = open("/store", { ...OPTIONS, env: new MemoryEnv() });
  for (let n = 0; n < 400; n++) db.put(`k${(n * 37) % 211}`, "v".repeat(60));
  return db;
}

/** The database with other figures. */
function altered(db: Database, change: (stats: ReturnType<Database["stats"]>) => object): Database {
  const replaced = {
    stats: () => ({ ...db.stats(), ...change(db.stats()) }),
    runBackgroundStep: () => false,
    compactRange: () => undefined,
    options: db.options,
  };
  return replaced as unknown as Database;
}

test("a store that is left alone comes to its shape, and everything merged is as few tables as asked for", () => {
  const db = filled();
  expect(settledProblems(db)).toEqual([]);
  expect(mergedProblems(db)).toEqual([]);
});

test("what has not come to its end is told: level 0, levels that are too large or should be empty, tombstones", () => {
  const db = filled();
  expect(settledProblems(altered(db, () => ({})))).toContainEqual(expect.stringMatching(/^level 0 has \d+ tables/));
  settledProblems(db);
  const level = (n: number, fields: object) => (stats: ReturnType<Database["stats"]>) => ({
    levels: stats.levels.map((one) => (one.level === n ? { ...one, ...fields } : one)),
  });
  expect(settledProblems(altered(db, level(1, { tables: 1, bytes: 9 })))).toEqual([
    "level 1 has 1 tables of 9 bytes, and should have 0",
  ]);
  const deepest = db.stats().levels.findLast(({ tables }) => tables > 0)!.level;
  expect(settledProblems(altered(db, level(deepest, { tombstones: 1 })))).toEqual([
    expect.stringMatching(/keeps 1 tombstones/),
  ]);
  db.compactRange();
  expect(mergedProblems(altered(db, level(deepest, { tables: 99 })))).toEqual([expect.stringMatching(/99 tables/)]);
});

test("work that never ends is told", () => {
  const db = filled();
  const endless = Object.assign(
    altered(db, () => ({})),
    { runBackgroundStep: () => true },
  );
  expect(settledProblems(endless)).toEqual([expect.stringMatching(/does not end/)]);
});

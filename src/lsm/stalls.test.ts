// G31. A stalled write waits for the job that it names, and for no other.

import { beforeEach, expect, test } from "vitest";
import { MemoryEnv } from "../util/memory-env.ts";
import type { Database } from "./database.ts";
import { openSmall, PATH } from "./engine.test-support.ts";
import { FaultyEnv } from "./faulty-env.test-support.ts";
import { fillLetter, makeDeepStore, STALLING, STOP, tell, writeUntilStalled } from "./stalls.test-support.ts";

let env: FaultyEnv;

beforeEach(() => {
  env = new FaultyEnv(new MemoryEnv());
  makeDeepStore(PATH, env);
});

/** The store with its deep compaction begun, and level 0 full to the stop with keys from `letter` on. */
function openBeforeStall(letter: string): { db: Database; told: string[]; deep: number } {
  const { db } = openSmall({ ...STALLING, background: "manual" }, env);
  const deep = db.backgroundJobs()[0]!.id;
  expect(db.runBackgroundStep(deep)).toBe(true);
  for (let i = 0; i < STOP; i++) {
    fillLetter(db, letter, 3);
    db.flush();
  }
  expect(db.stats().levels[0]!.tables).toBe(STOP);
  return { db, told: tell(db), deep };
}

test("a stalled write moves the job that empties level 0, and leaves an older compaction where it was", () => {
  const { db, told, deep } = openBeforeStall("b");
  const due = db.backgroundJobs();
  expect(due.map(({ kind }) => kind)).toEqual(["compaction", "compaction"]);
  const shallow = due.find(({ id }) => id !== deep)!.id;
  expect(shallow).toBeGreaterThan(deep);
  writeUntilStalled(db, "b");
  expect(told).toEqual([`begin level0 ${shallow}`, `done ${shallow}`, `end level0 ${shallow}`]);
  expect(db.backgroundJobs().map(({ id }) => id)).toContain(deep);
  expect(db.stats().stalls).toMatchObject({ count: 1, lastCause: "level0", lastJob: shallow });
});

test("where the job that empties level 0 has to wait for another, a stall names the one and then the other", () => {
  const { db, told, deep } = openBeforeStall("a");
  expect(db.backgroundJobs().map(({ id }) => id)).toEqual([deep]);
  writeUntilStalled(db, "a");
  const next = db.stats().stalls.lastJob!;
  expect(next).not.toBe(deep);
  // Events of one call are told when it is over, in the order in which they came.
  expect(told).toEqual([deep, next].flatMap((id) => [`begin level0 ${id}`, `done ${id}`, `end level0 ${id}`]));
  expect(db.stats().stalls.count).toBe(2);
});

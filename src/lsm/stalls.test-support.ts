// A store in which two compactions are due at once, one of them from level 0: the other is older and takes longer.

import type { Env } from "../util/env.ts";
import { open, type Database } from "./database.ts";
import { SMALL } from "./engine.test-support.ts";
import type { Options } from "./options.ts";

/** Level 0 stops writes at so many tables, and nothing holds them back before. */
export const STOP = 4;

/** What the store is opened with when writes are to stall. */
export const STALLING: Options = {
  ...SMALL,
  numLevels: 3,
  targetFileSize: 1 << 20,
  maxBytesForLevelMultiplier: 10,
  maxBytesForLevelBase: 4 << 10,
  level0SlowdownWrites: 100,
  level0StopWrites: STOP,
};

/** Makes a store whose first level is too full by 40 kB from "a" on, above 60 kB in the second; or so many times that. */
export function makeDeepStore(path: string, env: Env, scale = 1): void {
  const patient: Options = { ...STALLING, env, background: "manual", level0StopWrites: 100, writeBufferSize: 1 << 20 };
  const first = open(path, { ...patient, maxBytesForLevelBase: 1 << 30, level0FileNumCompactionTrigger: 100 });
  fillLetter(first, "a", 300 * scale);
  first.compactRange();
  first.close();
  const second = open(path, {
    ...patient,
    maxBytesForLevelBase: scale * (24 << 10),
    level0FileNumCompactionTrigger: 1,
  });
  fillLetter(second, "a", 200 * scale);
  second.flush();
  while (second.stats().levels[0]!.tables > 0) second.runBackgroundStep();
  if (second.stats().levels.some(({ tables }, level) => tables !== Math.min(level, 1)))
    throw new Error("the store has not the shape that is wanted");
  second.close();
}

export function fillLetter(db: Database, letter: string, count: number): void {
  for (let i = 0; i < count; i++) db.put(`${letter}${String(i).padStart(5, "0")}`, letter.repeat(200));
}

/** Writes until a write has waited for level 0. */
export function writeUntilStalled(db: Database, letter: string): void {
  const begun = (): boolean => db.stats().stalls.lastCause === "level0";
  for (let i = 0; i < 100 && !begun(); i++) fillLetter(db, letter, 1);
  if (!begun()) throw new Error("no write has waited");
}

/** What it tells of stalls and of compactions that end, as lines. */
export function tell(db: Database): string[] {
  const told: string[] = [];
  db.on("stallBegin", ({ cause, job }) => told.push(`begin ${cause} ${job}`));
  db.on("stallEnd", ({ cause, job }) => told.push(`end ${cause} ${job}`));
  db.on("compactionEnd", ({ job }) => told.push(`done ${job}`));
  return told;
}

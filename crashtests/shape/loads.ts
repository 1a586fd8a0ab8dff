// Loads whose cost is known: what compactions write for them, and what they leave. A choice of compactions that is worse shows
// in nothing that a reader sees, only in bytes; the same load always costs the same, so a few percent more are seen.

import { open, type Database, type Options, type Stats } from "tinykv";
import { MemoryEnv } from "tinykv/env";
import { Random } from "tinykv/harness";

export interface Load {
  readonly what: string;
  readonly options: Options;
  run(db: Database, random: Random): void;
  /** What is wrong with what it left, if anything. */
  judge(stats: Stats): string | undefined;
}

const OPTIONS: Options = {
  background: "inline",
  sync: false,
  writeBufferSize: 4 << 10,
  blockSize: 512,
  targetFileSize: 4 << 10,
  maxBytesForLevelBase: 16 << 10,
  maxBytesForLevelMultiplier: 4,
};

const VALUE = "v".repeat(40);
const key = (n: number): string => `k${String(n).padStart(6, "0")}`;

function atMost(what: string, found: number, most: number): string | undefined {
  return found <= most ? undefined : `${what} ${found.toFixed(2)}, not ${most} or less`;
}

export const LOADS: readonly Load[] = [
  {
    what: "keys in order",
    options: OPTIONS,
    run(db) {
      for (let n = 0; n < 3000; n++) db.put(key(n), VALUE);
    },
    judge: ({ writeAmplification }) => atMost("bytes written per byte", writeAmplification, 2.6),
  },
  {
    what: "keys in any order",
    options: OPTIONS,
    run(db, random) {
      for (let n = 0; n < 6000; n++) db.put(key(random.int(100_000)), VALUE);
    },
    judge: ({ writeAmplification }) => atMost("bytes written per byte", writeAmplification, 9.89),
  },
  {
    what: "a part of the keys again and again",
    options: { ...OPTIONS, maxBytesForLevelBase: 8 << 10, targetFileSize: 2 << 10 },
    run(db, random) {
      for (let n = 0; n < 1500; n++) db.put(key(n), VALUE);
      for (let n = 0; n < 4000; n++) db.put(key(random.chance(4, 5) ? random.int(200) : random.int(1500)), VALUE);
    },
    judge: ({ writeAmplification }) => atMost("bytes written per byte", writeAmplification, 5.62),
  },
  {
    what: "few tombstones, long ago",
    options: OPTIONS,
    run(db) {
      for (let n = 0; n < 400; n++) db.put(key(n), VALUE);
      db.compactRange();
      for (let n = 0; n < 60; n++) {
        if (n % 12 === 0) db.delete(key(n));
        else db.put(key(n), VALUE);
      }
      db.flush();
      for (let n = 0; n < 6000; n++) db.put(key(10_000 + (n % 300)), VALUE);
      db.flush();
    },
    judge: ({ tombstones, writeAmplification }) =>
      atMost("tombstones", tombstones, 0) ?? atMost("bytes written per byte", writeAmplification, 4.49),
  },
];

/** What is wrong with what a load left, if anything. */
export function costOf(load: Load): string | undefined {
  const wrong = load.judge(statsOf(load));
  return wrong && `${load.what}: ${wrong}`;
}

function statsOf({ what, options, run }: Load): Stats {
  const db = open("/store", { ...options, env: new MemoryEnv() });
  run(db, new Random(`load ${what}`));
  while (db.runBackgroundStep());
  const stats = db.stats();
  db.close();
  return stats;
}

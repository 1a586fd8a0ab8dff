// Loads whose cost is known: what compactions write for them, what they leave, what reads ask for. A choice of compactions that
// is worse shows in nothing that a reader sees, only in bytes; the same load always costs the same, so a percent more is seen.

import { open, type Database, type Options } from "tinykv";
import { MemoryEnv } from "tinykv/env";
import { Random } from "tinykv/harness";

/** What a load costs. */
export interface Costs {
  /** Bytes written to logs and tables for each byte put. */
  readonly written: number;
  /** Bytes of tables for each byte of the deepest level's, on average. */
  readonly space: number;
  /** Tombstones in tables, on average. */
  readonly tombstones: number;
  /** Tombstones in tables when all compactions have come to their end. */
  readonly left: number;
  /** Tables in level 0, on average. */
  readonly level0: number;
  /** Compactions. */
  readonly jobs: number;
  /** Reads of files. */
  readonly reads: number;
}

/** Looks at a store now and then. */
type Look = () => void;

export interface Load {
  readonly what: string;
  readonly options: Options;
  run(db: Database, random: Random, look: Look): void;
  /** What it costs as it is, to three places: whoever finds a better choice has less to write here. */
  readonly known: Costs;
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
const FLAT: Options = { ...OPTIONS, targetFileSize: 1 << 10, maxBytesForLevelBase: 4 << 10 };

const VALUE = "v".repeat(40);
const key = (n: number): string => `k${String(n).padStart(6, "0")}`;

/** The cheapest first. */
export const LOADS: readonly Load[] = [
  {
    what: "cursors with nothing to look for",
    options: { ...OPTIONS, blockCacheSize: 0 },
    run(db) {
      for (let n = 0; n < 300; n++) db.put(key(n), VALUE);
      db.compactRange();
      for (let n = 0; n < 100; n++) {
        const inverted = db.cursor({ lower: key(n + 50), upper: key(n) });
        inverted.first();
        inverted.last();
        inverted.close();
        const bounded = db.cursor({ lower: key(100), upper: key(200) });
        bounded.seek(key(200 + n));
        bounded.seekForPrev(key(n));
        bounded.close();
      }
    },
    known: { written: 3.817, space: 1, tombstones: 0, left: 0, level0: 0, jobs: 2, reads: 70 },
  },
  {
    what: "blocks beyond 64 KiB",
    options: { ...OPTIONS, blockSize: 1 << 20, writeBufferSize: 1 << 20 },
    run(db) {
      for (let n = 0; n < 60; n++) db.put(key(n), VALUE.repeat(100));
      db.flush();
      for (let n = 0; n < 60; n++) db.get(key(n));
    },
    known: { written: 2.007, space: 1, tombstones: 0, left: 0, level0: 1, jobs: 0, reads: 7 },
  },
  {
    what: "compactions of ranges",
    options: FLAT,
    run(db, random, look) {
      for (let n = 0; n < 1500; n++) {
        db.put(key(random.int(4000)), VALUE);
        if (n % 100 === 99) {
          const first = random.int(3500);
          db.compactRange(key(first), key(first + 400));
        }
        look();
      }
    },
    known: { written: 14.96, space: 0.998, tombstones: 0, left: 0, level0: 0.395, jobs: 15, reads: 4429 },
  },
  {
    what: "ranges in order, here and there",
    options: { ...FLAT, writeBufferSize: 2 << 10 },
    run(db, random, look) {
      for (let range = 0; range < 120; range++) {
        const first = random.int(200) * 100;
        for (let n = 0; n < 25; n++) db.put(key(first + n), VALUE);
        db.flush();
        look();
      }
    },
    known: { written: 2.725, space: 1.318, tombstones: 0, left: 0, level0: 1.571, jobs: 273, reads: 36 },
  },
  {
    what: "deletions where nothing is",
    options: FLAT,
    run(db, random, look) {
      for (let n = 0; n < 1500; n++) db.put(key(n), VALUE);
      db.compactRange();
      for (let round = 0; round < 20; round++) {
        const snapshot = round % 2 === 0 ? db.snapshot() : undefined;
        for (let n = 0; n < 30; n++) db.delete(key(5000 + 40 * round + n));
        db.flush();
        for (let n = 0; n < 40; n++) {
          db.put(key(random.int(1500)), VALUE);
          look();
        }
        snapshot?.close();
      }
    },
    known: { written: 6.187, space: 1.209, tombstones: 29.317, left: 26, level0: 0.732, jobs: 188, reads: 2296 },
  },
  {
    what: "a queue",
    options: OPTIONS,
    run(db, _, look) {
      for (let n = 0; n < 2500; n++) {
        db.put(key(n), VALUE);
        if (n >= 200) db.delete(key(n - 200));
        look();
      }
    },
    known: { written: 8.324, space: 0.987, tombstones: 1.643, left: 0, level0: 0.167, jobs: 62, reads: 3206 },
  },
  {
    what: "few tombstones, long ago",
    options: OPTIONS,
    run(db, _, look) {
      for (let n = 0; n < 400; n++) db.put(key(n), VALUE);
      db.compactRange();
      for (let n = 0; n < 60; n++) {
        if (n % 12 === 0) db.delete(key(n));
        else db.put(key(n), VALUE);
      }
      db.flush();
      for (let n = 0; n < 6000; n++) {
        db.put(key(10_000 + (n % 300)), VALUE);
        look();
      }
      db.flush();
    },
    known: { written: 4.482, space: 1.492, tombstones: 0.797, left: 0, level0: 1.96, jobs: 78, reads: 3180 },
  },
  {
    what: "a part of the keys again and again",
    options: { ...OPTIONS, maxBytesForLevelBase: 8 << 10, targetFileSize: 2 << 10 },
    run(db, random, look) {
      for (let n = 0; n < 1500; n++) db.put(key(n), VALUE);
      for (let n = 0; n < 4000; n++) {
        db.put(key(random.chance(4, 5) ? random.int(200) : random.int(1500)), VALUE);
        look();
      }
    },
    known: { written: 5.618, space: 1.341, tombstones: 0, left: 0, level0: 1.07, jobs: 161, reads: 4417 },
  },
  {
    what: "keys in order",
    options: OPTIONS,
    run(db, _, look) {
      for (let n = 0; n < 3000; n++) {
        db.put(key(n), VALUE);
        look();
      }
    },
    known: { written: 2.583, space: 1.32, tombstones: 0, left: 0, level0: 1.49, jobs: 46, reads: 0 },
  },
  {
    what: "deletions here and there",
    options: FLAT,
    run(db, random, look) {
      for (let n = 0; n < 1200; n++) db.put(key(n), VALUE);
      db.compactRange();
      for (let n = 0; n < 2500; n++) {
        if (random.chance(1, 3)) db.delete(key(random.int(1200)));
        else db.put(key(random.int(3000)), VALUE);
        look();
      }
    },
    known: { written: 11.078, space: 1.266, tombstones: 72.683, left: 31, level0: 0.484, jobs: 305, reads: 7546 },
  },
  {
    what: "deletions that a snapshot hides for a while",
    options: FLAT,
    run(db, random, look) {
      for (let round = 0; round < 4; round++) {
        for (let n = 0; n < 300; n++) db.put(key(n), VALUE);
        const snapshot = db.snapshot();
        for (let n = 0; n < 150; n++) db.delete(key(random.int(300)));
        for (let n = 0; n < 400; n++) {
          db.put(key(1000 + random.int(400)), VALUE);
          look();
        }
        snapshot.close();
        for (let n = 0; n < 200; n++) {
          db.put(key(2000 + random.int(200)), VALUE);
          look();
        }
      }
    },
    known: { written: 8.402, space: 1.307, tombstones: 80.083, left: 2, level0: 0.446, jobs: 341, reads: 6979 },
  },
  {
    what: "more than compactions keep up with",
    options: { ...OPTIONS, writeBufferSize: 64 << 10, targetFileSize: 64 << 10, maxBytesForLevelBase: 256 << 10 },
    run(db, random, look) {
      for (let n = 0; n < 1500; n++) {
        db.put(key(random.int(100_000)), VALUE.repeat(100));
        look();
      }
    },
    known: { written: 7.125, space: 1.351, tombstones: 0, left: 0, level0: 1.855, jobs: 141, reads: 10348 },
  },
  {
    what: "keys in any order",
    options: OPTIONS,
    run(db, random, look) {
      for (let n = 0; n < 6000; n++) {
        db.put(key(random.int(100_000)), VALUE);
        look();
      }
    },
    known: { written: 9.888, space: 1.355, tombstones: 0, left: 0, level0: 1.542, jobs: 136, reads: 6980 },
  },
];

/** One look in so many is taken. */
const LOOK_EVERY = 20;

/** What it costs here. */
export function costsOf({ what, options, run }: Load): Costs {
  const db = open("/store", { ...options, env: new MemoryEnv() });
  const sums = { space: 0, tombstones: 0, level0: 0 };
  let asked = 0;
  let looks = 0;
  const look = (): void => {
    if (asked++ % LOOK_EVERY > 0) return;
    looks++;
    const { levels, tombstones, spaceAmplification } = db.stats();
    sums.space += spaceAmplification;
    sums.tombstones += tombstones;
    sums.level0 += levels[0]!.tables;
  };
  run(db, new Random(`load ${what}`), look);
  while (db.runBackgroundStep());
  look();
  const { writeAmplification, compactions, io, tombstones: left } = db.stats();
  db.close();
  const mean = (sum: number): number => sum / looks;
  return {
    written: writeAmplification,
    space: mean(sums.space),
    tombstones: mean(sums.tombstones),
    left,
    level0: mean(sums.level0),
    jobs: compactions,
    reads: io.reads,
  };
}

/** What is dearer than it was, if anything. */
export function costOf(load: Load): string | undefined {
  const costs = costsOf(load);
  for (const name of Object.keys(costs) as (keyof Costs)[]) {
    const cost = Math.round(costs[name] * 1000) / 1000;
    if (cost > load.known[name]) return `${load.what}: ${name} ${cost}, not ${load.known[name]}`;
  }
  return undefined;
}

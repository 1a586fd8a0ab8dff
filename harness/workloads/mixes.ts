// What each workload is made of. `always` are the operations that make it what it is; of `sometimes` each run switches
// some off and weighs the others anew (swarm testing: Groce et al., ISSTA 2012), so that runs differ in kind.

import type { OpKind } from "../op.ts";
import type { Distribution, KeyStyle } from "./key-source.ts";
import type { ValueProfile } from "./length-source.ts";

export type WorkloadName =
  | "mixed"
  | "write-heavy"
  | "delete-heavy"
  | "overwrite-hot"
  | "scan-heavy"
  | "sequential"
  | "batch-heavy"
  | "large-values"
  | "prefix-keys"
  | "boundary"
  | "async"
  | "ycsb-a"
  | "ycsb-b"
  | "ycsb-c"
  | "ycsb-d"
  | "ycsb-e"
  | "ycsb-f"
  | "housekeeping"
  | "cursors"
  | "layers"
  | "reshaped";

/** A step of a generator: one operation, or two (a read, then a write of the same key), or a put of the next key in order. */
export type Step = OpKind | "readModifyWrite" | "insert";

export type Weights = Readonly<Partial<Record<Step, number>>>;

export interface Mix {
  readonly always: Weights;
  readonly sometimes: Weights;
  readonly styles: readonly KeyStyle[];
  readonly distributions: readonly Distribution[];
  readonly values: readonly ValueProfile[];
  /** The keys of a run at most, where the workload makes sense with few only. */
  readonly keysMax: number;
  /** Starts by inserting every key, within a quarter of its operations. */
  readonly loads: boolean;
  /** The most changes in an ordinary batch, and in the rare big one. */
  readonly batch: readonly [usual: number, seldom: number];
  /** Keys of an ordinary range, at most: a few blocks. */
  readonly span: number;
  /** One cursor in so many has its bounds the wrong way round; 0: none. */
  readonly invertedEvery: number;
  /** The configurations that half of the reopens choose from; the others keep that of the run. */
  readonly reopens: readonly string[];
}

const ASYNC = { putAsync: 2, deleteAsync: 1, writeAsync: 1, settle: 3, await: 2 } as const;
const CURSORS = { cursorOpen: 2, cursorMove: 12, cursorClose: 1 } as const;
const SNAPSHOTS = { snapshot: 1, snapshotGet: 3, snapshotScan: 1, release: 1 } as const;
const READS = { get: 12, getMany: 2, has: 4, scan: 2 } as const;
const RARE = { deleteRange: 1, batch: 3, step: 6, ...ASYNC, ...CURSORS, ...SNAPSHOTS } as const;

/** What a reopen may change to. A name added here changes every hash: it is a list of its own, not all configurations. */
const REOPENS = ["small", "recycle-off", "buffers-1", "log-512", "index-64", "cache-0", "bloom-0", "manual"];

/** Levels of one size, and of another, whose tables are all too many or all too few for the next. */
const NARROW = "inline,maxBytesForLevelBase=1024,maxBytesForLevelMultiplier=2,targetFileSize=1024";
const FULL_LEVEL_0 = "level0FileNumCompactionTrigger=20,level0SlowdownWrites=30,level0StopWrites=40";
const RESHAPED = [
  `${NARROW},level0FileNumCompactionTrigger=1`,
  `${NARROW},${FULL_LEVEL_0}`,
  "inline,level0FileNumCompactionTrigger=1",
  "manual,level0FileNumCompactionTrigger=2",
];

const ORDINARY: Omit<Mix, "always"> = {
  sometimes: { ...READS, ...RARE, delete: 6 },
  styles: ["decimal", "binary", "ragged", "long"],
  distributions: ["uniform", "zipfian", "latest"],
  values: ["small", "mixed"],
  keysMax: 1 << 22,
  loads: false,
  batch: [8, 100],
  span: 32,
  invertedEvery: 0,
  reopens: REOPENS,
};

// The core workloads of YCSB (Cooper et al., SoCC 2010): fixed proportions, values of 1,000 bytes.
function ycsb(always: Weights, distribution: Distribution = "zipfian"): Mix {
  return {
    ...ORDINARY,
    always,
    sometimes: {},
    styles: ["decimal"],
    distributions: [distribution],
    values: ["fixed:1000"],
    loads: true,
  };
}

export const MIXES: Readonly<Record<WorkloadName, Mix>> = {
  mixed: { ...ORDINARY, always: { put: 20, get: 8 } },
  "write-heavy": { ...ORDINARY, always: { put: 80, delete: 4 } },
  "delete-heavy": { ...ORDINARY, always: { put: 30, delete: 24, deleteRange: 2 } },
  "overwrite-hot": { ...ORDINARY, always: { put: 60, get: 6 }, distributions: ["zipfian"], keysMax: 64 },
  "scan-heavy": { ...ORDINARY, always: { put: 12, scan: 16, cursorOpen: 2, cursorMove: 20, cursorClose: 1 } },
  sequential: {
    ...ORDINARY,
    always: { insert: 40, get: 4 },
    distributions: ["sequential"],
    styles: ["decimal", "binary"],
  },
  "batch-heavy": { ...ORDINARY, always: { batch: 24, put: 4 }, batch: [40, 1000] },
  "large-values": { ...ORDINARY, always: { put: 16, get: 8 }, values: ["large"] },
  "prefix-keys": { ...ORDINARY, always: { put: 24, get: 8, scan: 6 }, styles: ["prefix"], keysMax: 4096 },
  boundary: {
    ...ORDINARY,
    always: { put: 24, get: 8 },
    styles: ["boundary", "decimal"],
    values: ["boundary"],
    keysMax: 512,
  },
  async: { ...ORDINARY, always: { putAsync: 20, deleteAsync: 4, writeAsync: 4, settle: 16, await: 8, put: 4, get: 6 } },
  "ycsb-a": ycsb({ get: 50, put: 50 }),
  "ycsb-b": ycsb({ get: 95, put: 5 }),
  "ycsb-c": ycsb({ get: 100 }),
  "ycsb-d": ycsb({ get: 95, insert: 5 }, "latest"),
  "ycsb-e": ycsb({ scan: 95, insert: 5 }),
  "ycsb-f": ycsb({ get: 50, readModifyWrite: 50 }),
  // A few keys, and everything that moves their versions about: what goes wrong there shows within some dozen operations.
  housekeeping: {
    ...ORDINARY,
    always: { put: 24, delete: 8, flush: 9, compactRange: 4, step: 4, reopen: 2, get: 4, scan: 3 },
    sometimes: { ...SNAPSHOTS, ...CURSORS, batch: 3, getMany: 1, has: 1, checkpoint: 1, openReadOnly: 1, verify: 1 },
    styles: ["decimal", "prefix"],
    distributions: ["uniform", "zipfian"],
    values: ["small", "fixed:300"],
    keysMax: 16,
  },
  // Cursors that are moved about their bounds and about what is newer than they are: many versions of a few keys.
  cursors: {
    ...ORDINARY,
    always: { put: 16, delete: 3, batch: 5, cursorOpen: 6, cursorMove: 48, cursorClose: 3, flush: 1 },
    sometimes: { ...SNAPSHOTS, compactRange: 1, reopen: 1 },
    styles: ["decimal", "prefix"],
    distributions: ["uniform", "zipfian"],
    values: ["small"],
    keysMax: 12,
    batch: [32, 64],
    span: 4,
    invertedEvery: 8,
  },
  // Tables of a few neighbouring keys above and beside each other, and compactions of a part of them.
  layers: {
    ...ORDINARY,
    always: { put: 26, delete: 4, flush: 16, compactRange: 2, get: 6, scan: 1 },
    sometimes: { ...SNAPSHOTS, step: 1, reopen: 1, verify: 1 },
    styles: ["decimal", "prefix"],
    distributions: ["uniform"],
    values: ["small", "fixed:300"],
    keysMax: 16,
    span: 2,
  },
  // A store whose levels are to have other sizes each time it is opened: what lies where it should not has to go deeper, and
  // nothing newer may pass it by.
  reshaped: {
    ...ORDINARY,
    always: { put: 26, delete: 3, flush: 12, reopen: 4, get: 8, scan: 1 },
    sometimes: { ...SNAPSHOTS, step: 2, compactRange: 1, verify: 1 },
    styles: ["decimal", "prefix"],
    distributions: ["uniform"],
    values: ["fixed:300"],
    keysMax: 16,
    span: 2,
    reopens: RESHAPED,
  },
};

export const WORKLOADS: readonly WorkloadName[] = Object.keys(MIXES) as WorkloadName[];

/** What comes once in a maintenance period (workload.ts). */
export const MAINTENANCE: Weights = {
  flush: 4,
  compactRange: 3,
  sync: 3,
  reopen: 3,
  verify: 2,
  checkpoint: 1,
  openReadOnly: 1,
  crash: 1,
  fault: 1,
};

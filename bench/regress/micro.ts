// The micro-workloads that two builds are compared by, on any build of the engine: only calls that every revision has. A
// pass of reads takes ten milliseconds, one of writes a hundred. Reads are cut into slices, and the time of the pass is that of a low
// one (the fifth of them): what else runs on the machine can only add to a slice, never take away. Writes are timed whole,
// since flushes and compactions belong to them.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Random } from "tinykv/harness";
import { Keys, permutation, Values } from "../workloads/keys.ts";

/** As much of the engine as is measured. */
export interface EngineUnderTest {
  open(path: string, options: Readonly<Record<string, unknown>>): DatabaseUnderTest;
  readonly WriteBatch: new () => BatchUnderTest;
}

interface BatchUnderTest {
  put(key: Uint8Array, value: Uint8Array): unknown;
  clear(): unknown;
}

interface CursorUnderTest {
  seek(key: Uint8Array): void;
  readonly valid: boolean;
  readonly key: Uint8Array;
  close(): void;
}

interface DatabaseUnderTest {
  get(key: Uint8Array): Uint8Array | undefined;
  put(key: Uint8Array, value: Uint8Array, options: { sync: boolean }): void;
  write(batch: BatchUnderTest, options: { sync: boolean }): void;
  iterate(): Iterable<readonly [Uint8Array, Uint8Array]>;
  cursor(): CursorUnderTest;
  compactRange(): void;
  close(): void;
}

export const MICRO_WORKLOADS = ["put", "batch", "compact", "get", "iterate", "seek"] as const;
export type MicroWorkload = (typeof MICRO_WORKLOADS)[number];
/** Those that read a store that is made before any pass. */
const READS: readonly MicroWorkload[] = ["get", "iterate", "seek"];
const VALUE_BYTES = 100;
const BATCH_ENTRIES = 1000;
/** Operations in a slice of reads: half a millisecond, which mostly passes undisturbed. */
const SLICE = 500;
const SLICES = 16;
/** Passes of reads before any is timed: code is compiled after some thousand operations. */
const WARM_PASSES = 4;
/** Of the slices, sorted by their time. */
const LOW_SHARE = 0.2;
const CACHE_BYTES = 256 << 20;
const UNSYNCED = { sync: false };

export interface MicroOptions {
  /** For stores; must exist. */
  readonly directory: string;
  readonly keys: number;
  readonly seed: string;
  /** Those of which there will be passes. */
  readonly workloads: readonly MicroWorkload[];
}

/** One build in one process. Its stores are below `directory`; the caller removes that. */
export class MicroBench {
  readonly #engine: EngineUnderTest;
  readonly #options: MicroOptions;
  readonly #order: Uint32Array;
  readonly #values: Values;
  readonly #random: Random;
  readonly #key = new Keys(1);
  readonly #reads: DatabaseUnderTest;
  readonly #cursor: CursorUnderTest;
  #stores = 0;
  /** What `batch` has filled and `compact` is to compact. */
  #filled: DatabaseUnderTest | undefined;

  constructor(engine: EngineUnderTest, options: MicroOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#order = permutation(options.keys, new Random(options.seed));
    this.#values = new Values(VALUE_BYTES, options.seed);
    this.#random = new Random(`${options.seed}:reads`);
    const reads = READS.filter((workload) => options.workloads.includes(workload));
    this.#reads = this.#open();
    if (reads.length > 0) this.#putBatches(this.#reads);
    this.#reads.compactRange();
    this.#cursor = this.#reads.cursor();
    for (let i = 0; i < WARM_PASSES; i++) for (const workload of reads) this.pass(workload);
  }

  /** Nanoseconds an operation. */
  pass(workload: MicroWorkload): number {
    switch (workload) {
      case "put":
        return this.#put();
      case "batch":
        return this.#batch();
      case "compact":
        return this.#compact();
      case "get":
        return low(SLICES, SLICE, () => this.#get());
      case "iterate":
        return timed(this.#options.keys, () => this.#iterate());
      default:
        return low(SLICES, SLICE, () => this.#seek());
    }
  }

  close(): void {
    this.#cursor.close();
    this.#reads.close();
    this.#filled?.close();
  }

  #open(): DatabaseUnderTest {
    const path = join(this.#options.directory, `store-${++this.#stores}`);
    mkdirSync(path);
    return this.#engine.open(path, { sync: false, blockCacheSize: CACHE_BYTES });
  }

  #put(): number {
    const db = this.#open();
    const time = timed(this.#options.keys, () => {
      for (const index of this.#order) db.put(this.#key.at(index), this.#values.next(), UNSYNCED);
    });
    db.close();
    return time;
  }

  #batch(): number {
    this.#filled?.close();
    const db = this.#open();
    this.#filled = db;
    return timed(this.#options.keys, () => this.#putBatches(db));
  }

  #compact(): number {
    if (!this.#filled) this.#batch();
    const db = this.#filled!;
    const time = timed(this.#options.keys, () => db.compactRange());
    db.close();
    this.#filled = undefined;
    return time;
  }

  #putBatches(db: DatabaseUnderTest): void {
    const batch = new this.#engine.WriteBatch();
    const { keys } = this.#options;
    for (let from = 0; from < keys; from += BATCH_ENTRIES) {
      batch.clear();
      const end = Math.min(keys, from + BATCH_ENTRIES);
      for (let at = from; at < end; at++) batch.put(this.#key.at(this.#order[at]!), this.#values.next());
      db.write(batch, UNSYNCED);
    }
  }

  #get(): void {
    const { keys } = this.#options;
    for (let i = 0; i < SLICE; i++) {
      const value = this.#reads.get(this.#key.at(this.#random.int(keys)));
      demand(value?.length === VALUE_BYTES, "a get found nothing");
    }
  }

  #iterate(): void {
    let entries = 0;
    for (const [key, value] of this.#reads.iterate()) entries += key.length > 0 && value.length > 0 ? 1 : 0;
    demand(entries === this.#options.keys, "a scan lost entries");
  }

  #seek(): void {
    const { keys } = this.#options;
    for (let i = 0; i < SLICE; i++) {
      this.#cursor.seek(this.#key.at(this.#random.int(keys)));
      demand(this.#cursor.valid && this.#cursor.key.length > 0, "a seek found nothing");
    }
  }
}

function demand(condition: boolean, problem: string): void {
  if (!condition) throw new Error(problem);
}

/** Nanoseconds an operation of a low slice. */
function low(slices: number, operations: number, slice: () => void): number {
  const times = Array.from({ length: slices }, () => timed(operations, slice)).sort((a, b) => a - b);
  return times[Math.floor(slices * LOW_SHARE)]!;
}

function timed(operations: number, action: () => void): number {
  const start = performance.now();
  action();
  return ((performance.now() - start) * 1e6) / operations;
}

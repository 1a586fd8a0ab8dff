// The micro-workloads that two builds are compared by, on any build of the engine: only calls that every revision has.
// Each is cut into slices, and the time of a slice that stands for the workload is a low one (the fifth of them): what
// else runs on the machine can only add to a slice, never take away. Writes are timed whole, since a flush or a compaction
// belongs to them, several times over, and the least counts.

import { mkdirSync, rmSync } from "node:fs";
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
/** Nanoseconds an operation. */
export type MicroTimes = Record<MicroWorkload, number>;

const VALUE_BYTES = 100;
const BATCH_ENTRIES = 1000;
/** Operations in a slice of reads: half a millisecond, which mostly passes undisturbed. */
const SLICE = 500;
const SLICES = 160;
/** Reads before the clock starts: code is compiled after some thousand. */
const WARM_SLICES = 40;
/** Passes of a scan over the whole store, each a slice. */
const SCANS = 12;
/** Passes of writes, each into a new store. */
const WRITES = 4;
/** Of the slices, sorted by their time. */
const LOW_SHARE = 0.2;
const CACHE_BYTES = 256 << 20;
const UNSYNCED = { sync: false };

export interface MicroOptions {
  /** For stores; must exist. */
  readonly directory: string;
  readonly keys: number;
  readonly seed: string;
}

/** Measures everything once, in this process. */
export function measureMicro(engine: EngineUnderTest, options: MicroOptions): MicroTimes {
  const put = least(WRITES, (pass) => inStore(engine, options, `put-${pass}`, (db) => timePuts(db, options)));
  const batches = Array.from({ length: WRITES }, (_, pass) =>
    inStore(engine, options, `batch-${pass}`, (db) => {
      const batch = timeBatches(engine, db, options);
      return { batch, compact: timed(options.keys, () => db.compactRange()) };
    }),
  );
  const reads = inStore(engine, options, "reads", (db) => {
    timeBatches(engine, db, options);
    db.compactRange();
    return timeReads(db, options);
  });
  return {
    put,
    batch: Math.min(...batches.map(({ batch }) => batch)),
    compact: Math.min(...batches.map(({ compact }) => compact)),
    ...reads,
  };
}

function inStore<T>(
  engine: EngineUnderTest,
  { directory }: MicroOptions,
  name: string,
  action: (db: DatabaseUnderTest) => T,
): T {
  const path = join(directory, name);
  mkdirSync(path);
  const db = engine.open(path, { sync: false, blockCacheSize: CACHE_BYTES });
  const result = action(db);
  db.close();
  rmSync(path, { recursive: true });
  return result;
}

function timePuts(db: DatabaseUnderTest, { keys, seed }: MicroOptions): number {
  const order = permutation(keys, new Random(seed));
  const ring = new Keys(1);
  const values = new Values(VALUE_BYTES, seed);
  return timed(keys, () => {
    for (const index of order) db.put(ring.at(index), values.next(), UNSYNCED);
  });
}

function timeBatches(engine: EngineUnderTest, db: DatabaseUnderTest, { keys, seed }: MicroOptions): number {
  const order = permutation(keys, new Random(seed));
  const ring = new Keys(1);
  const values = new Values(VALUE_BYTES, seed);
  const batch = new engine.WriteBatch();
  return timed(keys, () => {
    for (let from = 0; from < keys; from += BATCH_ENTRIES) {
      batch.clear();
      const end = Math.min(keys, from + BATCH_ENTRIES);
      for (let at = from; at < end; at++) batch.put(ring.at(order[at]!), values.next());
      db.write(batch, UNSYNCED);
    }
  });
}

function timeReads(db: DatabaseUnderTest, { keys, seed }: MicroOptions): Pick<MicroTimes, "get" | "iterate" | "seek"> {
  const random = new Random(`${seed}:reads`);
  const ring = new Keys(1);
  const iterate = low(SCANS, SCANS >> 2, keys, () => {
    let entries = 0;
    for (const [key, value] of db.iterate()) entries += key.length > 0 && value.length > 0 ? 1 : 0;
    demand(entries === keys, "a scan lost entries");
  });
  const get = low(SLICES, WARM_SLICES, SLICE, () => {
    for (let i = 0; i < SLICE; i++) {
      demand(db.get(ring.at(random.int(keys)))?.length === VALUE_BYTES, "a get found nothing");
    }
  });
  const cursor = db.cursor();
  const seek = low(SLICES, WARM_SLICES, SLICE, () => {
    for (let i = 0; i < SLICE; i++) {
      cursor.seek(ring.at(random.int(keys)));
      demand(cursor.valid && cursor.key.length > 0, "a seek found nothing");
    }
  });
  cursor.close();
  return { get, iterate, seek };
}

function demand(condition: boolean, problem: string): void {
  if (!condition) throw new Error(problem);
}

/** Nanoseconds an operation of a low slice, after some that nobody counts. */
function low(slices: number, warm: number, operations: number, slice: () => void): number {
  for (let i = 0; i < warm; i++) slice();
  const times = Array.from({ length: slices }, () => timed(operations, slice)).sort((a, b) => a - b);
  return times[Math.floor(slices * LOW_SHARE)]!;
}

function least(passes: number, action: (pass: number) => number): number {
  return Math.min(...Array.from({ length: passes }, (_, pass) => action(pass)));
}

function timed(operations: number, action: () => void): number {
  const start = performance.now();
  action();
  return ((performance.now() - start) * 1e6) / operations;
}

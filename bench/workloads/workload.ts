// What a workload is: a store to start from, and steps on it.

import type { BenchStore, Calls, Pending } from "../stores/store.ts";

/** The size and the seed of everything; the same setting gives the same operations. */
export interface Setting {
  readonly keys: number;
  readonly valueBytes: number;
  readonly seed: string;
}

/**
 * What stands in the directory at the start:
 *   empty      nothing;
 *   filled     every key once, put in random order in batches of 1000, then closed;
 *   compacted  the same, compacted by the engine's own call where it has one;
 *   log        a log that nothing was flushed from, left by a process that was killed.
 */
export type Start = "empty" | "filled" | "compacted" | "log";

/** One step after another, on one thread. */
export interface StepRun {
  /** Operations in a step. */
  readonly opsPerStep: number;
  readonly steps: number;
  /** After the last step go on with more until so many seconds have passed. */
  readonly untilSeconds?: number;
  step(index: number): Pending;
}

/** Several writers at once, each waiting for its own. */
export interface ConcurrentRun {
  readonly writers: number;
  readonly steps: number;
  step(index: number): Promise<unknown>;
}

export interface RunBasics {
  /** Before the clock starts: caches and compiled code as they are in a process that has run for a while. */
  warmUp?(): Promise<void>;
  /** Throws if what was read was not what is there. */
  check?(): void;
  /** Entries in the store after `ops` operations; absent: as many as there were keys. */
  live?(ops: number): number;
  /** User bytes that `ops` operations have put, keys included. */
  readonly bytesPerOp: number;
}

export type Run = RunBasics & (StepRun | ConcurrentRun);

export interface Workload {
  readonly name: string;
  /** A line for the report. */
  readonly what: string;
  /** The engine's calls behind its operations, the main one first. */
  readonly calls: readonly (keyof Calls)[];
  readonly start: Start;
  /** It changes the store, so it works on a copy. */
  readonly changes: boolean;
  /** Block cache; default 64 MiB. "holds": more than the data. */
  readonly cache?: "holds";
  /** Every write survives power loss. */
  readonly durable?: boolean;
  /** It reads what it has put. */
  readonly readsOwnWrites?: boolean;
  /** An operation is too short for a clock around it (an entry of a scan), or there is only one. */
  readonly noLatency?: boolean;
  /** Of the keys asked for; default all. */
  readonly keysShare?: number;
  /** What is measured is open() itself, with a write buffer that holds the whole log. */
  readonly measuresOpen?: boolean;
  /** Why this store cannot do it; undefined if it can. */
  unsupported?(store: BenchStore): string | undefined;
  run(store: BenchStore, setting: Setting): Run;
}

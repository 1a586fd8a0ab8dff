// What a measuring child is asked, and what it answers: one JSON line on file descriptor 3.

import type { StallReport } from "../stores/store.ts";
import type { EngineName } from "../stores/open-store.ts";
import type { Start } from "../workloads/workload.ts";
import type { HistogramReport } from "./histogram.ts";
import type { Second } from "./loop.ts";

/** Makes a store for workloads to start from. */
export interface PrepareTask {
  readonly kind: "prepare";
  readonly engine: EngineName;
  readonly directory: string;
  readonly start: Exclude<Start, "empty">;
  readonly keys: number;
  readonly valueBytes: number;
  readonly seed: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Runs a workload once. */
export interface MeasureTask {
  readonly kind: "measure";
  readonly engine: EngineName;
  readonly directory: string;
  readonly workload: string;
  readonly keys: number;
  readonly valueBytes: number;
  readonly seed: string;
  readonly secondsMax: number;
  /** A clock around each operation. */
  readonly latency: boolean;
  readonly options: Readonly<Record<string, unknown>>;
}

export type Task = PrepareTask | MeasureTask;

/** One run of one workload in a process of its own. Absent: not known for this engine or system. */
export interface Measurement {
  readonly version: string;
  /** The engine's call behind the workload's main operation. */
  readonly call?: string;
  readonly ops: number;
  readonly milliseconds: number;
  /** Background work that was left, done after the measured time. */
  readonly drainMilliseconds?: number;
  readonly openMilliseconds?: number;
  readonly histogram?: HistogramReport;
  /** What one reading of the clock cost, where latencies were taken: inside each of them. */
  readonly clockNanoseconds?: number;
  readonly peakRssBytes?: number;
  /** Bytes handed to the kernel from the start of the measured time until the store was closed. */
  readonly writtenBytes?: number;
  /** User bytes put in the measured time, keys included. */
  readonly storedBytes?: number;
  /** User bytes in the store at the end, and what its directory takes. */
  readonly liveBytes?: number;
  readonly diskBytes?: number;
  readonly stalls?: StallReport;
  readonly levelTables?: readonly number[];
  readonly seconds?: readonly Second[];
}

/** What a child says: nothing but these. */
export type Answer =
  | { readonly kind: "measured"; readonly measurement: Measurement }
  | { readonly kind: "prepared" }
  | { readonly kind: "unsupported"; readonly reason: string };

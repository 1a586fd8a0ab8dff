// Everything that one run of the benchmarks measured, as `--json FILE` writes it.
//
//   format       "tinykv-bench-1"
//   began        when, in UTC
//   machine      cpu, cores, memoryBytes, system, node, fileSystem (of the directory of the stores)
//   setting      rounds, secondsMax, seed, options (of our engine, over its defaults)
//   contestants  name, version, durability: what writes survive, asked for with sync and without
//   results      one for each workload, number of keys, bytes of a value and contestant:
//                  rounds   Measurement each, throughput without a clock around operations, in the order they were made
//                           (round by round over all contestants: the i-th of one is the neighbour of the i-th of another)
//                  latency  a Measurement with `histogram`, from a process of its own; its throughput is not to be compared
//                  unsupported, failed   why there is nothing
//   targets      see targets.ts; `outcome` is "met", "not met" or "not measured"
//   mixed        of a run with --mixed: see mixed-run.ts
//
// A Measurement is described in measure/measurement.ts. Times are milliseconds, in histograms nanoseconds; sizes are bytes.

import type { Measurement } from "../measure/measurement.ts";
import type { Machine } from "../measure/system.ts";
import type { MixedReport } from "../mixed/mixed-report.ts";
import { medianOf } from "./statistics.ts";

export const FORMAT = "tinykv-bench-1";

export interface BenchReport {
  readonly format: typeof FORMAT;
  readonly began: string;
  readonly machine: Machine;
  readonly setting: {
    readonly rounds: number;
    readonly secondsMax: number;
    readonly seed: string;
    readonly options: Readonly<Record<string, unknown>>;
  };
  readonly contestants: readonly {
    readonly name: string;
    readonly version: string;
    readonly durability: { readonly sync: string; readonly noSync: string };
  }[];
  readonly results: readonly Result[];
  readonly targets: readonly TargetResult[];
  readonly mixed?: MixedReport;
}

export interface Result {
  readonly workload: string;
  readonly keys: number;
  readonly valueBytes: number;
  readonly contestant: string;
  readonly rounds: readonly Measurement[];
  readonly latency?: Measurement;
  readonly unsupported?: string;
  readonly failed?: string;
}

export interface TargetResult {
  readonly workload: string;
  readonly keys: number;
  readonly valueBytes: number;
  /** What is compared, in words: "× classic-level". */
  readonly against: string;
  readonly unit: "×" | "MB/s" | "ms";
  /** The least that meets the target; for "ms" the most. */
  readonly wanted: number;
  readonly ours?: number;
  readonly peer?: number;
  /** The median of the rounds' ratios (or of ours, where there is no peer), and the least and greatest of them. */
  readonly value?: number;
  readonly least?: number;
  readonly greatest?: number;
  readonly outcome: "met" | "not met" | "not measured";
}

/** Microseconds an operation: the median of the rounds. */
export function microsecondsOf({ rounds }: Result): number | undefined {
  return rounds.length === 0 ? undefined : medianOf(rounds.map(microseconds));
}

/** Of one round. */
export function microseconds({ milliseconds, ops }: Measurement): number {
  return (milliseconds * 1000) / ops;
}

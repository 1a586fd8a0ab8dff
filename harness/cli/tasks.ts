// What a worker can be asked to do, and what it answers: plain values, they cross from thread to thread.

import type { Coverage } from "../crash/coverage.ts";
import type { CrashStory } from "../crash/crash-story.ts";
import type { Finding, Shard } from "../finding.ts";
import type { ImageFiles } from "../artifacts.ts";
import type { Trace } from "../disk/trace.ts";
import type { OpLog } from "../op-log.ts";
import type { WorkloadName } from "../workloads/mixes.ts";

/**
 * How an op log is run: on a real directory against the model; on the simulated disk with its crashes; or as the fault
 * campaign runs it.
 */
export type Mode = "plain" | "crash" | "faults";

/** One generated log against the model. */
export interface RunTask {
  readonly kind: "run";
  readonly seed: string;
  readonly workload: WorkloadName;
  readonly ops: number;
  readonly keys?: number;
  readonly configs: readonly string[];
  /** The calls of the run are hashed. */
  readonly hashed: boolean;
  /** Our own when absent. */
  readonly engine?: string;
}

export type CrashMethod =
  | { readonly kind: "exhaustive"; readonly ops: number; readonly workload: WorkloadName }
  | { readonly kind: "sampled"; readonly ops: number; readonly workload: WorkloadName; readonly images: number }
  | { readonly kind: "sequences"; readonly length: number }
  | { readonly kind: "tour" };

export interface CrashTask {
  readonly kind: "crash";
  readonly seed: string;
  readonly method: CrashMethod;
  readonly configs?: readonly string[];
  readonly shard: Shard;
  readonly recovery?: number | "closed";
  /** It stops at the next occasion behind that time. */
  readonly milliseconds?: number;
}

export interface FaultsTask {
  readonly kind: "faults";
  readonly seed: string;
  readonly ops: number;
  /** Absent: that of the campaign. */
  readonly configs?: readonly string[];
  readonly shard: Shard;
  readonly milliseconds?: number;
}

export interface BarriersTask {
  readonly kind: "barriers";
  readonly seed: string;
}

export interface LogTask {
  readonly kind: "log";
  readonly log: OpLog;
  readonly mode: Mode;
  /** Of a log with crashes: wherever they fall, try every crash of the last operation. */
  readonly search?: boolean;
  /** How it was asked for. */
  readonly command: string;
  readonly hashed: boolean;
}

/** A part of torture: units one after the other until the time is up or one fails. */
export interface SuiteTask {
  readonly kind: "suite";
  readonly suite: "corpus" | "run" | "crash" | "faults";
  readonly seed: string;
  readonly milliseconds: number;
  readonly configs?: readonly string[];
  readonly shard: Shard;
}

export type CampaignTask = RunTask | CrashTask | FaultsTask | BarriersTask | LogTask | SuiteTask;

export type Counters = Readonly<Record<string, unknown>>;

export interface CampaignResult {
  readonly units: number;
  readonly ops: number;
  readonly counters: Counters;
  readonly found: readonly Found[];
  /** Of simulated crashes. */
  readonly coverage?: Coverage;
}

/** What found something, and how it is seen again. */
export interface Work {
  /** The first word of the artifact's name. */
  readonly campaign: string;
  readonly mode: Mode;
  /** Runs the search again. */
  readonly command: string;
}

export interface Found extends Work {
  readonly finding: Finding;
  readonly op?: number;
  /** A directory with the store in it, for the artifact; to be removed when that is written. */
  readonly scratch?: string;
  readonly crash?: CrashEvidence;
}

export interface ShrinkTask {
  readonly kind: "shrink";
  readonly finding: Finding;
  readonly mode: Mode;
  readonly attempts: number;
  readonly milliseconds: number;
}

export interface ShrinkAnswer {
  readonly finding: Finding;
  readonly attempts: number;
  /** Of the finding as it was. */
  readonly traceHash?: string;
  /** Of the smaller one. */
  readonly crash?: CrashEvidence;
}

/** What a log with crashes in it showed. */
export interface CrashEvidence {
  readonly story: CrashStory;
  /** The same in plain words. */
  readonly account: readonly string[];
  readonly trace: Trace;
  readonly image?: ImageFiles;
}

/** What looks for a planted bug: parts of all campaigns, in turn. */
export const HUNT_SUITES = [
  "corpus",
  "refused",
  "forged",
  "run",
  "shape",
  "rot",
  "sequences",
  "crash",
  "faults",
  "fuzz",
] as const;

export type HuntSuite = (typeof HUNT_SUITES)[number];

export interface HuntTask {
  readonly kind: "hunt";
  readonly seed: string;
  /** Absent: all. */
  readonly suites?: readonly HuntSuite[];
}

/** The harness looks at itself. */
export interface SelfCheckTask {
  readonly kind: "selfCheck";
}

export interface HuntAnswer {
  /** The suite, or the part of the self-check, that found it; undefined: none did. */
  readonly by: string | undefined;
  readonly condition: string;
  readonly message: string;
  readonly executions: number;
  /** Operations of the log that shows it, made smaller; 0 where no operations are needed, or none are known. */
  readonly ops: number;
}

export type Task = CampaignTask | ShrinkTask | HuntTask | SelfCheckTask;

// Power loss while a worker thread flushes and compacts: short seeded sequences of operations are run with a thread, the
// calls of both threads are recorded in one order, and every crash of that trace is judged as any other.
//
// What the thread does when is chance, so a seed names the operations and not the run: a finding comes with its trace.

import {
  Enumeration,
  judgeAlone,
  printTrace,
  Random,
  recordThreadedRun,
  TinyKVEngine,
  type EngineMaker,
} from "tinykv/harness";
import type { Barrier } from "tinykv/env";
import { sequenceOf, SEQUENCE_CONFIGS } from "./sequences.ts";

export interface TwoThreadsOptions {
  readonly seed: string;
  /** Sequences, each of so many operations. */
  readonly runs: number;
  readonly ops: number;
  /** A sync that the worker leaves out: how the recorder is tested. */
  readonly skip?: Barrier;
  /** Crashes in recovery, so many times over. Default 1. */
  readonly recovery?: number;
}

export interface TwoThreadsSummary {
  readonly runs: number;
  /** Calls recorded, and those of them that a worker made. */
  readonly events: number;
  readonly workerEvents: number;
  /** How often the order goes from the store's own thread to the worker's. */
  readonly switches: number;
  readonly points: number;
  readonly images: number;
  readonly finding: { readonly condition: string; readonly message: string; readonly trace: string } | undefined;
}

type Described = Pick<NonNullable<TwoThreadsSummary["finding"]>, "condition" | "message">;

/**
 * No reads: they change nothing on the disk. Most of all what makes jobs, and what touches the disk while they run.
 */
const LETTERS = "big big big bigBatch putSync putSync putSync delete batch flush compact snapshot sync".split(" ");
/** Memtables enough to go on with while a flush is under way. */
const CONFIG = `${SEQUENCE_CONFIGS[0]!},background=thread,maxWriteBufferNumber=4`;

const makeEngine: EngineMaker = (env) => new TinyKVEngine({ env });

/** Runs until all is done or something is found. */
export async function runTwoThreads(options: TwoThreadsOptions): Promise<TwoThreadsSummary> {
  const { seed, runs, ops, skip, recovery = 1 } = options;
  const random = new Random(`two-threads:${seed}`);
  const summary = { runs: 0, events: 0, workerEvents: 0, switches: 0, points: 0, images: 0 };
  while (summary.runs < runs) {
    const letters = Array.from({ length: ops }, () => random.pick(LETTERS));
    const plan = { makeEngine, ops: sequenceOf(letters, CONFIG), config: CONFIG };
    const run = await recordThreadedRun(skip === undefined ? plan : { ...plan, skip });
    const trace = (): string => printTrace(run.trace);
    summary.runs++;
    summary.events += run.trace.length;
    summary.workerEvents += run.workerEvents;
    summary.switches += run.switches;
    if (run.failure) return { ...summary, finding: { ...described(run.failure), trace: trace() } };
    const { graph, judge } = judgeAlone(run, makeEngine);
    const enumeration = new Enumeration(run, graph, judge, { recovery });
    const found = enumeration.run();
    summary.points += enumeration.points;
    summary.images += graph.counters.images;
    if (found) return { ...summary, finding: { ...described(found.violation.failure), trace: trace() } };
  }
  return { ...summary, finding: undefined };
}

function described({ condition, message }: Described): Described {
  return { condition, message };
}

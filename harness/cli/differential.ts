// One differential run: operations on the engine and on the model, to the end or to the first disagreement.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NodeEnv, type Env } from "tinykv/env";
import { parseConfiguration } from "../configurations.ts";
import { HeldSyncs } from "../disk/held-syncs.ts";
import { RecordingEnv } from "../disk/recording-env.ts";
import { OWN_ENGINE, type Engine } from "../engine.ts";
import { chooseEngine, engineOf } from "../engines/find-engines.ts";
import { killDrivers } from "../engines/stdio/driver-process.ts";
import { TinyKVEngine } from "../engines/tinykv.ts";
import { Failure } from "../failure.ts";
import { edgeFiles } from "../inspector/edges.ts";
import { removeScratch } from "../fast-directory.ts";
import type { Finding } from "../finding.ts";
import type { Op } from "../op.ts";
import { Runner, type RunCounts } from "../runner.ts";
import { makeScratch } from "../scratch.ts";
import { runInTurns, type Turns } from "../turns.ts";
import { generate, type WorkloadOptions } from "../workloads/workload.ts";
import { SteadyEnv, TraceHasher } from "./steady-env.ts";
import type { Found, Work } from "./tasks.ts";
import { watchedEngine } from "./watched-engine.ts";
import type { WorkerHost } from "./worker-host.ts";

export interface OpsRun {
  readonly work: Work;
  readonly seed: string;
  readonly workload: string;
  readonly config: string;
  /** Our own when absent. */
  readonly engine?: string;
  /** The operations, or what generate() makes them of. */
  readonly ops: readonly Op[] | Omit<WorkloadOptions, "config">;
  /** All calls are hashed, on an Env whose time and chance are the seed's. */
  readonly hashed?: boolean;
}

export interface OpsResult {
  readonly counts: RunCounts | undefined;
  readonly found: Found | undefined;
  readonly traceHash: string | undefined;
}

/** A failure behind more operations than this is kept without them: its seed makes them again. */
export const LOG_OPS_MAX = 1_000_000;

/** Runs any operations. What fails leaves the store in `found.scratch`. */
export async function runOps(run: OpsRun, host: WorkerHost): Promise<OpsResult> {
  const { config, seed, workload, work } = run;
  const scratch = makeScratch("tinykv-run-");
  const directory = join(scratch, "store");
  const { start } = parseConfiguration(config);
  if (start) writeFiles(directory, edgeFiles(start));
  announce(run, host, scratch);
  const hasher = run.hashed ? new TraceHasher(scratch) : undefined;
  const syncs = new HeldSyncs(hasher ? new SteadyEnv(seed) : new NodeEnv());
  const env = hasher ? new RecordingEnv(syncs, hasher) : syncs;
  const engine = watchedEngine(engineFor(run.engine, env), host);
  let runner: Runner | undefined;
  let failure: Failure | undefined;
  let done = 0;
  try {
    const begun = (runner = new Runner({ engine, directory, config, syncs }));
    const total = isLog(run.ops) ? run.ops.length : run.ops.ops;
    await runInTurns(
      (function* (): Turns<void> {
        for (const op of isLog(run.ops) ? run.ops : operationsOf(run.ops, config)) {
          if (!begun.runAtOnce(op)) yield* begun.run(op);
          host.progress(++done, total);
        }
        yield* begun.finish();
      })(),
    );
  } catch (error) {
    failure =
      error instanceof Failure ? error : new Failure("C8", `threw ${String(error)}`, undefined, { cause: error });
  }
  // Its driver would write on into what is kept, and a search for a smaller log leaves thousands.
  if (failure) killDrivers();
  const counts = runner?.counts();
  const traceHash = hasher?.digest();
  if (!failure) {
    removeScratch(scratch);
    return { counts, found: undefined, traceHash };
  }
  const { condition, message, op, keys, cause } = failure;
  const finding: Finding = {
    condition,
    phase: runner ? "running" : "open",
    message,
    seed,
    workload,
    config,
    ...(run.engine !== undefined && { engine: run.engine }),
    ops: firstOps(run.ops, config, done + 1),
    keys,
    ...(cause instanceof Error && cause.stack !== undefined && { stack: cause.stack }),
  };
  return { counts, found: { ...work, finding, scratch, ...(op !== undefined && { op }) }, traceHash };
}

function writeFiles(directory: string, files: ReadonlyMap<string, Uint8Array>): void {
  mkdirSync(directory);
  for (const [name, bytes] of files) writeFileSync(join(directory, name), bytes);
}

function engineFor(name: string | undefined, env: Env): Engine {
  const choice = chooseEngine(name ?? OWN_ENGINE);
  return choice.kind === "own" ? new TinyKVEngine({ env }) : engineOf(choice);
}

/** The first so many operations. Crashes and faults are none of this run: it passed them over. */
export function firstOps(ops: OpsRun["ops"], config: string, count: number): Op[] {
  if (count > LOG_OPS_MAX) return [];
  const first: Op[] = [];
  for (const op of isLog(ops) ? ops : operationsOf(ops, config)) {
    if (op.kind !== "crash" && op.kind !== "fault") first.push(op);
    if (--count === 0) break;
  }
  return first;
}

function operationsOf(options: Omit<WorkloadOptions, "config">, config: string): Iterable<Op> {
  return generate({ ...options, config: parseConfiguration(config) });
}

function announce({ work, seed, workload, config, ops }: OpsRun, host: WorkerHost, scratch: string): void {
  const log = isLog(ops) ? { ops } : { ops: [], generated: ops };
  host.announce({ work, seed, workload, config, scratch, ...log });
}

function isLog(ops: OpsRun["ops"]): ops is readonly Op[] {
  return Array.isArray(ops);
}

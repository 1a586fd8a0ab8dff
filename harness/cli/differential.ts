// One differential run: a workload on the engine and on the model, to the end or to the first disagreement.

import { mkdirSync, mkdtempSync, rmSync, cpSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseConfiguration } from "../configurations.ts";
import { TinyKVEngine } from "../engines/tinykv.ts";
import { fastDirectory } from "../fast-directory.ts";
import { Failure } from "../failure.ts";
import { printOp } from "../op-line.ts";
import { printHeader } from "../op-log.ts";
import type { Op } from "../op.ts";
import { Runner, type RunCounts } from "../runner.ts";
import type { WorkloadName } from "../workloads/mixes.ts";
import { generate } from "../workloads/workload.ts";
import type { ReportedFailure } from "./report.ts";

export interface DifferentialOptions {
  readonly seed: string;
  readonly workload: WorkloadName;
  readonly ops: number;
  readonly keys?: number;
  readonly config: string;
  readonly artifacts: string;
  readonly progress?: (done: number, total: number) => void;
}

export interface DifferentialResult {
  readonly counts: RunCounts | undefined;
  readonly failures: readonly ReportedFailure[];
}

/** The last operations before a failure, kept for its op log; a longer run is replayed from its seed. */
const KEPT_OPS = 100_000;
const PROGRESS_OPS = 1024;

export function runDifferential(options: DifferentialOptions): DifferentialResult {
  const { seed, workload, ops, keys, config } = options;
  const configuration = parseConfiguration(config);
  const stream = generate({ seed, workload, ops, config: configuration, ...(keys !== undefined && { keys }) });
  return runOps({ ...options, stream });
}

export interface OpsRun {
  readonly seed: string;
  readonly workload: string;
  readonly ops: number;
  readonly config: string;
  readonly artifacts: string;
  readonly stream: Iterable<Op>;
  readonly progress?: (done: number, total: number) => void;
  /** The command that runs it again; by default a `run` of the seed. */
  readonly replay?: string;
}

/** Runs any operations; what fails is kept under `artifacts` with its op log and the store. */
export function runOps(run: OpsRun): DifferentialResult {
  const base = mkdtempSync(join(fastDirectory(), "tinykv-run-"));
  const directory = join(base, "store");
  const issued: Op[] = [];
  let runner: Runner | undefined;
  try {
    runner = new Runner({ engine: new TinyKVEngine(), directory, config: run.config });
    let done = 0;
    for (const op of run.stream) {
      if (issued.length < KEPT_OPS) issued.push(op);
      runner.run(op);
      if (++done % PROGRESS_OPS === 0) run.progress?.(done, run.ops);
    }
    runner.finish();
    return { counts: runner.counts(), failures: [] };
  } catch (error) {
    const failure =
      error instanceof Failure ? error : new Failure("C8", `threw ${String(error)}`, undefined, { cause: error });
    return { counts: runner?.counts(), failures: [keep(run, directory, issued, failure)] };
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

function keep(run: OpsRun, store: string, issued: readonly Op[], failure: Failure): ReportedFailure {
  const { seed, workload, ops, config } = run;
  const directory = join(run.artifacts, `run-${workload}-${seed.replaceAll(/[^\w.-]/g, "-")}`);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  if (existsSync(store)) cpSync(store, join(directory, "store"), { recursive: true });
  const header = printHeader({ seed, workload, config, engine: "tinykv", versions: `node:${process.versions.node}` });
  writeFileSync(join(directory, "ops.txt"), `${[header, ...issued.map(printOp)].join("\n")}\n`);
  const replay =
    run.replay ?? `npx tinykv-harness run --seed ${seed} --ops ${ops} --workload ${workload} --config ${config}`;
  const { condition, op, keys } = failure;
  const cause = failure.cause instanceof Error ? failure.cause.stack : undefined;
  writeFileSync(
    join(directory, "failure.json"),
    `${JSON.stringify({ condition, op, message: failure.message, keys, cause, replay }, undefined, 2)}\n`,
  );
  return {
    condition,
    seed,
    directory,
    replay,
    message: `${failure.message}${op === undefined ? "" : ` (operation ${op})`}`,
  };
}

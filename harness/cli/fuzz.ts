// The `fuzz` command, the replay of what it found, and its part of torture.

import type { Command } from "commander";
import { firstInputs, keepFinding, readFinding, replaceCorpus } from "../../fuzz/findings.ts";
import { copyInstrumented, type InstrumentedCopy } from "../../fuzz/instrument.ts";
import { runFuzz, type Found, type FuzzReport } from "../../fuzz/run.ts";
import { TARGETS } from "../../fuzz/targets.ts";
import { replayCommand } from "../artifacts.ts";
import type { Shard } from "../finding.ts";
import { type CommonOptions, positive, UsageError, withCommon } from "./options.ts";
import { Progress } from "./progress.ts";
import { finish, say, type ReportedFailure } from "./report.ts";

interface FuzzCliOptions extends CommonOptions {
  readonly seconds: number;
  readonly seed: string;
  readonly updateCorpus: boolean;
}

const NAMES = TARGETS.map(({ name }) => name);

export function addFuzz(program: Command, done: (code: number) => void): void {
  withCommon(program.command("fuzz <target>"))
    .description(`mutated bytes for a decoder: all, or one of ${NAMES.join(", ")}`)
    .option("--seconds <t>", "how long, all targets together", positive, 60)
    .option("--seed <seed>", "the seed", "1")
    .option("--update-corpus", "put the fewest inputs that take all branches taken into fuzz/corpus/", false)
    .action(async (target: string, options: FuzzCliOptions) => done(await fuzz(target, options)));
}

async function fuzz(target: string, options: FuzzCliOptions): Promise<number> {
  if (options.config !== undefined || options.configs !== undefined)
    throw new UsageError("formats have no configurations");
  const targets = target === "all" ? NAMES : NAMES.filter((name) => name === target);
  if (targets.length === 0) throw new UsageError(`unknown target ${target}; there are all, ${NAMES.join(", ")}`);
  const { artifacts, seconds, updateCorpus, json } = options;
  const seed = seedOf(options.seed, options.shard);
  const begin = performance.now();
  const progress = new Progress("fuzz");
  const report = await runFuzz({
    targets,
    seed,
    corpus: inputsOf(targets, artifacts),
    milliseconds: (seconds * 1000) / targets.length,
    minimised: updateCorpus,
    progress: () => progress.update(Math.min(seconds, Math.round((performance.now() - begin) / 1000)), seconds),
  });
  progress.end();
  if (updateCorpus) for (const { name, minimised } of report.results) if (minimised) replaceCorpus(name, minimised);
  const failures = keepAll(report.found, artifacts, seed);
  const execs = executionsOf(report);
  const counters = { execs, targets: targetsOf(report), ...branchesOf(report) };
  const whole = (performance.now() - begin) / 1000;
  return finish({ command: "fuzz", seed: options.seed, ops: execs, seconds: whole, failures, counters }, json);
}

/** Targets have no end that could be divided: a part is a seed of its own. */
function seedOf(seed: string, { index, count }: Shard): string {
  return count === 1 ? seed : `${seed}:${index}`;
}

function inputsOf(targets: readonly string[], artifacts: string): Record<string, readonly Uint8Array[]> {
  return Object.fromEntries(targets.map((name) => [name, firstInputs(name, artifacts)]));
}

function keepAll(found: readonly Found[], artifacts: string, seed: string): ReportedFailure[] {
  return found.map((one) => {
    const command = (path: string): string => replayCommand(path);
    const { directory, finding } = keepFinding(artifacts, one, seed, command);
    const message = `${one.target}: ${one.problem.problem}`;
    return { condition: "C22", seed: finding.seed, directory, replay: finding.replay, message };
  });
}

function executionsOf({ results }: FuzzReport): number {
  return results.reduce((sum, { executions }) => sum + executions, 0);
}

function targetsOf({ results }: FuzzReport): unknown[] {
  return results.map(({ name, executions, seconds, own }) => ({
    name,
    executions,
    executionsPerSecond: seconds > 0 ? Math.round(executions / seconds) : 0,
    branches: own.taken,
    branchesAll: own.all,
  }));
}

function branchesOf({ results, branches }: FuzzReport): Record<string, number> {
  const taken = new Set(results.flatMap((result) => [...result.branches]));
  return { branches: taken.size, branchesAll: branches.length };
}

/** Runs a finding again; undefined if `path` is none of the fuzzers. */
export async function replayFuzz(path: string, json: boolean): Promise<number | undefined> {
  const kept = readFinding(path);
  if (!kept) return undefined;
  const { target, seed, problem } = kept.finding;
  if (!NAMES.includes(target)) throw new UsageError(`a finding of an unknown target, ${target}`);
  const begin = performance.now();
  const corpus = { [target]: [kept.bytes] };
  const copy = copyInstrumented([]);
  const report = runFuzz({ targets: [target], seed, corpus, executions: 1, copy });
  const { found } = await report.finally(() => copy.remove());
  const now = found[0]?.problem.problem;
  if (now !== problem) say(`it was "${problem}", now it is ${now === undefined ? "no failure" : `"${now}"`}`);
  const message = `${target}: ${now}`;
  const failure = { condition: "C22", seed, directory: path, replay: replayCommand(path), message };
  const seconds = (performance.now() - begin) / 1000;
  const failures = now === undefined ? [] : [failure];
  return finish({ command: "replay", seed, ops: 1, seconds, failures, counters: { target } }, json);
}

/** Below so long the counting of branches, which takes seconds to put in, tells nothing yet. */
const GUIDED_MILLISECONDS = 30_000;
const TARGET_MILLISECONDS_MIN = 20;

export interface FuzzSuite {
  readonly units: number;
  readonly failures: readonly ReportedFailure[];
}

/** All targets until `deadline`. */
export async function runFuzzSuite(options: {
  readonly seed: string;
  readonly shard: Shard;
  readonly artifacts: string;
  readonly deadline: number;
  readonly progress: () => void;
}): Promise<FuzzSuite> {
  const { artifacts, deadline, progress } = options;
  const seed = `${options.seed}:fuzz:${options.shard.index - 1}`;
  let copy: InstrumentedCopy | undefined;
  if (deadline - performance.now() < GUIDED_MILLISECONDS) copy = copyInstrumented([]);
  try {
    const left = (deadline - performance.now()) / NAMES.length;
    const report = await runFuzz({
      targets: NAMES,
      seed,
      corpus: inputsOf(NAMES, artifacts),
      milliseconds: Math.max(TARGET_MILLISECONDS_MIN, left),
      progress,
      ...(copy && { copy }),
    });
    return { units: executionsOf(report), failures: keepAll(report.found, artifacts, seed) };
  } finally {
    copy?.remove();
  }
}

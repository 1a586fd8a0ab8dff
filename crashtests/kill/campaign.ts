// The SIGKILL suite: real processes in a real directory, killed at a random time, after the n-th acknowledgement, or by
// themselves at the n-th call of Env; every death is followed by a full check of a copy, and by the next child.

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fastDirectory, Failure, Random, WORKLOADS, type WorkloadName } from "tinykv/harness";
import { DirectoryRun, type Place, type RoundResult } from "./directory-run.ts";
import type { ChildPlan, KillPlan } from "./plan.ts";

export interface KillOptions {
  readonly seed: string;
  readonly rounds: number;
  /** Where stores are made; in memory where the system has a file system there, when absent. */
  readonly dir?: string;
  readonly artifacts: string;
  /** No further round is begun after this many milliseconds since the start. */
  readonly deadline?: number;
  readonly progress?: (done: number, total: number) => void;
  readonly now: () => number;
}

export interface KillSummary {
  readonly rounds: number;
  readonly acked: number;
  readonly places: Readonly<Record<Place, number>>;
  readonly profiles: Readonly<Record<string, number>>;
  readonly syncWrites: number;
  readonly writes: number;
  readonly failures: readonly KillFailure[];
}

export interface KillFailure {
  readonly condition: string;
  readonly seed: string;
  readonly directory: string;
  readonly replay: string;
  readonly message: string;
}

/** Children that die in one directory before a fresh one is taken. */
const ROUNDS_PER_DIRECTORY = 10;
/** Fewer keys than writes: overwrites and tombstones are what recovery gets wrong. */
const KEYS_MOST = 500;
/** More operations than a child has time for. */
const OPS_MOST = 50_000;

const CONFIGS: readonly (readonly [string, number])[] = [
  ["least", 10],
  ["small", 4],
  ["buffers-1", 2],
  ["manifest-1", 6],
  ["log-512", 2],
  ["recycle-off", 2],
  ["open-files-1", 1],
  ["paranoid", 1],
  ["thread", 8],
  ["thread-least", 4],
  ["default", 2],
];

/** A kill suite that acknowledges fewer writes a round than this tests nothing but start-up. */
export const ACKNOWLEDGED_LEAST = 20;

/** Runs rounds until they are done, the time is up, or one finds something. */
export async function runKillCampaign(options: KillOptions): Promise<KillSummary> {
  const summary = newSummary();
  const base = options.dir ?? mkdtempSync(join(fastDirectory(), "tinykv-kill-"));
  mkdirSync(base, { recursive: true });
  for (let first = 0; first < options.rounds && summary.failures.length === 0; first += ROUNDS_PER_DIRECTORY) {
    const rounds = Math.min(ROUNDS_PER_DIRECTORY, options.rounds - first);
    const over = await runDirectory(options, join(base, `store-${first}`), first, rounds, summary);
    if (over) break;
  }
  if (!options.dir) rmSync(base, { recursive: true, force: true });
  return summary;
}

type Counting = { -readonly [K in keyof KillSummary]: KillSummary[K] } & {
  places: Record<Place, number>;
  profiles: Record<string, number>;
  failures: KillFailure[];
};

function newSummary(): Counting {
  const places = {
    flush: 0,
    compaction: 0,
    "log-rotation": 0,
    "manifest-rotation": 0,
    "inside-open": 0,
    "inside-open-with-logs": 0,
  };
  return { rounds: 0, acked: 0, places, profiles: {}, syncWrites: 0, writes: 0, failures: [] };
}

// True when the time is up.
async function runDirectory(
  options: KillOptions,
  directory: string,
  first: number,
  rounds: number,
  summary: Counting,
): Promise<boolean> {
  rmSync(directory, { recursive: true, force: true });
  const run = new DirectoryRun(directory);
  const random = new Random(`kill:${options.seed}:${first}`);
  const config = drawConfig(random);
  for (let round = 0; round < rounds; round++) {
    if (options.deadline !== undefined && options.now() >= options.deadline) return true;
    const plan = drawPlan(options, run, random, config, first + round);
    try {
      count(summary, config, plan, await run.round(plan));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      summary.failures.push(keep(options, run, plan, error));
      return true;
    }
    options.progress?.(summary.rounds, options.rounds);
  }
  rmSync(directory, { recursive: true, force: true });
  return false;
}

function count(summary: Counting, config: string, { kill }: ChildPlan, result: RoundResult): void {
  summary.rounds++;
  summary.acked += result.acknowledged;
  summary.writes += result.writes;
  summary.syncWrites += result.syncWrites;
  for (const place of result.places) summary.places[place]++;
  for (const profile of [config, kill.by === "call" ? `call-${kill.phase}-${kill.when}` : kill.by]) {
    summary.profiles[profile] = (summary.profiles[profile] ?? 0) + 1;
  }
}

function drawConfig(random: Random): string {
  const total = CONFIGS.reduce((sum, [, weight]) => sum + weight, 0);
  let at = random.int(total);
  for (const [name, weight] of CONFIGS) {
    at -= weight;
    if (at < 0) return name;
  }
  return "small";
}

function drawPlan(options: KillOptions, run: DirectoryRun, random: Random, config: string, round: number): ChildPlan {
  const workloads: readonly WorkloadName[] = WORKLOADS.filter(
    (name) => name !== "async" && !name.startsWith("ycsb") && name !== "large-values",
  );
  return {
    directory: run.directory,
    seed: `${options.seed}:kill:${round}`,
    workload: random.pick(workloads),
    config: run.levels > 0 ? `${config},numLevels=${run.levels}` : config,
    ops: OPS_MOST,
    keys: random.between(10, KEYS_MOST),
    syncRatio: random.pick([0.3, 0.5, 0.7]),
    firstId: run.nextId,
    incarnation: run.incarnation,
    kill: drawKill(random, run.incarnation > 0, config.startsWith("thread")),
  };
}

function drawKill(random: Random, crashedBefore: boolean, hasThread: boolean): KillPlan {
  const when = random.pick(["before", "half", "after"] as const);
  if (hasThread && random.chance(1, 2)) return { by: "call", phase: "worker", nth: random.between(0, 400), when };
  const choice = random.int(10);
  if (choice < 3) return { by: "time", milliseconds: random.between(1, 120) };
  if (choice < 6) return { by: "acknowledgement", count: random.between(1, 400) };
  if (choice < 8 || !crashedBefore) return { by: "call", phase: "run", nth: random.between(0, 1500), when };
  return { by: "call", phase: "open", nth: random.between(0, 30), when };
}

// Nothing is deleted before it was kept: the directory as the child left it, its copy as the check left it, what was issued.
function keep(options: KillOptions, run: DirectoryRun, plan: ChildPlan, failure: Failure): KillFailure {
  const directory = join(options.artifacts, `kill-${plan.seed.replaceAll(":", "-")}`);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  cpSync(run.directory, join(directory, "store"), { recursive: true });
  cpSync(`${run.directory}.check`, join(directory, "store.check"), { recursive: true, errorOnExist: false });
  const replay = `npx tinykv-harness kill --seed ${options.seed} --rounds ${options.rounds}`;
  writeFileSync(
    join(directory, "ops.txt"),
    `# tinykv-ops v1 seed=${options.seed} workload=${plan.workload} config=${plan.config} engine=tinykv versions=\n${run.opLog.join("\n")}\n`,
  );
  writeFileSync(
    join(directory, "failure.json"),
    `${JSON.stringify({ condition: failure.condition, message: failure.message, keys: failure.keys, plan, replay }, undefined, 2)}\n`,
  );
  return { condition: failure.condition, seed: plan.seed, directory, replay, message: failure.message };
}

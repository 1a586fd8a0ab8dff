// The parent's side of a campaign: its parts run in workers, at once; what hangs is a finding like any other.

import { availableParallelism } from "node:os";
import { SEQUENCE_CONFIGS } from "../../crashtests/power-loss/sequences.ts";
import type { Finding, Shard } from "../finding.ts";
import { coverageOf, differingCounters, mergeCounters } from "./counters.ts";
import { firstOps } from "./differential.ts";
import { discard } from "./keep.ts";
import type { CampaignResult, CampaignTask, Found } from "./tasks.ts";
import { runInWorker, type WorkerEnd, type WorkerOptions } from "./watchdog.ts";
import type { Unit } from "./worker-host.ts";

/** More threads than this help little: they share a memory bus and, in CI, two cores. */
const WORKERS_MAX = 4;

/** Runs a task in so many parts as there are cores, or whole if it cannot be divided. */
export async function runCampaign(task: CampaignTask, options: WorkerOptions = {}): Promise<CampaignResult> {
  const parts = partsOf(task);
  const done = new Map<number, readonly [number, number]>();
  const stop = new AbortController();
  const ends = await Promise.all(
    parts.map(async (part, i) => {
      const progress = (now: number, total: number): void => {
        done.set(i, [now, total]);
        const all = [...done.values()];
        const sum = (which: 0 | 1): number => all.reduce((total, entry) => total + entry[which], 0);
        options.progress?.(sum(0), sum(1));
      };
      const end = await runInWorker<CampaignResult>(part, { ...options, progress, stop: stop.signal });
      // What the other parts still find would not be waited for.
      if (end.kind === "hang" || end.result.found.length > 0) stop.abort();
      return end;
    }),
  );
  return merge(ends.map(resultOf));
}

/** The same twice, and that it is the same: if not, a finding. */
export async function runCampaignTwice(task: CampaignTask, options: WorkerOptions = {}): Promise<CampaignResult> {
  const first = await runCampaign(task, options);
  const second = await runCampaign(task, options);
  second.found.forEach(discard);
  const differing = differingCounters(comparable(first), comparable(second));
  if (differing.length === 0 || first.found.length > 0) return first;
  return { ...first, found: [unsteady(task, differing)] };
}

function comparable({ units, ops, counters, found }: CampaignResult): CampaignResult["counters"] {
  const findings = found.map(({ finding: { condition, phase, message } }) => `${condition} ${phase} ${message}`);
  return { ...counters, units, operations: ops, findings };
}

function unsteady(task: CampaignTask, differing: readonly string[]): Found {
  const message = `two runs of the same seed differ in ${differing.join(", ")}`;
  const common = { condition: "C27", phase: "double-check", message, keys: [] } as const;
  if (task.kind === "log") {
    const { seed, workload, config } = task.log.header;
    const finding: Finding = { ...common, seed, workload, config, ops: task.log.ops };
    return { campaign: "replay", mode: task.mode, command: task.command, finding };
  }
  if (task.kind === "run") {
    const { seed, workload, ops, keys, configs } = task;
    const generated = { seed, workload, ops, ...(keys !== undefined && { keys }) };
    const config = configs[0]!;
    const finding: Finding = { ...common, seed, workload, config, ops: firstOps(generated, config, ops) };
    return { campaign: "run", mode: "plain", command: "", finding };
  }
  const finding: Finding = { ...common, seed: task.seed, workload: "", config: "default", ops: [] };
  return { campaign: task.kind, mode: "crash", command: "", finding };
}

function partsOf(task: CampaignTask): readonly CampaignTask[] {
  if (!("shard" in task)) return [task];
  const workers = Math.min(WORKERS_MAX, availableParallelism());
  return byConfiguration(task, workers) ?? subShards(task.shard, workers).map((shard) => ({ ...task, shard }));
}

// Sequences under one configuration share most of their images, under two none: parts that are divided by configurations
// open no image twice that one part would open once.
function byConfiguration(task: CampaignTask, workers: number): readonly CampaignTask[] | undefined {
  if (task.kind !== "crash" || task.method.kind !== "sequences") return undefined;
  const { configs = SEQUENCE_CONFIGS } = task;
  if (workers < configs.length || workers % configs.length !== 0) return undefined;
  const shards = subShards(task.shard, workers / configs.length);
  return configs.flatMap((config) => shards.map((shard) => ({ ...task, configs: [config], shard })));
}

/** A part of a campaign, in parts: units i, i + n, i + 2n … dealt out in turn. */
export function subShards({ index, count }: Shard, parts: number): Shard[] {
  return Array.from({ length: parts }, (_, part) => ({ index: index + count * part, count: count * parts }));
}

function resultOf(end: WorkerEnd<CampaignResult>): CampaignResult {
  if (end.kind === "done") return end.result;
  const found = end.unit ? [hung(end.unit, end.done, end.milliseconds)] : [];
  if (found.length === 0) throw new Error(`a worker hung before it began anything (${end.milliseconds} ms)`);
  return { units: 0, ops: 0, counters: {}, found };
}

function hung({ seed, workload, config, ops, work, generated, scratch }: Unit, done: number, limit: number): Found {
  const message = `no progress for ${limit / 1000} s`;
  const log = generated ? firstOps(generated, config, done + 1) : ops;
  const finding: Finding = { condition: "C28", phase: "hang", message, seed, workload, config, ops: log, keys: [] };
  return { ...work, finding, ...(scratch !== undefined && { scratch }) };
}

function merge(results: readonly CampaignResult[]): CampaignResult {
  if (results.length === 1) return results[0]!;
  return {
    units: results.reduce((sum, { units }) => sum + units, 0),
    ops: results.reduce((sum, { ops }) => sum + ops, 0),
    counters: mergeCounters(results.map(({ counters }) => counters)),
    found: results.flatMap(({ found }) => found),
    ...coverageOf(results),
  };
}

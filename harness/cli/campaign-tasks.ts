// Campaigns as tasks of a worker.

import { runFaults, type FaultsResult } from "../../crashtests/faults/campaign.ts";
import { runBarriers } from "../../crashtests/power-loss/barriers.ts";
import {
  runExhaustive,
  runSampled,
  runSequences,
  runTour,
  type PowerLossResult,
} from "../../crashtests/power-loss/campaign.ts";
import type { EngineMaker } from "../crash/recorded-run.ts";
import { TinyKVEngine } from "../engines/tinykv.ts";
import type { Finding } from "../finding.ts";
import { unreachable } from "../unreachable.ts";
import { mergeCounters } from "./counters.ts";
import { runOps } from "./differential.ts";
import { barriersCommand, crashCommand, faultsCommand, runCommand } from "./task-commands.ts";
import type { BarriersTask, CampaignResult, Counters, CrashTask, FaultsTask, Found, RunTask, Work } from "./tasks.ts";
import { watchedMaker } from "./watched-engine.ts";
import type { WorkerHost } from "./worker-host.ts";

/** Every call of the engine is a sign of life. */
export function tinykvMaker(host: Pick<WorkerHost, "beat">): EngineMaker {
  return watchedMaker((env) => new TinyKVEngine({ env }), host);
}

export async function runDifferentials(task: RunTask, host: WorkerHost): Promise<CampaignResult> {
  const { seed, workload, ops, keys, configs, hashed, engine } = task;
  const found: Found[] = [];
  const counters: Counters[] = [];
  let executed = 0;
  for (const config of configs) {
    const work: Work = { campaign: "run", mode: "plain", command: runCommand(task, config) };
    const generated = { seed, workload, ops, ...(keys !== undefined && { keys }) };
    const result = await runOps(
      { work, seed, workload, config, ops: generated, hashed, ...(engine !== undefined && { engine }) },
      host,
    );
    const { counts, traceHash } = result;
    executed += counts?.executed ?? 0;
    counters.push({
      executed: counts?.executed ?? 0,
      skipped: counts?.skipped ?? 0,
      kinds: counts?.byKind ?? {},
      configs: { [config]: 1 },
      ...(traceHash !== undefined && { traceHash }),
    });
    if (result.found) {
      found.push(result.found);
      break;
    }
  }
  return { units: counters.length, ops: executed, counters: mergeCounters(counters), found };
}

export async function runCrash(task: CrashTask, host: WorkerHost): Promise<CampaignResult> {
  const work: Work = { campaign: "crash", mode: "crash", command: crashCommand(task) };
  host.begin(work, "workload" in task.method ? task.method.workload : task.method.kind);
  const { counters, ops, findings, coverage } = await powerLoss(task, host);
  const units = Object.values(counters.configs).reduce((sum, runs) => sum + runs, 0);
  const found = findings.map((finding): Found => ({ ...work, finding, command: commandOf(task, finding.config) }));
  return { units, ops, counters: { ...counters }, found, coverage };
}

// Under one configuration as many images are drawn as were its share.
function commandOf(task: CrashTask, config: string): string {
  const { method, configs = [config] } = task;
  if (method.kind !== "sampled") return crashCommand(task, config);
  const share = Math.floor(method.images / configs.length);
  const images = share + (configs.indexOf(config) < method.images % configs.length ? 1 : 0);
  return crashCommand({ ...task, method: { ...method, images } }, config);
}

function powerLoss(task: CrashTask, host: WorkerHost): Promise<PowerLossResult> {
  const { seed, method, configs, shard, recovery, milliseconds } = task;
  const common = {
    seed,
    shard,
    ...(configs && { configs }),
    ...(recovery !== undefined && { recovery }),
    until: isOver(milliseconds, host),
  };
  const makeEngine = tinykvMaker(host);
  switch (method.kind) {
    case "exhaustive":
      return runExhaustive({ ...common, ops: method.ops, workload: method.workload }, host, makeEngine);
    case "sampled": {
      const { ops, workload, images } = method;
      return runSampled({ ...common, ops, workload, images }, host, makeEngine);
    }
    case "sequences":
      return runSequences({ ...common, length: method.length }, host, makeEngine);
    case "tour":
      return runTour({ shard }, host, makeEngine);
    default:
      return unreachable(method);
  }
}

export async function runFaultUnits(task: FaultsTask, host: WorkerHost): Promise<CampaignResult> {
  const { seed, ops, shard, configs, milliseconds } = task;
  const until = isOver(milliseconds, host);
  const found: Found[] = [];
  const counters: Counters[] = [];
  let runs = 0;
  for (const config of configs ?? [undefined]) {
    const work: Work = { campaign: "faults", mode: "faults", command: faultsCommand(task, config) };
    host.begin(work, "mixed");
    const options = { seed, ops, shard, until, ...(config !== undefined && { config }) };
    const result: FaultsResult = await runFaults(options, host, tinykvMaker(host));
    const { findings, ...counts } = result;
    runs += result.runs;
    counters.push({ ...counts });
    found.push(...findings.map((finding): Found => ({ ...work, finding })));
    if (found.length > 0 || until()) break;
  }
  return { units: runs, ops: runs * ops, counters: mergeCounters(counters), found };
}

export async function runBarrierCoverage(task: BarriersTask, host: WorkerHost): Promise<CampaignResult> {
  const work: Work = { campaign: "barriers", mode: "crash", command: barriersCommand(task) };
  host.begin(work, "barriers");
  const { barriers, images, findings } = await runBarriers({ seed: task.seed }, host);
  const ops = barriers.reduce((sum, barrier) => sum + barrier.ops, 0);
  const found = findings.map((finding: Finding): Found => ({ ...work, finding }));
  return { units: barriers.length, ops, counters: { images, barriers }, found };
}

/** A clock that runs out, or is stopped. */
export function isOver(milliseconds: number = Infinity, host?: Pick<WorkerHost, "isStopped">): () => boolean {
  const end = performance.now() + milliseconds;
  return () => performance.now() >= end || host?.isStopped() === true;
}

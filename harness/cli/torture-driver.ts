// torture of an engine that is not ours: differential runs, SIGKILL rounds and crash images in turn, by its driver, until the
// time is up or something is found. Units are short, so that each kind has its turn within seconds.

import type { EngineChoice } from "../engines/find-engines.ts";
import { isMine } from "../finding.ts";
import { WORKLOADS } from "../workloads/mixes.ts";
import { runCampaign } from "./campaign.ts";
import { foreignCrash } from "./crash-foreign.ts";
import { keepAll } from "./keep.ts";
import { driverKills } from "./kill.ts";
import { configsOf, UsageError } from "./options.ts";
import { say, type ReportedFailure } from "./report.ts";
import type { SuiteResult } from "./run-report.ts";
import { emptyResult, type TortureOptions } from "./torture-report.ts";

type Driver = Extract<EngineChoice, { kind: "driver" }>;

/** Of one unit. */
const RUN_OPS = 1000;
const KILL_ROUNDS = 10;
const CRASH_OPS = 100;
/** Each is opened by a driver of its own, which has to start first. */
const CRASH_IMAGES = 25;

interface Unit {
  readonly seed: string;
  readonly index: number;
  readonly config: string;
  readonly artifacts: string;
}

interface UnitResult {
  readonly units: number;
  readonly ops: number;
  readonly failures: readonly ReportedFailure[];
  /** Why nothing can be tried. */
  readonly skipped?: string;
}

/** The results of each suite. */
export async function tortureDriver(options: TortureOptions, choice: Driver): Promise<SuiteResult[]> {
  const { seed, artifacts, shard, minutes } = options;
  const configs = configsOf(options) ?? ["default"];
  if (configs.length > 1) throw new UsageError("--configs are about our own engine");
  const config = configs[0]!;
  const deadline = performance.now() + minutes * 60_000;
  const results: SuiteResult[] = [];
  for (let index = 0; index === 0 || performance.now() < deadline; index++) {
    if (!isMine(shard, index)) continue;
    for (const [suite, run] of SUITES) {
      const place = results.findIndex((result) => result.suite === suite);
      const before = results[place] ?? emptyResult(suite);
      const begin = performance.now();
      const unit = await run({ seed: `${seed}:${suite}:${index}`, index, config, artifacts }, choice);
      if (unit.skipped !== undefined && index === 0) say(`${suite} skipped: ${unit.skipped}`);
      const result = sum(before, unit, (performance.now() - begin) / 1000);
      if (place < 0) results.push(result);
      else results[place] = result;
      if (result.failures.length > 0) return results;
    }
  }
  return results;
}

const SUITES: readonly (readonly [string, (unit: Unit, choice: Driver) => UnitResult | Promise<UnitResult>])[] = [
  ["run", run],
  ["kill", kill],
  ["crash", crash],
];

async function run({ seed, index, config, artifacts }: Unit, { name: engine }: Driver): Promise<UnitResult> {
  const workload = WORKLOADS[index % WORKLOADS.length]!;
  const task = { kind: "run", seed, workload, ops: RUN_OPS, configs: [config], hashed: false, engine } as const;
  const { units, ops, found } = await runCampaign(task);
  return { units, ops, failures: await keepAll(artifacts, found) };
}

function kill({ seed, artifacts }: Unit, choice: Driver): UnitResult {
  const { ops, failures, counters } = driverKills({ seed, rounds: KILL_ROUNDS, artifacts }, choice);
  return { units: Number(counters["rounds"]), ops, failures };
}

async function crash({ seed, config, artifacts }: Unit, choice: Driver): Promise<UnitResult> {
  const asked = { seed, config, artifacts, engine: choice.name, workload: "mixed" } as const;
  const { failures, ops, counters } = await foreignCrash({ ...asked, ops: CRASH_OPS, images: CRASH_IMAGES }, choice);
  const { images, skipped } = counters;
  return { units: Number(images), ops, failures, ...(typeof skipped === "string" && { skipped }) };
}

function sum(before: SuiteResult, { units, ops, failures }: UnitResult, seconds: number): SuiteResult {
  return {
    suite: before.suite,
    units: before.units + units,
    ops: before.ops + ops,
    seconds: before.seconds + seconds,
    failures: [...before.failures, ...failures],
  };
}

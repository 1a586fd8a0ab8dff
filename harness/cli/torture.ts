// The main job: the corpus, differential runs, configurations against each other, simulated power loss, faults, fuzzers and
// SIGKILL rounds in turn, each for its share of the time, in one table.

import { runKillCampaign } from "../../crashtests/kill/campaign.ts";
import { isMine } from "../finding.ts";
import { runCampaign } from "./campaign.ts";
import { runFuzzSuite } from "./fuzz.ts";
import { keepAll } from "./keep.ts";
import { metaUnit, runMeta } from "./meta.ts";
import { simulateKills } from "./keep-kill.ts";
import { killReport, mayBeChance } from "./kill-report.ts";
import { checkEngine, configsOf, refuseStart } from "./options.ts";
import { Progress } from "./progress.ts";
import type { ReportedFailure } from "./report.ts";
import type { SuiteTask } from "./tasks.ts";
import { tortureDriver } from "./torture-driver.ts";
import type { SuiteResult } from "./run-report.ts";
import { finishTorture, type TortureOptions } from "./torture-report.ts";

/**
 * When each suite ends, as a part of the whole time. Power loss finds most of what can be found at all, so it has most;
 * SIGKILL has what is left: its rounds wait for processes.
 */
const ENDS: readonly (readonly [SuiteTask["suite"], number])[] = [
  ["corpus", 0.05],
  ["run", 0.22],
  ["crash", 0.55],
  ["faults", 0.7],
];
/** Between "run" and "crash". */
const META_END = 0.27;
const FUZZ_END = 0.8;
/** More rounds than any time allows: the clock ends the kill suite. */
const ROUNDS_MOST = 100_000;

/** Runs it; the exit code. */
export async function runTorture(options: TortureOptions): Promise<number> {
  const begin = performance.now();
  const choice = checkEngine(options.engine);
  const results = choice.kind === "own" ? await tortureOwn(options, begin) : await tortureDriver(options, choice);
  return finishTorture(options, results, (performance.now() - begin) / 1000);
}

async function tortureOwn(options: TortureOptions, begin: number): Promise<SuiteResult[]> {
  const whole = options.minutes * 60_000;
  const results: SuiteResult[] = [];
  const failed = (): boolean => results.some(({ failures }) => failures.length > 0);
  const configs = configsOf(options);
  configs?.forEach(refuseStart);
  for (const [suite, end] of ENDS) {
    if (failed()) break;
    const milliseconds = Math.max(1, begin + end * whole - performance.now());
    const { seed, shard } = options;
    const task: SuiteTask = { kind: "suite", suite, seed, milliseconds, shard, ...(configs && { configs }) };
    results.push(await runSuite(task, options));
    if (suite === "run" && !failed()) results.push(await metaSuite(options, begin + META_END * whole));
  }
  if (!failed()) results.push(await fuzzSuite(options, begin + FUZZ_END * whole));
  if (!failed()) results.push(await killSuite(options, begin + whole));
  return results;
}

async function runSuite(task: SuiteTask, { artifacts }: TortureOptions): Promise<SuiteResult> {
  const begin = performance.now();
  const progress = new Progress(task.suite);
  const total = Math.max(1, Math.round(task.milliseconds / 1000));
  const tick = (): void => progress.update(Math.min(total, Math.round((performance.now() - begin) / 1000)), total);
  const { units, ops, found, counters, coverage } = await runCampaign(task, { progress: tick });
  progress.end();
  const failures = await keepAll(artifacts, found);
  const seconds = (performance.now() - begin) / 1000;
  const { images, deduplicated, tier2, second, runs, configs } = counters;
  return {
    suite: task.suite,
    units,
    ops,
    seconds,
    failures,
    counters: { images, deduplicated, tier2, second, runs, configs },
    tables: { kinds: counters["kinds"], byCall: counters["byCall"] },
    ...(coverage && { coverage }),
  };
}

async function metaSuite(
  { seed, artifacts, shard, ...options }: TortureOptions,
  deadline: number,
): Promise<SuiteResult> {
  const begin = performance.now();
  const configs = configsOf(options);
  const failures: ReportedFailure[] = [];
  let units = 0;
  let ops = 0;
  for (let index = 0; failures.length === 0 && (units === 0 || performance.now() < deadline); index++) {
    if (!isMine(shard, index)) continue;
    const unit = metaUnit(`${seed}:meta:${index}`, index, configs);
    const result = await runMeta({ ...unit, artifacts, deadline });
    failures.push(...result.failures);
    ops += result.answers;
    units++;
  }
  return { suite: "meta", units, ops, seconds: (performance.now() - begin) / 1000, failures };
}

async function fuzzSuite({ seed, artifacts, shard }: TortureOptions, deadline: number): Promise<SuiteResult> {
  const begin = performance.now();
  const progress = new Progress("fuzz");
  const total = Math.max(1, Math.round((deadline - begin) / 1000));
  const tick = (): void => progress.update(Math.min(total, Math.round((performance.now() - begin) / 1000)), total);
  const { units, failures } = await runFuzzSuite({ seed, shard, artifacts, deadline, progress: tick });
  progress.end();
  return { suite: "fuzz", units, ops: units, seconds: (performance.now() - begin) / 1000, failures };
}

async function killSuite({ seed, artifacts, shard }: TortureOptions, deadline: number): Promise<SuiteResult> {
  const begin = performance.now();
  const progress = new Progress("kill");
  const total = Math.max(1, Math.round((deadline - begin) / 1000));
  const now = (): number => performance.now();
  const tick = (): void => progress.update(Math.min(total, Math.round((now() - begin) / 1000)), total);
  // Rounds build on each other: a part is a seed of its own.
  const own = shard.count === 1 ? seed : `${seed}:${shard.index}`;
  const summary = await runKillCampaign({ seed: own, rounds: ROUNDS_MOST, artifacts, deadline, now, progress: tick });
  progress.end();
  const seconds = (performance.now() - begin) / 1000;
  const failures = await simulateKills(summary.failures);
  const { complaints = [] } = killReport(own, summary, { seconds, failures });
  const { rounds, acked, checked, sights, writes, profiles, places } = summary;
  const counters = { checked, sights, writes };
  return {
    suite: "kill",
    units: rounds,
    ops: acked,
    seconds,
    failures,
    complaints: mayBeChance(summary) ? [] : complaints,
    counters,
    tables: { profiles, places },
  };
}

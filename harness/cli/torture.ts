// The main job: the corpus, differential runs, simulated power loss, faults, fuzzers and SIGKILL rounds in turn, each for
// its share of the time, in one table.

import { runKillCampaign } from "../../crashtests/kill/campaign.ts";
import { FEATURES, type Feature } from "../inspector/format-features.ts";
import { runCampaign } from "./campaign.ts";
import { runFuzzSuite } from "./fuzz.ts";
import { keepAll } from "./keep.ts";
import { simulateKills } from "./keep-kill.ts";
import { killReport } from "./kill-report.ts";
import { type CommonOptions, configsOf } from "./options.ts";
import { Progress } from "./progress.ts";
import { finish, say, type CommandReport } from "./report.ts";
import { type SuiteResult, writeRunPage } from "./run-report.ts";
import { quote } from "./task-commands.ts";
import { HARNESS, type SuiteTask } from "./tasks.ts";

export interface TortureOptions extends CommonOptions {
  readonly seed: string;
  readonly minutes: number;
}

/**
 * When each suite ends, as a part of the whole time. Power loss finds most of what can be found at all, so it has most;
 * SIGKILL has what is left: its rounds wait for processes.
 */
const ENDS: readonly (readonly [SuiteTask["suite"], number])[] = [
  ["corpus", 0.05],
  ["run", 0.25],
  ["crash", 0.55],
  ["faults", 0.7],
];
const FUZZ_END = 0.8;
/** More rounds than any time allows: the clock ends the kill suite. */
const ROUNDS_MOST = 100_000;
/** The writes that a round acknowledges vary by as much as their average: that of fewer rounds says nothing of a suite. */
const ROUNDS_OF_AN_AVERAGE = 100;

/** Runs it; the exit code. */
export async function runTorture(options: TortureOptions): Promise<number> {
  const begin = performance.now();
  const whole = options.minutes * 60_000;
  const results: SuiteResult[] = [];
  const failed = (): boolean => results.some(({ failures }) => failures.length > 0);
  const configs = configsOf(options);
  for (const [suite, end] of ENDS) {
    if (failed()) break;
    const milliseconds = Math.max(1, begin + end * whole - performance.now());
    const { seed, shard } = options;
    const task: SuiteTask = { kind: "suite", suite, seed, milliseconds, shard, ...(configs && { configs }) };
    results.push(await runSuite(task, options));
  }
  if (!failed()) results.push(await fuzzSuite(options, begin + FUZZ_END * whole));
  if (!failed()) results.push(await killSuite(options, begin + whole));
  printTable(results);
  const seconds = (performance.now() - begin) / 1000;
  const complaints = [...results.flatMap(({ complaints = [] }) => complaints), ...blindSpots(results, options)];
  const page = writeRunPage({ ...options, command: "torture", line: lineOf(options), seconds, results, complaints });
  say(`what was covered: ${page}`);
  const suites = results.map(({ suite, units, ops, seconds, counters }) => ({
    suite,
    units,
    ops,
    seconds,
    ...counters,
  }));
  const report: CommandReport = {
    command: "torture",
    seed: options.seed,
    ops: results.reduce((sum, { ops }) => sum + ops, 0),
    seconds,
    failures: results.flatMap(({ failures }) => failures),
    complaints,
    counters: { suites, page },
  };
  return finish(report, options.json);
}

/** What no image contained was not tried, whatever the suites say; only a whole run can be held to that. */
export function blindSpots(
  results: readonly Pick<SuiteResult, "suite" | "failures" | "coverage">[],
  options: Pick<TortureOptions, "shard" | "config" | "configs">,
): string[] {
  const { coverage } = results.find(({ suite }) => suite === "crash") ?? {};
  // The tour has configurations of its own, and is divided among shards.
  const isWhole = options.shard.count === 1 && configsOf(options) === undefined;
  if (!isWhole || !coverage || results.some(({ failures }) => failures.length > 0)) return [];
  const missing = (Object.keys(FEATURES) as Feature[]).filter((feature) => coverage.features[feature] === 0);
  return missing.map((feature) => `no crash image contained ${FEATURES[feature]}`);
}

function lineOf({ seed, minutes, config, configs, shard }: TortureOptions): string {
  const words = [HARNESS, "torture", "--seed", seed, "--minutes", minutes];
  if (config !== undefined) words.push("--config", config);
  if (configs !== undefined) words.push("--configs", configs);
  if (shard.count > 1) words.push("--shard", `${shard.index}/${shard.count}`);
  return words.map((word) => (word === HARNESS ? HARNESS : quote(String(word)))).join(" ");
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
    complaints: rounds < ROUNDS_OF_AN_AVERAGE ? [] : complaints,
    counters,
    tables: { profiles, places },
  };
}

function printTable(results: readonly SuiteResult[]): void {
  say(`${"suite".padEnd(10)}${"units".padStart(8)}${"operations".padStart(14)}${"seconds".padStart(10)}   result`);
  for (const { suite, units, ops, seconds, failures } of results) {
    const result = failures.length === 0 ? "ok" : `${failures.length} FAILED`;
    say(
      `${suite.padEnd(10)}${String(units).padStart(8)}${String(ops).padStart(14)}${seconds.toFixed(1).padStart(10)}   ${result}`,
    );
  }
}

// The main job: the corpus, differential runs and SIGKILL rounds in turn, for as long as it was given, in one table.

import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runKillCampaign } from "../../crashtests/kill/campaign.ts";
import { parseOpLog } from "../op-log.ts";
import { WORKLOADS } from "../workloads/mixes.ts";
import { runDifferential, runOps } from "./differential.ts";
import { killReport } from "./kill-report.ts";
import { Progress } from "./progress.ts";
import { finish, say, type CommandReport, type ReportedFailure } from "./report.ts";

export interface TortureOptions {
  readonly seed: string;
  readonly minutes: number;
  readonly artifacts: string;
  readonly json: boolean;
}

interface SuiteResult {
  readonly suite: string;
  readonly units: number;
  readonly ops: number;
  readonly seconds: number;
  readonly failures: readonly ReportedFailure[];
  readonly complaints?: readonly string[];
}

const CORPUS = fileURLToPath(new URL("../corpus/", import.meta.url)).replace(/\/dist\/harness\//, "/harness/");

/** The part of the time that SIGKILL rounds get; differential runs get the rest. */
const KILL_PART = 0.5;
/** One differential unit: long enough for compactions on several levels under a small configuration … */
const UNIT_OPS = 10_000;
/** … and as long in time where every write flushes, compacts and rewrites the manifest. */
const UNIT_OPS_LEAST = 400;
const UNIT_KEYS = 2_000;
const CONFIGS = [
  "small",
  "least",
  "memory",
  "manual",
  "default",
  "recycle-off",
  "buffers-1",
  "log-512",
  "index-64",
  "paranoid",
  "open-files-1",
  "manifest-1",
];
/** More rounds than any time allows: the clock ends the kill suite. */
const ROUNDS_MOST = 100_000;

/** Runs it; the exit code. */
export async function runTorture(options: TortureOptions): Promise<number> {
  const begin = performance.now();
  const end = begin + options.minutes * 60_000;
  const results: SuiteResult[] = [];
  const failed = (): boolean => results.some(({ failures }) => failures.length > 0);
  results.push(corpusSuite(options));
  if (!failed()) results.push(runSuite(options, begin + (end - begin) * (1 - KILL_PART)));
  if (!failed()) results.push(await killSuite(options, end));
  printTable(results);
  const failures = results.flatMap((result) => result.failures);
  const complaints = results.flatMap((result) => result.complaints ?? []);
  const ops = results.reduce((sum, result) => sum + result.ops, 0);
  const suites = results.map(({ suite, units, ops: done, seconds }) => ({ suite, units, ops: done, seconds }));
  const report: CommandReport = {
    command: "torture",
    seed: options.seed,
    ops,
    seconds: (performance.now() - begin) / 1000,
    failures,
    complaints,
    counters: { suites },
  };
  return finish(report, options.json);
}

function corpusSuite({ artifacts }: TortureOptions): SuiteResult {
  const begin = performance.now();
  const failures: ReportedFailure[] = [];
  let ops = 0;
  const names = readdirSync(CORPUS)
    .filter((name) => name.endsWith(".ops"))
    .sort();
  for (const name of names) {
    const log = parseOpLog(readFileSync(`${CORPUS}${name}`, "utf8"));
    const { seed, config } = log.header;
    const replay = `npx tinykv-harness replay harness/corpus/${name}`;
    const run = {
      seed,
      workload: name,
      ops: log.ops.length,
      config: config || "default",
      artifacts,
      stream: log.ops,
      replay,
    };
    failures.push(...runOps(run).failures);
    ops += log.ops.length;
  }
  return { suite: "corpus", units: names.length, ops, seconds: (performance.now() - begin) / 1000, failures };
}

// Every workload under every configuration, in an order that the first minute already mixes.
function runSuite({ seed, artifacts }: TortureOptions, until: number): SuiteResult {
  const begin = performance.now();
  const progress = new Progress("run");
  const failures: ReportedFailure[] = [];
  let units = 0;
  let ops = 0;
  const total = Math.max(1, Math.round((until - begin) / 1000));
  while (failures.length === 0 && (units === 0 || performance.now() < until)) {
    const workload = WORKLOADS[units % WORKLOADS.length]!;
    const config = CONFIGS[units % CONFIGS.length]!;
    const result = runDifferential({
      seed: `${seed}:run:${units}`,
      workload,
      config,
      ops: config === "least" ? UNIT_OPS_LEAST : UNIT_OPS,
      keys: UNIT_KEYS,
      artifacts,
    });
    failures.push(...result.failures);
    ops += result.counts?.executed ?? 0;
    units++;
    progress.update(Math.min(total, Math.round((performance.now() - begin) / 1000)), total);
  }
  progress.end();
  return { suite: "run", units, ops, seconds: (performance.now() - begin) / 1000, failures };
}

async function killSuite({ seed, artifacts }: TortureOptions, deadline: number): Promise<SuiteResult> {
  const begin = performance.now();
  const progress = new Progress("kill");
  const total = Math.max(1, Math.round((deadline - begin) / 1000));
  const now = (): number => performance.now();
  const tick = (): void => progress.update(Math.min(total, Math.round((now() - begin) / 1000)), total);
  const summary = await runKillCampaign({ seed, rounds: ROUNDS_MOST, artifacts, deadline, now, progress: tick });
  progress.end();
  const seconds = (performance.now() - begin) / 1000;
  const { failures, complaints = [] } = killReport(seed, summary, seconds);
  return { suite: "kill", units: summary.rounds, ops: summary.acked, seconds, failures, complaints };
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

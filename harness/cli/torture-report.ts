// What torture says of its suites.

import { FEATURES, type Feature } from "../inspector/format-features.ts";
import { checkEngine, type CommonOptions, configsOf } from "./options.ts";
import { finish, say, type CommandReport } from "./report.ts";
import { type RunReport, type SuiteResult, writeRunPage } from "./run-report.ts";
import { commandLine } from "../command-line.ts";

export interface TortureOptions extends CommonOptions {
  readonly seed: string;
  readonly minutes: number;
  readonly engine: string;
}

export function emptyResult(suite: string): SuiteResult {
  return { suite, units: 0, ops: 0, seconds: 0, failures: [] };
}

/** Prints the table of all suites, and the report, and leaves the page of a run of our own engine; the exit code. */
export function finishTorture(options: TortureOptions, results: readonly SuiteResult[], seconds: number): number {
  const { seed, json } = options;
  printTable(results);
  const complaints = [...results.flatMap(({ complaints = [] }) => complaints), ...blindSpots(results, options)];
  const suites = results.map((result) => {
    const { suite, units, ops, seconds: own, counters } = result;
    return { suite, units, ops, seconds: own, ...counters };
  });
  const report: CommandReport = {
    command: "torture",
    seed,
    ops: results.reduce((sum, { ops }) => sum + ops, 0),
    seconds,
    failures: results.flatMap(({ failures }) => failures),
    complaints,
    counters: {
      suites,
      ...pageOf({ ...options, command: "torture", line: lineOf(options), seconds, results, complaints }),
    },
  };
  return finish(report, json);
}

// It is about the conditions that suites of our own engine judge.
function pageOf(report: RunReport & { readonly engine: string }): { readonly page?: string } {
  if (checkEngine(report.engine).kind !== "own") return {};
  const page = writeRunPage(report);
  say(`what was covered: ${page}`);
  return { page };
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
  const words: (string | number)[] = ["torture", "--seed", seed, "--minutes", minutes];
  if (config !== undefined) words.push("--config", config);
  if (configs !== undefined) words.push("--configs", configs);
  if (shard.count > 1) words.push("--shard", `${shard.index}/${shard.count}`);
  return commandLine(words);
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

// What torture says of its suites.

import { OWN_ENGINE } from "../engine.ts";
import { FEATURES, type Feature } from "../inspector/format-features.ts";
import { type CommonOptions, configsOf } from "./options.ts";
import { finish, say, type CommandReport } from "./report.ts";
import { type SuiteResult, writeRunPage } from "./run-report.ts";
import { commandLine } from "./task-commands.ts";

export interface TortureOptions extends CommonOptions {
  readonly seed: string;
  readonly minutes: number;
  readonly engine: string;
}

export function emptyResult(suite: string): SuiteResult {
  return { suite, units: 0, ops: 0, seconds: 0, failures: [] };
}

/** Prints the table of all suites, writes the page of the run, and reports; the exit code. */
export function finishTorture(options: TortureOptions, results: readonly SuiteResult[], seconds: number): number {
  printTable(results);
  const complaints = [...results.flatMap((result) => result.complaints ?? []), ...blindSpots(results, options)];
  const page = writeRunPage({ ...options, command: "torture", line: lineOf(options), seconds, results, complaints });
  say(`what was covered: ${page}`);
  const suites = results.map((result) => {
    const { suite, units, ops, seconds: own, counters } = result;
    return { suite, units, ops, seconds: own, ...counters };
  });
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

function lineOf({ seed, minutes, engine, config, configs, shard }: TortureOptions): string {
  const words: (string | number)[] = ["torture", "--seed", seed, "--minutes", minutes];
  if (engine !== OWN_ENGINE) words.push("--engine", engine);
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

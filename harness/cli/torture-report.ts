// What torture says of its suites.

import type { CommonOptions } from "./options.ts";
import { finish, say, type CommandReport, type ReportedFailure } from "./report.ts";
import type { Counters } from "./tasks.ts";

export interface TortureOptions extends CommonOptions {
  readonly seed: string;
  readonly minutes: number;
  readonly engine: string;
}

export interface SuiteResult {
  readonly suite: string;
  readonly units: number;
  readonly ops: number;
  readonly seconds: number;
  readonly failures: readonly ReportedFailure[];
  readonly complaints?: readonly string[];
  readonly counters?: Counters;
}

export function emptyResult(suite: string): SuiteResult {
  return { suite, units: 0, ops: 0, seconds: 0, failures: [] };
}

/** Prints the table of all suites, and the report; the exit code. */
export function finishTorture(
  { seed, json }: TortureOptions,
  results: readonly SuiteResult[],
  seconds: number,
): number {
  printTable(results);
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
    complaints: results.flatMap(({ complaints = [] }) => complaints),
    counters: { suites },
  };
  return finish(report, json);
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

// The page of a run, written beside the artifacts of its failures.

import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Coverage } from "../crash/coverage.ts";
import { runPage, type CountTable } from "../report/run-page.ts";
import type { ReportedFailure } from "./report.ts";
import type { Counters } from "./tasks.ts";

/** What a suite came to. */
export interface SuiteResult {
  readonly suite: string;
  readonly units: number;
  readonly ops: number;
  readonly seconds: number;
  readonly failures: readonly ReportedFailure[];
  readonly complaints?: readonly string[];
  readonly counters?: Counters;
  /** Counters that are tables of counts, for the page alone. */
  readonly tables?: Readonly<Partial<Record<TableName, unknown>>>;
  readonly coverage?: Coverage;
}

export interface RunReport {
  /** Where failures are kept. */
  readonly artifacts: string;
  readonly command: string;
  readonly seed: string;
  readonly line: string;
  readonly seconds: number;
  readonly results: readonly SuiteResult[];
  readonly complaints: readonly string[];
}

const TITLES = {
  kinds: "Operations by kind",
  byCall: "Calls that were made to fail",
  profiles: "Kills by configuration, moment and load",
  places: "Kills by what they came at",
} as const;

type TableName = keyof typeof TITLES;

/** Writes it in place of what the same command wrote with the same seed before; the file. */
export function writeRunPage(report: RunReport): string {
  const { artifacts, command, seed, line, seconds, results, complaints } = report;
  const directory = join(artifacts, `${command}-${seed.replaceAll(/[^\w.-]/g, "-")}`);
  mkdirSync(directory, { recursive: true });
  const coverage = results.find((result) => result.coverage)?.coverage;
  const suites = results.map(({ suite, units, ops, seconds, failures, counters = {}, tables = {} }) => ({
    suite,
    units,
    ops,
    seconds,
    failures: failures.map(({ condition, message, directory: kept }) => ({
      condition,
      message,
      page: `${relative(directory, kept)}/report.html`,
    })),
    counters: numbersOf(counters),
    configs: countsOf(counters["configs"]),
    tables: (Object.keys(TITLES) as TableName[]).flatMap((name): CountTable[] =>
      tables[name] === undefined ? [] : [{ title: TITLES[name], counts: countsOf(tables[name]) }],
    ),
  }));
  const page = runPage({ command, seed, line, seconds, suites, complaints, ...(coverage && { coverage }) });
  const file = join(directory, "report.html");
  writeFileSync(file, page);
  return file;
}

function numbersOf(counters: Counters): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counters).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  );
}

function countsOf(table: unknown): Record<string, number> {
  return numbersOf((table ?? {}) as Counters);
}

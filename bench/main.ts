// `npm run bench`: db_bench's workloads and YCSB's on our engine, and with --peers on the engines that users would pick
// instead, interleaved in one run. Exit codes: 0 all was measured, 1 something failed, 2 usage.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cleanUpOnSignals } from "./clean-up.ts";
import { findContestants } from "./contest/find-contestants.ts";
import { heatsOf, runContest } from "./contest/contest.ts";
import { machine } from "./measure/system.ts";
import { mixed } from "./mixed/mixed.ts";
import { parseBenchOptions, USAGE, UsageError, type BenchOptions } from "./options.ts";
import { Progress } from "./progress.ts";
import { printMixed } from "./report/mixed-summary.ts";
import { benchPage } from "./report/page.ts";
import { FORMAT, type BenchReport } from "./report/report.ts";
import { printReport } from "./report/table.ts";
import { judgeTargets } from "./report/targets.ts";

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    console.log(USAGE);
    return 0;
  }
  const options = parseBenchOptions(args);
  const directory = mkdtempSync(join(options.directory ?? tmpdir(), "tinykv-bench-"));
  const cleanUp = (): void => rmSync(directory, { recursive: true, force: true });
  cleanUpOnSignals(cleanUp);
  try {
    const report = options.mixed ? await mixedReport(options, directory) : await contestReport(options, directory);
    console.log(report.mixed ? printMixed(report.mixed) : printReport(report));
    write(options, report);
    const failed = report.results.filter((result) => result.failed !== undefined);
    for (const result of failed) console.error(`bench: ${result.failed}`);
    return failed.length === 0 ? 0 : 1;
  } finally {
    cleanUp();
  }
}

async function contestReport(options: BenchOptions, directory: string): Promise<BenchReport> {
  const began = new Date().toISOString();
  const contestants = await findContestants(options, directory);
  const progress = new Progress(heatsOf(options, contestants.length));
  const results = await runContest(options, contestants, progress).finally(() => progress.end());
  return {
    ...head(options, directory, began),
    contestants: contestants.map(({ name, version, durability }) => ({ name, version, durability })),
    results,
    targets: judgeTargets(results),
  };
}

async function mixedReport(options: BenchOptions, directory: string): Promise<BenchReport> {
  const began = new Date().toISOString();
  const report = await mixed(options, directory);
  return { ...head(options, directory, began), contestants: [], results: [], targets: [], mixed: report };
}

function head(
  { rounds, secondsMax, seed, options }: BenchOptions,
  directory: string,
  began: string,
): Pick<BenchReport, "format" | "began" | "machine" | "setting"> {
  return { format: FORMAT, began, machine: machine(directory), setting: { rounds, secondsMax, seed, options } };
}

function write({ json, html }: BenchOptions, report: BenchReport): void {
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, undefined, 1)}\n`);
  if (html !== undefined) writeFileSync(html, benchPage(report));
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`bench: ${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}

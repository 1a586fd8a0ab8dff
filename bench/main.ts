// `npm run bench`: db_bench's workloads and YCSB's on our engine, and with --peers on the engines that users would pick
// instead, interleaved in one run. Exit codes: 0 all was measured, 1 something failed, 2 usage.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findContestants } from "./contest/find-contestants.ts";
import { heatsOf, runContest } from "./contest/contest.ts";
import { machine } from "./measure/system.ts";
import { parseBenchOptions, USAGE, UsageError, type BenchOptions } from "./options.ts";
import { Progress } from "./progress.ts";
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
  try {
    return await contest(options, directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function contest(options: BenchOptions, directory: string): Promise<number> {
  const contestants = await findContestants(options, directory);
  const progress = new Progress(heatsOf(options, contestants.length));
  const began = new Date().toISOString();
  const results = await runContest(options, contestants, progress).finally(() => progress.end());
  const { rounds, secondsMax, seed } = options;
  const report: BenchReport = {
    format: FORMAT,
    began,
    machine: machine(directory),
    setting: { rounds, secondsMax, seed, options: options.options },
    contestants: contestants.map(({ name, version, durability }) => ({ name, version, durability })),
    results,
    targets: judgeTargets(results),
  };
  console.log(printReport(report));
  write(options, report);
  const failed = results.filter((result) => result.failed !== undefined);
  for (const result of failed) console.error(`bench: ${result.failed}`);
  return failed.length === 0 ? 0 : 1;
}

function write({ json, html }: BenchOptions, report: BenchReport): void {
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, undefined, 1)}\n`);
  void html;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`bench: ${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}

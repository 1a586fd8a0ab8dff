// `npm run regress -- --base REV`: is the working tree slower than a revision? Builds both, runs micro-workloads of each in
// processes in turn, and takes the base against itself as the measure of noise. Exit codes: 0 not slower, 1 slower,
// 2 usage, 3 it could not be measured.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fastDirectory } from "tinykv/harness";
import { cleanUpOnSignals } from "../clean-up.ts";
import { UsageError } from "../options.ts";
import { Progress } from "../progress.ts";
import { medianOf } from "../report/statistics.ts";
import { repositoryRoot } from "../repository.ts";
import { buildRevision, copyBuilt, removeRevision, type Build, type BuiltTree } from "./builds.ts";
import { compareBuilds, type WorkloadResult } from "./contest.ts";

const USAGE = `npm run regress -- --base REV [OPTIONS]

  --base REV         the revision to compare the working tree with
  --rounds N         rounds of three processes at least (default 10); up to three times as many where it is noisy
  --keys N           entries of a store, 1000 to 1000000 (default 30000)
  --seed S           (default 1)
  --directory DIR    where stores are made (default: memory where the system has a file system there)
  --json FILE        every round`;

interface RegressOptions {
  readonly base: string;
  readonly rounds: number;
  readonly keys: number;
  readonly seed: string;
  readonly directory: string;
  readonly json: string | undefined;
}

function parseRegressOptions(args: readonly string[]): RegressOptions {
  const values = parse(args);
  if (values.base === undefined) throw new UsageError("--base is missing");
  return {
    base: values.base,
    rounds: wholeNumber("--rounds", values.rounds, 3, 1000),
    keys: wholeNumber("--keys", values.keys, 1000, 1_000_000),
    seed: values.seed,
    directory: values.directory ?? fastDirectory(),
    json: values.json,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        base: { type: "string" },
        rounds: { type: "string", default: "10" },
        keys: { type: "string", default: "30000" },
        seed: { type: "string", default: "1" },
        directory: { type: "string" },
        json: { type: "string" },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(`${name} takes a whole number from ${least} to ${most}, not ${text}`);
}

async function main(options: RegressOptions): Promise<number> {
  const root = repositoryRoot();
  const builds = mkdtempSync(join(tmpdir(), "tinykv-regress-"));
  const stores = mkdtempSync(join(options.directory, "tinykv-regress-"));
  const worktree = join(builds, "base");
  const cleanUp = (): void => {
    removeRevision(root, worktree);
    rmSync(builds, { recursive: true, force: true });
    rmSync(stores, { recursive: true, force: true });
  };
  cleanUpOnSignals(cleanUp);
  try {
    const base = await buildRevision(root, worktree, options.base);
    const candidate = copyBuilt(root, join(builds, "candidate"));
    return await compare(base, candidate, stores, options);
  } finally {
    cleanUp();
  }
}

async function compare(base: Build, candidate: BuiltTree, stores: string, options: RegressOptions): Promise<number> {
  const { rounds, keys, seed, json } = options;
  const progress = new Progress(rounds);
  const results = await compareBuilds({
    base,
    candidate,
    childFile: candidate.childFile,
    directory: stores,
    rounds,
    keys,
    seed,
    progress: (done, total) => progress.update(done, `round ${done + 1} of ${total}`, total),
  }).finally(() => progress.end());
  console.log(
    `${candidate.name} against ${base.name}: nanoseconds an operation, medians of rounds of three processes\n`,
  );
  console.log(table(results));
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(results, undefined, 1)}\n`);
  return results.some(({ isSlower }) => isSlower) ? 1 : 0;
}

function table(results: readonly WorkloadResult[]): string {
  const head = ["workload", "rounds", "base", "candidate", "change", "band", "base again", "verdict"];
  const rows = results.map(({ workload, rounds, verdict, ...rest }) => [
    workload,
    String(rounds.length + (rest.confirmation?.rounds.length ?? 0)),
    medianOf(rounds.map(({ base }) => base)).toFixed(0),
    medianOf(rounds.map(({ candidate }) => candidate)).toFixed(0),
    percent(verdict.factor),
    `±${percent(verdict.band).slice(1)}`,
    percent(verdict.baseAgain),
    inWords({ verdict, ...rest }),
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 || i === 7 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ");
  return [head, ...rows].map((row) => line(row).trimEnd()).join("\n");
}

function inWords({ verdict, confirmation }: Pick<WorkloadResult, "verdict" | "confirmation">): string {
  if (!confirmation) return verdict.is;
  const { factor, band, is } = confirmation.verdict;
  const second = `${percent(factor)} at the second look, ±${percent(band).slice(1)}`;
  return is === "slower" ? `SLOWER: ${second}` : `same: ${second}`;
}

function percent(factor: number): string {
  const value = (factor - 1) * 100;
  return `${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(1)} %`;
}

try {
  process.exitCode = await main(parseRegressOptions(process.argv.slice(2)));
} catch (error) {
  const isUsage = error instanceof UsageError;
  console.error(`regress: ${isUsage ? `${error.message}\n\n${USAGE}` : ((error as Error).stack ?? String(error))}`);
  process.exitCode = isUsage ? 2 : 3;
}

// The `meta` command, and its part of torture: one op log under many configurations, each in a process of its own, and the
// histories of answers compared line by line (C26). No model takes part.

import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { CONFIGURATIONS, randomConfiguration } from "../configurations.ts";
import { OWN_ENGINE } from "../engine.ts";
import type { Finding } from "../finding.ts";
import { configurationsFor, type Difference, firstDifference } from "../metamorphic/differences.ts";
import { printOp } from "../op-line.ts";
import type { Op } from "../op.ts";
import { WORKLOADS } from "../workloads/mixes.ts";
import { runCampaign } from "./campaign.ts";
import { keep, keepAll, reportOf } from "./keep.ts";
import { type MetaLog, operationsOf } from "./meta-main.ts";
import { NO_ANSWER, type Recorded, type RecordOptions, recordHistories } from "./meta-processes.ts";
import {
  configsOf,
  count,
  type CommonOptions,
  type DoubleCheckOptions,
  refuseStart,
  UsageError,
  withCommon,
  withDoubleCheck,
  workloadNamed,
} from "./options.ts";
import { Progress } from "./progress.ts";
import { finish, type ReportedFailure } from "./report.ts";
import { commandLine } from "../command-line.ts";
import type { Found } from "./tasks.ts";

/** Histories when nobody says how many: as many configurations with a name as drawn ones. */
const CONFIGS_DEFAULT = 60;
/** A small store is turned over the more often: under "least" each key is a table. */
const KEYS_DEFAULT = 500;
/** One history has nothing to be compared with. */
const COMPARED_LEAST = 2;
/** Of a unit of torture. */
const UNIT_OPS = 400;
const UNIT_KEYS = 200;
/** The first history is what the others are compared with. */
export const REFERENCE = "default";

export interface MetaOptions {
  readonly log: MetaLog;
  /** The first, "default", is what the others are compared with. */
  readonly configs: readonly string[];
  readonly artifacts: string;
  readonly progress?: (done: number, total: number) => void;
  /** No further history than the second is waited for behind this moment of performance.now(). */
  readonly deadline?: number;
  /** How the processes are started, and waited for. */
  readonly processes?: RecordOptions;
}

export interface MetaResult {
  /** Histories that differ from each other: 1 when all are one. */
  readonly histories: number;
  readonly compared: number;
  /** Answers of all histories together. */
  readonly answers: number;
  readonly historyHash: string;
  readonly failures: readonly ReportedFailure[];
}

export function addMeta(program: Command, done: (code: number) => void): void {
  withDoubleCheck(withCommon(program.command("meta")))
    .description("one op log under many configurations, histories compared")
    .requiredOption("--seed <seed>", "the seed")
    .option("--ops <n>", "operations", count, 20_000)
    .option("--keys <n>", "different keys at most", count, KEYS_DEFAULT)
    .option("--workload <name>", WORKLOADS.join(", "), "mixed")
    .action(async (options: MetaCliOptions) => done(await meta(options)));
}

interface MetaCliOptions extends CommonOptions, DoubleCheckOptions {
  readonly seed: string;
  readonly ops: number;
  readonly keys: number;
  readonly workload: string;
}

async function meta(options: MetaCliOptions): Promise<number> {
  const { seed, ops, keys, artifacts } = options;
  const workload = workloadNamed(options.workload);
  const configs = configsFor(options);
  const progress = new Progress("meta");
  const begin = performance.now();
  const log = { seed, ops, keys, workload };
  const result = await runMeta({ log, configs, artifacts, progress: progress.update });
  progress.end();
  const seconds = (performance.now() - begin) / 1000;
  const { failures, answers, ...counters } = result;
  return finish(
    { command: "meta", seed, ops: answers, seconds, failures, counters: { ...counters, workload, configs } },
    options.json,
  );
}

function configsFor(options: MetaCliOptions): string[] {
  const { seed, configs = CONFIGS_DEFAULT, config, shard, doubleCheck } = options;
  const all = config === undefined ? configurationsFor(seed, configs) : [REFERENCE, ...configsOf(options)!];
  all.forEach(refuseStart);
  if (all.length < COMPARED_LEAST)
    throw new UsageError("one history has nothing to be compared with: --configs 2 or more");
  const [reference, ...others] = all;
  const mine = others.filter((_, i) => i % shard.count === shard.index - 1);
  // What a configuration answers a second time differs from the first as little as another's.
  return [reference!, ...mine, ...(doubleCheck ? [reference!, ...mine] : [])];
}

// Compares the two of them alone.
function metaCommand({ seed, ops, workload, keys }: MetaLog, config: string): string {
  return commandLine([
    "meta",
    "--seed",
    seed,
    "--ops",
    ops,
    "--workload",
    workload,
    "--keys",
    keys,
    "--config",
    config,
  ]);
}

/** Runs a log under each configuration; what differs from the first history is kept. */
export async function runMeta(options: MetaOptions): Promise<MetaResult> {
  const { log, configs, progress, processes, deadline = Infinity } = options;
  const histories = new Map<string, Recorded>();
  const failures: ReportedFailure[] = [];
  let answers = 0;
  let compared = 0;
  let first: Recorded | undefined;
  for await (const recorded of recordHistories(log, configs, processes)) {
    progress?.(++compared, configs.length);
    answers += recorded.lines.length;
    const hash = hashOf(recorded.lines);
    const isNew = !histories.has(hash);
    if (isNew) histories.set(hash, recorded);
    first ??= recorded;
    // Histories that differ in the same way are one finding.
    if (recorded.problem !== undefined || (isNew && recorded !== first))
      failures.push(...(await keepDifference(options, first, recorded)));
    if (compared >= COMPARED_LEAST && performance.now() >= deadline) break;
  }
  return { histories: histories.size, compared, answers, historyHash: hashOf(first?.lines ?? []), failures };
}

/** A unit of torture: a short log under a few configurations, two with a name and one drawn, or those that were asked for. */
export function metaUnit(
  seed: string,
  index: number,
  asked: readonly string[] | undefined,
): Pick<MetaOptions, "log" | "configs"> {
  const log = { seed, ops: UNIT_OPS, workload: WORKLOADS[index % WORKLOADS.length]!, keys: UNIT_KEYS };
  const named = [1, 2].map((n) => CONFIGURATIONS[(2 * index + n) % CONFIGURATIONS.length]!.name);
  return { log, configs: [REFERENCE, ...(asked ?? [...named, randomConfiguration(seed).name])] };
}

function hashOf(lines: readonly string[]): string {
  return createHash("sha256").update(lines.join("\n")).digest("hex");
}

// The log up to the answer that differs, with both histories; and what the model says of that log under either
// configuration, which can be made smaller.
async function keepDifference(
  { log, artifacts }: MetaOptions,
  first: Recorded,
  other: Recorded,
): Promise<ReportedFailure[]> {
  const difference = firstDifference(first.lines, other.lines) ?? { line: 0, expected: undefined, found: undefined };
  const ops = firstOf(operationsOf(log), difference.line + 1);
  const finding: Finding = {
    condition: other.problem?.startsWith(NO_ANSWER) === true ? "C28" : "C26",
    phase: "running",
    message: messageOf(first, other, difference, ops[difference.line]),
    seed: log.seed,
    workload: log.workload,
    config: other.config,
    ops,
    keys: [],
  };
  const command = metaCommand(log, other.config);
  const found: Found = { campaign: "meta", mode: "plain", command, finding };
  const directory = keep(artifacts, found);
  for (const [i, { lines }] of [first, other].entries())
    writeFileSync(join(directory, `history-${i}.txt`), lines.map((line) => `${line}\n`).join(""));
  const reported = { ...reportOf(directory, found), replay: command };
  return [reported, ...(await keepAll(artifacts, await whoIsWrong(finding, [first.config, other.config])))];
}

async function whoIsWrong({ seed, workload, ops }: Finding, configs: readonly string[]): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const config of configs) {
    const header = { seed, workload, config, engine: OWN_ENGINE, versions: "" };
    const task = { kind: "log", log: { header, ops }, mode: "plain", command: "", hashed: false } as const;
    found.push(...(await runCampaign(task)).found);
  }
  return found;
}

function messageOf(first: Recorded, other: Recorded, { line, expected, found }: Difference, op?: Op): string {
  const where = op === undefined ? "the scan at the end" : `line ${line + 1}, ${printOp(op)}`;
  const answer = found ?? other.problem ?? "nothing";
  return `${where}: under ${first.config} ${expected ?? "nothing"}, under ${other.config} ${answer}`;
}

function firstOf<T>(all: Iterable<T>, most: number): T[] {
  const list: T[] = [];
  for (const one of all) {
    if (list.length >= most) break;
    list.push(one);
  }
  return list;
}

// The commands that search for failures: what they take, the task that they are, what they report.

import type { Command } from "commander";
import { parseConfiguration } from "../configurations.ts";
import { WORKLOADS } from "../workloads/mixes.ts";
import { runCampaign, runCampaignTwice } from "./campaign.ts";
import { keepAll } from "./keep.ts";
import {
  checkEngine,
  checkOwnEngine,
  type CommonOptions,
  configsOf,
  count,
  type DoubleCheckOptions,
  recovery,
  refuseStart,
  shareOf,
  simulatedConfigsOf,
  UsageError,
  withCommon,
  withDoubleCheck,
  withEngine,
  workloadNamed,
} from "./options.ts";
import { Progress } from "./progress.ts";
import { runForeignCrash, type ForeignCrashOptions } from "./crash-foreign.ts";
import { finish, say } from "./report.ts";
import { writeRunPage } from "./run-report.ts";
import { crashCommand } from "./task-commands.ts";
import type { CampaignTask, Counters, CrashMethod, CrashTask, FaultsTask, RunTask } from "./tasks.ts";

/** Told the exit code. */
export type Done = (code: number) => void;

interface CampaignOptions extends CommonOptions, DoubleCheckOptions {
  /** Of crash. */
  readonly report?: boolean;
  readonly seed: string;
  readonly engine: string;
}

export function addRun(program: Command, done: Done): void {
  campaign(program, "run", "one differential run against the model")
    .requiredOption("--seed <seed>", "the seed")
    .option("--ops <n>", "operations", count, 100_000)
    .option("--keys <n>", "different keys at most", count)
    .option("--workload <name>", WORKLOADS.join(", "), "mixed")
    .action(async (options: CampaignOptions & { ops: number; keys?: number; workload: string }) => {
      const { seed, ops, keys, shard, doubleCheck } = options;
      const all = configsOf(options) ?? ["default"];
      const configs = all.filter((_, i) => i % shard.count === shard.index - 1);
      const workload = workloadNamed(options.workload);
      const isOwn = checkEngine(options.engine).kind === "own";
      if (!isOwn) configs.forEach(refuseStart);
      if (!isOwn && doubleCheck) throw new UsageError("--double-check compares the I/O of our own engine alone");
      const common = { kind: "run", seed, ops, workload, configs, hashed: doubleCheck } as const;
      const engine = isOwn ? {} : { engine: options.engine };
      const task: RunTask = { ...common, ...engine, ...(keys !== undefined && { keys }) };
      done(await execute(task, options, { workload, config: configs.join(" ") }));
    });
}

interface CrashOptions extends CampaignOptions {
  readonly ops?: number;
  readonly exhaustive?: boolean;
  readonly images?: number;
  readonly sequences?: number;
  readonly tour?: boolean;
  readonly workload: string;
  readonly recovery?: number | "closed";
}

export function addCrash(program: Command, done: Done): void {
  campaign(program, "crash", "simulated power loss: --ops with --exhaustive or --images, --sequences or --tour")
    .option("--seed <seed>", "the seed", "1")
    .option("--ops <n>", "operations of one log", count)
    .option("--exhaustive", "every crash of it")
    .option("--images <k>", "so many crash images of it", count)
    .option("--sequences <n>", "every crash of every sequence of up to n operations", count)
    .option("--tour", "crash images of logs that show every part of the formats")
    .option("--report", "what was covered as a page, among the artifacts")
    .option("--workload <name>", WORKLOADS.join(", "), "mixed")
    .option("--recovery <n>", 'crashes in recovery, one in the other; "closed": until nothing new appears', recovery)
    .action(async (options: CrashOptions) => {
      const { seed, shard } = options;
      const method = crashMethod(options);
      const choice = checkEngine(options.engine);
      if (choice.kind === "driver" && options.report === true) throw new UsageError("--report is about our own engine");
      if (choice.kind === "driver")
        return done(await runForeignCrash(foreignOptions(options, method), choice, options.json));
      const closed = method.kind === "sequences" && method.length === 1 ? "closed" : undefined;
      const times = options.recovery ?? closed;
      const configs = simulatedConfigsOf(options);
      const task: CrashTask = {
        kind: "crash",
        seed,
        method,
        shard,
        ...(times !== undefined && { recovery: times }),
        ...(configs && { configs }),
      };
      done(await execute(task, options, {}));
    });
}

function foreignOptions(options: CrashOptions, method: CrashMethod): ForeignCrashOptions {
  const { engine, artifacts, config = "default", configs, doubleCheck, recovery } = options;
  if (method.kind !== "sampled") throw new UsageError("crash images of other engines are drawn: --ops and --images");
  if (configs !== undefined || recovery !== undefined || doubleCheck)
    throw new UsageError("--configs, --recovery and --double-check are about our own engine");
  refuseStart(config);
  const { ops, workload } = method;
  const [seed, images] = shareOf(options.shard, options.seed, method.images);
  return { engine, artifacts, config, ops, workload, seed, images };
}

function crashMethod({ ops, exhaustive, images, sequences, tour, workload }: CrashOptions): CrashMethod {
  const asked = [exhaustive, images, sequences, tour].filter((one) => one !== undefined).length;
  if (asked !== 1) throw new UsageError("exactly one of --exhaustive, --images, --sequences and --tour");
  if (sequences !== undefined || tour === true) {
    if (ops !== undefined) throw new UsageError("--ops goes with --exhaustive and --images");
    return sequences === undefined ? { kind: "tour" } : { kind: "sequences", length: sequences };
  }
  if (ops === undefined) throw new UsageError("--ops is missing");
  const log = { ops, workload: workloadNamed(workload) };
  return images === undefined ? { kind: "exhaustive", ...log } : { kind: "sampled", ...log, images };
}

export function addFaults(program: Command, done: Done): void {
  campaign(program, "faults", "every call fails in every way it can, one by one")
    .requiredOption("--seed <seed>", "the seed")
    .requiredOption("--ops <n>", "operations", count)
    .action(async (options: CampaignOptions & { ops: number }) => {
      const { seed, ops, shard } = options;
      const configs = simulatedConfigsOf(options);
      const task: FaultsTask = { kind: "faults", seed, ops, shard, ...(configs && { configs }) };
      done(await execute(task, options, {}));
    });
}

export function addBarriers(program: Command, done: Done): void {
  campaign(program, "barriers", "every sync taken away in turn: what shows that it was needed")
    .option("--seed <seed>", "the seed", "1")
    .action(async (options: CampaignOptions) => {
      if (options.config !== undefined || options.configs !== undefined || options.shard.count > 1) {
        throw new UsageError("barriers chooses its configurations itself, and is not divided");
      }
      done(await execute({ kind: "barriers", seed: options.seed }, options, {}));
    });
}

function campaign(program: Command, name: string, description: string): Command {
  return withDoubleCheck(withEngine(withCommon(program.command(name).description(description))));
}

async function execute(
  task: Exclude<CampaignTask, { kind: "log" }>,
  options: CampaignOptions,
  counters: Counters,
): Promise<number> {
  if (task.kind !== "run") checkOwnEngine(options.engine);
  if ("configs" in task) task.configs?.forEach(parseConfiguration);
  const progress = new Progress(task.kind);
  const begin = performance.now();
  const run = options.doubleCheck ? runCampaignTwice : runCampaign;
  const result = await run(task, { progress: progress.update });
  progress.end();
  const failures = await keepAll(options.artifacts, result.found);
  const seconds = (performance.now() - begin) / 1000;
  const { ops } = result;
  if (task.kind === "crash" && options.report === true) {
    const { kind: command, seed } = task;
    const suite = { ...result, suite: command, seconds, failures };
    const run = { command, seed, seconds, line: crashCommand(task, options.config), results: [suite], complaints: [] };
    say(`what was covered: ${writeRunPage({ ...run, artifacts: options.artifacts })}`);
  }
  return finish(
    { command: task.kind, seed: task.seed, ops, seconds, failures, counters: { ...counters, ...result.counters } },
    options.json,
  );
}

// The `tinykv-harness` command. This folder is where the harness and its campaigns meet: it alone may import both.

import { Command, CommanderError, InvalidArgumentError } from "commander";
import { runKillCampaign } from "../../crashtests/kill/campaign.ts";
import { ConfigurationError, parseConfiguration } from "../configurations.ts";
import { TinyKVEngine } from "../engines/tinykv.ts";
import { OpLogError } from "../op-log.ts";
import { WORKLOADS, type WorkloadName } from "../workloads/mixes.ts";
import { runDifferential } from "./differential.ts";
import { killReport } from "./kill-report.ts";
import { Progress } from "./progress.ts";
import { runReplay } from "./replay.ts";
import { Exit, finish, printResult, say } from "./report.ts";
import { runTorture } from "./torture.ts";

interface CommonOptions {
  readonly config: string;
  readonly artifacts: string;
  readonly json: boolean;
}

/** A usage error: exit 2. */
class UsageError extends Error {}

/** Runs one command line; returns its exit code. */
export async function runHarness(argv: readonly string[]): Promise<number> {
  let code: number = Exit.ok;
  const program = buildProgram((result) => (code = result));
  try {
    await program.parseAsync([...argv]);
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.ok : Exit.usage;
    const usage = error instanceof UsageError || error instanceof ConfigurationError || error instanceof OpLogError;
    say(`tinykv-harness: ${usage ? (error as Error).message : (error as Error).stack}`);
    return usage ? Exit.usage : Exit.broken;
  }
}

function buildProgram(done: (code: number) => void): Command {
  const program = new Command("tinykv-harness")
    .description("Find out whether a storage engine keeps its promises.")
    .exitOverride();
  program.configureOutput({ writeErr: (text) => say(text.trimEnd()) });
  const common = (command: Command): Command =>
    command
      .option("--config <name>", "NAME, or k=v,… on top of the defaults", "default")
      .option("--artifacts <dir>", "where failures are kept", "artifacts")
      .option("--json", "one JSON object as the last line of standard output", false);
  common(program.command("run").description("one differential run against the model"))
    .requiredOption("--seed <seed>", "the seed")
    .option("--ops <n>", "operations", count, 100_000)
    .option("--keys <n>", "different keys at most", count)
    .option("--workload <name>", WORKLOADS.join(", "), "mixed")
    .option("--engine <name>", "the engine", "tinykv")
    .action((options: RunOptions) => done(run(options)));
  common(program.command("kill").description("SIGKILL rounds in a real directory"))
    .requiredOption("--seed <seed>", "the seed")
    .option("--rounds <n>", "children killed", count, 100)
    .option("--engine <name>", "the engine", "tinykv")
    .option("--dir <dir>", "where stores are made")
    .action(async (options: KillCliOptions) => done(await kill(options)));
  common(program.command("torture").description("corpus, differential runs and SIGKILL rounds in turn"))
    .option("--seed <seed>", "the seed", "1")
    .option("--minutes <m>", "how long", positive, 1.75)
    .option("--engine <name>", "the engine", "tinykv")
    .action(async (options: CommonOptions & { seed: string; minutes: number; engine: string }) => {
      checkEngine(options.engine);
      done(await runTorture(options));
    });
  common(
    program.command("replay <path>").description("run an op log, or the artifact directory of a failure, again"),
  ).action((path: string, options: CommonOptions) => done(runReplay(path, options)));
  program
    .command("engines")
    .description("engines found and their capabilities")
    .option("--json", "as JSON", false)
    .action(({ json }: { json: boolean }) => done(listEngines(json)));
  return program;
}

function listEngines(json: boolean): number {
  const { name, capabilities, durability } = new TinyKVEngine();
  const engine = { name, capabilities: [...capabilities], durability };
  printResult(
    json
      ? JSON.stringify({ command: "engines", ok: true, engines: [engine] })
      : `${name}: ${engine.capabilities.join(", ")}`,
  );
  return Exit.ok;
}

interface RunOptions extends CommonOptions {
  readonly seed: string;
  readonly ops: number;
  readonly keys?: number;
  readonly workload: string;
  readonly engine: string;
}

function run(options: RunOptions): number {
  checkEngine(options.engine);
  parseConfiguration(options.config);
  const progress = new Progress(`run ${options.workload}`);
  const begin = performance.now();
  const { seed, ops, keys, config, artifacts } = options;
  const workload = workloadNamed(options.workload);
  const result = runDifferential({
    seed,
    ops,
    workload,
    config,
    artifacts,
    progress: progress.update,
    ...(keys !== undefined && { keys }),
  });
  progress.end();
  const seconds = (performance.now() - begin) / 1000;
  const { executed = 0, skipped = 0, byKind = {} } = result.counts ?? {};
  const counters = { workload, config, executed, skipped, kinds: byKind };
  return finish({ command: "run", seed, ops: executed, seconds, failures: result.failures, counters }, options.json);
}

interface KillCliOptions extends CommonOptions {
  readonly seed: string;
  readonly rounds: number;
  readonly engine: string;
  readonly dir?: string;
}

async function kill(options: KillCliOptions): Promise<number> {
  checkEngine(options.engine);
  const progress = new Progress("kill");
  const begin = performance.now();
  const { seed, rounds, artifacts, dir } = options;
  const now = (): number => performance.now();
  const summary = await runKillCampaign({
    seed,
    rounds,
    artifacts,
    now,
    progress: progress.update,
    ...(dir !== undefined && { dir }),
  });
  progress.end();
  return finish(killReport(seed, summary, (performance.now() - begin) / 1000), options.json);
}

function checkEngine(name: string): void {
  if (name !== "tinykv") throw new UsageError(`unknown engine ${name}; there is tinykv`);
}

function workloadNamed(name: string): WorkloadName {
  const found = WORKLOADS.find((workload) => workload === name);
  if (!found) throw new UsageError(`unknown workload ${name}; there are ${WORKLOADS.join(", ")}`);
  return found;
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("must be a whole number of at least 1");
  return value;
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError("must be a number above 0");
  return value;
}

// The `tinykv-harness` command. This folder is where the harness and its campaigns meet: it alone may import both.

import { Command, CommanderError } from "commander";
import { runKillCampaign } from "../../crashtests/kill/campaign.ts";
import { ConfigurationError } from "../configurations.ts";
import { TinyKVEngine } from "../engines/tinykv.ts";
import { OpLogError } from "../op-log.ts";
import { addBarriers, addCrash, addFaults, addRun, type Done } from "./commands.ts";
import { addFuzz } from "./fuzz.ts";
import { killReport } from "./kill-report.ts";
import {
  checkEngine,
  type CommonOptions,
  count,
  type DoubleCheckOptions,
  positive,
  UsageError,
  withCommon,
  withDoubleCheck,
  withEngine,
} from "./options.ts";
import { Progress } from "./progress.ts";
import { runReplay } from "./replay.ts";
import { Exit, finish, printResult, say } from "./report.ts";
import { runShrinkCommand, type ShrinkCliOptions } from "./shrink.ts";
import { runTorture } from "./torture.ts";

/** Runs one command line; returns its exit code. */
export async function runHarness(argv: readonly string[]): Promise<number> {
  let code: number = Exit.ok;
  const program = buildProgram((result) => (code = result));
  try {
    await program.parseAsync([...argv]);
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.ok : Exit.usage;
    const usage = isUsage(error);
    say(`tinykv-harness: ${usage ? (error as Error).message : error instanceof Error ? error.stack : String(error)}`);
    return usage ? Exit.usage : Exit.broken;
  }
}

// A path that does not exist is a mistake of whoever typed it.
function isUsage(error: unknown): boolean {
  if (error instanceof UsageError || error instanceof ConfigurationError || error instanceof OpLogError) return true;
  return error instanceof Error && (error as NodeJS.ErrnoException).code === "ENOENT";
}

function buildProgram(done: Done): Command {
  const program = new Command("tinykv-harness")
    .description("Find out whether a storage engine keeps its promises.")
    .exitOverride();
  program.configureOutput({ writeErr: (text) => say(text.trimEnd()) });
  addTorture(program, done);
  addRun(program, done);
  addCrash(program, done);
  addFaults(program, done);
  addBarriers(program, done);
  addKill(program, done);
  addFuzz(program, done);
  withDoubleCheck(withCommon(program.command("replay <path>")))
    .description("run an op log, or the artifact directory of a failure, again")
    .action(async (path: string, options: CommonOptions & DoubleCheckOptions) => done(await runReplay(path, options)));
  withCommon(program.command("shrink <path>"))
    .description("make a failing op log, or that of an artifact directory, smaller")
    .option("--minutes <m>", "how long at most", positive, 5)
    .action(async (path: string, options: ShrinkCliOptions) => done(await runShrinkCommand(path, options)));
  program
    .command("engines")
    .description("engines found and their capabilities")
    .option("--json", "as JSON", false)
    .action(({ json }: { json: boolean }) => done(listEngines(json)));
  return program;
}

function addTorture(program: Command, done: Done): void {
  withEngine(withCommon(program.command("torture")))
    .description("corpus, differential runs, power loss, faults, fuzzers and SIGKILL rounds in turn")
    .option("--seed <seed>", "the seed", "1")
    .option("--minutes <m>", "how long", positive, 1.75)
    .action(async (options: CommonOptions & { seed: string; minutes: number; engine: string }) => {
      checkEngine(options.engine);
      done(await runTorture(options));
    });
}

interface KillCliOptions extends CommonOptions {
  readonly seed: string;
  readonly rounds: number;
  readonly engine: string;
  readonly dir?: string;
}

function addKill(program: Command, done: Done): void {
  withEngine(withCommon(program.command("kill")))
    .description("SIGKILL rounds in a real directory")
    .requiredOption("--seed <seed>", "the seed")
    .option("--rounds <n>", "children killed", count, 100)
    .option("--dir <dir>", "where stores are made")
    .action(async (options: KillCliOptions) => done(await kill(options)));
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

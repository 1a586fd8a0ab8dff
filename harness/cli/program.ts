// The `tinykv-harness` command. This folder is where the harness and its campaigns meet: it alone may import both.

import { Command, CommanderError } from "commander";
import { ConfigurationError } from "../configurations.ts";
import { OpLogError } from "../op-log.ts";
import { addBarriers, addCrash, addFaults, addRun, type Done } from "./commands.ts";
import { addDisk } from "./disk.ts";
import { listEngines } from "./engines.ts";
import { printEngineResults, type ResultsOptions } from "./engine-results.ts";
import { addFuzz } from "./fuzz.ts";
import { addKill } from "./kill.ts";
import { addMutants } from "./mutants.ts";
import {
  count,
  type CommonOptions,
  type DoubleCheckOptions,
  positive,
  UsageError,
  withCommon,
  withDoubleCheck,
  withEngine,
} from "./options.ts";
import { addMeta } from "./meta.ts";
import { runReplay } from "./replay.ts";
import { Exit, say } from "./report.ts";
import { runShrinkCommand, type ShrinkCliOptions } from "./shrink.ts";
import { runTorture } from "./torture.ts";
import { tortureMutant } from "./torture-mutant.ts";
import type { TortureOptions } from "./torture-report.ts";

/** Runs one command line; returns its exit code. */
export async function runHarness(argv: readonly string[]): Promise<number> {
  let code: number = Exit.ok;
  const program = buildProgram((result) => (code = result));
  try {
    await program.parseAsync([...argv]);
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.ok : Exit.usage;
    const usage = isUsage(error, argv);
    say(`tinykv-harness: ${usage ? (error as Error).message : error instanceof Error ? error.stack : String(error)}`);
    return usage ? Exit.usage : Exit.broken;
  }
}

// A path that does not exist is a mistake of whoever typed it.
function isUsage(error: unknown, argv: readonly string[]): boolean {
  if (error instanceof UsageError || error instanceof ConfigurationError || error instanceof OpLogError) return true;
  if (!(error instanceof Error)) return false;
  const { code, path = "" } = error as NodeJS.ErrnoException;
  return code === "ENOENT" && argv.includes(path);
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
  addMeta(program, done);
  addKill(program, done);
  addDisk(program, done);
  addFuzz(program, done);
  addMutants(program, done);
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
    .option("--results", "each through each suite, as a table in Markdown", false)
    .option("--engine <name...>", "of --results: these, not all that are installed")
    .option("--seed <seed>", "of --results: the seed", "1")
    .option("--ops <n>", "of --results: operations of a differential run", count, 20_000)
    .option("--rounds <n>", "of --results: kills with sync, and as many without", count, 25)
    .option("--images <n>", "of --results: crash images", count, 500)
    .option("--artifacts <dir>", "of --results: where failures are kept", "artifacts")
    .option("--json", "as JSON", false)
    .action(async ({ results, engine = [], ...options }: EnginesOptions) => {
      done(results ? await printEngineResults({ ...options, engines: engine }) : listEngines(options.json));
    });
  return program;
}

type EnginesOptions = Omit<ResultsOptions, "engines"> & { readonly results: boolean; readonly engine?: string[] };

function addTorture(program: Command, done: Done): void {
  withEngine(withCommon(program.command("torture")))
    .description(
      "corpus, differential runs, configurations against each other, power loss, faults, fuzzers and SIGKILL rounds in turn",
    )
    .option("--seed <seed>", "the seed", "1")
    .option("--minutes <m>", "how long", positive, 1.75)
    .option("--mutant <id>", "on a copy with this known bug in it: fails on purpose, and opens the page of the failure")
    .action(async ({ mutant, ...options }: TortureOptions & { mutant?: string }) => {
      done(mutant === undefined ? await runTorture(options) : await tortureMutant(mutant, options));
    });
}

import type { Command } from "commander";
import type { Done } from "./commands.ts";
import { listEngines } from "./engines.ts";
import { printEngineResults, type ResultsOptions } from "./engine-results.ts";
import { count } from "./options.ts";

type EnginesOptions = Omit<ResultsOptions, "engines"> & { readonly results: boolean; readonly engine?: string[] };

export function addEngines(program: Command, done: Done): void {
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
}

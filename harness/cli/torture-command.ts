import type { Command } from "commander";
import type { Done } from "./commands.ts";
import { positive, withCommon, withEngine } from "./options.ts";
import { runTorture } from "./torture.ts";
import { tortureMutant } from "./torture-mutant.ts";
import type { TortureOptions } from "./torture-report.ts";

export function addTorture(program: Command, done: Done): void {
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

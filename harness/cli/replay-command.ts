import type { Command } from "commander";
import type { Done } from "./commands.ts";
import { type CommonOptions, type DoubleCheckOptions, positive, withCommon, withDoubleCheck } from "./options.ts";
import { runReplay } from "./replay.ts";
import { runShrinkCommand, type ShrinkCliOptions } from "./shrink.ts";

export function addReplay(program: Command, done: Done): void {
  withDoubleCheck(withCommon(program.command("replay <path>")))
    .description("run an op log, or the artifact directory of a failure, again")
    .action(async (path: string, options: CommonOptions & DoubleCheckOptions) => done(await runReplay(path, options)));
}

export function addShrink(program: Command, done: Done): void {
  withCommon(program.command("shrink <path>"))
    .description("make a failing op log, or that of an artifact directory, smaller")
    .option("--minutes <m>", "how long at most", positive, 5)
    .action(async (path: string, options: ShrinkCliOptions) => done(await runShrinkCommand(path, options)));
}

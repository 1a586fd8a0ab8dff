import type { Command } from "commander";
import { Exit } from "./exit-codes.ts";
import type { CommandContext, Run } from "./command-context.ts";
import { addFindCommand } from "./find-command.ts";
import { addLsmCommand } from "./lsm-command.ts";
import { Progress, printLine } from "./terminal.ts";

/** Commands that look at a whole store. */
export function addInspectCommands(program: Command, run: Run): void {
  program
    .command("stats")
    .description("what the store says of itself")
    .action(() => run(stats));
  program
    .command("verify")
    .description("read and check every file")
    .action(() => run(verify));
  addLsmCommand(program, run);
  addFindCommand(program, run);
}

function stats({ options, withStore }: CommandContext): number {
  return withStore("look", (db) => {
    const found = db.stats();
    if (options.json) {
      printLine(JSON.stringify(found));
      return;
    }
    for (const line of flatten(found, "")) printLine(line);
  });
}

/** One line a number: its path and its value. */
function flatten(value: unknown, path: string): string[] {
  if (!(value instanceof Object)) return [`${path}\t${String(value)}`];
  return Object.entries(value).flatMap(([name, inner]) => flatten(inner, path === "" ? name : `${path}.${name}`));
}

function verify({ options, withStore }: CommandContext): number {
  return withStore("look", (db) => {
    const progress = new Progress("verifying");
    const report = db.verify(progress.update);
    progress.end();
    if (options.json) {
      printLine(JSON.stringify(report));
    } else {
      for (const { file, offset, problem } of report.problems) printLine(`${file}\t${offset}\t${problem}`);
      const { files, blocks, entries } = report;
      printLine(`${report.ok ? "ok" : "DAMAGED"}: ${files} files, ${blocks} blocks, ${entries} entries`);
    }
    return report.ok ? Exit.ok : Exit.damage;
  });
}

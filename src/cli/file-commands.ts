// Commands that look at one file, without its store: `tinykv sst dump FILE` and the like. They read whatever can be read,
// tell what cannot, and exit with 3 if there was anything.

import type { Command } from "commander";
import type { Run } from "./command-context.ts";
import { addLogCommands } from "./log-commands.ts";
import { addTableCommands } from "./table-commands.ts";

export function addFileCommands(program: Command, run: Run): void {
  addTableCommands(program, run);
  addLogCommands(program, run);
}

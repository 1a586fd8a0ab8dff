import { Command, CommanderError } from "commander";
import { open } from "../lsm/database.ts";
import type { Options } from "../lsm/options.ts";
import type { CommandContext, GlobalOptions } from "./command-context.ts";
import { Exit, exitCodeOf } from "./exit-codes.ts";
import { addInspectCommands } from "./inspect-commands.ts";
import { addFileCommands } from "./file-commands.ts";
import { addRepairCommand } from "./repair-command.ts";
import { addStoreCommands } from "./store-commands.ts";
import { OutputClosedError, flushOutput, print, printError } from "./terminal.ts";

/** Runs one command line; returns its exit code, errors printed as one line on standard error. */
export function runCommand(argv: readonly string[]): number {
  let code: number = Exit.ok;
  const program = buildProgram((result) => (code = result));
  try {
    program.parse([...argv]);
    flushOutput();
    return code;
  } catch (error) {
    return report(error);
  }
}

function report(error: unknown): number {
  if (error instanceof OutputClosedError) return Exit.ok;
  try {
    flushOutput();
  } catch (closed) {
    if (!(closed instanceof OutputClosedError)) throw closed;
  }
  if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.ok : Exit.usage;
  const code = (error as { code?: string }).code;
  const message = error instanceof Error ? error.message : String(error);
  printError(`tinykv: ${code?.startsWith("TINYKV_") ? `${code.slice("TINYKV_".length)}: ` : ""}${message}`);
  return exitCodeOf(error);
}

function buildProgram(finish: (code: number) => void): Command {
  const program = new Command("tinykv")
    .description("Look into and change a TinyKV store.")
    .option("--db <dir>", "the store's directory", process.env["TINYKV_DB"] ?? "./tinykv-data")
    .option("--json", "one JSON object a line", false)
    .option("--hex", "keys and values in hexadecimal", false)
    .option("--no-sync", "do not wait until writes are durable")
    .option("--verify", "check every invariant while working (slow)", false)
    .option("--read-only", "take no lock and change nothing", false)
    .exitOverride()
    .configureOutput({ writeErr: (text) => printError(text.trimEnd()), writeOut: (text) => print(text) });
  const context = (): CommandContext => contextOf(program.opts<GlobalOptions>());
  const run = (action: (context: CommandContext) => number | void): void => finish(action(context()) ?? Exit.ok);
  addStoreCommands(program, run);
  addInspectCommands(program, run);
  addFileCommands(program, run);
  addRepairCommand(program, run);
  return program;
}

function contextOf(options: GlobalOptions): CommandContext {
  return {
    options,
    withStore(mode, work) {
      const openOptions: Options = {
        readOnly: options.readOnly || mode === "look",
        createIfMissing: mode === "create",
        sync: options.sync,
        paranoid: options.verify,
      };
      const db = open(options.db, openOptions);
      try {
        return work(db) ?? Exit.ok;
      } finally {
        db.close();
      }
    },
  };
}

// The `tinykv-harness` command. This folder is where the harness and its campaigns meet: it alone may import both.

import { Command, CommanderError } from "commander";
import { ConfigurationError } from "../configurations.ts";
import { OpLogError } from "../op-log.ts";
import type { Done } from "./commands.ts";
import { UsageError } from "./options.ts";
import { Exit, say } from "./report.ts";

type Add = (program: Command, done: Done) => void;

/** By name, in the order of the help. What a command needs is loaded when it is called: all of it takes half a second. */
const COMMANDS: Readonly<Record<string, () => Promise<Add>>> = {
  torture: async () => (await import("./torture-command.ts")).addTorture,
  run: async () => (await import("./commands.ts")).addRun,
  crash: async () => (await import("./commands.ts")).addCrash,
  faults: async () => (await import("./commands.ts")).addFaults,
  barriers: async () => (await import("./commands.ts")).addBarriers,
  meta: async () => (await import("./meta.ts")).addMeta,
  kill: async () => (await import("./kill.ts")).addKill,
  disk: async () => (await import("./disk.ts")).addDisk,
  fuzz: async () => (await import("./fuzz.ts")).addFuzz,
  mutants: async () => (await import("./mutants.ts")).addMutants,
  replay: async () => (await import("./replay-command.ts")).addReplay,
  shrink: async () => (await import("./replay-command.ts")).addShrink,
  engines: async () => (await import("./engines-command.ts")).addEngines,
};

/** Runs one command line; returns its exit code. */
export async function runHarness(argv: readonly string[]): Promise<number> {
  let code: number = Exit.ok;
  try {
    const program = await buildProgram(argv, (result) => (code = result));
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

// With the one command that is called; with all of them where none is, for the help and for what is like a command.
async function buildProgram(argv: readonly string[], done: Done): Promise<Command> {
  const program = new Command("tinykv-harness")
    .description("Find out whether a storage engine keeps its promises.")
    .exitOverride();
  program.configureOutput({ writeErr: (text) => say(text.trimEnd()) });
  const [, , called = ""] = argv;
  const names = Object.hasOwn(COMMANDS, called) ? [called] : Object.keys(COMMANDS);
  for (const name of names) (await COMMANDS[name]!())(program, done);
  return program;
}

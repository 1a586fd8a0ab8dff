// The histories of one log, each made by a process of its own, some at a time.

import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { endChildWithCommand, makeScratch } from "../scratch.ts";
import { builtModule } from "./watchdog.ts";
import { LAST_LINE, type MetaLog, type MetaProcess } from "./meta-main.ts";

/** Processes at a time, on any number of cores. */
const PROCESSES_MAX = 4;
/** No answer for so long is a hang: a compaction of all under the least of configurations takes a few seconds. */
const HANG_MILLISECONDS = 120_000;
const LOOK_MILLISECONDS = 250;

/** How the problem of a history that stood still begins. */
export const NO_ANSWER = "no answer";

export interface Recorded {
  readonly config: string;
  /** The answers; what ended before its last line has fewer than the others. */
  readonly lines: readonly string[];
  /** Why it ended before that. */
  readonly problem?: string;
}

export interface RecordOptions {
  /** What the processes run; by default meta-main.ts. */
  readonly main?: URL;
  readonly hangMilliseconds?: number;
}

/** Runs a log under each configuration; gives each history as soon as it and all before it are there. */
export async function* recordHistories(
  log: MetaLog,
  configs: readonly string[],
  options: RecordOptions = {},
): AsyncGenerator<Recorded, void> {
  const scratch = makeScratch("tinykv-meta-", tmpdir());
  const abort = new AbortController();
  const atATime = Math.min(PROCESSES_MAX, availableParallelism());
  const running = new Map<number, Promise<void>>();
  const recorded: Recorded[] = [];
  let begun = 0;
  const begin = (): void => {
    const i = begun++;
    const start = { log, config: configs[i]!, history: join(scratch, `history-${i}`) };
    const process = record(start, options, abort.signal).then((history) => {
      recorded[i] = history;
      running.delete(i);
    });
    running.set(i, process);
  };
  try {
    for (let i = 0; i < configs.length; i++) {
      while (recorded[i] === undefined) {
        while (running.size < atATime && begun < configs.length) begin();
        await Promise.race(running.values());
      }
      yield recorded[i]!;
    }
  } finally {
    abort.abort();
    await Promise.allSettled(running.values());
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function record(
  start: MetaProcess,
  { main, hangMilliseconds = HANG_MILLISECONDS }: RecordOptions,
  cancelSignal: AbortSignal,
): Promise<Recorded> {
  const { config, history } = start;
  const file = `${history}.json`;
  writeFileSync(file, JSON.stringify(start));
  const child = execa(process.execPath, [builtModule(main ?? new URL("meta-main.js", import.meta.url)), file], {
    reject: false,
    stdin: "ignore",
    cancelSignal,
  });
  endChildWithCommand(child);
  let hung = false;
  const timer = watch(history, hangMilliseconds, () => {
    hung = true;
    child.kill("SIGKILL");
  });
  const { exitCode, signal, stderr } = await child;
  clearInterval(timer);
  const lines = existsSync(history) ? readFileSync(history, "utf8").split("\n").slice(0, -1) : [];
  rmSync(history, { force: true });
  if (exitCode === 0 && lines.at(-1) === LAST_LINE) return { config, lines: lines.slice(0, -1) };
  const how = signal === undefined ? `code ${exitCode}` : signal;
  const problem = hung ? `${NO_ANSWER} for ${hangMilliseconds / 1000} s` : `the process ended with ${how}: ${stderr}`;
  return { config, lines, problem };
}

// Time is counted in looks that found nothing new: a machine that was asleep is not a process that hangs.
function watch(history: string, limit: number, hung: () => void): NodeJS.Timeout {
  let before = -1;
  let idle = 0;
  return setInterval(() => {
    const size = existsSync(history) ? statSync(history).size : 0;
    idle = size === before ? idle + 1 : 0;
    before = size;
    if (idle * LOOK_MILLISECONDS >= limit) hung();
  }, LOOK_MILLISECONDS);
}

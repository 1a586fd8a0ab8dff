// A process of `meta`: runs one log under one configuration and writes a line for each answer to a file.

import { openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { parseConfiguration } from "../configurations.ts";
import type { Engine } from "../engine.ts";
import { TinyKVEngine } from "../engines/tinykv.ts";
import { answersOf } from "../metamorphic/answers.ts";
import { makeScratch } from "../scratch.ts";
import { generate, type WorkloadOptions } from "../workloads/workload.ts";

/** What a log is made from. */
export type MetaLog = Pick<WorkloadOptions, "seed" | "workload" | "ops"> & { readonly keys: number };

export interface MetaProcess {
  readonly log: MetaLog;
  readonly config: string;
  /** The answers go there; the last line is LAST_LINE. */
  readonly history: string;
}

/** What a log is made for, whatever it is run under. */
export const LOG_CONFIG = "default";
export const LAST_LINE = "end";

/** The operations of a log: the same ones in each process. */
export function operationsOf(log: MetaLog): ReturnType<typeof generate> {
  return generate({ ...log, config: parseConfiguration(LOG_CONFIG) });
}

/** Runs the log that a file tells of. */
export async function runMetaProcess(file: string, engine: Engine): Promise<void> {
  const { log, config, history } = JSON.parse(readFileSync(file, "utf8")) as MetaProcess;
  const scratch = makeScratch("tinykv-meta-");
  process.once("exit", () => rmSync(scratch, { recursive: true, force: true }));
  const fd = openSync(history, "w");
  for await (const line of answersOf({ engine, directory: join(scratch, "store"), config }, operationsOf(log)))
    writeSync(fd, `${line}\n`);
  writeSync(fd, `${LAST_LINE}\n`);
}

if (process.argv[1]?.endsWith("meta-main.js") === true) await runMetaProcess(process.argv[2]!, new TinyKVEngine());

// What commands take on the command line, and what is wrong with it.

import { type Command, InvalidArgumentError } from "commander";
import { MemoryEnv } from "tinykv/env";
import { CONFIGURATIONS, parseConfiguration } from "../configurations.ts";
import { OWN_ENGINE } from "../engine.ts";
import { chooseEngine, EngineError, type EngineChoice, engineOf } from "../engines/find-engines.ts";
import { TinyKVEngine } from "../engines/tinykv.ts";
import { type Shard, WHOLE } from "../finding.ts";
import { WORKLOADS, type WorkloadName } from "../workloads/mixes.ts";

/** A usage error: exit 2. */
export class UsageError extends Error {}

export interface CommonOptions {
  readonly config?: string;
  readonly configs?: number;
  readonly shard: Shard;
  readonly artifacts: string;
  readonly json: boolean;
}

/** The options that every campaign takes. */
export function withCommon(command: Command): Command {
  return command
    .option("--config <name>", "NAME, or k=v,… on top of the defaults")
    .option("--configs <m>", "under each of the first M named configurations", count)
    .option("--shard <i/n>", "the i-th of n parts (i from 1)", shard, WHOLE)
    .option("--artifacts <dir>", "where failures are kept", "artifacts")
    .option("--json", "one JSON object as the last line of standard output", false);
}

export interface DoubleCheckOptions {
  readonly doubleCheck: boolean;
}

export function withDoubleCheck(command: Command): Command {
  return command.option("--double-check", "run it twice and compare: the same seed gives the same I/O", false);
}

export function withEngine(command: Command): Command {
  return command.option("--engine <name>", "tinykv, classic-level, lmdb … or stdio:COMMAND", OWN_ENGINE);
}

/** The configurations asked for; undefined: those of the campaign. Throws UsageError or ConfigurationError. */
export function configsOf({ config, configs }: Pick<CommonOptions, "config" | "configs">): string[] | undefined {
  if (config !== undefined && configs !== undefined) throw new UsageError("--config and --configs exclude each other");
  if (config !== undefined) return [checkConfiguration(config)];
  return configs === undefined ? undefined : CONFIGURATIONS.slice(0, configs).map(({ name }) => name);
}

/** Throws UsageError: not every campaign begins with the files of a store, and no other engine can read them. */
export function refuseStart(config: string): void {
  if (parseConfiguration(config).start) throw new UsageError("start is for run, crash and faults of our own engine");
}

/** The others refuse what a crash leaves, or go on behind holes: that is what they are for. */
const CHECKED_MODE = "pointInTime";

/** The same for a simulated disk: a store in a memory of its own leaves nothing on it. */
export function simulatedConfigsOf(options: Pick<CommonOptions, "config" | "configs">): string[] | undefined {
  const names = configsOf(options)?.filter((name) => parseConfiguration(name).env !== "memory");
  if (names?.length === 0) throw new UsageError("a store in memory has no disk to crash");
  const mode = names?.map((name) => parseConfiguration(name).options.walRecoveryMode ?? CHECKED_MODE);
  if (mode?.some((one) => one !== CHECKED_MODE))
    throw new UsageError(`what a crash may leave is promised of walRecoveryMode ${CHECKED_MODE} alone`);
  return names;
}

// A number out of range is for open() to refuse.
function checkConfiguration(config: string): string {
  const { env } = parseConfiguration(config);
  try {
    new TinyKVEngine({ env: new MemoryEnv() }).open("/usage", config).close();
  } catch (error) {
    if (env === "memory" || (error as { code?: unknown }).code !== "TINYKV_INVALID_ARGUMENT") return config;
    throw new UsageError((error as Error).message);
  }
  return config;
}

/** Of commands that look inside: ours alone. Throws UsageError. */
export function checkOwnEngine(name: string): void {
  if (checkEngine(name).kind !== "own") throw new UsageError(`this command is for ${OWN_ENGINE} alone`);
}

/** Throws UsageError for what is no engine, is not installed, or does not start. */
export function checkEngine(name: string): EngineChoice {
  try {
    const choice = chooseEngine(name);
    if (choice.kind === "driver") engineOf(choice);
    return choice;
  } catch (error) {
    throw error instanceof EngineError ? new UsageError(error.message) : error;
  }
}

export function workloadNamed(name: string): WorkloadName {
  const found = WORKLOADS.find((workload) => workload === name);
  if (!found) throw new UsageError(`unknown workload ${name}; there are ${WORKLOADS.join(", ")}`);
  return found;
}

export function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("must be a whole number of at least 1");
  return value;
}

export function positive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError("must be a number above 0");
  return value;
}

export function share(text: string): number {
  const value = Number(text);
  if (text === "" || !(value >= 0 && value <= 1)) throw new InvalidArgumentError("must be a number from 0 to 1");
  return value;
}

export function shard(text: string): Shard {
  const match = /^([1-9]\d{0,8})\/([1-9]\d{0,8})$/.exec(text);
  const [index, parts] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || index > parts) throw new InvalidArgumentError("must be i/n with 1 ≤ i ≤ n");
  return { index, count: parts };
}

/** A part of what cannot be divided: a seed of its own, with its share of the number. */
export function shareOf({ index, count: parts }: Shard, seed: string, number: number): [seed: string, number: number] {
  return parts === 1 ? [seed, number] : [`${seed}:${index}`, Math.floor((number + parts - index) / parts)];
}

/** How many crashes in recovery follow each other: a number, or "closed". */
export function recovery(text: string): number | "closed" {
  if (text === "closed") return text;
  if (!/^\d{1,3}$/.test(text)) throw new InvalidArgumentError('must be a number, or "closed"');
  return Number(text);
}

// The command line of a task: what its artifact says to type.

import { commandLine } from "../command-line.ts";
import type { Shard } from "../finding.ts";
import { type BarriersTask, type CrashTask, type FaultsTask, type RunTask } from "./tasks.ts";

export function runCommand({ seed, ops, workload, keys, engine }: RunTask, config: string): string {
  const words = ["run", "--seed", seed, "--ops", ops, "--workload", workload];
  const rest = [...(keys === undefined ? [] : ["--keys", keys]), ...(engine === undefined ? [] : ["--engine", engine])];
  return commandLine([...words, ...rest, "--config", config]);
}

/** `config`: the one under which it failed; without it, all of them. */
export function crashCommand(task: CrashTask, config?: string): string {
  const { seed, method, recovery, shard } = task;
  const words: (string | number)[] = ["crash"];
  if (method.kind === "tour") return commandLine([...words, "--tour"]);
  if (method.kind === "sequences") words.push("--sequences", method.length, "--seed", seed);
  else words.push("--seed", seed, "--ops", method.ops, "--workload", method.workload);
  if (method.kind === "exhaustive") words.push("--exhaustive");
  if (method.kind === "sampled") words.push("--images", method.images);
  if (recovery !== undefined) words.push("--recovery", recovery);
  // Only sequences have parts under one configuration; of the others a part is some of the configurations.
  const part = method.kind === "sequences" || config === undefined ? shardWords(shard) : [];
  return commandLine([...words, ...configWords(config), ...part]);
}

export function faultsCommand({ seed, ops, shard }: FaultsTask, config?: string): string {
  return commandLine(["faults", "--seed", seed, "--ops", ops, ...configWords(config), ...shardWords(shard)]);
}

export function barriersCommand({ seed }: BarriersTask): string {
  return commandLine(["barriers", "--seed", seed]);
}

function configWords(config: string | undefined): string[] {
  return config === undefined ? [] : ["--config", config];
}

function shardWords({ index, count }: Shard): string[] {
  return count === 1 ? [] : ["--shard", `${index}/${count}`];
}

// What is kept of a kill that was a failure, before anything else is done: the directory as the child left it, its copy as the
// check left it, all lives with their records, and an op log. `replay` judges the kept lives again; and what the engine
// did the simulated disk can do again from the op log, with a kill at every call of its last operation.

import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import {
  commandLine,
  type CrashOp,
  type Failure,
  type Finding,
  type Op,
  replayCommand,
  writeArtifact,
  writeReport,
} from "tinykv/harness";
import type { DirectoryRun } from "./directory-run.ts";
import { keepLives } from "./lives.ts";
import type { RoundPlan } from "./plan.ts";

export interface KillFailure {
  readonly condition: string;
  readonly seed: string;
  readonly directory: string;
  readonly replay: string;
  readonly message: string;
  /** The lives as one log, for the simulated disk; of other engines there is none. */
  readonly finding?: Finding;
}

export interface Campaigning {
  readonly artifacts: string;
  readonly seed: string;
  readonly rounds: number;
  /** Behind those, in the words of the command. */
  readonly asked?: string | undefined;
}

export function keepFailure(
  { artifacts, seed, rounds, asked }: Campaigning,
  run: DirectoryRun,
  { child }: RoundPlan,
  failure: Failure,
): KillFailure {
  const { condition, message, keys } = failure;
  const { workload, config } = child;
  const finding: Finding = {
    condition,
    message,
    keys,
    workload,
    seed: child.seed,
    phase: "scan",
    // The simulated disk has no threads.
    config: `${config},background=inline`,
    ops: withKills(run.log),
  };
  const command = [
    commandLine(["kill", "--seed", seed, "--rounds", rounds]),
    ...(asked === undefined ? [] : [asked]),
  ].join(" ");
  const directory = writeArtifact(artifacts, finding, { campaign: "kill", command, store: run.directory });
  const copy = `${run.directory}.check`;
  keepLives(directory, run.kept);
  if (existsSync(copy)) keepCopy(copy, join(directory, "store.check"));
  writeReport(directory);
  return { condition, seed: child.seed, directory, replay: replayCommand(directory), message, finding };
}

// A store whose check was ended may have a thread that still removes files from it: what is there is kept.
function keepCopy(copy: string, target: string): void {
  try {
    cpSync(copy, target, { recursive: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

// Each life ends with a kill.
function withKills(lives: readonly (readonly Op[])[]): Op[] {
  return lives.flatMap((ops): Op[] => {
    const kill: CrashOp = { kind: "crash", id: ops.at(-1)?.id ?? 0, loss: "kill", survival: { kind: "all" } };
    return [...ops, kill];
  });
}

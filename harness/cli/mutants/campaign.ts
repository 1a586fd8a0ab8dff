// The parent's side: each mutant planted in a copy of its own and hunted in a worker that starts from there, two at a time.
// A worker that hangs, or dies of what the mutant does, has found it too.

import { availableParallelism } from "node:os";
import { removeScratch } from "../../fast-directory.ts";
import { runInWorker, WorkerError } from "../watchdog.ts";
import type { Mutant } from "./catalogue.ts";
import type { HuntAnswer, HuntTask, SelfCheckTask } from "../tasks.ts";
import { plant } from "./plant.ts";

export interface HuntPlan {
  readonly seed: string;
  /** When all of it ends, by performance.now(). */
  readonly deadline: number;
  readonly told?: (done: number) => void;
}

/** What became of a mutant. */
export interface Hunted {
  readonly mutant: Mutant;
  readonly found: boolean;
  /** The suite that found it; "" if none did. */
  readonly by: string;
  readonly condition: string;
  readonly message: string;
  readonly runs: number;
  readonly seconds: number;
  readonly ops: number;
}

/** Mutants at a time: more than these do not help on the two cores that most of CI has. */
const LANES_MOST = 2;
/** No mutant is looked for any longer. */
const SHARE_MILLISECONDS_MOST = 60_000;
/** No piece of a hunt is silent for so long: its calls of the engine are signs of life. */
const HANG_MILLISECONDS = 10_000;

/** Hunts all of them; what the time does not reach is not found. */
export async function huntAll(mutants: readonly Mutant[], plan: HuntPlan): Promise<readonly Hunted[]> {
  const lanes = Math.min(LANES_MOST, availableParallelism());
  const results: Hunted[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < mutants.length) {
      const left = mutants.length - next;
      const index = next++;
      const share = ((plan.deadline - performance.now()) * Math.min(lanes, left)) / left;
      results[index] = await huntOne(mutants[index]!, plan.seed, Math.min(SHARE_MILLISECONDS_MOST, share));
      plan.told?.(results.filter(Boolean).length);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}

async function huntOne(mutant: Mutant, seed: string, milliseconds: number): Promise<Hunted> {
  const nothing = { mutant, found: false, by: "", condition: "", message: "", runs: 0, seconds: 0, ops: 0 };
  if (milliseconds <= 0) return nothing;
  const task: HuntTask | SelfCheckTask =
    mutant.of === "engine" ? { kind: "hunt", seed, milliseconds } : { kind: "selfCheck", milliseconds };
  const answer = await hunt(mutant, task);
  const { by, condition, message, executions, milliseconds: took, ops } = answer;
  const common = { mutant, runs: executions, seconds: took / 1000, ops };
  return { ...common, found: by !== undefined, by: by ?? "", condition, message };
}

/** Hunts one mutant, or, without one, what is wrong with a sound copy. */
export async function hunt(
  mutant: Mutant | undefined,
  task: HuntTask | SelfCheckTask,
  hangMilliseconds: number = HANG_MILLISECONDS,
): Promise<HuntAnswer> {
  const plantation = plant(mutant);
  const begin = performance.now();
  let last: Partial<HuntAnswer> = {};
  const told = (value: unknown): void => void (last = value as Partial<HuntAnswer>);
  const lost = (condition: string, message: string): HuntAnswer => {
    const milliseconds = performance.now() - begin;
    const nothing = { by: undefined, executions: 0, ops: 0 };
    return { ...nothing, condition, message, milliseconds, ...last };
  };
  try {
    const options = { module: plantation.worker, hangMilliseconds, told };
    const end = await runInWorker<HuntAnswer>(task, options);
    if (end.kind === "done") return end.result;
    if (end.unit?.scratch !== undefined) removeScratch(end.unit.scratch);
    return lost("C28", `no progress for ${end.milliseconds / 1000} s`);
  } catch (error) {
    if (!(error instanceof WorkerError)) throw error;
    return lost("C28", error.message);
  } finally {
    plantation.remove();
  }
}

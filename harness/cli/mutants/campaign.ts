// The parent's side: each mutant planted in a copy of its own and hunted in a worker that starts from there, two at a time.
// A worker that hangs, or dies of what the mutant does, has found it too.

import { availableParallelism } from "node:os";
import { removeScratch } from "../../fast-directory.ts";
import { runInWorker, WorkerError } from "../watchdog.ts";
import type { HuntAnswer, HuntTask, SelfCheckTask } from "../tasks.ts";
import { AwakeClock } from "./awake-clock.ts";
import type { Mutant } from "./catalogue.ts";
import { plant } from "./plant.ts";

export interface HuntPlan {
  readonly seed: string;
  /** When all of it ends, by performance.now(). */
  readonly deadline: number;
  /** After how many seconds each was found before; the quickest go first, and leave their time to the others. */
  readonly secondsBefore?: ReadonlyMap<string, number>;
  /** Hears of each as soon as it is known. */
  readonly told?: (one: Hunted, done: number) => void;
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
/** In the first round no mutant is looked for any longer. */
const QUICK_MILLISECONDS = 8_000;
/** Nor in the second one. */
const SHARE_MILLISECONDS_MOST = 60_000;
/** No piece of a hunt is silent for so long: its calls of the engine are signs of life. */
const HANG_MILLISECONDS = 10_000;

/**
 * Hunts all of them, in two rounds: whoever is not found in the little time that most take is looked for again, and longer,
 * when it is known how much these have left. What the time does not reach is not found.
 */
export async function huntAll(mutants: readonly Mutant[], plan: HuntPlan): Promise<readonly Hunted[]> {
  const { secondsBefore, told, deadline } = plan;
  const results = mutants.map(nothingOf);
  let done = 0;
  const round = async (indexes: readonly number[], most: number, waiting: number): Promise<void> => {
    const lanes = Math.min(LANES_MOST, availableParallelism());
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < indexes.length && performance.now() < deadline) {
        const left = indexes.length - next + waiting;
        const index = indexes[next++]!;
        const share = ((deadline - performance.now()) * Math.min(lanes, left)) / left;
        const one = await huntOne(mutants[index]!, plan.seed, Math.min(most, share));
        results[index] = one;
        if (one.found || most === SHARE_MILLISECONDS_MOST) told?.(one, ++done);
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
  };
  const order = quickestFirst(mutants, secondsBefore);
  const quick = order.filter((index) => (secondsBefore?.get(mutants[index]!.id) ?? 0) * 1000 <= QUICK_MILLISECONDS);
  await round(quick, QUICK_MILLISECONDS, order.length - quick.length);
  await round(
    order.filter((index) => !results[index]!.found),
    SHARE_MILLISECONDS_MOST,
    0,
  );
  return results;
}

/** Of a mutant that was not hunted. */
export function nothingOf(mutant: Mutant): Hunted {
  return { mutant, found: false, by: "", condition: "", message: "", runs: 0, seconds: 0, ops: 0 };
}

function quickestFirst(mutants: readonly Mutant[], secondsBefore: HuntPlan["secondsBefore"]): readonly number[] {
  const seconds = mutants.map(({ id }) => secondsBefore?.get(id) ?? Infinity);
  const order = mutants.map((_, index) => index);
  return order.sort((a, b) => (seconds[a] === seconds[b] ? a - b : seconds[a]! - seconds[b]!));
}

async function huntOne(mutant: Mutant, seed: string, milliseconds: number): Promise<Hunted> {
  const task: HuntTask | SelfCheckTask = mutant.of === "engine" ? { kind: "hunt", seed } : { kind: "selfCheck" };
  const { by, condition, message, executions, milliseconds: took, ops } = await hunt(mutant, task, { milliseconds });
  const common = { mutant, runs: executions, seconds: took / 1000, ops };
  return { ...common, found: by !== undefined, by: by ?? "", condition, message };
}

export interface HuntLimits {
  readonly milliseconds: number;
  readonly hangMilliseconds?: number;
}

/** Hunts one mutant, or, without one, what is wrong with a sound copy; says when it was found. */
export async function hunt(
  mutant: Mutant | undefined,
  task: HuntTask | SelfCheckTask,
  { milliseconds, hangMilliseconds = HANG_MILLISECONDS }: HuntLimits,
): Promise<HuntAnswer & { readonly milliseconds: number }> {
  const plantation = plant(mutant);
  const over = new AbortController();
  const clock = new AwakeClock(milliseconds, () => over.abort());
  let last: Partial<HuntAnswer> = {};
  let foundAt: number | undefined;
  const told = (value: unknown): void => {
    last = value as Partial<HuntAnswer>;
    if (last.condition !== undefined) foundAt = clock.milliseconds;
  };
  const timed = (answer: HuntAnswer): HuntAnswer & { milliseconds: number } => ({
    ...answer,
    milliseconds: foundAt ?? clock.milliseconds,
  });
  const lost = (message: string): HuntAnswer & { milliseconds: number } =>
    timed({ by: undefined, executions: 0, ops: 0, condition: "C28", message, ...last });
  try {
    const options = { module: plantation.worker, hangMilliseconds, told, stop: over.signal };
    const end = await runInWorker<HuntAnswer>(task, options);
    if (end.kind === "done") return timed(end.result);
    if (end.unit?.scratch !== undefined) removeScratch(end.unit.scratch);
    return lost(`no progress for ${end.milliseconds / 1000} s`);
  } catch (error) {
    if (!(error instanceof WorkerError)) throw error;
    return lost(error.message);
  } finally {
    clock.stop();
    plantation.remove();
  }
}

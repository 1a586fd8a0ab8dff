// The parent's side: each mutant planted in a copy of its own and hunted there, two at a time.

import { availableParallelism } from "node:os";
import type { HuntTask, SelfCheckTask } from "../tasks.ts";
import type { Mutant } from "./catalogue.ts";
import { HuntingLane } from "./lane.ts";

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
      const hunting = new HuntingLane();
      try {
        while (next < indexes.length && performance.now() < deadline) {
          const left = indexes.length - next + waiting;
          const index = indexes[next++]!;
          const share = ((deadline - performance.now()) * Math.min(lanes, left)) / left;
          const one = await huntOne(hunting, mutants[index]!, { seed: plan.seed, milliseconds: Math.min(most, share) });
          results[index] = one;
          if (one.found || most === SHARE_MILLISECONDS_MOST) told?.(one, ++done);
        }
      } finally {
        await hunting.close();
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

async function huntOne(
  lane: HuntingLane,
  mutant: Mutant,
  { seed, milliseconds }: { readonly seed: string; readonly milliseconds: number },
): Promise<Hunted> {
  const task: HuntTask | SelfCheckTask = mutant.of === "engine" ? { kind: "hunt", seed } : { kind: "selfCheck" };
  const answer = await lane.hunt({ mutant, task, milliseconds });
  const { by, condition, message, executions, ops } = answer;
  const common = { mutant, runs: executions, seconds: answer.milliseconds / 1000, ops };
  return { ...common, found: by !== undefined, by: by ?? "", condition, message };
}

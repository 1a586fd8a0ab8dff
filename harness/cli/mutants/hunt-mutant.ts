// One mutant, planted in a copy of its own, and hunted in a worker that starts from there. A worker that hangs, or ends by what
// the mutant does, has found it too.

import { removeScratch } from "../../fast-directory.ts";
import type { HuntAnswer, HuntTask, SelfCheckTask } from "../tasks.ts";
import { runInWorker, WorkerError } from "../watchdog.ts";
import { AwakeClock } from "./awake-clock.ts";
import type { Mutant } from "./catalogue.ts";
import { plant } from "./plant.ts";

/** No piece of a hunt is silent for so long: its calls of the engine are signs of life. */
const HANG_MILLISECONDS = 10_000;

/** With when it was found, or how long it was looked for. */
export type TimedAnswer = HuntAnswer & { readonly milliseconds: number };

export interface HuntLimits {
  readonly milliseconds: number;
  readonly hangMilliseconds?: number;
  /** Hears what the hunt tells before its end. */
  readonly told?: (known: Partial<TimedAnswer>) => void;
}

/** Hunts one mutant, or, without one, what is wrong with a sound copy; says when it was found. */
export async function hunt(
  mutant: Mutant | undefined,
  task: HuntTask | SelfCheckTask,
  { milliseconds, hangMilliseconds = HANG_MILLISECONDS, told: hears }: HuntLimits,
): Promise<TimedAnswer> {
  const plantation = plant(mutant);
  const over = new AbortController();
  const clock = new AwakeClock(milliseconds, () => over.abort());
  let last: Partial<HuntAnswer> = {};
  let foundAt: number | undefined;
  const told = (value: unknown): void => {
    last = value as Partial<HuntAnswer>;
    if (last.condition !== undefined) foundAt = clock.milliseconds;
    hears?.({ ...last, ...(foundAt !== undefined && { milliseconds: foundAt }) });
  };
  const timed = (answer: HuntAnswer): TimedAnswer => ({
    ...answer,
    milliseconds: foundAt ?? clock.milliseconds,
  });
  const lost = (message: string): TimedAnswer =>
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

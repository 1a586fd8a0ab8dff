// Single combinations of what is pending: drawn from a seed, or as of a moment.

import type { Random } from "../workloads/random.ts";
import type { Choices } from "./choice.ts";
import { choicesOf } from "./page-choices.ts";
import type { PendingItem } from "./pending-item.ts";

/** Pages torn in one image, at most. */
export const TORN_MAX = 2;

/** Each item at any of its contents, at most TORN_MAX pages torn. */
export function anySurvival(items: readonly PendingItem[], random: Random): Choices {
  let torn = 0;
  return items.map((item) => {
    const choices = choicesOf(item);
    const choice = random.pick(torn < TORN_MAX ? choices : choices.filter((one) => one.torn === undefined));
    if (choice.torn !== undefined) torn++;
    return choice;
  });
}

/** Everything as it was when the event of `time` had happened and nothing later. */
export function prefixInTime(items: readonly PendingItem[], time: number): Choices {
  return items.map(({ times }) => ({ version: versionAt(times, time) }));
}

/** The newest version that was there at a moment. */
export function versionAt(times: readonly number[], time: number): number {
  let version = times.length - 1;
  while (version > 0 && times[version]! > time) version--;
  return version;
}

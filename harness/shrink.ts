// Makes a failure smaller. A step counts only if the same condition fails in the same phase; every subsequence of an op log
// is an op log and ids stay, so operations are simply left out. The goals, in this order:
//
//   fewest operations            chunks, then one by one (Zeller & Hildebrandt, "Simplifying and isolating failure-inducing
//                                input", 2002)
//   fewest crashes
//   fewest lost items            a survival nearer to "all"
//   the default configuration    by name, else one setting after the other; reopens to the same one
//   small keys and values        and plain writes: smaller batches, no sync
//
// What is left out may move or undo the crash: each step is tried with the address as it is, then with every crash point of
// the last operation. All of it is repeated until nothing helps any more; then no single operation can be left out.

import type { Finding } from "./finding.ts";
import type { Op } from "./op.ts";
import { defaultConfiguration, reopenToTheSame } from "./shrink-configuration.ts";
import { oneForMany } from "./shrink-bulk.ts";
import { fewerCrashes, fewerLostItems } from "./shrink-crashes.ts";
import { type Reproduce, type ShrinkBudget, Shrinker, type ShrinkOptions } from "./shrink-state.ts";
import { smallerBatches, smallerKeys, smallerValues, withoutSync } from "./shrink-writes.ts";

export type { Reproduce, ShrinkBudget, ShrinkOptions } from "./shrink-state.ts";

export interface ShrinkResult {
  /** The smaller failure; of C27 if the first one does not come back every time. */
  readonly finding: Finding;
  readonly ops: readonly Op[];
  readonly attempts: number;
}

/** The smallest log that was found within the budget. */
export async function shrink(
  finding: Finding,
  reproduce: Reproduce,
  budget: ShrinkBudget,
  options: ShrinkOptions = {},
): Promise<ShrinkResult> {
  const shrinker = new Shrinker(finding, reproduce, budget, options);
  const unsteady = await shrinker.firstDifference();
  if (unsteady !== undefined) {
    const message = `${finding.condition} in ${finding.phase} does not come back: ${unsteady}`;
    const flaky: Finding = { ...finding, condition: "C27", message: `${message} (${finding.message})` };
    return { finding: flaky, ops: finding.ops, attempts: shrinker.attempts };
  }
  let before: string;
  do {
    before = shrinker.text();
    await fewerOps(shrinker);
    await fewerCrashes(shrinker);
    await fewerLostItems(shrinker);
    await defaultConfiguration(shrinker);
    await reopenToTheSame(shrinker);
    await smallerBatches(shrinker);
    await withoutSync(shrinker);
    await smallerKeys(shrinker);
    await smallerValues(shrinker);
  } while (shrinker.text() !== before);
  const { best, attempts } = shrinker;
  return { finding: best, ops: best.ops, attempts };
}

// A search costs as much as hundreds of runs: it comes when no more can be left out without.
async function fewerOps(shrinker: Shrinker): Promise<void> {
  const exactly = (ops: readonly Op[]): Promise<boolean> => shrinker.tryExactly(ops);
  const searching = (ops: readonly Op[]): Promise<boolean> => shrinker.try(ops);
  for (const attempt of [exactly, searching]) {
    for (let size = Math.ceil(shrinker.ops.length / 2); size > 1; size = Math.ceil(size / 2)) {
      await leaveOut(shrinker, size, attempt);
    }
    // One by one is slow: first what many do together is done by one.
    await oneForMany(shrinker);
    while (await leaveOut(shrinker, 1, attempt));
  }
}

// Leaves out what it can in pieces of `size`; false if that was nothing.
async function leaveOut(
  shrinker: Shrinker,
  size: number,
  attempt: (ops: readonly Op[]) => Promise<boolean>,
): Promise<boolean> {
  const before = shrinker.ops.length;
  for (let start = 0; start < shrinker.ops.length;) {
    const { ops } = shrinker;
    if (!(await attempt([...ops.slice(0, start), ...ops.slice(start + size)]))) start += size;
  }
  return shrinker.ops.length < before;
}

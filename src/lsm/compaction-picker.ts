// Chooses the next compaction: a pure function of a version, the options and what runs already.
//
//   1. The level with the greatest score, of those due (level-targets.ts). Level 0 goes to the base level, any other
//      level to the next. Of its units (compaction-choice.ts) the one goes first that drags the fewest bytes of the
//      output level along for each byte of its own.
//   2. Tables that hold many or old tombstones, however small their level is (tombstone-picker.ts).
//
// Choosing ends: every plan moves entries down and none up, or is sure to lower the count of tombstones.

import { Choice, type PickerContext, type PickerOptions, type Unit } from "./compaction-choice.ts";
import type { CompactionPlan } from "./compaction-plan.ts";
import { sumSizes } from "./table-meta.ts";
import { pickTombstones } from "./tombstone-picker.ts";
import type { Version } from "./version.ts";

export type { PickerContext, PickerOptions } from "./compaction-choice.ts";
export { stillValid, type CompactionPlan } from "./compaction-plan.ts";
export { pickRange } from "./compaction-range.ts";

/** The next compaction to begin; undefined when none is due, or all that are due have to wait for one that runs. */
export function pickCompaction(
  version: Version,
  options: PickerOptions,
  context: PickerContext,
): CompactionPlan | undefined {
  const choice = new Choice(version, options, context);
  return pickByScore(choice) ?? pickTombstones(choice);
}

function pickByScore(choice: Choice): CompactionPlan | undefined {
  const { scores } = choice.targets;
  const due = scores.flatMap((score, level) => (score >= 1 ? [level] : []));
  due.sort((a, b) => scores[b]! - scores[a]! || a - b);
  for (const level of due) {
    const units = choice.units(level);
    for (const unit of leastOverlapFirst(choice, level, units)) {
      const plan = choice.planDown(level, unit, level === 0 ? "level0" : "size", units);
      if (plan) return plan;
    }
  }
  return undefined;
}

// Ties: in key order from the compaction cursor on and around; without a cursor (level 0 has none), the least number.
function leastOverlapFirst(choice: Choice, level: number, units: readonly Unit[]): Unit[] {
  const { version, context } = choice;
  const { order } = version;
  const outputLevel = choice.outputLevel(level);
  const cursor = context.cursors.get(level);
  const ranked = units.map((unit, place) => {
    const overlap = sumSizes(version.overlappingSpan(outputLevel, unit.span));
    const isPassed = cursor !== undefined && order.compare(unit.span.smallest, cursor) <= 0;
    const number = Math.min(...unit.tables.map((table) => table.number));
    const turn = cursor === undefined ? number : isPassed ? place + units.length : place;
    return { unit, ratio: overlap / sumSizes(unit.tables), turn };
  });
  ranked.sort((a, b) => a.ratio - b.ratio || a.turn - b.turn);
  return ranked.map(({ unit }) => unit);
}

// Tables that are compacted for their tombstones although every size is fine: what was deleted should go in the end.
//
// A table whose tombstones are many or old goes one level down as long as something deeper overlaps it. Where nothing
// does, and no snapshot needs what a tombstone hides, any table with tombstones is written anew in its level and is sure
// to lose them all. So every plan makes progress, and picking ends.

import type { Choice } from "./compaction-choice.ts";
import { makePlan, type CompactionPlan } from "./compaction-plan.ts";
import type { TableMeta } from "./table-meta.ts";

/** A table is dense when at least one entry in this many is a tombstone: dropping it halves the bytes below it at best. */
const DENSE_ONE_IN = 2;

/** Tombstones are old once this many times their table's entries were written after them. */
const OLD_TIMES_ENTRIES = 10;

export function pickTombstones(choice: Choice): CompactionPlan | undefined {
  return (
    pickDown(choice, "tombstones", isDense) ??
    pickDown(choice, "old-tombstones", (table) => isOld(choice, table)) ??
    pickRewrite(choice)
  );
}

function isDense({ deletes, entries }: TableMeta): boolean {
  return deletes > 0 && deletes * DENSE_ONE_IN >= entries;
}

function isOld({ version, context }: Choice, { deletes, entries, greatestSequence }: TableMeta): boolean {
  const age = Math.max(OLD_TIMES_ENTRIES * entries, version.totalEntries);
  return deletes > 0 && greatestSequence + age < context.lastSequence;
}

// From the top, so that tombstones of several levels meet on their way down.
function pickDown(
  choice: Choice,
  reason: "tombstones" | "old-tombstones",
  qualifies: (table: TableMeta) => boolean,
): CompactionPlan | undefined {
  const { levels, numLevels } = choice.version;
  for (let level = 0; level < numLevels - 1; level++) {
    if (!levels[level]!.some(qualifies)) continue;
    for (const unit of choice.units(level)) {
      const due = unit.tables.some((table) => qualifies(table) && !choice.isAtBottom(level, table));
      const plan = due ? choice.planDown(level, unit, reason, []) : undefined;
      if (plan) return plan;
    }
  }
  return undefined;
}

function pickRewrite(choice: Choice): CompactionPlan | undefined {
  const { version } = choice;
  for (let level = 1; level < version.numLevels; level++) {
    for (const table of version.levels[level]!) {
      if (!choice.losesTombstones(table, level)) continue;
      const inputs = [{ level, tables: [table] }];
      const plan = makePlan(version, { reason: "tombstones", inputs, outputLevel: level, trivialMove: false });
      if (choice.isFree(plan)) return plan;
    }
  }
  return undefined;
}

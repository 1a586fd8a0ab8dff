import { closeOver, makePlan, type CompactionPlan } from "./compaction-plan.ts";
import { levelTargets, type TargetOptions } from "./level-targets.ts";
import { joinSpans, spanOf, type KeySpan, type TableMeta } from "./table-meta.ts";
import type { Version } from "./version.ts";

/**
 * One plan that merges every table with a user key from `from` to `to` (both included, undefined for no bound) into the
 * deepest level that holds such a table, or the base level; undefined when there is none. Nothing deeper overlaps the
 * result, so all tombstones go that no snapshot needs.
 *
 * Levels are visited downward and the range grows on the way: what was taken above must be merged with whatever it
 * overlaps below, beyond the range asked for too.
 */
export function pickRange(
  version: Version,
  from: Uint8Array | undefined,
  to: Uint8Array | undefined,
  options: TargetOptions,
): CompactionPlan | undefined {
  const { order } = version;
  const inputs: { level: number; tables: readonly TableMeta[] }[] = [];
  let taken: KeySpan | undefined;
  for (let level = 0; level < version.numLevels; level++) {
    const asked = version.overlapping(level, from, to);
    const below = taken ? version.overlappingSpan(level, taken) : [];
    const wanted = spanOf(order, [...asked, ...below]);
    if (!wanted) continue;
    const tables = closeOver(version, level, wanted);
    inputs.push({ level, tables });
    const span = spanOf(order, tables)!;
    taken = taken ? joinSpans(order, taken, span) : span;
  }
  const deepest = inputs.at(-1)?.level;
  if (deepest === undefined) return undefined;
  const outputLevel = Math.max(deepest, levelTargets(version, options).baseLevel);
  return makePlan(version, { reason: "range", inputs, outputLevel, trivialMove: false });
}

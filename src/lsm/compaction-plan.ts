// A compaction as plain data, and when two of them, or one of them and a version, get along.
//
// What makes a plan right, whatever chose it:
//   - below every input, down to the output level, all tables that overlap it are inputs: newer entries never pass
//     below older ones;
//   - a table leaves level 0 only with every older table of level 0 that overlaps it;
//   - no table of the output level that stays overlaps what the inputs span, so the outputs fit between.

import type { KeyOrder } from "../common/comparator.ts";
import { joinSpans, spanOf, spansOverlap, tableSpan, type KeySpan, type TableMeta } from "./table-meta.ts";
import type { Version } from "./version.ts";

/** Why: level 0 or another level is too large, tombstones are many or old, or compactRange() asked. */
export type CompactionReason = "level0" | "size" | "tombstones" | "old-tombstones" | "range";

export interface CompactionPlan {
  readonly reason: CompactionReason;
  /** By level, ascending, none empty; level 0 newest first, others by key. */
  readonly inputs: readonly { readonly level: number; readonly tables: readonly TableMeta[] }[];
  readonly outputLevel: number;
  /** The inputs, all of one level, become tables of the output level as they are. */
  readonly trivialMove: boolean;
  /** Tables of the level below the output level that overlap the inputs, by key. */
  readonly grandparents: readonly TableMeta[];
  /** User keys that the inputs span, both ends included. */
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
  /** Where the next compaction of this level may go on. */
  readonly cursor?: { readonly level: number; readonly key: Uint8Array };
}

/** A table that is moved, or written whole, may overlap this many target file sizes of grandparents: its next compaction reads them all. */
export const GRANDPARENT_FILES_MOST = 10;

/** A plan is completed with what its version says of the output level's neighbourhood. */
export function makePlan(
  version: Version,
  plan: Pick<CompactionPlan, "reason" | "outputLevel" | "trivialMove" | "cursor"> & {
    readonly inputs: readonly { readonly level: number; readonly tables: readonly TableMeta[] }[];
  },
): CompactionPlan {
  const inputs = plan.inputs.filter(({ tables }) => tables.length > 0);
  const span = spanOf(version.order, allTables(inputs))!;
  const { smallest, largest } = span;
  return { ...plan, inputs, grandparents: version.overlappingSpan(plan.outputLevel + 1, span), smallest, largest };
}

export function allTables(inputs: CompactionPlan["inputs"]): TableMeta[] {
  return inputs.flatMap(({ tables }) => tables);
}

/**
 * The tables of a level that overlap `span`, and those that may not be parted from them: in level 0 whatever overlaps
 * the span they make together, and so on; below, neighbours with versions of the same user key (no sound version has
 * such, but to merge one half alone would bring back what the other half hides).
 */
export function closeOver(version: Version, level: number, span: KeySpan): readonly TableMeta[] {
  const { order } = version;
  let tables = version.overlappingSpan(level, span);
  for (;;) {
    const grown = spanOf(order, tables);
    if (!grown) return tables;
    const next =
      level === 0 ? version.overlappingSpan(0, joinSpans(order, span, grown)) : withSharers(version, level, tables);
    // What a larger span overlaps contains what a smaller one does: as many are the same.
    if (next.length === tables.length) return tables;
    tables = next;
  }
}

function withSharers({ levels, order }: Version, level: number, tables: readonly TableMeta[]): TableMeta[] {
  const all = levels[level]!;
  let first = all.indexOf(tables[0]!);
  let end = first + tables.length;
  while (first > 0 && spansOverlap(order, tableSpan(all[first - 1]!), tableSpan(all[first]!))) first--;
  while (end < all.length && spansOverlap(order, tableSpan(all[end - 1]!), tableSpan(all[end]!))) end++;
  return all.slice(first, end);
}

/** Whether two plans may not run at once: both leave level 0, or their inputs or outputs overlap in some level. */
export function conflicts(order: KeyOrder, a: CompactionPlan, b: CompactionPlan): boolean {
  if (a.inputs[0]!.level === 0 && b.inputs[0]!.level === 0) return true;
  const claimsOfB = claims(order, b);
  return claims(order, a).some((x) =>
    claimsOfB.some((y) => x.level === y.level && spansOverlap(order, x.span, y.span)),
  );
}

// The keys of each level that a plan takes from or may put to.
function claims(order: KeyOrder, plan: CompactionPlan): { level: number; span: KeySpan }[] {
  const { inputs, outputLevel } = plan;
  const above = inputs.filter(({ level }) => level !== outputLevel);
  return [
    ...above.map(({ level, tables }) => ({ level, span: spanOf(order, tables)! })),
    { level: outputLevel, span: spanOf(order, allTables(inputs))! },
  ];
}

/** Whether a plan made for an earlier version is right for this one: the inputs are where they were, and fit. */
export function stillValid(plan: CompactionPlan, version: Version): boolean {
  const { inputs, outputLevel } = plan;
  const taken = new Set(allTables(inputs).map(({ number }) => number));
  const allTaken = (tables: readonly TableMeta[]): boolean => tables.every(({ number }) => taken.has(number));
  if (!inputs.every(({ level, tables }) => holds(version, level, tables))) return false;
  if (!inputs.every(({ level, tables }) => level > 0 || allTaken(olderOverlapping(version, tables)))) return false;
  let above: KeySpan | undefined;
  for (let level = inputs[0]!.level; level < outputLevel; level++) {
    if (above && !allTaken(version.overlappingSpan(level, above))) return false;
    const span = spanOf(version.order, inputs.find((input) => input.level === level)?.tables ?? []);
    if (span) above = above ? joinSpans(version.order, above, span) : span;
  }
  return allTaken(version.overlappingSpan(outputLevel, spanOf(version.order, allTables(inputs))!));
}

function holds(version: Version, level: number, tables: readonly TableMeta[]): boolean {
  const present = new Map((version.levels[level] ?? []).map(({ number, tag }) => [number, tag]));
  return tables.every(({ number, tag }) => present.get(number) === tag);
}

function olderOverlapping(version: Version, tables: readonly TableMeta[]): TableMeta[] {
  return tables.flatMap((table) =>
    version.overlappingSpan(0, tableSpan(table)).filter(({ epoch }) => epoch < table.epoch),
  );
}

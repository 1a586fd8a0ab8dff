// The order of versions over the tables of a version, entry by entry: of one user key, a newer table of level 0 has newer
// versions than an older one, and an upper level newer ones than a deeper one. Bounds alone tell it of their own keys
// (version-problems.ts); a read that stops at the first table which knows its key relies on it for all.

import { copyBytes } from "../common/bytes.ts";
import type { InternalCursor } from "../common/cursor.ts";
import { LevelCursor } from "./level-cursor.ts";
import { MergingCursor } from "./merging-cursor.ts";
import { tableSpan, type TableMeta } from "./table-meta.ts";
import type { Version } from "./version.ts";

export interface AgeProblem {
  readonly table: TableMeta;
  readonly problem: string;
}

/** Tables that nothing orders but their place. */
interface Layer {
  readonly level: number;
  readonly tables: readonly TableMeta[];
}

/**
 * Reads, each once, the tables that overlap one of another layer and may hold versions of its age, by the numbers that the
 * manifest gives: whoever calls has seen that these are the tables'. Stops at the first version that is out of order, since
 * one may bring thousands.
 */
export function ageProblems(version: Version, open: (table: TableMeta) => InternalCursor): AgeProblem[] {
  const { order } = version;
  const layers = doubtfulLayers(version);
  const cursors = layers.map(({ level, tables }) =>
    level === 0 ? open(tables[0]!) : new LevelCursor(order, tables, open),
  );
  const merged = new MergingCursor(order, cursors);
  let key: Uint8Array | undefined;
  let layer = 0;
  let sequence = 0;
  for (merged.first(); merged.valid; merged.next()) {
    const { childIndex } = merged;
    if (key === undefined || order.compare(key, merged.key) !== 0) key = copyBytes(merged.key);
    else if (childIndex < layer || (childIndex > layer && merged.sequence === sequence))
      return [inversion(version, key, layers[Math.min(childIndex, layer)]!, layers[Math.max(childIndex, layer)]!)];
    layer = childIndex;
    ({ sequence } = merged);
  }
  return [];
}

// Newest first.
function doubtfulLayers(version: Version): Layer[] {
  return version.levels.flatMap((tables, level): Layer[] => {
    const doubtful = tables.filter((table) => isDoubtful(version, level, table));
    if (level === 0) return doubtful.map((table) => ({ level, tables: [table] }));
    return doubtful.length > 0 ? [{ level, tables: doubtful }] : [];
  });
}

// With some table over or under it that is not wholly older or newer.
function isDoubtful(version: Version, level: number, table: TableMeta): boolean {
  return version.levels.some((_, other) => {
    if (other === level && level > 0) return false;
    return version.overlappingSpan(other, tableSpan(table)).some((one) => {
      if (one === table) return false;
      const isBelow = other === level ? one.epoch < table.epoch : other > level;
      const [upper, deeper] = isBelow ? [table, one] : [one, table];
      return upper.leastSequence <= deeper.greatestSequence;
    });
  });
}

function inversion(version: Version, key: Uint8Array, upper: Layer, deeper: Layer): AgeProblem {
  const holderOf = ({ level, tables }: Layer): TableMeta =>
    level === 0 ? tables[0]! : (version.tableFor(level, key) ?? tables[0]!);
  const [table, below] = [holderOf(upper), holderOf(deeper)];
  const problem = `has an older version of a key than table ${below.number} of level ${deeper.level}`;
  return { table, problem };
}

// The invariants of a version, as far as the manifest alone can tell. Each check compares both ends of both tables: a
// checker that looks at one end only lets tables through that one contains the other.
//
//   every table     bounds in order; sequence numbers in order, and those of the bounds among them; counts that add up
//   level 0         greatest epoch first, no epoch twice; of two tables that overlap, the newer has the newer entries only
//   deeper levels   ascending and disjoint by *user* key: the versions of one user key are never split over two tables
//   between levels  where bounds of two tables are versions of one user key, the upper table has the newer one
//   all             no number twice

import type { KeyOrder } from "../common/comparator.ts";
import { compareInternalKeys, Kind, SEQUENCE_MAX, type InternalKey } from "../common/internal-key.ts";
import { endsBefore, hasOpenEnd, spansOverlap, tableSpan, type TableMeta } from "./table-meta.ts";

const NUMBERS = ["number", "size", "tag", "epoch", "leastSequence", "greatestSequence", "entries", "deletes"] as const;

const name = (table: TableMeta): string => `table ${table.number}`;

/** What is wrong with one table, whatever its level. */
export function tableProblems(order: KeyOrder, table: TableMeta): string[] {
  const { number, size, smallest, largest, leastSequence, greatestSequence, entries, deletes } = table;
  const problems: string[] = [];
  const demand = (condition: boolean, problem: string): void => {
    if (!condition) problems.push(`${name(table)}: ${problem}`);
  };
  for (const field of NUMBERS) {
    demand(Number.isSafeInteger(table[field]) && table[field] >= 0, `${field} is no integer from 0 to 2^53-1`);
  }
  demand(number > 0, "number 0");
  demand(size > 0, "is empty");
  demand(compareInternalKeys(order, smallest, largest) <= 0, "smallest key after largest key");
  demand(leastSequence <= greatestSequence, `sequence numbers from ${leastSequence} to ${greatestSequence}`);
  demand(deletes <= entries, `${deletes} deletes among ${entries} entries`);
  const inRange = ({ sequence }: InternalKey): boolean => sequence >= leastSequence && sequence <= greatestSequence;
  demand(inRange(smallest), "sequence number of the smallest key out of range");
  demand(hasOpenEnd(table) || inRange(largest), "sequence number of the largest key out of range");
  demand(
    largest.kind !== Kind.deleteRange || largest.sequence === SEQUENCE_MAX,
    "a range delete at the end that does not end there",
  );
  return problems;
}

/** Whether a level below 0 ascends without overlap. */
export function orderProblems(order: KeyOrder, level: number, tables: readonly TableMeta[]): string[] {
  const problems: string[] = [];
  for (let i = 1; i < tables.length; i++) {
    const before = tables[i - 1]!;
    const table = tables[i]!;
    if (endsBefore(order, before, table.smallest.key)) continue;
    const shared = order.compare(before.largest.key, table.smallest.key) === 0;
    const problem = shared ? "share a user key" : "overlap or are out of order";
    problems.push(`level ${level}: ${name(before)} and ${name(table)} ${problem}`);
  }
  return problems;
}

/** Whether two tables of level 0 are told apart by their epochs, and agree with their sequence numbers about age. */
export function pairProblems(order: KeyOrder, a: TableMeta, b: TableMeta): string[] {
  if (a.epoch === b.epoch) return [`level 0: ${name(a)} and ${name(b)} both have epoch ${a.epoch}`];
  const [newer, older] = a.epoch > b.epoch ? [a, b] : [b, a];
  if (newer.leastSequence > older.greatestSequence) return [];
  if (!spansOverlap(order, tableSpan(newer), tableSpan(older))) return [];
  return [`level 0: ${name(newer)} is newer than ${name(older)} by epoch but not by sequence numbers`];
}

/** Everything that is wrong with the levels. */
export function versionProblems(order: KeyOrder, levels: readonly (readonly TableMeta[])[]): string[] {
  const problems = levels.flatMap((tables) => tables.flatMap((table) => tableProblems(order, table)));
  problems.push(...numberProblems(levels), ...level0Problems(order, levels[0] ?? []));
  for (let level = 1; level < levels.length; level++) problems.push(...orderProblems(order, level, levels[level]!));
  for (let level = 0; level < levels.length; level++) {
    for (const table of levels[level]!) problems.push(...inversions(order, levels, level, table));
  }
  return problems;
}

function numberProblems(levels: readonly (readonly TableMeta[])[]): string[] {
  const seen = new Set<number>();
  const problems: string[] = [];
  for (const table of levels.flat()) {
    if (seen.has(table.number)) problems.push(`${name(table)} stands twice`);
    seen.add(table.number);
  }
  return problems;
}

function level0Problems(order: KeyOrder, tables: readonly TableMeta[]): string[] {
  const problems: string[] = [];
  for (const [i, table] of tables.entries()) {
    const next = tables[i + 1];
    if (next && next.epoch > table.epoch)
      problems.push(`level 0: ${name(table)} stands before ${name(next)}, which is newer`);
    for (const other of tables.slice(i + 1)) problems.push(...pairProblems(order, table, other));
  }
  return problems;
}

// A bound is a version of its user key, so where two bounds share the key they tell which table is newer for it.
function inversions(
  order: KeyOrder,
  levels: readonly (readonly TableMeta[])[],
  level: number,
  table: TableMeta,
): string[] {
  const problems: string[] = [];
  for (const bound of hasOpenEnd(table) ? [table.smallest] : [table.smallest, table.largest]) {
    for (let deeper = level + 1; deeper < levels.length; deeper++) {
      const below = firstEndingAt(order, levels[deeper]!, bound.key);
      const newer = below && newestBound(order, below, bound.key);
      if (!below || newer === undefined || newer < bound.sequence) continue;
      problems.push(
        `${name(table)} of level ${level} is older at one of its ends than ${name(below)} of level ${deeper}`,
      );
    }
  }
  return problems;
}

function newestBound(order: KeyOrder, table: TableMeta, key: Uint8Array): number | undefined {
  if (order.compare(table.smallest.key, key) === 0) return table.smallest.sequence;
  if (!hasOpenEnd(table) && order.compare(table.largest.key, key) === 0) return table.largest.sequence;
  return undefined;
}

/** The first table of a sorted level that does not end before `key`: the only one that may hold it. */
function firstEndingAt(order: KeyOrder, tables: readonly TableMeta[], key: Uint8Array): TableMeta | undefined {
  return tables[firstNotBefore(order, tables, key)];
}

/** The index of the first table, of a sorted level, that does not end before `key`; the count of tables for none. */
export function firstNotBefore(order: KeyOrder, tables: readonly TableMeta[], key: Uint8Array): number {
  let low = 0;
  let high = tables.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (endsBefore(order, tables[middle]!, key)) low = middle + 1;
    else high = middle;
  }
  return low;
}

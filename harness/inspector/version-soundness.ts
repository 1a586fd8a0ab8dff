// What the tables of a manifest must add up to (C16), judged from the manifest alone.

import type { Key } from "../keys.ts";
import { compareInternalKeys, KIND_DELETE_RANGE, type InternalKey, type TableEntry } from "./edit-framing.ts";
import type { ManifestState } from "./manifest-framing.ts";

/** The comparator whose order the inspector knows; under any other it judges no order of keys. */
export const BYTEWISE = "tinykv.bytewise";

/** Empty: a sound version. */
export function soundnessProblems(state: ManifestState): string[] {
  const problems: string[] = [];
  const ordered = state.comparator === BYTEWISE;
  for (const table of state.tables) tableProblems(table, state, ordered, problems);
  levelZeroProblems(state.levels[0]!, ordered, problems);
  if (!ordered) return problems;
  for (const tables of state.levels.slice(1)) disjointProblems(tables, problems);
  boundProblems(state, problems);
  return problems;
}

function tableProblems(table: TableEntry, state: ManifestState, ordered: boolean, problems: string[]): void {
  const say = (problem: string): unknown => problems.push(`table ${table.number}: ${problem}`);
  const { smallest, largest, leastSequence, greatestSequence } = table;
  if (ordered && compareInternalKeys(smallest, largest) > 0) say("smallest above largest");
  if (leastSequence > greatestSequence) say("least sequence number above the greatest");
  if (greatestSequence > state.lastSequence) say("a sequence number above the manifest's last");
  if (table.deletes > table.entries) say("more deletes than entries");
  for (const bound of [smallest, largest]) {
    if (bound === largest && isExclusive(bound)) continue;
    if (bound.sequence < leastSequence || bound.sequence > greatestSequence) say("a bound's sequence number");
  }
}

function levelZeroProblems(tables: readonly TableEntry[], ordered: boolean, problems: string[]): void {
  const byAge = [...tables].sort((a, b) => a.epoch - b.epoch);
  for (const [i, newer] of byAge.entries()) {
    for (const older of byAge.slice(0, i)) {
      if (older.epoch === newer.epoch) problems.push(`tables ${older.number} and ${newer.number} of one epoch`);
      else if (ordered && overlap(older, newer) && newer.leastSequence <= older.greatestSequence)
        problems.push(`table ${newer.number} of level 0 is not newer than ${older.number}, which it overlaps`);
    }
  }
}

function disjointProblems(tables: readonly TableEntry[], problems: string[]): void {
  const sorted = [...tables].sort((a, b) => compareInternalKeys(a.smallest, b.smallest));
  for (let i = 1; i < sorted.length; i++) {
    const [before, after] = [sorted[i - 1]!, sorted[i]!];
    if (!endsBefore(before, after))
      problems.push(`tables ${before.number} and ${after.number} of level ${after.level} overlap`);
  }
}

// Where bounds of an upper and a deeper table share a user key, the upper's version of it is newer. Those of level 0
// among themselves are told apart by their epochs.
function boundProblems(state: ManifestState, problems: string[]): void {
  const deepestAbove = new Map<Key, { level: number; number: number; least: number }[]>();
  for (const table of state.tables) {
    for (const bound of new Set([table.smallest, table.largest])) {
      if (isExclusive(bound)) continue;
      const above = deepestAbove.get(bound.key) ?? [];
      for (const upper of above)
        if (upper.level < table.level && upper.least <= bound.sequence)
          problems.push(`table ${upper.number} lies above ${table.number}, which has a version of a bound as new`);
      above.push({ level: table.level, number: table.number, least: bound.sequence });
      deepestAbove.set(bound.key, above);
    }
  }
}

function overlap(a: TableEntry, b: TableEntry): boolean {
  return !endsBefore(a, b) && !endsBefore(b, a);
}

function endsBefore(a: TableEntry, b: TableEntry): boolean {
  return isExclusive(a.largest) ? a.largest.key <= b.smallest.key : a.largest.key < b.smallest.key;
}

function isExclusive({ kind, sequence }: InternalKey): boolean {
  return kind === KIND_DELETE_RANGE && sequence === Number.MAX_SAFE_INTEGER;
}

// The shape that compactions give a store: what must hold when background work has come to its end by itself (C28), as
// docs/phases/5-compaction.md has it. Sizes grow from the bottom: the deepest level holds what it holds, each level above it
// is meant to be `maxBytesForLevelMultiplier` times smaller, and where that falls below `maxBytesForLevelBase` the levels
// above should be empty.

import type { Database } from "tinykv";

/** Far more than any store of a campaign needs. */
const STEPS_MOST = 1_000_000;

/** Moves background work to its end; what is wrong with what it leaves. */
export function settledProblems(db: Database): string[] {
  for (let steps = 0; db.runBackgroundStep(); steps++) {
    if (steps === STEPS_MOST) return [`background work does not end within ${STEPS_MOST} steps`];
  }
  return [...levelProblems(db), ...tombstoneProblems(db)];
}

/** Merges everything, and counts what comes of it: tables are as long as they are asked to be. */
export function mergedProblems(db: Database): string[] {
  db.compactRange();
  const { levels, snapshots } = db.stats();
  const used = levels.filter(({ tables }) => tables > 0);
  if (used.length > 1) return [`behind compactRange() ${used.length} levels have tables`];
  const [{ tables, bytes }] = used.length === 0 ? [{ tables: 0, bytes: 0 }] : (used as [(typeof used)[0]]);
  const most = 1 + bytes / db.options.targetFileSize;
  if (tables > most && snapshots === 0)
    return [`behind compactRange() ${tables} tables of ${bytes} bytes, asked for ${db.options.targetFileSize} each`];
  return [];
}

function levelProblems(db: Database): string[] {
  const { level0FileNumCompactionTrigger: trigger, writeBufferSize, maxBytesForLevelBase: base } = db.options;
  const { levels } = db.stats();
  const problems: string[] = [];
  const [level0] = levels;
  if (level0!.tables >= trigger) problems.push(`level 0 has ${level0!.tables} tables, compacted from ${trigger} on`);
  const buffer = Math.max(base, writeBufferSize);
  if (level0!.bytes >= buffer) problems.push(`level 0 has ${level0!.bytes} bytes, compacted from ${buffer} on`);
  const targets = targetsOf(db);
  for (const { level, tables, bytes } of levels.slice(1, -1)) {
    const target = targets[level]!;
    if (target === 0 ? tables > 0 : bytes >= target)
      problems.push(`level ${level} has ${tables} tables of ${bytes} bytes, and should have ${target}`);
  }
  return problems;
}

/** What each level is meant to hold; 0: nothing. */
function targetsOf(db: Database): number[] {
  const { maxBytesForLevelBase: base, maxBytesForLevelMultiplier: multiplier } = db.options;
  const { levels } = db.stats();
  const last = levels.length - 1;
  const largest = levels.slice(1).reduce((most, { bytes }) => Math.max(most, bytes), 0);
  // How often the largest level can be divided until it fits.
  let first = last;
  let size = largest;
  for (; first > 1 && size > base; first--) size /= multiplier;
  const targets = levels.map(() => 0);
  let target = Math.min(size, base);
  for (let level = first; level <= last; level++, target *= multiplier) targets[level] = Math.max(base, target);
  return targets;
}

// Below the deepest level there is nothing to hide; above it a table that is half tombstones goes down.
function tombstoneProblems(db: Database): string[] {
  const { levels, snapshots } = db.stats();
  if (snapshots > 0) return [];
  const deepest = levels.findLast(({ tables }) => tables > 0)?.level ?? 0;
  return levels.flatMap(({ level, entries, tombstones }) => {
    const isMuch = level > 0 && level === deepest ? tombstones > 0 : tombstones > 0 && 2 * tombstones >= entries;
    return isMuch ? [`level ${level} of ${deepest} keeps ${tombstones} tombstones among ${entries} entries`] : [];
  });
}

// How large each level should be. Sizes grow from the bottom, as RocksDB's level_compaction_dynamic_level_bytes: the
// deepest level holds what it holds, each level above it should be `maxBytesForLevelMultiplier` times smaller, and the
// first that would fit in `maxBytesForLevelBase` is where level 0 is merged to. So nine tenths of a store lie in its
// deepest level however small the store is, and obsolete versions take at most about a tenth of its space.
//
//   multiplier 10, base 16 MiB, 500 MiB in level 6:   level 5 ≤ 50 MiB, level 4 ≤ 16 MiB (5 rounded up to the base),
//                                                     level 4 is the base level, levels 1 to 3 should be empty
//
// A level above those that still holds tables (the options changed, or the store shrank) drains downward, and as long
// as it does, level 0 goes no deeper than it: newer entries must never pass below older ones.

import type { Version } from "./version.ts";

export interface TargetOptions {
  /** Bytes that the base level may hold. */
  readonly maxBytesForLevelBase: number;
  readonly maxBytesForLevelMultiplier: number;
  /** Tables in level 0 that make a compaction due. */
  readonly level0FileNumCompactionTrigger: number;
  readonly writeBufferSize: number;
}

export interface LevelTargets {
  /** Where tables of level 0 go: 1 or deeper, never deeper than the first level below 0 that holds a table. */
  readonly baseLevel: number;
  /** Bytes that each level may hold: 0 for a level that should be empty, Infinity for the deepest. */
  readonly targets: readonly number[];
  /** How urgent a compaction out of each level is: due from 1 on. The deepest level's is 0. */
  readonly scores: readonly number[];
  /** An estimate of the bytes that compactions have to read until no score is 1 or more. */
  readonly pendingBytes: number;
}

/** Draining levels wait for all others: they cost space for tables, not the speed of reads and writes … */
const DRAIN_SCORE = 1;
/** … and the uppermost goes first, so that each table is merged once on its way. */
const DRAIN_STEP = 0.001;

const NOTHING_LEAVES: ReadonlySet<number> = new Set();

/** `leaving` are numbers of tables that running compactions already take out of their levels. */
export function levelTargets(
  version: Version,
  options: TargetOptions,
  leaving: ReadonlySet<number> = NOTHING_LEAVES,
): LevelTargets {
  const firstInUse = version.levels.findIndex((tables, level) => level > 0 && tables.length > 0);
  const { wantedBase, targets } = sizesFromBottom(version, options);
  const baseLevel = firstInUse < 0 ? wantedBase : Math.min(wantedBase, firstInUse);
  const scores = targets.map((target, level) => {
    const staying = version.levels[level]!.filter(({ number }) => !leaving.has(number));
    const bytes = staying.reduce((sum, { size }) => sum + size, 0);
    if (level === 0) return Math.max(staying.length / options.level0FileNumCompactionTrigger, bytes / target);
    if (level >= wantedBase) return bytes / target;
    return staying.length > 0 ? DRAIN_SCORE + DRAIN_STEP * (wantedBase - level) : 0;
  });
  return { baseLevel, targets, scores, pendingBytes: pendingBytes(version, baseLevel, targets, scores[0]!) };
}

function sizesFromBottom(version: Version, options: TargetOptions): { wantedBase: number; targets: number[] } {
  const { maxBytesForLevelBase: base, maxBytesForLevelMultiplier: multiplier } = options;
  const last = version.numLevels - 1;
  // The largest level and not the deepest: a store that is growing into its deepest level keeps its shape meanwhile.
  let size = 0;
  for (let level = 1; level <= last; level++) size = Math.max(size, version.levelBytes(level));
  let wantedBase = last;
  while (wantedBase > 1 && size > base) {
    wantedBase--;
    size /= multiplier;
  }
  // Where there are too few levels for the store, they grow from the top and the deepest takes the rest.
  size = Math.min(size, base);
  const targets: number[] = Array.from({ length: version.numLevels }, () => 0);
  for (let level = wantedBase; level < last; level++) {
    targets[level] = Math.max(size, base);
    size *= multiplier;
  }
  targets[last] = Infinity;
  // One memtable's worth in level 0 is no reason to merge, however small the levels below are meant to be.
  targets[0] = Math.max(base, options.writeBufferSize);
  return { wantedBase, targets };
}

// What is too much in a level is merged with its share of the next one, and may then be too much there.
function pendingBytes(version: Version, baseLevel: number, targets: readonly number[], score0: number): number {
  let pending = 0;
  let coming = 0;
  if (score0 >= 1) {
    coming = version.levelBytes(0);
    pending = coming + version.levelBytes(baseLevel);
  }
  for (let level = baseLevel; level < version.numLevels - 1; level++) {
    const bytes = version.levelBytes(level) + coming;
    coming = Math.max(0, bytes - targets[level]!);
    if (coming > 0) pending += coming * (1 + version.levelBytes(level + 1) / bytes);
  }
  return Math.ceil(pending);
}

// What the rules that choose a compaction share: the units of a level, and the plan that takes one down.
//
// A *unit* is the tables of one level that may not be parted: in level 0 those that overlap each other directly or
// through others, below a single table. A unit that a running compaction is in the way of is passed over.

import { closeOver, conflicts, GRANDPARENT_FILES_MOST, makePlan, type CompactionPlan } from "./compaction-plan.ts";
import { levelTargets, type LevelTargets, type TargetOptions } from "./level-targets.ts";
import { joinSpans, spanEndsBefore, spanOf, sumSizes, tableSpan, type KeySpan, type TableMeta } from "./table-meta.ts";
import type { Version } from "./version.ts";

export interface PickerOptions extends TargetOptions {
  readonly numLevels: number;
  /** Bytes at which a compaction begins its next output. */
  readonly targetFileSize: number;
}

export interface PickerContext {
  readonly running: readonly CompactionPlan[];
  /** The largest user key of the last compaction of each level. */
  readonly cursors: ReadonlyMap<number, Uint8Array>;
  /** The sequence number of the oldest live snapshot; undefined without one. */
  readonly oldestSnapshot: number | undefined;
  readonly lastSequence: number;
}

/**
 * More of a level is taken along, when that drags no more of the next level along, up to this many target file sizes in
 * all: LevelDB's bound on what one job reads.
 */
const EXPANDED_FILES_MOST = 25;

/** Tables of one level that go together, in key order. */
export interface Unit {
  readonly tables: readonly TableMeta[];
  readonly span: KeySpan;
}

/** One choice to make: a version, what is wanted of it, and the plans that can be made of it. */
export class Choice {
  readonly version: Version;
  readonly context: PickerContext;
  readonly targets: LevelTargets;
  readonly #options: PickerOptions;

  constructor(version: Version, options: PickerOptions, context: PickerContext) {
    const leaving = context.running.flatMap(({ inputs }) => inputs.flatMap(({ tables }) => tables));
    this.version = version;
    this.#options = options;
    this.context = context;
    this.targets = levelTargets(version, options, new Set(leaving.map(({ number }) => number)));
  }

  /** Where tables of `level` are compacted to. */
  outputLevel(level: number): number {
    return level === 0 ? this.targets.baseLevel : level + 1;
  }

  /** By key. */
  units(level: number): Unit[] {
    const { order, levels } = this.version;
    const sorted = [...levels[level]!].sort(
      (a, b) => order.compare(a.smallest.key, b.smallest.key) || a.number - b.number,
    );
    const units: { tables: TableMeta[]; span: KeySpan }[] = [];
    for (const table of sorted) {
      const last = units.at(-1);
      if (last && !spanEndsBefore(order, last.span, table.smallest.key)) {
        last.tables.push(table);
        last.span = joinSpans(order, last.span, tableSpan(table));
      } else {
        units.push({ tables: [table], span: tableSpan(table) });
      }
    }
    return units;
  }

  /** A unit of `level` goes down, with as much else as costs nothing; undefined if a running compaction is in the way. */
  planDown(
    level: number,
    unit: Unit,
    reason: CompactionPlan["reason"],
    units: readonly Unit[],
  ): CompactionPlan | undefined {
    const outputLevel = this.outputLevel(level);
    const lower = closeOver(this.version, outputLevel, unit.span);
    const trivialMove = lower.length === 0 && this.#mayMove(level, unit, outputLevel);
    const finish = (upper: readonly TableMeta[]): CompactionPlan =>
      makePlan(this.version, {
        reason,
        inputs: [
          { level, tables: level === 0 ? [...upper].sort((a, b) => b.epoch - a.epoch) : upper },
          { level: outputLevel, tables: lower },
        ],
        outputLevel,
        trivialMove,
        ...(reason === "size" && { cursor: { level, key: spanOf(this.version.order, upper)!.largest } }),
      });
    const larger = trivialMove
      ? this.#moveMore(level, unit, outputLevel, units)
      : this.#takeMore(level, unit, outputLevel, lower);
    return [larger, unit.tables].map(finish).find((plan) => this.isFree(plan));
  }

  // Where nothing overlaps, tables need no rewriting. But one that overlaps much of the level after is written anew, cut
  // to smaller pieces, and one whose tombstones would all go at the output level is merged to lose them.
  #mayMove(level: number, { tables, span }: Unit, outputLevel: number): boolean {
    if (level === 0 && tables.length > 1) return false;
    if (tables.some((table) => this.losesTombstones(table, outputLevel))) return false;
    const grandparents = this.version.overlappingSpan(outputLevel + 1, span);
    return sumSizes(grandparents) <= GRANDPARENT_FILES_MOST * this.#options.targetFileSize;
  }

  // Neighbours that would be moved next anyway, while the level has too much, and the whole could move as one unit.
  #moveMore(level: number, unit: Unit, outputLevel: number, units: readonly Unit[]): readonly TableMeta[] {
    const { order } = this.version;
    const excess = level === 0 ? Infinity : this.version.levelBytes(level) - this.targets.targets[level]!;
    const most = Math.min(excess, EXPANDED_FILES_MOST * this.#options.targetFileSize);
    const at = units.indexOf(unit);
    let { tables, span } = unit;
    const absorb = (next: Unit | undefined): boolean => {
      if (!next || !this.#mayMove(level, next, outputLevel)) return false;
      const grown = [...tables, ...next.tables].sort((a, b) => order.compare(a.smallest.key, b.smallest.key));
      const wider = joinSpans(order, span, next.span);
      if (sumSizes(grown) > most || this.version.overlappingSpan(outputLevel, wider).length > 0) return false;
      const grandparents = this.version.overlappingSpan(outputLevel + 1, wider);
      if (sumSizes(grandparents) > GRANDPARENT_FILES_MOST * this.#options.targetFileSize) return false;
      tables = grown;
      span = wider;
      return true;
    };
    for (let i = at + 1; at >= 0 && absorb(units[i]); i++);
    for (let i = at - 1; absorb(units[i]); i--);
    return tables;
  }

  // LevelDB's expansion: all of the upper level within what upper and lower span together, if no more of the lower
  // level is overlapped by it. The lower tables are compared by identity: as many need not be the same.
  #takeMore(level: number, unit: Unit, outputLevel: number, lower: readonly TableMeta[]): readonly TableMeta[] {
    const { order } = this.version;
    const both = spanOf(order, [...unit.tables, ...lower])!;
    const upper = closeOver(this.version, level, both);
    const bytes = sumSizes(upper) + sumSizes(lower);
    if (upper.length === unit.tables.length || bytes > EXPANDED_FILES_MOST * this.#options.targetFileSize) {
      return unit.tables;
    }
    const lowerThen = closeOver(this.version, outputLevel, spanOf(order, upper)!);
    const same = lowerThen.length === lower.length && lowerThen.every((table, i) => table === lower[i]);
    return same ? upper : unit.tables;
  }

  /** Whether nothing that runs is in its way. */
  isFree(plan: CompactionPlan): boolean {
    return !this.context.running.some((running) => conflicts(this.version.order, plan, running));
  }

  /** Whether nothing deeper overlaps it. Level 0 is no bottom: pieces of a table rewritten there would share its epoch. */
  isAtBottom(level: number, table: TableMeta): boolean {
    return level > 0 && !this.version.overlapsBelow(level, tableSpan(table));
  }

  /** Whether it has tombstones, all of which a rewrite at that level would drop. */
  losesTombstones(table: TableMeta, level: number): boolean {
    const { oldestSnapshot } = this.context;
    if (table.deletes === 0 || (oldestSnapshot !== undefined && table.greatestSequence > oldestSnapshot)) return false;
    return this.isAtBottom(level, table);
  }
}

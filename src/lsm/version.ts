// A version: which tables make up the store at one moment, level by level. It is a value: readers pin one, an edit makes
// the next. Its invariants stand in version-problems.ts.

import type { KeyOrder } from "../common/comparator.ts";
import { LevelBounds } from "./level-bounds.ts";
import {
  endsBefore,
  spanEndsBefore,
  spansOverlap,
  sumSizes,
  tableSpan,
  type KeySpan,
  type TableMeta,
} from "./table-meta.ts";
import type { VersionEdit } from "./version-edit.ts";
import { firstNotBefore, orderProblems, pairProblems, tableProblems, versionProblems } from "./version-problems.ts";

/** An edit that does not fit the version it is applied to: a bad manifest, or a bug of the session that made it. */
export class InvalidEditError extends Error {
  override readonly name = "InvalidEditError";
  readonly problem: string;

  constructor(problem: string) {
    super(problem);
    this.problem = problem;
  }
}

type TableEdit = Pick<VersionEdit, "added" | "removed">;

/**
 * An immutable set of tables in levels.
 *
 * Invariants, kept by apply():
 *   - level 0 stands greatest epoch first; deeper levels by smallest key;
 *   - below level 0 no user key lies in two tables of a level;
 *   - a file number stands once.
 */
export class Version {
  readonly order: KeyOrder;
  readonly numLevels: number;
  readonly levels: readonly (readonly TableMeta[])[];
  /** The levels below 0 that hold tables: those that a look-up goes through. */
  readonly sortedLevels: readonly number[];
  readonly tableCount: number;
  readonly totalBytes: number;
  readonly totalEntries: number;
  /** The greatest epoch of any table; 0 when there is none. */
  readonly greatestEpoch: number;
  readonly #bytes: readonly number[];
  // Made when first asked for: most versions of a busy store are replaced before anybody reads through all their levels.
  readonly #bounds: (LevelBounds | undefined)[];
  readonly #numbers: ReadonlySet<number>;

  private constructor(order: KeyOrder, levels: readonly (readonly TableMeta[])[]) {
    this.order = order;
    this.numLevels = levels.length;
    this.levels = Object.freeze(levels.map((tables) => Object.freeze(tables)));
    this.sortedLevels = levels.flatMap((tables, level) => (level > 0 && tables.length > 0 ? [level] : []));
    this.#bytes = levels.map(sumSizes);
    this.#bounds = levels.map(() => undefined);
    this.#numbers = new Set(levels.flatMap((tables) => tables.map(({ number }) => number)));
    let entries = 0;
    let epoch = 0;
    for (const { table } of this.tables()) {
      entries += table.entries;
      epoch = Math.max(epoch, table.epoch);
    }
    this.tableCount = levels.reduce((sum, tables) => sum + tables.length, 0);
    this.totalBytes = this.#bytes.reduce((sum, bytes) => sum + bytes, 0);
    this.totalEntries = entries;
    this.greatestEpoch = epoch;
  }

  static empty(order: KeyOrder, numLevels: number): Version {
    return Version.unchecked(
      order,
      Array.from({ length: numLevels }, () => []),
    );
  }

  /** A version with these levels as they stand, sound or not: for those who look for problems(). */
  static unchecked(order: KeyOrder, levels: readonly (readonly TableMeta[])[]): Version {
    return new Version(
      order,
      levels.map((tables) => [...tables]),
    );
  }

  /** The next version: removals first, then additions. Throws InvalidEditError if the result would break an invariant. */
  apply(edit: TableEdit): Version {
    const { added = [], removed = [] } = edit;
    const levels: (readonly TableMeta[])[] = [...this.levels];
    this.#remove(levels, removed);
    const additions = this.#additions(added, removed);
    for (const [level, tables] of additions) {
      levels[level] = merge(this.order, level, levels[level]!, tables);
      const problem = this.#firstProblem(level, levels[level], tables);
      if (problem !== undefined) throw new InvalidEditError(problem);
    }
    return new Version(this.order, levels);
  }

  #remove(levels: (readonly TableMeta[])[], removed: NonNullable<TableEdit["removed"]>): void {
    const gone = new Map<number, Set<number>>();
    for (const { level, number } of removed) gone.set(level, (gone.get(level) ?? new Set()).add(number));
    for (const [level, numbers] of gone) {
      const tables = levels[level] ?? [];
      levels[level] = tables.filter(({ number }) => !numbers.has(number));
      for (const { number } of tables) numbers.delete(number);
      for (const number of numbers)
        throw new InvalidEditError(`removes table ${number} from level ${level}, where it is not`);
    }
    const distinct = new Set(removed.map(({ number }) => number));
    if (distinct.size < removed.length) throw new InvalidEditError("removes a table twice");
  }

  #additions(
    added: NonNullable<TableEdit["added"]>,
    removed: NonNullable<TableEdit["removed"]>,
  ): Map<number, TableMeta[]> {
    const gone = new Set(removed.map(({ number }) => number));
    const numbers = new Set<number>();
    const additions = new Map<number, TableMeta[]>();
    for (const { level, table } of added) {
      const { number } = table;
      if (!this.#isLevel(level))
        throw new InvalidEditError(`adds table ${number} to level ${level} of ${this.numLevels}`);
      if (numbers.has(number) || (this.has(number) && !gone.has(number))) {
        throw new InvalidEditError(`adds table ${number} twice`);
      }
      numbers.add(number);
      const tables = additions.get(level);
      if (tables) tables.push(table);
      else additions.set(level, [table]);
    }
    return additions;
  }

  // What was there before is sound already: only what is new, and its place, is looked at.
  #firstProblem(level: number, tables: readonly TableMeta[], added: readonly TableMeta[]): string | undefined {
    for (const table of added) {
      const problem = tableProblems(this.order, table)[0];
      if (problem !== undefined) return problem;
    }
    if (level > 0) return orderProblems(this.order, level, tables)[0];
    for (const table of added) {
      for (const other of tables) {
        const problem = table === other ? undefined : pairProblems(this.order, table, other)[0];
        if (problem !== undefined) return problem;
      }
    }
    return undefined;
  }

  #isLevel(level: number): boolean {
    return Number.isInteger(level) && level >= 0 && level < this.numLevels;
  }

  levelBytes(level: number): number {
    return this.#bytes[level] ?? 0;
  }

  levelFiles(level: number): number {
    return this.levels[level]?.length ?? 0;
  }

  /** The deepest level that holds a table; -1 when none does. */
  get deepestLevel(): number {
    return this.levels.findLastIndex((tables) => tables.length > 0);
  }

  has(number: number): boolean {
    return this.#numbers.has(number);
  }

  *tables(): Generator<{ level: number; table: TableMeta }> {
    for (let level = 0; level < this.numLevels; level++) {
      for (const table of this.levels[level]!) yield { level, table };
    }
  }

  /**
   * The tables of a level that may hold a user key from `from` to `to`, both included, undefined for no bound, in the
   * order of the level. What else overlaps those tables is not asked, in level 0 either.
   */
  overlapping(level: number, from: Uint8Array | undefined, to: Uint8Array | undefined): TableMeta[] {
    const { order } = this;
    if (from && to && order.compare(from, to) > 0) return [];
    return this.#between(level, from, (table) => to !== undefined && order.compare(table.smallest.key, to) > 0);
  }

  /** The tables of a level that share a user key with `span`, in the order of the level. */
  overlappingSpan(level: number, span: KeySpan): TableMeta[] {
    return this.#between(level, span.smallest, (table) => spanEndsBefore(this.order, span, table.smallest.key));
  }

  /** Whether some table deeper than `level` shares a user key with `span`. */
  overlapsBelow(level: number, span: KeySpan): boolean {
    for (let deeper = level + 1; deeper < this.numLevels; deeper++) {
      const tables = this.levels[deeper]!;
      const table = tables[firstNotBefore(this.order, tables, span.smallest)];
      if (table && spansOverlap(this.order, tableSpan(table), span)) return true;
    }
    return false;
  }

  /** The one table of a level below 0 whose bounds hold the user key. */
  tableFor(level: number, key: Uint8Array): TableMeta | undefined {
    const tables = this.levels[level]!;
    if (tables.length === 0) return undefined;
    if (this.order.isBytewise) return (this.#bounds[level] ??= new LevelBounds(this.order, tables)).tableFor(key);
    const table = tables[firstNotBefore(this.order, tables, key)];
    return table && this.order.compare(table.smallest.key, key) <= 0 ? table : undefined;
  }

  /** Whether the bounds of some table deeper than `level` hold the user key. */
  mayHoldBelow(level: number, key: Uint8Array): boolean {
    for (let deeper = level + 1; deeper < this.numLevels; deeper++) {
      if (this.tableFor(deeper, key)) return true;
    }
    return false;
  }

  /** Every broken invariant, in words; empty for a sound version. */
  problems(): string[] {
    return versionProblems(this.order, this.levels);
  }

  // Binary search needs a sorted level, and level 0 is not one.
  #between(level: number, from: Uint8Array | undefined, startsAfter: (table: TableMeta) => boolean): TableMeta[] {
    const { order } = this;
    const tables = this.levels[level] ?? [];
    if (level === 0) {
      return tables.filter((table) => !startsAfter(table) && !(from && endsBefore(order, table, from)));
    }
    const first = from ? firstNotBefore(order, tables, from) : 0;
    let end = first;
    while (end < tables.length && !startsAfter(tables[end]!)) end++;
    return tables.slice(first, end);
  }
}

function merge(order: KeyOrder, level: number, tables: readonly TableMeta[], added: readonly TableMeta[]): TableMeta[] {
  const compare =
    level === 0
      ? (a: TableMeta, b: TableMeta) => b.epoch - a.epoch
      : (a: TableMeta, b: TableMeta) => order.compare(a.smallest.key, b.smallest.key);
  return [...tables, ...added].sort(compare);
}

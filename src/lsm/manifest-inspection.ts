// A manifest read for people: every edit that can be read, added up without demanding that they fit, and what is wrong.

import type { KeyOrder } from "../common/comparator.ts";
import { badBytesProblem } from "../common/errors.ts";
import type { FileHandle } from "../util/env.ts";
import type { LogGap } from "../wal/log-reader.ts";
import { manifestName, tableName } from "./file-names.ts";
import { inspectLog, type LogInspection } from "./log-inspection.ts";
import type { TableMeta } from "./table-meta.ts";
import { Version } from "./version.ts";
import { decodeEdit, type VersionEdit } from "./version-edit.ts";

/** Each table of level 0 is compared with each other; a store stops writing long before it has so many. */
const LEVEL0_TABLES_MOST = 1000;

export interface PlacedTable {
  readonly level: number;
  readonly table: TableMeta;
}

export interface ManifestProblem {
  readonly offset: number;
  /** Bytes that cannot be read; 0 when they can, and say something impossible. */
  readonly length: number;
  readonly problem: string;
}

/** What the readable edits of a manifest add up to. */
export interface InspectedManifest {
  readonly number: number;
  readonly log: LogInspection;
  readonly edits: number;
  readonly comparatorName: string | undefined;
  readonly databaseId: Uint8Array | undefined;
  readonly logNumber: number | undefined;
  readonly nextFileNumber: number | undefined;
  readonly lastSequence: number | undefined;
  /** The live tables, by number. */
  readonly tables: ReadonlyMap<number, PlacedTable>;
  /** Every table that was ever added, also those that were removed again. */
  readonly mentioned: ReadonlyMap<number, TableMeta>;
  /** What cannot be read, and edits that do not fit those before them. A torn end is none. */
  readonly problems: readonly ManifestProblem[];
}

export interface ManifestVisitor {
  edit?(offset: number, edit: VersionEdit, syncedOffset: number): void;
  problem?(problem: ManifestProblem): void;
}

/** Throws FORMAT_UNSUPPORTED for a file header of a newer version, IO_ERROR; bad bytes and edits are problems. */
export function inspectManifest(file: FileHandle, number: number, visitor: ManifestVisitor = {}): InspectedManifest {
  const sum = new EditSum(visitor);
  const name = manifestName(number);
  const gaps: LogGap[] = [];
  const log = inspectLog(
    { file, name, number, kind: "manifest" },
    ({ payload, offset, end, syncedOffset }) => {
      const edit = decode(payload, name, offset, (problem) => sum.problem(offset, end - offset, problem));
      if (!edit) return;
      visitor.edit?.(offset, edit, syncedOffset);
      sum.apply(edit, offset);
    },
    (gap) => gaps.push(gap),
  );
  // A torn end is no damage, but records behind the tear are no part of the manifest either.
  const isTear = log.verdict === "torn" && gaps.length === 1 && gaps[0]!.offset >= log.end.size;
  if (log.verdict === "damaged" || log.verdict === "empty" || !isTear) {
    for (const { offset, length, reason } of gaps) sum.problem(offset, length, reason);
  }
  if (log.header && sum.fields.databaseId === undefined) sum.problem(0, 0, "no complete snapshot record");
  const { comparatorName, databaseId, logNumber, nextFileNumber, lastSequence } = sum.fields;
  return {
    number,
    log,
    edits: sum.edits,
    comparatorName: comparatorName ?? log.header?.comparatorName,
    databaseId: databaseId ?? log.header?.databaseId,
    logNumber,
    nextFileNumber,
    lastSequence,
    tables: sum.tables,
    mentioned: sum.mentioned,
    problems: sum.problems,
  };
}

/** The levels of a manifest, tables in the order of a version. Without the store's own order (`order` undefined) by number. */
export function levelsOf(manifest: InspectedManifest, order: KeyOrder | undefined): TableMeta[][] {
  const levels: TableMeta[][] = [];
  for (const { level, table } of manifest.tables.values()) {
    while (levels.length <= level) levels.push([]);
    levels[level]!.push(table);
  }
  for (const [level, tables] of levels.entries()) {
    tables.sort((a, b) => {
      if (level === 0) return b.epoch - a.epoch;
      return order ? order.compare(a.smallest.key, b.smallest.key) : a.number - b.number;
    });
  }
  return levels;
}

/** What is wrong with the levels that a manifest adds up to. Order is judged only if it is `order`'s comparator that made it. */
export function stateProblems(manifest: InspectedManifest, order: KeyOrder): string[] {
  const problems: string[] = [];
  const { nextFileNumber, logNumber, lastSequence } = manifest;
  const next = nextFileNumber ?? Infinity;
  if (manifest.number >= next) problems.push(`the next file number, ${next}, is not above the manifest's own`);
  if (logNumber !== undefined && logNumber >= next)
    problems.push(`log number ${logNumber} is not below the next file number, ${next}`);
  for (const { table } of manifest.tables.values()) {
    if (table.number >= next) problems.push(`${tableName(table.number)} is not below the next file number, ${next}`);
    if (lastSequence !== undefined && table.greatestSequence > lastSequence)
      problems.push(`${tableName(table.number)} holds sequence numbers above the last, ${lastSequence}`);
  }
  if (manifest.comparatorName !== order.comparator.name) return problems;
  const levels = levelsOf(manifest, order);
  const newest = levels[0]?.length ?? 0;
  if (newest > LEVEL0_TABLES_MOST) problems.push(`level 0 holds ${newest} tables, whose order is not checked`);
  else problems.push(...Version.unchecked(order, levels).problems());
  return problems;
}

class EditSum {
  readonly tables = new Map<number, PlacedTable>();
  readonly mentioned = new Map<number, TableMeta>();
  readonly problems: ManifestProblem[] = [];
  fields: VersionEdit = {};
  edits = 0;
  readonly #visitor: ManifestVisitor;

  constructor(visitor: ManifestVisitor) {
    this.#visitor = visitor;
  }

  apply(edit: VersionEdit, offset: number): void {
    this.edits++;
    const { added = [], removed = [], compactionCursors: _, ...fields } = edit;
    this.fields = { ...this.fields, ...fields };
    for (const { level, number } of removed) {
      const there = this.tables.get(number);
      if (there?.level !== level)
        this.problem(offset, 0, `removes table ${number} from level ${level}, where it is not`);
      this.tables.delete(number);
    }
    for (const { level, table } of added) {
      if (this.tables.has(table.number)) this.problem(offset, 0, `adds table ${table.number} twice`);
      this.tables.set(table.number, { level, table });
      this.mentioned.set(table.number, table);
    }
  }

  problem(offset: number, length: number, problem: string): void {
    this.problems.push({ offset, length, problem });
    this.#visitor.problem?.({ offset, length, problem });
  }
}

function decode(
  payload: Uint8Array,
  name: string,
  offset: number,
  report: (problem: string) => void,
): VersionEdit | undefined {
  try {
    return decodeEdit(payload, name, offset);
  } catch (error) {
    const problem = badBytesProblem(error);
    if (problem === undefined) throw error;
    report(`an edit that cannot be decoded: ${problem}`);
    return undefined;
  }
}

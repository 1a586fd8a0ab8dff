import type { KeyOrder } from "../../common/comparator.ts";
import { CorruptionError } from "../../common/errors.ts";
import { BlockCache } from "../../sst/block-cache.ts";
import { formatUnsupported, type Footer, type TableProperties } from "../../sst/table-format.ts";
import { TableReader } from "../../sst/table-reader.ts";
import { salvageTable, type SalvageGap, type SalvagedTable } from "../../sst/table-salvage.ts";
import type { Env, FileHandle } from "../../util/env.ts";
import { readFully } from "../../util/file-io.ts";
import { tableName } from "../file-names.ts";
import { joinPath } from "../store-context.ts";
import type { TableMeta } from "../table-meta.ts";
import type { TableFact } from "./liveness.ts";
import { checkComparator } from "./manifest-survey.ts";
import type { LostBytes } from "./report.ts";

/** A table as far as it can be read. */
export interface TableSurvey extends TableFact {
  readonly bytes: number;
  readonly properties: TableProperties | undefined;
  /** Set if and only if the table is whole. */
  readonly meta: TableMeta | undefined;
  readonly problems: readonly LostBytes[];
  readonly gaps: readonly SalvageGap[];
  /** Puts and deletes that can be read. */
  readonly entries: number;
  /** Of what can be read, and of what the properties promise; 0: nothing. */
  readonly greatestSequence: number;
  /** Why it is not the table that its name says, be it whole; undefined: nothing speaks against it. */
  readonly stranger: string | undefined;
}

/** What a file is looked at with. */
export interface TablePlace {
  readonly env: Env;
  readonly path: string;
  readonly order: KeyOrder;
  readonly number: number;
  /** As a manifest knows it. */
  readonly tag: number | undefined;
}

/**
 * Reads all of a table. Throws COMPARATOR_MISMATCH, FORMAT_UNSUPPORTED and IO_ERROR, never for bad bytes.
 */
export function surveyTable(place: TablePlace): TableSurvey {
  return withTable(place, (file) => surveyWhole(place, file) ?? surveyDamaged(place, file));
}

/** Opens a table for as long as `look` takes. */
export function withTable<T>({ env, path, number }: TablePlace, look: (file: FileHandle) => T): T {
  const file = env.open(joinPath(path, tableName(number)), "r");
  try {
    return look(file);
  } finally {
    file.close();
  }
}

/** Salvages an open table. */
export function salvage({ order, number, tag }: TablePlace, file: FileHandle): SalvagedTable {
  return salvageTable({ file, name: tableName(number), number, order, ...(tag !== undefined && { tag }) });
}

// Undefined if anything is wrong with it.
function surveyWhole({ order, number, tag }: TablePlace, file: FileHandle): TableSurvey | undefined {
  const problems: LostBytes[] = [];
  const bytes = file.size();
  try {
    const reader = TableReader.open({
      source: { read: (buffer, position) => readFully(file, buffer, position) },
      name: tableName(number),
      number,
      size: bytes,
      ...(tag !== undefined && { tag }),
      order,
      cache: new BlockCache(0),
    });
    const { properties } = reader;
    refuseRanges(properties, number);
    reader.verify((offset, problem) => problems.push({ offset, length: 0, problem }));
    if (problems.length > 0) return undefined;
    return {
      ...factOf(number, properties),
      isWhole: true,
      bytes,
      meta: metaOf(properties, number, bytes),
      problems,
      gaps: [],
      entries: properties.entries,
      greatestSequence: properties.greatestSequence,
      stranger: undefined,
    };
  } catch (error) {
    if (error instanceof CorruptionError) return undefined;
    throw error;
  }
}

function surveyDamaged(place: TablePlace, file: FileHandle): TableSurvey {
  const { order, number } = place;
  const salvaged = salvage(place, file);
  const { properties, footer } = salvaged;
  if (properties) {
    checkComparator(order, properties.comparatorName, tableName(number));
    refuseRanges(properties, number);
  }
  let entries = 0;
  let greatestSequence = properties?.greatestSequence ?? 0;
  salvaged.visit((_key, sequence) => {
    entries++;
    greatestSequence = Math.max(greatestSequence, sequence);
  });
  const fact = properties
    ? factOf(number, properties)
    : { number, tag: tagOf(footer, salvaged), provenance: undefined, properties };
  const { gaps } = salvaged;
  // Whatever the full check found, something is wrong with it: what has no place is a problem of the whole.
  const problems =
    salvaged.problems.length > 0
      ? salvaged.problems
      : [{ offset: 0, length: 0, problem: "its parts contradict each other" }];
  const stranger = strangerOf(place, salvaged);
  const found = { problems, gaps, entries, greatestSequence, stranger };
  return { ...fact, isWhole: false, bytes: file.size(), meta: undefined, ...found };
}

// Numbers and tags are never given twice: a file that verifies as another table holds nothing of the one it is named after.
function strangerOf({ number, tag }: TablePlace, { footer, properties }: SalvagedTable): string | undefined {
  const found = footer?.number ?? properties?.fileNumber ?? number;
  if (found !== number) return `is table ${found}`;
  const foundTag = footer?.tag ?? properties?.tag ?? tag;
  return tag === undefined || foundTag === tag ? undefined : "is another table of this number";
}

function tagOf(footer: Footer | undefined, { tag }: SalvagedTable): number | undefined {
  return footer?.tag ?? (tag === 0 ? undefined : tag);
}

function factOf(
  number: number,
  properties: TableProperties,
): Pick<TableSurvey, "number" | "tag" | "provenance" | "properties"> {
  return { number, tag: properties.tag, provenance: properties.provenance, properties };
}

function metaOf(properties: TableProperties, number: number, size: number): TableMeta {
  const { tag, epoch, smallest, largest, leastSequence, greatestSequence, entries, deletes } = properties;
  return { number, size, tag, epoch, smallest, largest, leastSequence, greatestSequence, entries, deletes };
}

// No store writes them yet; to merge a table without them would bring back what they delete.
function refuseRanges({ rangeDeletes }: TableProperties, number: number): void {
  if (rangeDeletes > 0) throw formatUnsupported(tableName(number), `${rangeDeletes} range deletes`);
}

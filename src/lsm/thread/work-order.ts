// A job as plain data: everything that its work needs to know, so that it can be done in another thread. The store keeps
// what only it may do: it chose the job, and commits the result.

import { allTables, type CompactionPlan } from "../compaction-plan.ts";
import type { ResolvedOptions } from "../options.ts";
import type { Memtable } from "../../memtable/memtable.ts";
import type { TableProvenance } from "../../sst/table-format.ts";
import type { StoreContext } from "../store-context.ts";
import { sumSizes, spanOf, type TableMeta } from "../table-meta.ts";
import type { Version } from "../version.ts";

/** The options that shape tables and how they are read. */
export type WorkOptions = Pick<
  ResolvedOptions,
  "paranoid" | "blockSize" | "indexBlockSize" | "bloomBitsPerKey" | "maxOpenFiles" | "targetFileSize"
>;

export interface WorkOrder {
  readonly job: number;
  readonly control: SharedArrayBuffer;
  readonly path: string;
  readonly databaseId: Uint8Array;
  readonly options: WorkOptions;
  /** `module` undefined: the bytewise order. */
  readonly comparator: { readonly name: string; readonly module: string | undefined };
  /** Live snapshots, ascending. */
  readonly snapshots: readonly number[];
  readonly epoch: number;
  readonly provenance: TableProvenance;
  /** Numbers for its outputs; the last of them, should it come to that, is cut no more. */
  readonly outputs: { readonly first: number; readonly count: number };
  /** Bytes of compaction input a second; 0 for no limit. */
  readonly bytesPerSecond: number;
  readonly source: FlushSource | CompactionSource;
}

export interface FlushSource {
  readonly kind: "flush";
  /** Nobody inserts into it any more. */
  readonly memtable: SharedArrayBuffer;
  readonly entries: number;
}

export interface CompactionSource {
  readonly kind: "compaction";
  readonly inputs: readonly { readonly level: number; readonly tables: readonly TableMeta[] }[];
  readonly outputLevel: number;
  readonly grandparents: readonly TableMeta[];
  /** By level: the tables deeper than the output level that overlap the inputs. A tombstone whose key none holds may go. */
  readonly deeper: readonly (readonly TableMeta[])[];
}

/** Outputs reserved for each output expected: numbers cost nothing, and gaps between them harm nobody. */
const SPARE_FACTOR = 2;

/** What a job is told beside its source. */
export type OrderHead = Pick<WorkOrder, "job" | "control"> & {
  readonly reserve: (count: number) => number;
};

export function flushOrder(
  context: StoreContext,
  head: OrderHead,
  rest: Pick<WorkOrder, "snapshots" | "epoch" | "provenance"> & { readonly memtable: Memtable },
): WorkOrder {
  const { snapshots, epoch, provenance, memtable } = rest;
  const source = { kind: "flush", memtable: memtable.frozenBuffer, entries: memtable.entries } as const;
  return { ...common(context, head, 1), snapshots, epoch, provenance: plainProvenance(provenance), source };
}

export function compactionOrder(
  context: StoreContext,
  head: OrderHead,
  rest: Pick<WorkOrder, "snapshots" | "epoch" | "provenance"> & {
    readonly plan: CompactionPlan;
    readonly version: Version;
  },
): WorkOrder {
  const { snapshots, epoch, provenance, plan, version } = rest;
  const { inputs, outputLevel, grandparents } = plan;
  const span = spanOf(context.order, allTables(inputs))!;
  const source: CompactionSource = {
    kind: "compaction",
    inputs: inputs.map(({ level, tables }) => ({ level, tables: tables.map(plainTable) })),
    outputLevel,
    grandparents: grandparents.map(plainTable),
    deeper: version.levels.map((_, level) =>
      level > outputLevel ? version.overlappingSpan(level, span).map(plainTable) : [],
    ),
  };
  const count = outputsMost(plan, context.options.targetFileSize);
  return { ...common(context, head, count), snapshots, epoch, provenance: plainProvenance(provenance), source };
}

// As many tables as a compaction should write, with room to spare: each ends because it has reached the target, because
// grandparents ended, or with the last entry. Blocks may pack worse than those of the inputs did; if they do by more than
// this, the last table takes the rest.
function outputsMost({ inputs, grandparents }: CompactionPlan, targetFileSize: number): number {
  const tables = allTables(inputs);
  const entries = tables.reduce((sum, table) => sum + table.entries, 0);
  return Math.min(entries, Math.ceil((SPARE_FACTOR * sumSizes(tables)) / targetFileSize) + grandparents.length) + 1;
}

function common(
  { path, databaseId, options }: StoreContext,
  { job, control, reserve }: OrderHead,
  count: number,
): Omit<WorkOrder, "snapshots" | "epoch" | "provenance" | "source"> {
  const { paranoid, blockSize, indexBlockSize, bloomBitsPerKey, maxOpenFiles, targetFileSize, comparator } = options;
  return {
    job,
    control,
    path,
    databaseId: exact(databaseId),
    options: { paranoid, blockSize, indexBlockSize, bloomBitsPerKey, maxOpenFiles, targetFileSize },
    comparator: { name: comparator.name, module: comparator.module?.href },
    outputs: { first: reserve(count), count },
    bytesPerSecond: options.compactionBytesPerSecond,
  };
}

function plainProvenance({ inputs, obsolete, logNumber }: TableProvenance): TableProvenance {
  return { inputs: [...inputs], obsolete: [...obsolete], logNumber };
}

/** A message takes the whole of a buffer with each view of it: keys go without what surrounds them. */
export function plainTable(table: TableMeta): TableMeta {
  const { smallest, largest } = table;
  return {
    ...table,
    smallest: { ...smallest, key: exact(smallest.key) },
    largest: { ...largest, key: exact(largest.key) },
  };
}

function exact(bytes: Uint8Array): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes);
}

import type { InternalCursor } from "../common/cursor.ts";
import type { TableProvenance } from "../sst/table-format.ts";
import type { CompactionPlan } from "./compaction-plan.ts";
import { allTables } from "./compaction-plan.ts";
import { LevelCursor } from "./level-cursor.ts";
import { MergingCursor } from "./merging-cursor.ts";
import { Retention } from "./retention.ts";
import type { OutputContext } from "./store-context.ts";
import type { TableMeta } from "./table-meta.ts";
import { writeTables, type CutPlan, type OutputResult, type Outputs } from "./table-output.ts";

export interface Merge {
  readonly context: OutputContext;
  readonly newNumber: () => number;
  readonly inputs: CompactionPlan["inputs"];
  readonly open: (table: TableMeta) => InternalCursor;
  /** Live snapshots, ascending. */
  readonly snapshots: readonly number[];
  readonly dropTombstone: (key: Uint8Array) => boolean;
  readonly epoch: number;
  readonly provenance: TableProvenance;
  readonly cut: CutPlan;
}

/** Tables of several levels as new tables of one, in steps. */
export function* mergeTables(merge: Merge, outputs: Outputs): Generator<number, OutputResult> {
  const { context, newNumber, inputs, snapshots, dropTombstone, epoch, provenance, cut } = merge;
  const entriesExpected = allTables(inputs).reduce((sum, table) => sum + table.entries, 0);
  const retention = new Retention({ order: context.order, snapshots, dropTombstone });
  const plan = { context, newNumber, source: sourceOf(merge), entriesExpected, retention, epoch, cut };
  return yield* writeTables({ ...plan, provenance: () => provenance }, outputs);
}

function sourceOf({ context: { order }, inputs, open }: Merge): InternalCursor {
  const children = inputs.flatMap(({ level, tables }) =>
    level === 0 ? tables.map(open) : [new LevelCursor(order, tables, open)],
  );
  return new MergingCursor(order, children);
}

import { assert } from "../common/assert.ts";
import type { Memtable } from "../memtable/memtable.ts";
import type { TableProvenance } from "../sst/table-format.ts";
import { Retention } from "./retention.ts";
import type { OutputContext } from "./store-context.ts";
import { writeTables, type OutputResult, type Outputs } from "./table-output.ts";
import type { TableMeta } from "./table-meta.ts";

export interface MemtableOutput {
  readonly context: OutputContext;
  readonly newNumber: () => number;
  readonly memtable: Memtable;
  /** Live snapshots, ascending. */
  readonly snapshots: readonly number[];
  readonly epoch: number;
  readonly provenance: TableProvenance;
}

/** A memtable as one table of level 0, in steps. Tombstones stay: deeper levels may hold what they hide. */
export function* writeMemtable(output: MemtableOutput, outputs: Outputs): Generator<number, OutputResult> {
  const { context, newNumber, memtable, snapshots, epoch } = output;
  const provenance = (): TableProvenance => output.provenance;
  const retention = new Retention({ order: context.order, snapshots, dropTombstone: () => false });
  const source = memtable.cursor();
  const entriesExpected = memtable.entries;
  const plan = { context, newNumber, source, entriesExpected, retention, epoch, provenance, cut: undefined };
  const result = yield* writeTables(plan, outputs);
  assert(memtable.isAlive, "the memory of a memtable is its own until it is written");
  return result;
}

/** The same without a pause. */
export function writeMemtableWhole(output: MemtableOutput, outputs: Outputs): TableMeta {
  const steps = writeMemtable(output, outputs);
  let step = steps.next();
  while (!step.done) step = steps.next();
  const [table] = step.value.tables;
  assert(table !== undefined && step.value.tables.length === 1, "a memtable with entries makes one table");
  return table;
}

import { assert } from "../common/assert.ts";
import type { TableProvenance } from "../sst/table-format.ts";
import { allTables } from "./compaction-plan.ts";
import type { CompactionPlan } from "./compaction-picker.ts";
import { stillValid } from "./compaction-picker.ts";
import type { JobEnd } from "./events.ts";
import { tableName } from "./file-names.ts";
import { obsoleteTables } from "./flush-job.ts";
import type { JobBody, JobResult } from "./job.ts";
import { mergeTables } from "./merge-tables.ts";
import type { Store } from "./store.ts";
import type { Outputs, OutputResult } from "./table-output.ts";
import type { TableMeta } from "./table-meta.ts";
import { compactionOrder, type OrderHead, type WorkOrder } from "./thread/work-order.ts";
import type { Version } from "./version.ts";

const MOVED: OutputResult = {
  tables: [],
  entriesIn: 0,
  entriesOut: 0,
  shadowed: 0,
  tombstonesDropped: 0,
  bytesWritten: 0,
  blocksWritten: 0,
};

/** Does what a plan of the picker says: merges its inputs into its output level, or moves them as they are. */
export class CompactionBody implements JobBody {
  readonly kind = "compaction";
  readonly inputs: readonly string[];
  readonly plan: CompactionPlan;
  readonly #store: Store;
  #pinned: Version | undefined;

  constructor(store: Store, plan: CompactionPlan) {
    this.#store = store;
    this.plan = plan;
    this.inputs = this.#tables().map((table) => tableName(table.number));
  }

  begin(id: number): void {
    const inputs = this.plan.inputs.flatMap(({ level, tables }) =>
      tables.map((table) => ({ level, file: tableName(table.number) })),
    );
    const { reason, outputLevel } = this.plan;
    this.#store.context.events.emit("compactionBegin", { job: id, reason, inputs, outputLevel });
  }

  *run(outputs: Outputs): Generator<number, JobResult> {
    this.#pin();
    try {
      return this.commit(this.plan.trivialMove ? MOVED : yield* this.#merge(outputs));
    } finally {
      this.release();
    }
  }

  get hasWork(): boolean {
    return !this.plan.trivialMove;
  }

  order(head: OrderHead): WorkOrder {
    const { context, versions } = this.#store;
    const { plan } = this;
    assert(this.hasWork, "what is only moved is no work for another thread");
    this.#pin();
    return compactionOrder(context, head, { plan, version: versions.current, ...this.#terms() });
  }

  commit(result: OutputResult): JobResult {
    const { versions, context } = this.#store;
    const { plan } = this;
    assert(stillValid(plan, versions.current), "a compaction's inputs are still where they were");
    const moved = plan.trivialMove ? this.#tables() : result.tables;
    versions.commit({
      removed: plan.inputs.flatMap(({ level, tables }) => tables.map(({ number }) => ({ level, number }))),
      added: moved.map((table) => ({ level: plan.outputLevel, table })),
      ...(plan.cursor && { compactionCursors: [plan.cursor] }),
    });
    for (const { number, size, entries } of result.tables) {
      context.events.emit("tableCreated", { file: tableName(number), level: plan.outputLevel, size, entries });
    }
    const bytesRead = plan.trivialMove ? 0 : this.#tables().reduce((sum, table) => sum + table.size, 0);
    return { ...result, bytesRead };
  }

  release(): void {
    const { versions, obsolete } = this.#store;
    if (this.#pinned) versions.pins.unpin(this.#pinned);
    this.#pinned = undefined;
    obsolete.collect();
  }

  forsake(): void {
    // Tables are files: whoever still reads them harms nobody.
    this.release();
  }

  end(event: JobEnd): void {
    this.#store.counters.noteJob("compaction", this.plan.outputLevel, event);
    this.#store.context.events.emit("compactionEnd", event);
  }

  // The tables must stay readable even if a listener's compactRange replaces them meanwhile.
  #pin(): void {
    const { versions } = this.#store;
    this.#pinned = versions.pins.pin(versions.current);
  }

  // What is read once is not worth the cache's room.
  #merge(outputs: Outputs): Generator<number, OutputResult> {
    const { context, versions, tables } = this.#store;
    const { inputs, outputLevel, grandparents } = this.plan;
    const version = versions.current;
    return mergeTables(
      {
        context,
        newNumber: () => versions.newFileNumber(),
        inputs,
        open: (table) => tables.reader(table).cursor({ fillCache: false }),
        dropTombstone: (key) => !version.mayHoldBelow(outputLevel, key),
        cut: { bytes: context.options.targetFileSize, grandparents },
        ...this.#terms(),
      },
      outputs,
    );
  }

  #terms(): { snapshots: readonly number[]; epoch: number; provenance: TableProvenance } {
    const tables = this.#tables();
    return {
      // The list is taken when the job starts: a snapshot taken later sees nothing older than all its inputs' newest.
      snapshots: this.#store.snapshots.sequences(),
      epoch: Math.max(...tables.map((table) => table.epoch)),
      provenance: {
        inputs: tables.map(({ number, tag }) => ({ number, tag })),
        obsolete: obsoleteTables(this.#store),
        logNumber: this.#store.versions.logNumber,
      },
    };
  }

  #tables(): TableMeta[] {
    return allTables(this.plan.inputs);
  }
}

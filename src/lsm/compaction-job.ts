import { assert } from "../common/assert.ts";
import type { InternalCursor } from "../common/cursor.ts";
import type { CompactionPlan } from "./compaction-picker.ts";
import { stillValid } from "./compaction-picker.ts";
import type { JobEnd } from "./events.ts";
import { tableName } from "./file-names.ts";
import { obsoleteTables } from "./flush-job.ts";
import type { JobBody, JobResult } from "./job.ts";
import { LevelCursor } from "./level-cursor.ts";
import { MergingCursor } from "./merging-cursor.ts";
import { Retention } from "./retention.ts";
import type { Store } from "./store.ts";
import { writeTables, type Outputs, type OutputResult } from "./table-output.ts";
import type { TableMeta } from "./table-meta.ts";

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
    const { versions } = this.#store;
    // The tables must stay readable even if a listener's compactRange replaces them meanwhile.
    const version = versions.pins.pin(versions.current);
    try {
      const result = this.plan.trivialMove ? MOVED : yield* this.#merge(outputs);
      this.#commit(result);
      const bytesRead = this.plan.trivialMove ? 0 : this.#tables().reduce((sum, table) => sum + table.size, 0);
      return { ...result, bytesRead };
    } finally {
      versions.pins.unpin(version);
      this.#store.obsolete.collect();
    }
  }

  end(event: JobEnd): void {
    this.#store.counters.noteJob("compaction", this.plan.outputLevel, event);
    this.#store.context.events.emit("compactionEnd", event);
  }

  *#merge(outputs: Outputs): Generator<number, OutputResult> {
    const { context, versions, snapshots } = this.#store;
    const { outputLevel, grandparents } = this.plan;
    const tables = this.#tables();
    const version = versions.current;
    const provenance = {
      inputs: tables.map(({ number, tag }) => ({ number, tag })),
      obsolete: obsoleteTables(this.#store),
      logNumber: versions.logNumber,
    };
    return yield* writeTables(
      {
        context,
        newNumber: () => versions.newFileNumber(),
        source: this.#source(),
        entriesExpected: tables.reduce((sum, table) => sum + table.entries, 0),
        // The list is taken when the job starts: a snapshot taken later sees nothing older than all its inputs' newest.
        retention: new Retention({
          order: context.order,
          snapshots: snapshots.sequences(),
          dropTombstone: (key) => !version.mayHoldBelow(outputLevel, key),
        }),
        epoch: Math.max(...tables.map((table) => table.epoch)),
        provenance: () => provenance,
        cut: { bytes: context.options.targetFileSize, grandparents },
      },
      outputs,
    );
  }

  #commit(result: OutputResult): void {
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
  }

  #tables(): TableMeta[] {
    return this.plan.inputs.flatMap(({ tables }) => tables);
  }

  // What is read once is not worth the cache's room.
  #source(): InternalCursor {
    const { tables, context } = this.#store;
    const open = (table: TableMeta): InternalCursor => tables.reader(table).cursor({ fillCache: false });
    const children = this.plan.inputs.flatMap(({ level, tables: inputs }) =>
      level === 0 ? inputs.map(open) : [new LevelCursor(context.order, inputs, open)],
    );
    return new MergingCursor(context.order, children);
  }
}

import type { TableProvenance } from "../sst/table-format.ts";
import type { JobEnd } from "./events.ts";
import { logName, tableName } from "./file-names.ts";
import type { JobBody, JobResult } from "./job.ts";
import { writeMemtable } from "./memtable-output.ts";
import type { MemtableHold } from "./memtable-memory.ts";
import type { LoggedMemtable } from "./memtables.ts";
import type { Store } from "./store.ts";
import type { OutputResult, Outputs } from "./table-output.ts";
import { flushOrder, type OrderHead, type WorkOrder } from "./thread/work-order.ts";

/** Flushes the oldest waiting memtable to one table in level 0. Tombstones stay: deeper levels may hold what they hide. */
export class FlushBody implements JobBody {
  readonly kind = "flush";
  readonly hasWork = true;
  readonly inputs: readonly string[];
  readonly #store: Store;
  readonly #source: LoggedMemtable;
  /** The first log that is still needed when this is done; known once the work begins. */
  #logNumber = 0;
  /** What another thread reads. */
  #hold: MemtableHold | undefined;

  constructor(store: Store, source: LoggedMemtable) {
    this.#store = store;
    this.#source = source;
    this.inputs = [logName(source.logNumber)];
  }

  begin(id: number): void {
    const { entries, dataBytes } = this.#source.memtable;
    this.#store.context.events.emit("flushBegin", { job: id, entries, bytes: dataBytes });
  }

  *run(outputs: Outputs): Generator<number, JobResult> {
    const { context, versions } = this.#store;
    const { memtable } = this.#source;
    const newNumber = (): number => versions.newFileNumber();
    return this.commit(yield* writeMemtable({ context, newNumber, memtable, ...this.#terms() }, outputs));
  }

  order(head: OrderHead): WorkOrder {
    const { context, memtables } = this.#store;
    const { memtable } = this.#source;
    this.#hold = memtables.holdWaiting(memtable);
    return flushOrder(context, head, { memtable, ...this.#terms() });
  }

  commit(result: OutputResult): JobResult {
    const { context, versions, memtables, logs, obsolete } = this.#store;
    const logNumber = this.#logNumber;
    versions.commit({ added: result.tables.map((table) => ({ level: 0, table })), logNumber });
    for (const { number, size, entries } of result.tables) {
      context.events.emit("tableCreated", { file: tableName(number), level: 0, size, entries });
    }
    memtables.dropOldest();
    logs.retire(logNumber);
    obsolete.collect();
    return { ...result, bytesRead: 0 };
  }

  release(): void {
    this.#hold?.release();
  }

  forsake(): void {
    this.#hold?.spoil();
    this.release();
  }

  end(event: JobEnd): void {
    this.#store.counters.noteJob("flush", 0, event);
    this.#store.context.events.emit("flushEnd", event);
  }

  #terms(): { snapshots: readonly number[]; epoch: number; provenance: TableProvenance } {
    const { versions, memtables, snapshots } = this.#store;
    this.#logNumber = memtables.logNumberAfterFlush();
    return {
      snapshots: snapshots.sequences(),
      // Only flushes make level-0 tables, one at a time, so the next epoch is free.
      epoch: versions.current.greatestEpoch + 1,
      provenance: { inputs: [], obsolete: obsoleteTables(this.#store), logNumber: this.#logNumber },
    };
  }
}

/** Tables that are in the directory though no current version names them: repair must not take them for live ones. */
export function obsoleteTables({ versions, obsolete }: Store): { number: number; tag: number }[] {
  const pinned = versions.pins.obsolete().map(({ number, tag }) => ({ number, tag }));
  return [...pinned, ...obsolete.condemnedTables.map(({ number, tag }) => ({ number, tag }))];
}

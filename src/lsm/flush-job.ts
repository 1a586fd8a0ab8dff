import type { JobEnd } from "./events.ts";
import { logName, tableName } from "./file-names.ts";
import type { JobBody, JobResult } from "./job.ts";
import { writeMemtable } from "./memtable-output.ts";
import type { LoggedMemtable } from "./memtables.ts";
import type { Store } from "./store.ts";
import type { Outputs } from "./table-output.ts";

/** Flushes the oldest waiting memtable to one table in level 0. Tombstones stay: deeper levels may hold what they hide. */
export class FlushBody implements JobBody {
  readonly kind = "flush";
  readonly inputs: readonly string[];
  readonly #store: Store;
  readonly #source: LoggedMemtable;

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
    const { context, versions, memtables, logs, obsolete, snapshots } = this.#store;
    const { memtable } = this.#source;
    const logNumber = memtables.logNumberAfterFlush();
    const result = yield* writeMemtable(
      {
        context,
        newNumber: () => versions.newFileNumber(),
        memtable,
        snapshots: snapshots.sequences(),
        // Only flushes make level-0 tables, one at a time, so the next epoch is free.
        epoch: versions.current.greatestEpoch + 1,
        provenance: { inputs: [], obsolete: obsoleteTables(this.#store), logNumber },
      },
      outputs,
    );
    versions.commit({ added: result.tables.map((table) => ({ level: 0, table })), logNumber });
    for (const { number, size, entries } of result.tables) {
      context.events.emit("tableCreated", { file: tableName(number), level: 0, size, entries });
    }
    memtables.dropOldest();
    logs.retire(logNumber);
    obsolete.collect();
    return { ...result, bytesRead: 0 };
  }

  end(event: JobEnd): void {
    this.#store.counters.noteJob("flush", 0, event);
    this.#store.context.events.emit("flushEnd", event);
  }
}

/** Tables that are in the directory though no current version names them: repair must not take them for live ones. */
export function obsoleteTables({ versions, obsolete }: Store): { number: number; tag: number }[] {
  const pinned = versions.pins.obsolete().map(({ number, tag }) => ({ number, tag }));
  return [...pinned, ...obsolete.condemnedTables.map(({ number, tag }) => ({ number, tag }))];
}

import type { Background } from "./background.ts";
import { backgroundError } from "./health.ts";
import { obsoleteTables } from "./flush-job.ts";
import { writeMemtableWhole } from "./memtable-output.ts";
import type { LoggedMemtable } from "./memtables.ts";
import type { Store } from "./store.ts";
import { Outputs } from "./table-output.ts";
import type { TableMeta } from "./table-meta.ts";

/**
 * Makes a store whose log or manifest could not be written whole again, without touching the files that failed:
 * memtables become tables, a new manifest asks for the log to come, and only when CURRENT is durable that log begins.
 *
 * Throws BACKGROUND_ERROR after a failed sync (only a reopen tells what is durable), or what fails on the way; then
 * nothing has changed and it may be called again.
 */
export function resume(store: Store, background: Background, issuedSequence: number): void {
  const { context, versions, memtables, logs, obsolete, counters } = store;
  const { health } = context;
  if (health.failedForGood) throw backgroundError(health.lastError);
  background.forgetFailures();
  if (health.isWell) {
    if (health.lastError) retryJobs(background);
    health.recover();
    return;
  }
  background.abandonAll();
  versions.publishSequence(issuedSequence);
  const logNumber = versions.newFileNumber();
  const outputs = new Outputs();
  try {
    const tables = flushAll(store, logNumber, outputs);
    versions.rewriteManifest(tables, logNumber);
  } catch (error) {
    counters.doubtfulTables.push(...outputs.numbers);
    throw health.failedForGood ? backgroundError(health.lastError) : error;
  }
  memtables.flushedAll(logNumber);
  logs.restart(logNumber, versions.lastSequence);
  for (const number of counters.doubtfulTables.splice(0)) {
    if (!versions.current.has(number)) obsolete.condemn("table", number);
  }
  health.recover();
  obsolete.collect();
}

// A job that failed left the store well: it is run again, and its error, if any, is the caller's. With nothing wrong
// resume() runs nothing.
function retryJobs(background: Background): void {
  const error = background.runOne("flush");
  if (typeof error === "object") throw error;
  const second = background.runOne("compaction");
  if (typeof second === "object") throw second;
}

function flushAll(store: Store, logNumber: number, outputs: Outputs): TableMeta[] {
  const { memtables, versions } = store;
  const tables: TableMeta[] = [];
  const sources: LoggedMemtable[] = [
    ...memtables.waiting,
    { memtable: memtables.active, logNumber: store.logs.number },
  ];
  for (const [i, { memtable }] of sources.entries()) {
    if (memtable.entries === 0) continue;
    // Only with the last of them does what the old logs hold stand in tables.
    const needed = sources[i + 1]?.logNumber ?? logNumber;
    const epoch = versions.current.greatestEpoch + 1 + tables.length;
    const output = {
      context: store.context,
      newNumber: () => versions.newFileNumber(),
      memtable,
      snapshots: store.snapshots.sequences(),
      epoch,
      provenance: { inputs: [], obsolete: obsoleteTables(store), logNumber: needed },
    };
    tables.push(writeMemtableWhole(output, outputs));
  }
  return tables;
}

import { DecodedBatch } from "../memtable/write-batch.ts";
import { assert } from "../common/assert.ts";
import { Memtable } from "../memtable/memtable.ts";
import type { TableProvenance } from "../sst/table-format.ts";
import type { LogRecovery, RecoveredLogs } from "./log-recovery.ts";
import { writeMemtableWhole } from "./memtable-output.ts";
import { Memtables } from "./memtables.ts";
import type { StoreContext } from "./store-context.ts";
import type { LogExtent } from "./store.ts";
import { Outputs } from "./table-output.ts";
import type { Version } from "./version.ts";

/** Logs of a clean close are kept while there are at most this many of them … */
const KEPT_LOGS_MOST = 4;
/** … and together they are at most this part of a write buffer: then one memtable holds them with room to spare. */
const KEPT_BUFFER_PART = 2;

/** Builds memtables out of records, in order; a full one goes to `full` before the next begins. */
export class Replayer {
  readonly #context: StoreContext;
  readonly #full: (memtable: Memtable) => void;
  #made = 0;
  #memtable: Memtable;

  constructor(context: StoreContext, full: (memtable: Memtable) => void) {
    this.#context = context;
    this.#full = full;
    this.#memtable = this.#make(0);
  }

  get memtable(): Memtable {
    return this.#memtable;
  }

  apply(payload: Uint8Array, file: string, offset: number): void {
    const { order } = this.#context;
    const batch = new DecodedBatch(payload, file, offset);
    if (!this.#memtable.fits(batch.count, payload.length)) {
      this.finish();
      this.#memtable = this.#make(Memtable.bytesFor(batch.count, payload.length));
    }
    assert(batch.insertInto(this.#memtable, order), "a memtable has the room that was found");
  }

  /** Hands over the last one. */
  finish(): void {
    if (this.#memtable.entries > 0) this.#full(this.#memtable);
  }

  #make(bytes: number): Memtable {
    const { order, options } = this.#context;
    return new Memtable({ order, capacity: Math.max(options.writeBufferSize, bytes), seed: ++this.#made });
  }
}

export interface ReplayPlan {
  readonly context: StoreContext;
  readonly version: Version;
  readonly newNumber: () => number;
  readonly logs: LogRecovery;
  readonly found: RecoveredLogs;
  readonly provenance: TableProvenance;
}

export interface Replayed {
  readonly version: Version;
  /** Set when logs are kept: what they hold is in memory again. */
  readonly memtables: Memtables | undefined;
  readonly kept: readonly LogExtent[];
}

/** Brings back what the logs hold: into memory when a clean close witnessed them and they are small, else into new tables. */
export function replayIntoStore(plan: ReplayPlan): Replayed {
  const { context, version, logs, found } = plan;
  if (found.report.records === 0) return { version, memtables: undefined, kept: [] };
  if (mayKeep(context, found)) {
    const full: Memtable[] = [];
    const replayer = new Replayer(context, (memtable) => full.push(memtable));
    logs.replay((payload, file, offset) => replayer.apply(payload, file, offset));
    if (full.length === 0) {
      const memtables = new Memtables(context.order, context.options, found.extents[0]!.number);
      memtables.replaceEmpty(replayer.memtable);
      return { version, memtables, kept: found.extents };
    }
  }
  return { version: replayIntoTables(plan), memtables: undefined, kept: [] };
}

function mayKeep({ options }: StoreContext, { report, extents }: RecoveredLogs): boolean {
  const bytes = extents.reduce((sum, log) => sum + log.size, 0);
  const small = extents.length <= KEPT_LOGS_MOST && bytes * KEPT_BUFFER_PART <= options.writeBufferSize;
  return report.clean && report.skipped.length === 0 && small;
}

// Written anew, never made durable by a sync of the file it was read from: after a failed sync the kernel may have
// dropped those pages' dirty marks, and a later sync would succeed without writing them.
function replayIntoTables(plan: ReplayPlan): Version {
  const { context, logs } = plan;
  let grown = plan.version;
  const replayer = new Replayer(context, (memtable) => {
    grown = flushRecovered(plan, grown, memtable);
  });
  logs.replay((payload, file, offset) => replayer.apply(payload, file, offset));
  replayer.finish();
  return grown;
}

function flushRecovered({ context, newNumber, provenance }: ReplayPlan, version: Version, memtable: Memtable): Version {
  const epoch = version.greatestEpoch + 1;
  const table = writeMemtableWhole({ context, newNumber, memtable, snapshots: [], epoch, provenance }, new Outputs());
  return version.apply({ added: [{ level: 0, table }] });
}

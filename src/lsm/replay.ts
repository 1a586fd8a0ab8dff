import { assert } from "../common/assert.ts";
import { GatheredOperations } from "../memtable/gathered-operations.ts";
import { Memtable } from "../memtable/memtable.ts";
import { DecodedBatch, decodeBatchHeader } from "../memtable/write-batch.ts";
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

/** Of the memtables that a log may fill when it is to be held, so much stays free. */
const UNFILLED = 0.5;

/** Builds memtables out of records, in order; a full one goes to `full` before the next begins. */
export class Replayer {
  readonly #context: StoreContext;
  readonly #full: (memtable: Memtable) => void;
  readonly #gathered = new GatheredOperations();
  #made = 0;
  #memtable: Memtable;

  constructor(context: StoreContext, full: (memtable: Memtable) => void) {
    this.#context = context;
    this.#full = full;
    this.#memtable = this.#make(0);
  }

  apply(payload: Uint8Array, file: string, offset: number): void {
    const header = decodeBatchHeader(payload, file, offset);
    const { count } = header;
    const gathered = this.#gathered;
    const needed = this.#memtable.bytesUsed + gathered.memtableBytes + Memtable.bytesFor(count, payload.length);
    // What is gathered needs less than that in the end: only when it is inserted it is known whether the batch fits.
    if (needed > this.#memtable.capacity || !gathered.hasRoom(count, payload.length)) this.#insertGathered();
    if (!this.#memtable.fits(count, payload.length + gathered.memtableBytes)) {
      this.finish();
      this.#memtable = this.#make(Memtable.bytesFor(count, payload.length));
    }
    if (gathered.hasRoom(count, payload.length)) gathered.add(payload, header, file, offset);
    else this.#insertLarge(new DecodedBatch(payload, file, offset));
  }

  /** Hands over the last one. */
  finish(): void {
    this.#insertGathered();
    if (this.#memtable.entries > 0) this.#full(this.#memtable);
  }

  #insertGathered(): void {
    this.#gathered.insertInto(this.#memtable, this.#context.order);
  }

  #insertLarge(batch: DecodedBatch): void {
    assert(batch.insertInto(this.#memtable, this.#context.order), "a memtable has the room that was found");
  }

  #make(bytes: number): Memtable {
    const { order, options } = this.#context;
    return new Memtable({ order, capacity: Math.max(options.writeBufferSize, bytes), seed: ++this.#made });
  }
}

/** What the first look at the logs brings back, kept for as long as it is no more than a session's memtables may hold. */
export class HeldReplay {
  readonly #context: StoreContext;
  #isHeld: boolean;
  #full: Memtable[] = [];
  /** Made for the first record: it takes a write buffer's memory, which a clean store need not have twice. */
  #replayer: Replayer | undefined;

  /** What logs of so many bytes make is held if it seems to fit: what is built and dropped was built in vain. */
  constructor(context: StoreContext, logBytes: number) {
    const { maxWriteBufferNumber, writeBufferSize } = context.options;
    this.#context = context;
    // An entry takes about as much in a memtable as in a log; a memtable ends before it is full.
    this.#isHeld = logBytes <= (maxWriteBufferNumber - UNFILLED) * writeBufferSize;
  }

  readonly apply = (payload: Uint8Array, file: string, offset: number): void => {
    if (!this.#isHeld) return;
    this.#replayer ??= new Replayer(this.#context, (memtable) => this.#full.push(memtable));
    this.#replayer.apply(payload, file, offset);
    // One more than these has been begun.
    if (this.#full.length >= this.#context.options.maxWriteBufferNumber) this.#letGo();
  };

  /** Oldest first, in the order of the records, and the caller's from now on; undefined when there were too many. */
  take(): Memtable[] | undefined {
    if (!this.#isHeld) return undefined;
    this.#replayer?.finish();
    const full = this.#full;
    this.#letGo();
    return full;
  }

  #letGo(): void {
    this.#isHeld = false;
    this.#replayer = undefined;
    this.#full = [];
  }
}

export interface ReplayPlan {
  readonly context: StoreContext;
  readonly version: Version;
  readonly newNumber: () => number;
  readonly logs: LogRecovery;
  readonly found: RecoveredLogs;
  /** Of all records of `found`, if they were few enough to be held, to be taken out one by one; else they are read again. */
  readonly held: Memtable[] | undefined;
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
  const { context, version, found, held } = plan;
  if (found.report.records === 0) return { version, memtables: undefined, kept: [] };
  if (mayKeep(context, found) && held?.length === 1) {
    const memtables = new Memtables(context.order, context.options, found.extents[0]!.number);
    memtables.replaceEmpty(held[0]!);
    return { version, memtables, kept: found.extents };
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
  const { context, logs, held } = plan;
  let grown = plan.version;
  const flush = (memtable: Memtable): void => void (grown = flushRecovered(plan, grown, memtable));
  if (held) {
    // What is written is nobody's any more, before the session reserves memory of its own.
    for (let oldest = held.shift(); oldest; oldest = held.shift()) flush(oldest);
    return grown;
  }
  const replayer = new Replayer(context, flush);
  logs.replay((payload, file, offset) => replayer.apply(payload, file, offset));
  replayer.finish();
  return grown;
}

function flushRecovered({ context, newNumber, provenance }: ReplayPlan, version: Version, memtable: Memtable): Version {
  const epoch = version.greatestEpoch + 1;
  const table = writeMemtableWhole({ context, newNumber, memtable, snapshots: [], epoch, provenance }, new Outputs());
  return version.apply({ added: [{ level: 0, table }] });
}

// The life of a write. Everything that can fail comes before the log append: encoding, limits, the memtable's space, the
// rotation of the log, a comparator that throws. After it, failure is fail-stop.
//
//   encode → room (rotate, stall) → append → (sync) → insert → publish the sequence number → background steps

import { assert } from "../common/assert.ts";
import { TinyKVError } from "../common/errors.ts";
import { SEQUENCE_MAX } from "../common/internal-key.ts";
import { DecodedBatch, encodeBatch, type WriteBatch } from "../memtable/write-batch.ts";
import type { Background } from "./background.ts";
import type { StallCause } from "./events.ts";
import { backgroundError } from "./health.ts";
import type { JobKind } from "./job-description.ts";
import { logName } from "./file-names.ts";
import type { Store } from "./store.ts";

export class WritePath {
  readonly #store: Store;
  readonly #background: Background;
  /** The greatest sequence number that may stand in a log, be it in a record whose write failed. */
  #issued: number;

  constructor(store: Store, background: Background) {
    this.#store = store;
    this.#background = background;
    this.#issued = store.versions.lastSequence;
  }

  /** The greatest sequence number that anything on disk may carry. */
  get issued(): number {
    return this.#issued;
  }

  /** Applies a batch atomically; durable against power loss when it returns if `sync`. */
  write(batch: WriteBatch, sync: boolean): void {
    const { context, logs, versions, counters } = this.#store;
    context.health.refuseIfFailed();
    if (batch.count === 0) {
      if (sync) logs.makeDurable();
      return;
    }
    const first = Math.max(this.#issued, versions.lastSequence) + 1;
    if (first > SEQUENCE_MAX - (batch.count - 1)) {
      throw new TinyKVError("TINYKV_BACKGROUND_ERROR", "sequence numbers are exhausted: no more writes");
    }
    const payload = encodeBatch(batch, first);
    this.#makeRoom(batch);
    const decoded = new DecodedBatch(payload, logName(logs.number), 0);
    decoded.checkComparator(this.#store.memtables.active, context.order);
    this.#issued = first + batch.count - 1;
    logs.append(payload);
    if (sync) logs.makeDurable();
    this.#publish(decoded, this.#issued);
    counters.batches++;
    counters.entries += batch.count;
    counters.bytes += batch.payloadBytes;
    counters.logBytes += payload.length;
    if (sync) counters.syncs++;
    this.#background.noteWrite();
    if (context.options.background === "inline") this.#background.advance(payload.length);
  }

  /** The active memtable, if it holds anything, waits for its flush in place of the next write. */
  rotate(entries = 0, keyAndValueBytes = 0): void {
    const { memtables, logs, versions } = this.#store;
    const next = memtables.prepare(entries, keyAndValueBytes);
    logs.rotate(versions.lastSequence);
    memtables.rotate(next, logs.number);
  }

  #publish(decoded: DecodedBatch, last: number): void {
    const { context, memtables, versions } = this.#store;
    try {
      const inserted = decoded.insertInto(memtables.active, context.order);
      assert(inserted, "a memtable has the room that was found");
    } catch (error) {
      throw context.health.failForGood(error);
    }
    versions.publishSequence(last);
  }

  #makeRoom(batch: WriteBatch): void {
    const { context, memtables, logs } = this.#store;
    const { maxWriteBufferNumber, maxTotalWalSize } = context.options;
    const waitingMost = maxWriteBufferNumber - 1;
    if (memtables.waiting.length > waitingMost) this.#waitForFlushes(waitingMost);
    const fits = memtables.active.fits(batch.count, batch.payloadBytes);
    const empty = memtables.active.entries === 0;
    const logsFull = !empty && memtables.waiting.length === 0 && logs.liveBytes > maxTotalWalSize;
    if (fits && !logsFull) return;
    if (empty) {
      memtables.replaceEmpty(memtables.prepare(batch.count, batch.payloadBytes));
      return;
    }
    this.#waitForLevel0();
    this.#waitForFlushes(Math.max(0, waitingMost - 1));
    this.rotate(batch.count, batch.payloadBytes);
    this.#waitForFlushes(waitingMost);
  }

  #waitForFlushes(waitingMost: number): void {
    const { memtables } = this.#store;
    this.#stallWhile("memtables", "flush", () => memtables.waiting.length > waitingMost);
  }

  #waitForLevel0(): void {
    const { versions, context } = this.#store;
    this.#stallWhile("level0", "compaction", () => versions.current.levelFiles(0) >= context.options.level0StopWrites);
  }

  // In these modes nobody else moves the job that the write waits for: the write runs it, or says STALLED.
  #stallWhile(cause: StallCause, kind: JobKind, mustWait: () => boolean): void {
    if (!mustWait()) return;
    const { context, counters } = this.#store;
    const { noSlowdown, background, writeBufferSize } = context.options;
    const job = this.#background.blocking(kind);
    if (!job) {
      context.health.refuseIfFailed();
      return;
    }
    if (noSlowdown) {
      // The refused write still moves the job, else a caller that tries again would wait for ever.
      if (background === "inline") {
        this.#background.noteWrite();
        this.#background.advance(writeBufferSize);
      }
      if (mustWait())
        throw new TinyKVError("TINYKV_STALLED", `the write would wait for ${job.kind} job ${job.id} (${cause})`);
      return;
    }
    const begin = context.env.now();
    context.events.emit("stallBegin", { cause, job: job.id });
    try {
      this.#runWhile(kind, mustWait);
    } finally {
      const milliseconds = context.env.now() - begin;
      counters.noteStall(cause, job.id, milliseconds);
      context.events.emit("stallEnd", { cause, job: job.id, milliseconds });
    }
  }

  #runWhile(kind: JobKind, mustWait: () => boolean): void {
    while (mustWait()) {
      const ran = this.#background.runOne(kind);
      this.#store.context.health.refuseIfFailed();
      if (ran === false) return;
      if (ran !== true) throw backgroundError(ran);
    }
  }
}

// The life of a write. Everything that can fail comes before the log append: encoding, limits, the memtable's space, the
// rotation of the log, a comparator that throws. After it, failure is fail-stop.
//
//   encode → room (rotate, stall) → append → (sync) → insert → publish the sequence number → background steps

import { assert } from "../common/assert.ts";
import { TinyKVError } from "../common/errors.ts";
import { SEQUENCE_MAX } from "../common/internal-key.ts";
import { batchPayload, DecodedBatch, stampBatch, type WriteBatch } from "../memtable/write-batch.ts";
import type { AnyJob, Background } from "./background.ts";
import type { StallCause } from "./events.ts";
import { backgroundError } from "./health.ts";
import type { JobKind } from "./job-description.ts";
import type { Store } from "./store.ts";

/** What writes are held to where the slow-down of level 0 begins, 16 MiB a second: less than a fast disk compacts. */
const DELAYED_BYTES_PER_MILLISECOND = (16 << 20) / 1000;

/**
 * In milliseconds: systems do not keep shorter sleeps, and no write is to notice a single one. A batch counts as so many
 * writes as it has entries: else it would not notice the delays at all, only the stop.
 */
const DELAY_LEAST = 0.25;
const DELAY_MOST = 1;

/** A batch that was written. */
export interface WrittenBatch {
  readonly payload: Uint8Array;
  readonly count: number;
  /** Of keys and values. */
  readonly bytes: number;
  readonly sync: boolean;
}

export class WritePath {
  readonly #store: Store;
  readonly #background: Background;
  /** The greatest sequence number that may stand in a log, be it in a record whose write failed. */
  #issued: number;
  /** Milliseconds that slowed writes owe. */
  #owed = 0;

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
    const { context, logs } = this.#store;
    context.health.refuseIfFailed();
    if (batch.count === 0) {
      if (sync) logs.makeDurable();
      return;
    }
    this.makeRoom(batch.count, batch.payloadBytes);
    const payload = batchPayload(batch, 0);
    const decoded = this.prepare(payload, batch.count);
    logs.append(payload);
    // What stands in the log and was refused must not come back.
    if (sync) context.health.orFail(() => logs.makeDurable());
    this.publish(decoded);
    this.noteWritten([{ payload, count: batch.count, bytes: batch.payloadBytes, sync }]);
  }

  /** Gives an encoded batch its sequence numbers, and finds out all that could be wrong with it. */
  prepare(payload: Uint8Array, count: number): DecodedBatch {
    const { context, logs, memtables, versions } = this.#store;
    const first = Math.max(this.#issued, versions.lastSequence) + 1;
    if (first > SEQUENCE_MAX - (count - 1)) {
      throw new TinyKVError("TINYKV_BACKGROUND_ERROR", "sequence numbers are exhausted: no more writes");
    }
    stampBatch(payload, first);
    const decoded = new DecodedBatch(payload, logs.name, 0);
    decoded.checkComparator(memtables.active, context.order);
    this.#issued = first + count - 1;
    return decoded;
  }

  /** Makes what stands in the log visible. */
  publish(decoded: DecodedBatch): void {
    if (decoded.count === 0) return;
    const { context, memtables, versions } = this.#store;
    try {
      const { active } = memtables;
      const inserted = decoded.insertInto(active, context.order);
      assert(inserted, "a memtable has the room that was found");
      assert(active === memtables.active, "a comparator does not write to the store that it orders");
    } catch (error) {
      throw context.health.failForGood(error);
    }
    versions.publishSequence(decoded.firstSequence + decoded.count - 1);
  }

  /** Counts what is visible now, and lets it pay for background work. */
  noteWritten(writes: readonly WrittenBatch[]): void {
    const { counters } = this.#store;
    let logBytes = 0;
    let entries = 0;
    let synced = false;
    for (const { payload, count, bytes, sync } of writes) {
      synced ||= sync;
      if (count === 0) continue;
      counters.batches++;
      entries += count;
      counters.bytes += bytes;
      logBytes += payload.length;
    }
    counters.entries += entries;
    counters.logBytes += logBytes;
    if (synced) counters.syncs++;
    this.#background.noteWrite();
    if (this.#background.mode === "inline") this.#background.advance(logBytes);
    else this.#background.poll();
    this.#slowDown(logBytes, entries);
  }

  /** Whether the active memtable is certain to take so much. */
  hasRoom(entries: number, keyAndValueBytes: number): boolean {
    return this.#store.memtables.active.fits(entries, keyAndValueBytes);
  }

  /** The active memtable, if it holds anything, waits for its flush in place of the next write. */
  rotate(entries = 0, keyAndValueBytes = 0): void {
    const { memtables, logs, versions } = this.#store;
    const next = memtables.prepare(entries, keyAndValueBytes);
    logs.rotate(versions.lastSequence);
    memtables.rotate(next, logs.number);
  }

  /** Rotates and stalls until the active memtable takes so much. */
  makeRoom(entries: number, keyAndValueBytes: number): void {
    const { context, memtables, logs } = this.#store;
    const { maxWriteBufferNumber, maxTotalWalSize } = context.options;
    const waitingMost = maxWriteBufferNumber - 1;
    if (memtables.waiting.length > waitingMost) this.#waitForFlushes(waitingMost);
    const fits = memtables.active.fits(entries, keyAndValueBytes);
    const empty = memtables.active.entries === 0;
    const logsFull = !empty && memtables.waiting.length === 0 && logs.liveBytes > maxTotalWalSize;
    if (fits && !logsFull) return;
    if (empty) {
      memtables.replaceEmpty(memtables.prepare(entries, keyAndValueBytes));
      return;
    }
    this.#waitForLevel0();
    this.#waitForFlushes(Math.max(0, waitingMost - 1));
    this.rotate(entries, keyAndValueBytes);
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

  // Level 0 fills faster than it is emptied: writes are held to a rate that falls as the stop comes nearer. What a write
  // owes is slept off in parts that the system can measure; no entry is held up by more than DELAY_MOST. A batch that owes
  // many parts looks between them whether it still has to.
  #slowDown(bytes: number, entries: number): void {
    const { context, counters } = this.#store;
    const rate = this.#heldTo();
    this.#owed = rate === undefined ? 0 : this.#owed + bytes / rate;
    if (this.#owed < DELAY_LEAST) return;
    let left = Math.min(this.#owed, DELAY_MOST * Math.max(1, entries));
    this.#owed = 0;
    while (left > 0) {
      const milliseconds = Math.min(DELAY_MOST, left);
      context.env.sleep(milliseconds);
      counters.noteDelay(milliseconds);
      left -= milliseconds;
      if (left < DELAY_LEAST) return;
      this.#background.poll();
      if (this.#heldTo() === undefined) return;
    }
  }

  // Bytes a millisecond; undefined when writes may go as fast as they can.
  #heldTo(): number | undefined {
    const { context, versions } = this.#store;
    const { noSlowdown, level0SlowdownWrites, level0StopWrites } = context.options;
    const excess = versions.current.levelFiles(0) - level0SlowdownWrites;
    const isHeld = excess >= 0 && !noSlowdown && this.#background.mode === "thread";
    if (!isHeld || !this.#background.isRunning("compaction")) return undefined;
    const grades = Math.max(1, level0StopWrites - level0SlowdownWrites);
    return DELAYED_BYTES_PER_MILLISECOND * Math.max(1 / grades, 1 - excess / grades);
  }

  // Without a thread nobody else moves the job that the write waits for: the write runs it, or says STALLED.
  #stallWhile(cause: StallCause, kind: JobKind, mustWait: () => boolean): void {
    if (!mustWait()) return;
    this.#background.poll();
    const { context } = this.#store;
    // The thread may have been found lost.
    context.health.refuseIfFailed();
    if (!mustWait()) return;
    const { noSlowdown, writeBufferSize } = context.options;
    const job = this.#background.blocking(kind);
    if (!job) {
      context.health.refuseIfFailed();
      return;
    }
    if (noSlowdown) {
      // The refused write still moves the job, else a caller that tries again would wait for ever.
      if (this.#background.mode === "inline") {
        this.#background.noteWrite();
        this.#background.advance(writeBufferSize);
      }
      if (mustWait())
        throw new TinyKVError("TINYKV_STALLED", `the write would wait for ${job.kind} job ${job.id} (${cause})`);
      return;
    }
    for (let next: AnyJob | undefined = job; next && mustWait();) next = this.#waitFor(next, cause, mustWait);
  }

  // Until the write need not wait any more, or there is another job to wait for, which is then named in its turn.
  #waitFor(job: AnyJob, cause: StallCause, mustWait: () => boolean): AnyJob | undefined {
    const { context, counters } = this.#store;
    const begin = context.env.now();
    context.events.emit("stallBegin", { cause, job: job.id });
    try {
      let next: AnyJob | undefined = job;
      while (next === job && mustWait()) {
        const error = this.#background.moveBlocking(job);
        context.health.refuseIfFailed();
        if (error) throw backgroundError(error);
        if (mustWait()) next = this.#background.blocking(job.kind);
      }
      return next;
    } finally {
      const milliseconds = context.env.now() - begin;
      counters.noteStall(cause, job.id, milliseconds);
      context.events.emit("stallEnd", { cause, job: job.id, milliseconds });
    }
  }
}

// Group commit: many callers share one write to the log and one sync.
//
//   queue → (a turn of the event loop is over, no group is under way) → room → one append
//     → nothing in it is to be synced: insert, publish, resolve
//     → else one sync off the event loop → insert, publish, resolve
//
// Callers are served in the order of their calls. What comes while a group is under way is the next group. Whoever needs
// the store to himself, a write that does not return a promise, flush, close, calls complete() first: what waits is
// appended behind the group under way, and all of it made durable by one sync of his own.
//
// Invariants:
//   - nothing is visible, and no promise resolved, before all of its group and of every earlier one is as durable as asked;
//   - at most one group is under way, and the active memtable has the room for it;
//   - a group whose append or sync failed is rejected whole, with IO_ERROR or NO_SPACE; what was not appended yet is
//     rejected with BACKGROUND_ERROR, and stands in no file.

import { assert } from "../common/assert.ts";
import { copyToBuffer } from "../common/bytes.ts";
import { ioError } from "../common/errors.ts";
import type { DecodedBatch } from "../memtable/decoded-batch.ts";
import { batchPayload, type WriteBatch } from "../memtable/write-batch.ts";
import type { Store } from "./store.ts";
import type { WritePath } from "./write-path.ts";

/** Bytes of one group: a larger one makes its first caller wait for longer than a sync takes. */
const GROUP_BYTES_MAX: number = 1 << 20;
/** Turns without a new call after which the callers of this turn are taken to be complete; an await in between is one. */
const QUIET_TURNS = 3;

interface Waiting {
  readonly payload: Buffer;
  readonly count: number;
  /** Of keys and values. */
  readonly bytes: number;
  readonly sync: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  /** Once it has its sequence numbers. */
  decoded: DecodedBatch | undefined;
}

/** Appended, not inserted. */
interface Group {
  readonly writes: readonly Waiting[];
}

export class GroupCommit {
  readonly #store: Store;
  readonly #writePath: WritePath;
  #queue: Waiting[] = [];
  #queuedBytes = 0;
  #underWay: Group | undefined;
  #isGathering = false;

  constructor(store: Store, writePath: WritePath) {
    this.#store = store;
    this.#writePath = writePath;
  }

  /** Nothing waits and nothing is under way. */
  get isIdle(): boolean {
    return this.#underWay === undefined && this.#queue.length === 0;
  }

  /** A copy of the batch, which resolves when it is visible, and durable against power loss if `sync`. */
  write(batch: WriteBatch, sync: boolean): Promise<void> {
    const { health, options } = this.#store.context;
    health.refuseIfFailed();
    const done = new Promise<void>((resolve, reject) => this.#enqueue(batch, sync, resolve, reject));
    // A caller that never waits pays for what it has left waiting, so that memory stays bounded.
    if (this.#queuedBytes > Math.max(options.writeBufferSize, GROUP_BYTES_MAX)) this.complete();
    else this.#schedule();
    return done;
  }

  /** The same for a caller that waits: behind everything that waits already, with one sync for all. */
  writeNow(batch: WriteBatch, sync: boolean): void {
    this.#store.context.health.refuseIfFailed();
    let failure: { readonly error: unknown } | undefined;
    let isDone = false;
    this.#enqueue(
      batch,
      sync,
      () => (isDone = true),
      (error) => (failure = { error }),
    );
    this.complete();
    if (failure) throw failure.error;
    assert(isDone, "what is complete is done");
  }

  /** Everything that was called so far is done when it returns. Never throws: failures are those callers'. */
  complete(): void {
    const { logs } = this.#store;
    for (;;) {
      const begun = this.#underWay?.writes ?? [];
      this.#underWay = undefined;
      if (begun.length === 0 && this.#queue.length === 0) return;
      if (begun.length > 0 && !this.#isStillSound(begun)) continue;
      const writes = this.#append(begun);
      if (writes.some(({ sync }) => sync) && !this.#makeDurable(writes, () => logs.makeDurable())) continue;
      this.#finish(writes);
    }
  }

  #enqueue(batch: WriteBatch, sync: boolean, resolve: () => void, reject: (error: unknown) => void): void {
    const payload = copyToBuffer(batchPayload(batch, 0));
    const { count, payloadBytes: bytes } = batch;
    this.#queue.push({ payload, count, bytes, sync, resolve, reject, decoded: undefined });
    this.#queuedBytes += payload.length;
  }

  #schedule(): void {
    if (this.#isGathering || this.#underWay || this.#queue.length === 0) return;
    this.#isGathering = true;
    void this.#gather();
  }

  // Waits until nobody else calls in this turn of the event loop; the promises just resolved make their callers call again.
  async #gather(): Promise<void> {
    let seen = 0;
    for (let quiet = 0; quiet < QUIET_TURNS && this.#queuedBytes < GROUP_BYTES_MAX; quiet++) {
      if (this.#queue.length !== seen) quiet = 0;
      seen = this.#queue.length;
      await Promise.resolve();
    }
    this.#isGathering = false;
    if (this.#underWay || this.#queue.length === 0) return;
    try {
      this.#start();
    } finally {
      this.#store.context.events.deliver();
    }
  }

  #start(): void {
    const writes = this.#append([]);
    const firstSynced = writes.findIndex(({ sync }) => sync);
    if (firstSynced < 0) {
      this.#finish(writes);
      this.#schedule();
      return;
    }
    this.#finish(writes.slice(0, firstSynced));
    const group = { writes: writes.slice(firstSynced) };
    this.#underWay = group;
    if (this.#store.logs.canSyncAside()) void this.#sync(group);
    else this.complete();
  }

  async #sync(group: Group): Promise<void> {
    const { logs, context } = this.#store;
    const { size } = logs.current;
    let failure: { readonly error: unknown } | undefined;
    try {
      await logs.beginSync();
    } catch (error) {
      failure = { error };
    }
    // Else somebody has completed it meanwhile.
    if (this.#underWay === group) {
      this.#underWay = undefined;
      if (failure) rejectAll(group.writes, failure.error);
      else this.#endSync(group, size);
    }
    context.events.deliver();
    this.#schedule();
  }

  #endSync({ writes }: Group, size: number): void {
    if (!this.#isStillSound(writes)) return;
    if (this.#makeDurable(writes, () => this.#store.logs.endSync(size))) this.#finish(writes);
  }

  // After a failure for good no sync may be counted on, and none is made.
  #isStillSound(writes: readonly Waiting[]): boolean {
    const { health } = this.#store.context;
    if (!health.failedForGood) return true;
    rejectAll(writes, ioError(health.lastError, "writing a group"));
    return false;
  }

  // `begun`, and as many of those that wait as have room beside them, in one append. What cannot be written is rejected.
  #append(begun: readonly Waiting[]): readonly Waiting[] {
    const writes: Waiting[] = [];
    let count = 0;
    let bytes = 0;
    let length = 0;
    for (const write of begun) {
      count += write.count;
      bytes += write.bytes;
    }
    for (let next = this.#queue[0]; next; next = this.#queue[0]) {
      const isFirst = begun.length + writes.length === 0;
      if (!isFirst && length + next.payload.length > GROUP_BYTES_MAX) break;
      if (!isFirst && !this.#writePath.hasRoom(count + next.count, bytes + next.bytes)) break;
      // It waits no more from here on, whatever happens while room is made.
      this.#queue.shift();
      this.#queuedBytes -= next.payload.length;
      try {
        this.#store.context.health.refuseIfFailed();
        if (isFirst && next.count > 0) this.#writePath.makeRoom(next.count, next.bytes);
        next.decoded = this.#writePath.prepare(next.payload, next.count);
      } catch (error) {
        next.reject(error);
        continue;
      }
      writes.push(next);
      count += next.count;
      bytes += next.bytes;
      length += next.payload.length;
    }
    const payloads = writes.filter((write) => write.count > 0).map(({ payload }) => payload);
    const all = [...begun, ...writes];
    if (payloads.length === 0) return all;
    // Of a log that could not be written nothing can be made durable any more.
    return this.#attempt(all, () => this.#store.logs.appendAll(payloads)) ? all : [];
  }

  // Visible in the order of the calls; then everybody is told.
  #finish(writes: readonly Waiting[]): void {
    if (writes.length === 0) return;
    const published = this.#attempt(writes, () => {
      for (const { decoded } of writes) this.#writePath.publish(decoded!);
    });
    if (!published) return;
    this.#writePath.noteWritten(writes);
    for (const { resolve } of writes) resolve();
  }

  // What stands in the log and was refused must not come back: a failure that is not for good asks for resume().
  #makeDurable(writes: readonly Waiting[], action: () => void): boolean {
    return this.#attempt(writes, () => this.#store.context.health.orFail(action));
  }

  /** False if it failed: then all of them are rejected. */
  #attempt(writes: readonly Waiting[], action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      rejectAll(writes, error);
      return false;
    }
  }
}

function rejectAll(writes: readonly Waiting[], error: unknown): void {
  for (const { reject } of writes) reject(error);
}

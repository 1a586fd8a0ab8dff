import { assert } from "../common/assert.ts";
import { EMPTY } from "../common/bytes.ts";
import type { KeyOrder } from "../common/comparator.ts";
import { Memtable } from "../memtable/memtable.ts";
import { Lease, MemtableMemory, type MemtableHold } from "./memtable-memory.ts";
import type { ResolvedOptions } from "./options.ts";

/** A memtable and the first log that holds any of it: recovery needs the logs from there on until it is flushed. */
export interface LoggedMemtable {
  readonly memtable: Memtable;
  readonly logNumber: number;
}

interface Leased extends LoggedMemtable {
  readonly lease: Lease;
}

/**
 * The memtable written to, and those that wait for their flush, oldest first.
 *
 * Invariant: of two memtables the older holds only smaller sequence numbers.
 */
export class Memtables {
  readonly #order: KeyOrder;
  readonly #capacity: number;
  readonly #memory: MemtableMemory;
  #active: Leased;
  #waiting: Leased[] = [];
  // Asked for by every read, changed by few writes: undefined after a change.
  #newestFirst: readonly Memtable[] | undefined;
  #made = 0;

  constructor(
    order: KeyOrder,
    { writeBufferSize, maxWriteBufferNumber }: Pick<ResolvedOptions, "writeBufferSize" | "maxWriteBufferNumber">,
    logNumber: number,
  ) {
    this.#order = order;
    this.#capacity = writeBufferSize;
    // Even where none may wait there are two at the moment of the rotation.
    this.#memory = new MemtableMemory(writeBufferSize, Math.max(2, maxWriteBufferNumber));
    this.#active = leased(this.#make(writeBufferSize, EMPTY), logNumber);
  }

  get active(): Memtable {
    return this.#active.memtable;
  }

  /** Full ones, oldest first. */
  get waiting(): readonly LoggedMemtable[] {
    return this.#waiting;
  }

  /** Newest first: the order in which reads ask them. */
  newestFirst(): readonly Memtable[] {
    return (this.#newestFirst ??= [this.#active, ...this.#waiting.toReversed()].map(({ memtable }) => memtable));
  }

  get bytes(): number {
    return this.#waiting.reduce((sum, { memtable }) => sum + memtable.bytesUsed, this.active.bytesUsed);
  }

  /** Keeps what can be read of them now readable, also when they are flushed, until the hold is released. */
  hold(): MemtableHold {
    const leases: Lease[] = [];
    // What comes into an empty one from now on is nothing that the holder is to read.
    for (const { memtable, lease } of [this.#active, ...this.#waiting]) if (memtable.entries > 0) leases.push(lease);
    return this.#memory.hold(leases);
  }

  /** The same for one of those that wait. */
  holdWaiting(memtable: Memtable): MemtableHold {
    const found = this.#waiting.find((waiting) => waiting.memtable === memtable);
    assert(found !== undefined, "a memtable that is flushed waits");
    return this.#memory.hold([found.lease]);
  }

  /** Reserves the next memtable, large enough for a batch; nothing changes yet, so this may fail. */
  prepare(entries: number, keyAndValueBytes: number): Memtable {
    return this.#make(Math.max(this.#capacity, Memtable.bytesFor(entries, keyAndValueBytes)));
  }

  /** The active memtable waits for its flush; `next` takes its place, and `logNumber` is the first log with any of it. */
  rotate(next: Memtable, logNumber: number): void {
    assert(this.active.entries > 0, "an empty memtable is never flushed");
    this.#waiting.push(this.#active);
    this.#active = leased(next, logNumber);
    this.#newestFirst = undefined;
  }

  /** An empty active memtable gives way to a larger one, or to one of another log. */
  replaceEmpty(next: Memtable, logNumber: number = this.#active.logNumber): void {
    assert(this.active.entries === 0, "a memtable with entries is flushed, not replaced");
    this.#memory.letGo(this.#active.lease);
    this.#active = leased(next, logNumber);
    this.#newestFirst = undefined;
  }

  /** The log that recovery has to start from once the oldest waiting memtable is flushed. */
  logNumberAfterFlush(): number {
    return this.#waiting[1]?.logNumber ?? this.#active.logNumber;
  }

  /** Everything is in tables; writes go on with an empty memtable. */
  flushedAll(logNumber: number): void {
    const next = leased(this.#make(this.#capacity), logNumber);
    for (const { lease } of [...this.#waiting, this.#active]) this.#memory.letGo(lease);
    this.#waiting = [];
    this.#active = next;
    this.#newestFirst = undefined;
  }

  /** The oldest was flushed. */
  dropOldest(): void {
    const oldest = this.#waiting.shift();
    assert(oldest !== undefined, "what was flushed has waited");
    this.#memory.letGo(oldest.lease);
    this.#newestFirst = undefined;
  }

  /** The store closes: memory that serves no memtable is given up. */
  close(): void {
    this.#memory.close();
  }

  // The keys to come mostly begin as those did that came last.
  #make(capacity: number, prefix: Uint8Array = this.active.commonPrefix): Memtable {
    // The heights of the towers shape memory alone, never bytes on disk; a counted seed keeps them the same in every run.
    return this.#memory.make({ order: this.#order, capacity, seed: ++this.#made, prefix });
  }
}

function leased(memtable: Memtable, logNumber: number): Leased {
  return { memtable, logNumber, lease: new Lease(memtable) };
}

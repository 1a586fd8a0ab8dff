import { assert } from "../common/assert.ts";
import { EMPTY } from "../common/bytes.ts";
import type { KeyOrder } from "../common/comparator.ts";
import { Memtable } from "../memtable/memtable.ts";

/** A memtable and the first log that holds any of it: recovery needs the logs from there on until it is flushed. */
export interface LoggedMemtable {
  readonly memtable: Memtable;
  readonly logNumber: number;
}

/**
 * The memtable written to, and those that wait for their flush, oldest first.
 *
 * Invariant: of two memtables the older holds only smaller sequence numbers.
 */
export class Memtables {
  readonly #order: KeyOrder;
  readonly #capacity: number;
  #active: LoggedMemtable;
  #waiting: LoggedMemtable[] = [];
  // Asked for by every read, changed by few writes: undefined after a change.
  #newestFirst: readonly Memtable[] | undefined;
  #made = 0;

  constructor(order: KeyOrder, capacity: number, logNumber: number) {
    this.#order = order;
    this.#capacity = capacity;
    this.#active = { memtable: this.#make(capacity, EMPTY), logNumber };
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

  /** Reserves the next memtable, large enough for a batch; nothing changes yet, so this may fail. */
  prepare(entries: number, keyAndValueBytes: number): Memtable {
    return this.#make(Math.max(this.#capacity, Memtable.bytesFor(entries, keyAndValueBytes)));
  }

  /** The active memtable waits for its flush; `next` takes its place, and `logNumber` is the first log with any of it. */
  rotate(next: Memtable, logNumber: number): void {
    assert(this.active.entries > 0, "an empty memtable is never flushed");
    this.#waiting.push(this.#active);
    this.#active = { memtable: next, logNumber };
    this.#newestFirst = undefined;
  }

  /** An empty active memtable gives way to a larger one, or to one of another log. */
  replaceEmpty(next: Memtable, logNumber: number = this.#active.logNumber): void {
    assert(this.active.entries === 0, "a memtable with entries is flushed, not replaced");
    this.#active = { memtable: next, logNumber };
    this.#newestFirst = undefined;
  }

  /** The log that recovery has to start from once the oldest waiting memtable is flushed. */
  logNumberAfterFlush(): number {
    return this.#waiting[1]?.logNumber ?? this.#active.logNumber;
  }

  /** Everything is in tables; writes go on with an empty memtable. */
  flushedAll(logNumber: number): void {
    this.#waiting = [];
    this.#active = { memtable: this.#make(this.#capacity), logNumber };
    this.#newestFirst = undefined;
  }

  /** The oldest was flushed. */
  dropOldest(): void {
    this.#waiting.shift();
    this.#newestFirst = undefined;
  }

  // The keys to come mostly begin as those did that came last.
  #make(capacity: number, prefix: Uint8Array = this.active.commonPrefix): Memtable {
    // The heights of the towers shape memory alone, never bytes on disk; a counted seed keeps them the same in every run.
    return new Memtable({ order: this.#order, capacity, seed: ++this.#made, prefix });
  }
}

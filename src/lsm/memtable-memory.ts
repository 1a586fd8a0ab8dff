// The memory of memtables, used again.
//
// V8 does not count shared memory when it decides whether to collect, and what a thread was told of lives until that
// thread collects too: dropped memtables would stay resident for long. Memory that has served serves the next memtable,
// whose pages are then there already.
//
// Invariant: memory goes to another memtable only when nobody can read the last one any more. Who can, and until when:
//
//   the store, as active or waiting     until it lets go of the memtable, behind the commit of its flush
//   a cursor or iteration               until it is closed (a hold)
//   the worker thread                   until it has said how the job ended, or says `ended` of one that was abandoned;
//                                       an order that it has not begun is withdrawn, and then it reads nothing (a hold)
//   a lost thread                       for ever: it may be in the middle of anything (spoilt)
//   a caller who was given a view       until the cursor's next move; if there was none, for ever (spoilt)
//
// A search runs to its end before anything else happens in its thread; a comparator, which is called in its middle, may not
// write. A reader who is forgotten here reads
// another memtable's entries and does not notice; Memtable.isAlive is for the places that can afford to ask.

import { assert } from "../common/assert.ts";
import { Memtable, type MemtableOptions } from "../memtable/memtable.ts";

/** The memory of one memtable. */
export class Lease {
  /** Undefined once it is left to the collector. */
  memory: SharedArrayBuffer | undefined;
  holds = 0;
  /** The store does not read it any more. */
  isLetGo = false;
  isSpoilt = false;

  constructor(memtable: Memtable) {
    this.memory = memtable.frozenBuffer;
  }
}

/** Keeps the memory of memtables from serving others. */
export interface MemtableHold {
  /** Twice is nothing. */
  release(): void;
  /** What is held here, or only what lies in `memory`, never serves again. */
  spoil(memory?: ArrayBufferLike): void;
}

/** For memtables that serve until their store is closed. */
export const FOR_GOOD: MemtableHold = { release: () => undefined, spoil: () => undefined };

interface Free {
  readonly memory: SharedArrayBuffer;
  /** Memtables made since it became free. */
  passed: number;
}

/** Memory that so many memtables in a row had no use for goes: the store's needs have shrunk. */
const PASSED_MOST = 8;

/** Up to here the memory of an oversized memtable is a power of two, so that it fits others: pages unused cost nothing. */
const ROUNDED_MOST: number = 1 << 30;

/** What one store has to give its memtables. */
export class MemtableMemory {
  readonly #usualSize: number;
  readonly #most: number;
  #free: Free[] = [];
  /** Let go by the store and held by others, oldest first; a hold that is never released costs no more than `most`. */
  #held: Lease[] = [];

  /** `capacity` is that of most memtables, `most` how many there may be at once. */
  constructor(capacity: number, most: number) {
    this.#usualSize = Memtable.memoryFor(capacity);
    this.#most = most;
  }

  /** Bytes that are free for the next memtables, and bytes that will be when they are not held any more. */
  get bytes(): { readonly free: number; readonly held: number } {
    return {
      free: this.#free.reduce((sum, { memory }) => sum + memory.byteLength, 0),
      held: this.#held.reduce((sum, { memory }) => sum + (memory?.byteLength ?? 0), 0),
    };
  }

  /** An empty memtable. Throws INVALID_ARGUMENT if its memory cannot be reserved. */
  make(options: MemtableOptions): Memtable {
    const size = this.#sizeFor(options.capacity);
    const found = this.#free.findLast(({ memory }) => memory.byteLength === size);
    for (const free of this.#free) free.passed++;
    this.#free = this.#free.filter((free) => free !== found && free.passed <= PASSED_MOST);
    return Memtable.make(options, found?.memory ?? size);
  }

  hold(leases: readonly Lease[]): MemtableHold {
    let held = leases;
    for (const lease of held) lease.holds++;
    return {
      release: () => {
        const releasing = held;
        held = [];
        for (const lease of releasing) this.#release(lease);
      },
      spoil: (memory) => {
        for (const lease of held) if (memory === undefined || lease.memory === memory) lease.isSpoilt = true;
      },
    };
  }

  /** The store itself does not read the memtable any more. */
  letGo(lease: Lease): void {
    assert(!lease.isLetGo, "a memtable is let go of once");
    lease.isLetGo = true;
    if (lease.holds === 0) this.#end(lease);
    else if (this.#held.push(lease) > this.#most) this.#held.shift()!.memory = undefined;
  }

  /** Gives everything to the collector. */
  close(): void {
    for (const lease of this.#held) lease.memory = undefined;
    this.#held = [];
    this.#free = [];
  }

  #release(lease: Lease): void {
    if (--lease.holds > 0 || !lease.isLetGo) return;
    this.#held = this.#held.filter((other) => other !== lease);
    this.#end(lease);
  }

  #end(lease: Lease): void {
    const { memory, isSpoilt } = lease;
    lease.memory = undefined;
    if (!memory || isSpoilt) return;
    this.#free.push({ memory, passed: 0 });
    if (this.#free.length > this.#most) this.#free.shift();
  }

  #sizeFor(capacity: number): number {
    const size = Memtable.memoryFor(capacity);
    return size <= this.#usualSize || size > ROUNDED_MOST
      ? Math.max(size, this.#usualSize)
      : 2 ** Math.ceil(Math.log2(size));
  }
}

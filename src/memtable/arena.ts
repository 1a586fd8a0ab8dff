// The memory of a memtable: one SharedArrayBuffer, reserved whole and never grown.
//
//   counters   Uint32Array   64 bytes: capacity, space in use, entries … (the slots below)
//   the rest   Int32Array    from its start up: the head node and the prefix, then the nodes of the skip list with towers and
//                            keys, densely packed; offsets instead of pointers
//              Uint8Array    from its end down: the values
//
// Values stand apart because a search reads many nodes and no value: dense nodes share cache lines and pages. The two grow
// towards each other. What counts against the capacity is one sum, `USED`; as long as it stays within the capacity, they
// do not meet. Pages that are never touched cost nothing.
//
// Space is never given back, but the whole may serve another memtable, when nobody reads this one any more: then all that
// is wiped is the counters and the head of the list. Nothing may therefore count on a zero that it has not written.
//
// All counters are changed with Atomics alone, so any number of threads may claim at once, and no two get the same place.

import { assert } from "../common/assert.ts";
import { invalidArgument } from "../common/errors.ts";

// The slots of `counters`.
const MAGIC = 0;
const CAPACITY = 1;
/** Bytes claimed in both parts together. */
const USED = 2;
/** The next free word. */
const WORDS_END = 3;
/** The sum of the lengths of all values. */
const VALUE_BYTES = 4;
/** Levels of the skip list in use, from 1 on. */
export const HEIGHT = 5;
export const ENTRIES = 6;
export const DELETES = 7;
/** The node with the least and the greatest sequence number; 0 while there is none. */
export const LEAST = 8;
export const GREATEST = 9;
/** The sum of the lengths of all keys. */
export const KEY_BYTES = 10;
/** How many memtables this memory served before this one. */
const LIFE = 11;
/** Where the prefix stands among the words, in bytes, and its length. */
const PREFIX_START = 12;
const PREFIX_LENGTH = 13;

/** A longer common prefix costs each insertion more than it spares. */
export const PREFIX_BYTES_MAX = 64;

/** Sixteen slots, one cache line. */
const COUNTERS_BYTES = 64;

/** "TKVm": a buffer that is something else is noticed when it is attached. */
const MAGIC_NUMBER = 0x6d_56_4b_54;

/** All offsets and counters are u32, and a typed array on Node 20 has at most 2^32 elements: 4 GiB less a page. */
const CAPACITY_MAX = 2 ** 32 - 4096;

/**
 * Invariants: `USED` = 4 × words claimed (the head node's not counted) + bytes claimed, and it never exceeds the capacity;
 * behind the counters there is room for the head node and the capacity.
 */
export class Arena {
  /**
   * False while only the thread that made this arena inserts, so that plain loads see all there is. No other thread can
   * insert before this one has asked for `buffer`.
   */
  isShared: boolean;
  readonly capacity: number;
  readonly counters: Uint32Array;
  readonly words: Int32Array;
  /** The same memory as `words`. */
  readonly bytes: Uint8Array;
  /** What most keys are expected to begin with: what their heads leave out (skip-list.ts). A copy. */
  readonly prefix: Uint8Array;
  readonly #buffer: SharedArrayBuffer;
  readonly #life: number;

  /** The arena that lies in `buffer`, which Arena.reserve made in this thread or another. */
  constructor(buffer: SharedArrayBuffer, isShared = true) {
    this.#buffer = buffer;
    this.isShared = isShared;
    this.counters = new Uint32Array(buffer, 0, COUNTERS_BYTES / 4);
    assert(Atomics.load(this.counters, MAGIC) === MAGIC_NUMBER, "the buffer is a memtable");
    this.capacity = Atomics.load(this.counters, CAPACITY);
    this.#life = Atomics.load(this.counters, LIFE);
    const words = Math.floor((buffer.byteLength - COUNTERS_BYTES) / 4);
    this.words = new Int32Array(buffer, COUNTERS_BYTES, words);
    this.bytes = new Uint8Array(buffer, COUNTERS_BYTES, words * 4);
    const start = this.counters[PREFIX_START]!;
    this.prefix = new Uint8Array(this.bytes.subarray(start, start + this.counters[PREFIX_LENGTH]!));
  }

  /**
   * Reserves an arena for `capacity` bytes of nodes, keys and values, in new memory of `memory` bytes, or in `memory`
   * itself, which is an arena that nobody reads any more. Its first `headWords` words, zero, belong to the caller and do
   * not count, nor does the prefix, of PREFIX_BYTES_MAX at most. Throws INVALID_ARGUMENT if there cannot be so much memory.
   */
  static reserve(
    capacity: number,
    headWords: number,
    prefix: Uint8Array,
    memory: SharedArrayBuffer | number = Arena.memoryFor(capacity, headWords),
  ): Arena {
    assert(prefix.length <= PREFIX_BYTES_MAX, "the prefix has its place");
    const isNew = typeof memory === "number";
    const buffer = isNew ? allocate(memory) : memory;
    assert(buffer.byteLength >= Arena.memoryFor(capacity, headWords), "the memory has room for the capacity");
    const counters = new Uint32Array(buffer, 0, COUNTERS_BYTES / 4);
    if (!isNew) wipe(buffer, counters, headWords);
    Atomics.store(counters, CAPACITY, capacity);
    Atomics.store(counters, WORDS_END, headWords + Math.ceil(prefix.length / 4));
    Atomics.store(counters, PREFIX_START, headWords * 4);
    Atomics.store(counters, PREFIX_LENGTH, prefix.length);
    new Uint8Array(buffer, COUNTERS_BYTES + headWords * 4, prefix.length).set(prefix);
    Atomics.store(counters, HEIGHT, 1);
    Atomics.store(counters, MAGIC, MAGIC_NUMBER);
    return new Arena(buffer, false);
  }

  /** Bytes of memory for an arena. Throws INVALID_ARGUMENT for a capacity that no arena can have. */
  static memoryFor(capacity: number, headWords: number): number {
    if (!Number.isSafeInteger(capacity) || capacity < 0 || capacity > CAPACITY_MAX)
      throw invalidArgument(`a memtable's capacity is 0 to ${CAPACITY_MAX} bytes, not ${capacity}`);
    return COUNTERS_BYTES + (headWords + Math.ceil(capacity / 4)) * 4 + PREFIX_BYTES_MAX;
  }

  /** False when the memory serves another memtable by now: whoever reads has what is not his. */
  get isAlive(): boolean {
    return Atomics.load(this.counters, LIFE) === this.#life;
  }

  /** The memory, for views in this thread. */
  get memory(): SharedArrayBuffer {
    return this.#buffer;
  }

  /** The memory, for other threads; from now on it counts as shared. */
  get buffer(): SharedArrayBuffer {
    this.isShared = true;
    return this.#buffer;
  }

  /** The memory, for threads that only read it, when nothing is inserted any more: then plain loads still see all. */
  get frozenBuffer(): SharedArrayBuffer {
    return this.#buffer;
  }

  /** Bytes that count against the capacity. */
  get used(): number {
    return Atomics.load(this.counters, USED);
  }

  /** The sum of the lengths of all keys and values. */
  get dataBytes(): number {
    return Atomics.load(this.counters, KEY_BYTES) + Atomics.load(this.counters, VALUE_BYTES);
  }

  /** Counts `words` words and `bytes` bytes as used; false, and nothing changed, if they do not fit. */
  admit(words: number, bytes: number): boolean {
    const counters = this.counters;
    const size = words * 4 + bytes;
    let used = Atomics.load(counters, USED);
    for (;;) {
      if (used + size > this.capacity) return false;
      const before = Atomics.compareExchange(counters, USED, used, used + size);
      if (before === used) return true;
      used = before;
    }
  }

  /** The offset of `count` words nobody else has; they must have been admitted. */
  claimWords(count: number): number {
    return Atomics.add(this.counters, WORDS_END, count);
  }

  /** The offset of `count` bytes nobody else has; they must have been admitted. */
  claimBytes(count: number): number {
    return this.bytes.length - Atomics.add(this.counters, VALUE_BYTES, count) - count;
  }
}

// A thread that was told of the last memtable, and is to do nothing any more, may still attach to it: what an arena is
// known by stays.
function wipe(memory: SharedArrayBuffer, counters: Uint32Array, headWords: number): void {
  assert(Atomics.load(counters, MAGIC) === MAGIC_NUMBER, "the memory was a memtable's");
  Atomics.add(counters, LIFE, 1);
  for (let slot = 0; slot < counters.length; slot++) {
    if (slot !== MAGIC && slot !== LIFE && slot !== CAPACITY) Atomics.store(counters, slot, 0);
  }
  new Int32Array(memory, COUNTERS_BYTES, headWords).fill(0);
}

function allocate(size: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(size);
  } catch (error) {
    throw invalidArgument(`no memory for a memtable of ${size} bytes`, error);
  }
}

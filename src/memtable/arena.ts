// The memory of a memtable: one SharedArrayBuffer, reserved whole and never grown, in three parts.
//
//   counters   Uint32Array   64 bytes: capacity, space in use, entries … (the slots below)
//   words      Int32Array    the head node and the prefix, then the nodes of the skip list with towers and keys, densely
//                            packed; offsets instead of pointers
//   bytes      Uint8Array    the values
//
// Values stand apart because a search reads many nodes and no value: dense nodes share cache lines and pages.
//
// Either part could be the one that fills up (long values, or nothing but tombstones of the empty key), so each is given
// the full capacity. That is only address space: pages that are never touched cost nothing. What counts against the
// capacity is one sum, `USED`; as long as it stays within the capacity, neither part can overflow.
//
// Space is never given back. All counters are changed with Atomics alone, so any number of threads may claim at once,
// and no two get the same place.

import { assert } from "../common/assert.ts";
import { invalidArgument } from "../common/errors.ts";

// The slots of `counters`.
const MAGIC = 0;
const CAPACITY = 1;
/** Bytes claimed in both parts together. */
const USED = 2;
/** The next free word. */
const WORDS_END = 3;
/** The next free byte; nothing but values is stored among the bytes, so it is also the sum of their lengths. */
const BYTES_END = 4;
/** Levels of the skip list in use, from 1 on. */
export const HEIGHT = 5;
export const ENTRIES = 6;
export const DELETES = 7;
/** The node with the least and the greatest sequence number; 0 while there is none. */
export const LEAST = 8;
export const GREATEST = 9;
/** The sum of the lengths of all keys. */
export const KEY_BYTES = 10;
/** Where the prefix stands among the words, in bytes, and its length. */
const PREFIX_START = 11;
const PREFIX_LENGTH = 12;

/** Sixteen slots, one cache line. */
const COUNTERS_BYTES = 64;

/** "TKVm": a buffer that is something else is noticed when it is attached. */
const MAGIC_NUMBER = 0x6d_56_4b_54;

/** All offsets and counters are u32, and a typed array on Node 20 has at most 2^32 elements: 4 GiB less a page. */
const CAPACITY_MAX = 2 ** 32 - 4096;

/** Invariant: `USED` = 4 × words claimed (the head node's not counted) + bytes claimed, and it never exceeds the capacity. */
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
  readonly wordBytes: Uint8Array;
  readonly bytes: Uint8Array;
  /** What most keys are expected to begin with: what their heads leave out (skip-list.ts). A copy. */
  readonly prefix: Uint8Array;
  readonly #buffer: SharedArrayBuffer;

  /** The arena that lies in `buffer`, which Arena.reserve made in this thread or another. */
  constructor(buffer: SharedArrayBuffer, isShared = true) {
    this.#buffer = buffer;
    this.isShared = isShared;
    this.counters = new Uint32Array(buffer, 0, COUNTERS_BYTES / 4);
    assert(Atomics.load(this.counters, MAGIC) === MAGIC_NUMBER, "the buffer is a memtable");
    this.capacity = Atomics.load(this.counters, CAPACITY);
    const wordsBytes = buffer.byteLength - COUNTERS_BYTES - this.capacity;
    this.words = new Int32Array(buffer, COUNTERS_BYTES, wordsBytes / 4);
    this.wordBytes = new Uint8Array(buffer, COUNTERS_BYTES, wordsBytes);
    this.bytes = new Uint8Array(buffer, COUNTERS_BYTES + wordsBytes, this.capacity);
    const start = this.counters[PREFIX_START]!;
    this.prefix = new Uint8Array(this.wordBytes.subarray(start, start + this.counters[PREFIX_LENGTH]!));
  }

  /**
   * Reserves an arena for `capacity` bytes of nodes, keys and values. Its first `headWords` words, zero, belong to the
   * caller and do not count, nor does the prefix. Throws INVALID_ARGUMENT if there cannot be so much memory.
   */
  static reserve(capacity: number, headWords: number, prefix: Uint8Array): Arena {
    if (!Number.isSafeInteger(capacity) || capacity < 0 || capacity > CAPACITY_MAX)
      throw invalidArgument(`a memtable's capacity is 0 to ${CAPACITY_MAX} bytes, not ${capacity}`);
    const firstWord = headWords + Math.ceil(prefix.length / 4);
    const wordsBytes = (firstWord + Math.ceil(capacity / 4)) * 4;
    const buffer = allocate(COUNTERS_BYTES + wordsBytes + capacity);
    const counters = new Uint32Array(buffer, 0, COUNTERS_BYTES / 4);
    Atomics.store(counters, CAPACITY, capacity);
    Atomics.store(counters, WORDS_END, firstWord);
    Atomics.store(counters, PREFIX_START, headWords * 4);
    Atomics.store(counters, PREFIX_LENGTH, prefix.length);
    new Uint8Array(buffer, COUNTERS_BYTES + headWords * 4, prefix.length).set(prefix);
    Atomics.store(counters, HEIGHT, 1);
    Atomics.store(counters, MAGIC, MAGIC_NUMBER);
    return new Arena(buffer, false);
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
    return Atomics.load(this.counters, KEY_BYTES) + Atomics.load(this.counters, BYTES_END);
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
    return Atomics.add(this.counters, BYTES_END, count);
  }
}

function allocate(size: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(size);
  } catch (error) {
    throw invalidArgument(`no memory for a memtable of ${size} bytes`, error);
  }
}

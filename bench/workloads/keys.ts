// Keys and values as db_bench makes them: 16 decimal digits, and values that compress to about half.

import { Random } from "tinykv/harness";

export const KEY_BYTES = 16;
/** Keys have a number below this: the eight digits in front of it are always zero. */
export const KEY_COUNT_MAX = 100_000_000;

const DIGIT_GROUP = 10_000;
const ZERO = 0x30;

/** The four digits of 0 … 9999, as bytes in a row. */
const DIGITS = Uint8Array.from({ length: DIGIT_GROUP * 4 }, (_, at) => {
  const power = [1000, 100, 10, 1][at & 3]!;
  return ZERO + (Math.floor((at >> 2) / power) % 10);
});

/**
 * Makes keys in a ring of buffers, so that making one allocates nothing: a key is good until `size` more have been made.
 */
export class Keys {
  readonly #ring: readonly Buffer[];
  #next = 0;

  constructor(size: number, keyBytes: number = KEY_BYTES) {
    this.#ring = Array.from({ length: size }, () => Buffer.alloc(keyBytes, "0"));
  }

  at(index: number): Buffer {
    const key = this.#ring[this.#next]!;
    this.#next = this.#next + 1 === this.#ring.length ? 0 : this.#next + 1;
    const high = (index / DIGIT_GROUP) | 0;
    let from = high * 4;
    for (let to = 8; to < 12; to++) key[to] = DIGITS[from++]!;
    from = (index - high * DIGIT_GROUP) * 4;
    for (let to = 12; to < 16; to++) key[to] = DIGITS[from++]!;
    return key;
  }
}

/** Keys that nothing has, between those that there are: db_bench's, with a dot behind the digits. */
export class MissingKeys {
  readonly #keys = new Keys(1, KEY_BYTES + 1);

  at(index: number): Buffer {
    const key = this.#keys.at(index);
    key[KEY_BYTES] = 0x2e;
    return key;
  }
}

/** Values are cut from this many bytes, again and again. */
const POOL_BYTES = 1 << 20;
/** The pool is made of pieces whose second half repeats the first: what db_bench calls a ratio of 0.5. */
const PIECE_BYTES = 100;

/** Enough different values; each is an object that the collector visits. */
const VIEWS_MAX = 1 << 14;

/** Makes values of one length: views of a pool that never changes, so an engine may keep them. */
export class Values {
  readonly #views: readonly Buffer[];
  #next = 0;

  constructor(valueBytes: number, seed: string) {
    const pool = makePool(Math.max(POOL_BYTES, 4 * valueBytes), new Random(`${seed}:values`));
    const count = Math.min(VIEWS_MAX, Math.floor(pool.length / valueBytes));
    this.#views = Array.from({ length: count }, (_, i) => pool.subarray(i * valueBytes, (i + 1) * valueBytes));
  }

  next(): Buffer {
    this.#next = this.#next + 1 === this.#views.length ? 0 : this.#next + 1;
    return this.#views[this.#next]!;
  }
}

function makePool(bytes: number, random: Random): Buffer {
  const pool = Buffer.alloc(bytes);
  const half = PIECE_BYTES / 2;
  for (let piece = 0; piece < bytes; piece += PIECE_BYTES) {
    const end = Math.min(bytes, piece + PIECE_BYTES);
    for (let at = piece; at < end; at++) pool[at] = at < piece + half ? 0x20 + random.int(95) : pool[at - half]!;
  }
  return pool;
}

/** The numbers below `count`, each once, in an order that the seed gives. */
export function permutation(count: number, random: Random): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.int(i + 1);
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
  return order;
}

/** How many different numbers `draws` draws of a generator give. */
export function countDistinct(draws: number, below: number, draw: () => number): number {
  const seen = new Uint8Array(below);
  let distinct = 0;
  for (let i = 0; i < draws; i++) {
    const index = draw();
    if (seen[index] === 0) distinct++;
    seen[index] = 1;
  }
  return distinct;
}

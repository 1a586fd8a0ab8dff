import type { Key } from "./keys.ts";

/**
 * Keys per chunk at most: a splice of 512 strings costs about as much as the search for its chunk. Measured with random
 * inserts at 10^5 keys; 256 and 1024 are within a tenth of it.
 */
const CHUNK_KEYS_MAX = 512;

/**
 * A sorted set of keys: a list of sorted arrays of at most CHUNK_KEYS_MAX keys, split in the middle when full. Obviously
 * right is worth more here than fast; this is both, as a plain sorted array would not be at 10^6 keys.
 */
export class SortedKeys {
  readonly #chunks: Key[][] = [[]];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** `key` must not be in the set. */
  add(key: Key): void {
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at]!;
    chunk.splice(lowerBound(chunk, key), 0, key);
    this.#size++;
    if (chunk.length > CHUNK_KEYS_MAX) this.#chunks.splice(at + 1, 0, chunk.splice(chunk.length >>> 1));
  }

  /** `key` must be in the set. */
  remove(key: Key): void {
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at]!;
    chunk.splice(lowerBound(chunk, key), 1);
    this.#size--;
    if (chunk.length === 0 && this.#chunks.length > 1) this.#chunks.splice(at, 1);
  }

  /** The keys ≥ `from` in order; all of them without `from`. The set must not change meanwhile. */
  *ascending(from?: Key): Generator<Key> {
    let at = from === undefined ? 0 : this.#chunkOf(from);
    let i = from === undefined ? 0 : lowerBound(this.#chunks[at]!, from);
    for (; at < this.#chunks.length; at++, i = 0) {
      const chunk = this.#chunks[at]!;
      for (; i < chunk.length; i++) yield chunk[i]!;
    }
  }

  /** The keys ≤ `from`, the greatest first; all of them without `from`. The set must not change meanwhile. */
  *descending(from?: Key): Generator<Key> {
    let at = from === undefined ? this.#chunks.length - 1 : this.#chunkOf(from);
    let chunk = this.#chunks[at]!;
    let i = chunk.length - 1;
    if (from !== undefined) {
      i = lowerBound(chunk, from);
      if (i === chunk.length || chunk[i]! > from) i--;
    }
    for (;;) {
      for (; i >= 0; i--) yield chunk[i]!;
      if (--at < 0) return;
      chunk = this.#chunks[at]!;
      i = chunk.length - 1;
    }
  }

  // The last chunk whose first key is ≤ key, or the first chunk.
  #chunkOf(key: Key): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#chunks[middle]![0]! <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

// The first place whose key is ≥ key.
function lowerBound(chunk: readonly Key[], key: Key): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (chunk[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

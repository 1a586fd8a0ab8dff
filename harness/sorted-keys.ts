import type { Key } from "./keys.ts";

/**
 * Items per chunk at most: a splice of 512 pointers costs about as much as the search for its chunk. Measured with random
 * inserts at 10^5 keys; 256 and 1024 are within a tenth of it.
 */
const CHUNK_ITEMS_MAX = 512;

interface Keyed {
  readonly key: Key;
}

/** A place in the chunks: before the item `at` of the chunk. */
interface Place {
  readonly chunk: number;
  readonly at: number;
}

/**
 * A set of items sorted by their keys: a list of sorted arrays of at most CHUNK_ITEMS_MAX items, split in the middle when
 * full. Obviously right is worth more here than fast; this is both, as a plain sorted array would not be at 10^6 keys.
 */
export class SortedKeys<Item extends Keyed> {
  readonly #chunks: Item[][] = [[]];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** No item of its key may be in the set. */
  add(item: Item): void {
    const at = this.#chunkOf(item.key);
    const chunk = this.#chunks[at]!;
    chunk.splice(lowerBound(chunk, item.key), 0, item);
    this.#size++;
    if (chunk.length > CHUNK_ITEMS_MAX) this.#chunks.splice(at + 1, 0, chunk.splice(chunk.length >>> 1));
  }

  /** `key` must be in the set. */
  remove(key: Key): void {
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at]!;
    chunk.splice(lowerBound(chunk, key), 1);
    this.#size--;
    if (chunk.length === 0 && this.#chunks.length > 1) this.#chunks.splice(at, 1);
  }

  /** The items whose keys are in [from, to), open where a bound is absent. The set must not change while it is walked. */
  walk(from: Key | undefined, to: Key | undefined, reverse = false): Walk<Item> {
    const first = from === undefined ? { chunk: 0, at: 0 } : this.#placeOf(from);
    const isEmpty = from !== undefined && to !== undefined && from >= to;
    const end = isEmpty ? first : to === undefined ? this.#end() : this.#placeOf(to);
    return new Walk(this.#chunks, first, end, reverse);
  }

  // Before the first item whose key is ≥ key.
  #placeOf(key: Key): Place {
    const chunk = this.#chunkOf(key);
    return { chunk, at: lowerBound(this.#chunks[chunk]!, key) };
  }

  #end(): Place {
    const chunk = this.#chunks.length - 1;
    return { chunk, at: this.#chunks[chunk]!.length };
  }

  // The last chunk whose first key is ≤ key, or the first chunk.
  #chunkOf(key: Key): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#chunks[middle]![0]!.key <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** A way through a range of items, up or down. */
export class Walk<Item> {
  readonly #chunks: readonly (readonly Item[])[];
  readonly #first: Place;
  readonly #end: Place;
  readonly #reverse: boolean;
  #chunk: number;
  // Of the chunk #chunk: items[#low .. #high] are still to come.
  #items: readonly Item[] = [];
  #low = 0;
  #high = 0;

  constructor(chunks: readonly (readonly Item[])[], first: Place, end: Place, reverse: boolean) {
    this.#chunks = chunks;
    this.#first = first;
    this.#end = end;
    this.#reverse = reverse;
    this.#chunk = reverse ? end.chunk : first.chunk;
    this.#enter();
  }

  /** The next item; undefined at the end of the range. */
  next(): Item | undefined {
    while (this.#low === this.#high) {
      if (this.#chunk === (this.#reverse ? this.#first : this.#end).chunk) return undefined;
      this.#chunk += this.#reverse ? -1 : 1;
      this.#enter();
    }
    return this.#items[this.#reverse ? --this.#high : this.#low++];
  }

  #enter(): void {
    this.#items = this.#chunks[this.#chunk]!;
    this.#low = this.#chunk === this.#first.chunk ? this.#first.at : 0;
    this.#high = this.#chunk === this.#end.chunk ? this.#end.at : this.#items.length;
  }
}

// The first place whose key is ≥ key.
function lowerBound(chunk: readonly Keyed[], key: Key): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (chunk[middle]!.key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

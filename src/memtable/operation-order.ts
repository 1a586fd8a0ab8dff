// The order of operations that lie somewhere in bytes: by key, and of one key by their index, both ascending.

import type { KeyOrder } from "../common/comparator.ts";
import { headOf } from "../common/key-heads.ts";

// The fields of an operation in a list of places.
export const KEY_START = 0;
export const KEY_END = 1;
export const VALUE_START = 2;
export const VALUE_END = 3;
export const FIELDS = 4;

/** A put may have an empty value; a delete has none, and this in its place. No position is negative. */
export const NO_VALUE = -1;

/** A head of 32 bits and an index below this fit a double exactly; more operations are sorted by comparisons. */
export const PACKED_MOST: number = 2 ** 20;

/** Where operations are: FIELDS elements each. A plain array for a single one: a typed array costs a call to make. */
export type Places = Int32Array | number[];

/** The indices of the first `count` operations of `places`, sorted. What a comparator throws passes through. */
export function sortOperations(bytes: Uint8Array, places: Places, count: number, order: KeyOrder): Uint32Array {
  const sorted = new Uint32Array(count);
  for (let i = 0; i < count; i++) sorted[i] = i;
  const sorter = new Sorter(bytes, places, order, sorted);
  if (!sorter.ascends()) {
    if (order.isBytewise && count <= PACKED_MOST) sorter.sortByHeads();
    else sorter.sortByKeys(0, count);
  }
  return sorted;
}

class Sorter {
  readonly #bytes: Uint8Array;
  readonly #places: Places;
  readonly #order: KeyOrder;
  readonly #sorted: Uint32Array;

  constructor(bytes: Uint8Array, places: Places, order: KeyOrder, sorted: Uint32Array) {
    this.#bytes = bytes;
    this.#places = places;
    this.#order = order;
    this.#sorted = sorted;
  }

  ascends(): boolean {
    for (let i = 1; i < this.#sorted.length; i++) if (this.#compareKeys(i - 1, i) > 0) return false;
    return true;
  }

  // The four bytes behind what all keys begin with, and the index, as one number each: those are sorted without a call
  // into JavaScript, and what has equal heads, mostly little, is sorted again by its keys.
  sortByHeads(): void {
    const places = this.#places;
    const sorted = this.#sorted;
    const prefix = this.#commonPrefix();
    const packed = new Float64Array(sorted.length);
    for (let i = 0; i < packed.length; i++) {
      const start = places[i * FIELDS + KEY_START]! + prefix;
      packed[i] = headOf(this.#bytes, start, places[i * FIELDS + KEY_END]!) * PACKED_MOST + i;
    }
    packed.sort();
    let runStart = 0;
    let runHead = -1;
    for (let i = 0; i < packed.length; i++) {
      const head = Math.floor(packed[i]! / PACKED_MOST);
      sorted[i] = packed[i]! - head * PACKED_MOST;
      if (head === runHead) continue;
      this.sortByKeys(runStart, i);
      runStart = i;
      runHead = head;
    }
    this.sortByKeys(runStart, packed.length);
  }

  sortByKeys(start: number, end: number): void {
    if (end - start < 2) return;
    this.#sorted.subarray(start, end).sort((a, b) => this.#compareKeys(a, b) || a - b);
  }

  /** How many bytes all keys begin with. */
  #commonPrefix(): number {
    const places = this.#places;
    const bytes = this.#bytes;
    const first = places[KEY_START]!;
    const end = this.#sorted.length * FIELDS;
    let prefix = places[KEY_END]! - first;
    for (let at = FIELDS; at < end && prefix > 0; at += FIELDS) {
      const start = places[at + KEY_START]!;
      const most = Math.min(prefix, places[at + KEY_END]! - start);
      prefix = 0;
      while (prefix < most && bytes[start + prefix] === bytes[first + prefix]) prefix++;
    }
    return prefix;
  }

  #compareKeys(a: number, b: number): number {
    const places = this.#places;
    const aStart = places[a * FIELDS + KEY_START]!;
    const aEnd = places[a * FIELDS + KEY_END]!;
    const bStart = places[b * FIELDS + KEY_START]!;
    const bEnd = places[b * FIELDS + KEY_END]!;
    return this.#order.compareRanges(this.#bytes, aStart, aEnd, this.#bytes, bStart, bEnd);
  }
}

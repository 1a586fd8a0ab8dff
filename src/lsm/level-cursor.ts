// One cursor over the tables of a level. They are sorted and disjoint, so the level is their concatenation: a seek finds
// its table by binary search over the bounds, and only that one is opened. One table's cursor is kept at a time: it holds
// blocks, and a level may have thousands of tables.

import { assert } from "../common/assert.ts";
import type { KeyOrder } from "../common/comparator.ts";
import type { InternalCursor } from "../common/cursor.ts";
import { compareVersions, KIND_MAX, type InternalKey, type Kind } from "../common/internal-key.ts";

export interface TableRange {
  readonly smallest: InternalKey;
  readonly largest: InternalKey;
}

/**
 * The entries of `tables`, which are in ascending order and do not overlap. `open` is called when a table is reached; it may
 * make the cursor of the last one, `spare`, that of this one.
 */
export class LevelCursor<T extends TableRange> implements InternalCursor {
  readonly #order: KeyOrder;
  readonly #tables: readonly T[];
  readonly #open: (table: T, spare?: InternalCursor) => InternalCursor;
  // The cursor of #tables[#at]; undefined while none is open.
  #cursor: InternalCursor | undefined;
  #at = -1;
  #valid = false;

  constructor(order: KeyOrder, tables: readonly T[], open: (table: T, spare?: InternalCursor) => InternalCursor) {
    this.#order = order;
    this.#tables = tables;
    this.#open = open;
  }

  get valid(): boolean {
    return this.#valid;
  }

  get key(): Uint8Array {
    return this.#current().key;
  }

  get sequence(): number {
    return this.#current().sequence;
  }

  get kind(): Kind {
    return this.#current().kind;
  }

  get value(): Uint8Array {
    return this.#current().value;
  }

  takeValue(): Buffer {
    return this.#current().takeValue();
  }

  first(): void {
    this.#valid = false;
    this.#firstFrom(0);
  }

  last(): void {
    this.#valid = false;
    this.#lastFrom(this.#tables.length - 1);
  }

  seek(key: Uint8Array, sequence: number): void {
    this.#valid = false;
    const at = firstEndingAtOrAfter(this.#order, this.#tables, key, sequence);
    if (at === this.#tables.length) return;
    const cursor = this.#table(at);
    cursor.seek(key, sequence);
    if (cursor.valid) this.#valid = true;
    else this.#firstFrom(at + 1);
  }

  seekForPrev(key: Uint8Array, sequence: number): void {
    this.#valid = false;
    const at = firstBeginningAfter(this.#order, this.#tables, key, sequence) - 1;
    if (at < 0) return;
    const cursor = this.#table(at);
    cursor.seekForPrev(key, sequence);
    if (cursor.valid) this.#valid = true;
    else this.#lastFrom(at - 1);
  }

  next(): void {
    if (!this.#valid) return;
    this.#valid = false;
    const cursor = this.#cursor!;
    cursor.next();
    if (cursor.valid) this.#valid = true;
    else this.#firstFrom(this.#at + 1);
  }

  prev(): void {
    if (!this.#valid) return;
    this.#valid = false;
    const cursor = this.#cursor!;
    cursor.prev();
    if (cursor.valid) this.#valid = true;
    else this.#lastFrom(this.#at - 1);
  }

  #current(): InternalCursor {
    assert(this.#valid, "an entry is read only while valid");
    return this.#cursor!;
  }

  #firstFrom(start: number): void {
    for (let at = start; at < this.#tables.length && !this.#valid; at++) {
      const cursor = this.#table(at);
      cursor.first();
      this.#valid = cursor.valid;
    }
  }

  #lastFrom(start: number): void {
    for (let at = start; at >= 0 && !this.#valid; at--) {
      const cursor = this.#table(at);
      cursor.last();
      this.#valid = cursor.valid;
    }
  }

  #table(at: number): InternalCursor {
    if (this.#cursor && this.#at === at) return this.#cursor;
    // Let go of first: when open throws, the next seek must not find the cursor of another table under this number.
    const spare = this.#cursor;
    this.#cursor = undefined;
    this.#at = at;
    this.#cursor = this.#open(this.#tables[at]!, spare);
    return this.#cursor;
  }
}

// The first table with an entry at or after (key, sequence, KIND_MAX).
function firstEndingAtOrAfter(
  order: KeyOrder,
  tables: readonly TableRange[],
  key: Uint8Array,
  sequence: number,
): number {
  let low = 0;
  let high = tables.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { largest } = tables[middle]!;
    const difference =
      order.compare(largest.key, key) || compareVersions(largest.sequence, largest.kind, sequence, KIND_MAX);
    if (difference < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

// The first table whose entries all come after (key, sequence, kind 0).
function firstBeginningAfter(
  order: KeyOrder,
  tables: readonly TableRange[],
  key: Uint8Array,
  sequence: number,
): number {
  let low = 0;
  let high = tables.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { smallest } = tables[middle]!;
    const difference =
      order.compare(smallest.key, key) || compareVersions(smallest.sequence, smallest.kind, sequence, 0);
    if (difference <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

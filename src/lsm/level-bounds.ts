// The bounds of the tables of one sorted level in flat columns: a read finds its table without visiting the objects of
// all those that a binary search passes, each of which would be several cache misses.

import type { KeyOrder } from "../common/comparator.ts";
import { commonPrefixLength, compareByteRanges, copyBytes, EMPTY } from "../common/bytes.ts";
import { wideHeadOf } from "../common/key-heads.ts";
import { endsBefore, type TableMeta } from "./table-meta.ts";

/** The tables of a level below 0, ascending and disjoint; under byte order. */
export class LevelBounds {
  readonly #order: KeyOrder;
  readonly #tables: readonly TableMeta[];
  /** All smallest and largest keys begin with these bytes. */
  readonly #prefix: Uint8Array;
  /** Of each table's smallest and largest key the six bytes behind the prefix: key-heads.ts. */
  readonly #smallest: Float64Array;
  readonly #largest: Float64Array;

  constructor(order: KeyOrder, tables: readonly TableMeta[]) {
    this.#order = order;
    this.#tables = tables;
    this.#prefix = commonPrefix(tables);
    const at = this.#prefix.length;
    this.#smallest = Float64Array.from(tables, ({ smallest: { key } }) => wideHeadOf(key, at, key.length));
    this.#largest = Float64Array.from(tables, ({ largest: { key } }) => wideHeadOf(key, at, key.length));
  }

  /** The one table whose bounds hold the user key. */
  tableFor(key: Uint8Array): TableMeta | undefined {
    const prefix = this.#prefix;
    const shared = key.length < prefix.length ? key.length : prefix.length;
    // A key without the prefix is before or behind all bounds.
    if (compareByteRanges(key, 0, shared, prefix, 0, prefix.length) !== 0) return undefined;
    const order = this.#order;
    const tables = this.#tables;
    const largest = this.#largest;
    const head = wideHeadOf(key, prefix.length, key.length);
    let low = 0;
    let high = largest.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const middleHead = largest[middle]!;
      if (middleHead < head || (middleHead === head && endsBefore(order, tables[middle]!, key))) low = middle + 1;
      else high = middle;
    }
    if (low === tables.length) return undefined;
    const table = tables[low]!;
    const smallest = this.#smallest[low]!;
    // The table's own key is looked at only where heads are equal: a cache miss or two.
    const begins = smallest < head || (smallest === head && order.compare(table.smallest.key, key) <= 0);
    return begins ? table : undefined;
  }
}

// Keys ascend from the first table's smallest to the last one's largest, so what these two share, all share.
function commonPrefix(tables: readonly TableMeta[]): Uint8Array {
  const first = tables[0]?.smallest.key;
  const last = tables.at(-1)?.largest.key;
  if (first === undefined || last === undefined) return EMPTY;
  return copyBytes(first.subarray(0, commonPrefixLength(first, last)));
}

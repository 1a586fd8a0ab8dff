import type { KeyOrder } from "../../common/comparator.ts";
import type { SalvageGap } from "../../sst/table-salvage.ts";

interface Interval {
  /** Keys behind this one; undefined: from the first on. */
  readonly after: Uint8Array | undefined;
  /** And not behind this one; undefined: to the last. */
  upTo: Uint8Array | undefined;
}

/** The keys that lie in gaps of a table; asking takes the logarithm of their number. */
export class GapSet {
  readonly #order: KeyOrder;
  /** Ascending and disjoint. */
  readonly #intervals: Interval[] = [];

  constructor(order: KeyOrder, gaps: readonly SalvageGap[]) {
    this.#order = order;
    const sorted = [...gaps].sort((a, b) => {
      if (!a.after || !b.after) return Number(a.after !== undefined) - Number(b.after !== undefined);
      return order.compare(a.after, b.after);
    });
    for (const { after, upTo } of sorted) {
      const last = this.#intervals.at(-1);
      const isApart = last?.upTo && after && order.compare(last.upTo, after) < 0;
      if (!last || isApart) this.#intervals.push({ after, upTo });
      else if (last.upTo && (!upTo || order.compare(last.upTo, upTo) < 0)) last.upTo = upTo;
    }
  }

  has(key: Uint8Array): boolean {
    let [low, high] = [0, this.#intervals.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { after } = this.#intervals[middle]!;
      if (!after || this.#order.compare(after, key) < 0) low = middle + 1;
      else high = middle;
    }
    const found = this.#intervals[low - 1];
    return found !== undefined && (!found.upTo || this.#order.compare(key, found.upTo) <= 0);
  }
}

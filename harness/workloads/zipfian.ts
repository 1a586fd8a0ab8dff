import type { Random } from "./random.ts";

/** The weight of the first rank; with up to 2^22 ranks the sum of 2^28 / rank stays below 2^32, what one draw can tell apart. */
const SCALE = 1 << 28;
/** Ranks with a weight of their own. Those behind them are drawn alike within a doubling: nobody can tell. */
const RANKS_EXACT_MAX = 1 << 16;
const RANKS_MAX = 1 << 22;

/**
 * Ranks from 0 to n - 1, rank r with a weight of 1 / (r + 1): Zipf's law with exponent 1, by a table of integers. (YCSB
 * takes 0.99 and Math.pow, whose last bit differs between versions of Node.)
 */
export class Zipfian {
  readonly #ends: Float64Array;
  readonly #starts: Float64Array;
  readonly #total: number;

  constructor(n: number) {
    const ranks = Math.max(1, Math.min(n, RANKS_MAX));
    const exact = Math.min(ranks, RANKS_EXACT_MAX);
    const ends: number[] = [];
    const starts: number[] = [];
    let total = 0;
    for (let rank = 0; rank < exact; rank++) {
      total += Math.floor(SCALE / (rank + 1));
      ends.push(total);
      starts.push(rank);
    }
    for (let start = exact; start < ranks; start *= 2) {
      const count = Math.min(start, ranks - start);
      total += Math.floor((SCALE / (start + (count >>> 1) + 1)) * count);
      ends.push(total);
      starts.push(start);
    }
    starts.push(ranks);
    this.#ends = Float64Array.from(ends);
    this.#starts = Float64Array.from(starts);
    this.#total = total;
  }

  draw(random: Random): number {
    const at = random.int(this.#total);
    let low = 0;
    let high = this.#ends.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ends[middle]! <= at) low = middle + 1;
      else high = middle;
    }
    const start = this.#starts[low]!;
    const count = this.#starts[low + 1]! - start;
    return count === 1 ? start : start + random.int(count);
  }
}

// A histogram of durations in logarithmic buckets, after HdrHistogram: each power of two is cut into 64 equal buckets, so
// a percentile is right to 1/64 of itself, from one nanosecond to a day, in constant memory and without sorting.
//
//   value        bucket
//   0 … 63       the value itself
//   2^e … 2^(e+1) - 1, e ≥ 6     64 × (e - 5) + the six bits below the leading one

/** Buckets in a power of two: percentiles are right to 1.6 %. */
const STEPS = 64;
const STEP_BITS = 6;
/** 2^47 ns are 39 hours; nothing measured here takes longer. */
const EXPONENT_MAX = 47;
const BUCKETS = STEPS * (EXPONENT_MAX - STEP_BITS + 2);
const TWO_TO_32 = 2 ** 32;

/** As it stands in a report: nanoseconds, and the buckets that are not empty as [least nanoseconds, count]. */
export interface HistogramReport {
  readonly count: number;
  readonly meanNanoseconds: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly buckets: readonly (readonly [number, number])[];
}

export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #sum = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  /** Fractions of a nanosecond are cut off; a clock that went back counts as 0. */
  add(nanoseconds: number): void {
    const value = nanoseconds > 0 ? Math.floor(nanoseconds) : 0;
    this.#counts[bucketOf(value)]!++;
    this.#count++;
    this.#sum += value;
    if (value > this.#max) this.#max = value;
  }

  /** The nearest-rank percentile, as the greatest value of its bucket, but never above the greatest value added. */
  percentile(share: number): number {
    const rank = Math.max(1, Math.ceil(this.#count * share));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= rank) return Math.min(this.#max, leastOf(bucket + 1) - 1);
    }
    return this.#max;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#count = 0;
    this.#sum = 0;
    this.#max = 0;
  }

  report(): HistogramReport {
    const buckets: [number, number][] = [];
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const count = this.#counts[bucket]!;
      if (count > 0) buckets.push([leastOf(bucket), count]);
    }
    return {
      count: this.#count,
      meanNanoseconds: this.#count === 0 ? 0 : this.#sum / this.#count,
      p50: this.percentile(0.5),
      p90: this.percentile(0.9),
      p99: this.percentile(0.99),
      p999: this.percentile(0.999),
      max: this.#max,
      buckets,
    };
  }
}

function bucketOf(value: number): number {
  if (value < STEPS) return value | 0;
  if (value < TWO_TO_32) {
    const shift = 31 - STEP_BITS - Math.clz32(value);
    return STEPS * shift + (value >>> shift);
  }
  // Beyond 32 bits a shift would cut the value off; a division by a power of two is exact.
  const exponent = Math.min(EXPONENT_MAX, 63 - Math.clz32(value / TWO_TO_32));
  const scaled = Math.floor(value / 2 ** (exponent - STEP_BITS));
  return Math.min(BUCKETS - 1, STEPS * (exponent - STEP_BITS) + scaled);
}

function leastOf(bucket: number): number {
  if (bucket < 2 * STEPS) return bucket;
  const exponent = Math.floor(bucket / STEPS) + STEP_BITS - 1;
  return (STEPS + (bucket % STEPS)) * 2 ** (exponent - STEP_BITS);
}

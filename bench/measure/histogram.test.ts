import fc from "fast-check";
import { expect, test } from "vitest";
import { Histogram } from "./histogram.ts";

const SHARES = [0.5, 0.9, 0.99, 0.999, 1];
/** Up to 2^46 ns, 19 hours, small values as likely as large ones. */
const durations = fc.array(
  fc
    .tuple(fc.nat({ max: 46 }), fc.nat({ max: 2 ** 31 - 1 }))
    .map(([bits, draw]) => Math.floor((draw / 2 ** 31) * 2 ** bits)),
  { minLength: 1, maxLength: 300 },
);

function exact(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(values.length * share)) - 1]!;
}

test("a percentile is at least the exact one, and at most a 64th above it", () => {
  fc.assert(
    fc.property(durations, (values) => {
      const histogram = new Histogram();
      for (const value of values) histogram.add(value);
      for (const share of SHARES) {
        const [found, truth] = [histogram.percentile(share), exact(values, share)];
        expect(found).toBeGreaterThanOrEqual(truth);
        expect(found).toBeLessThanOrEqual(truth + Math.floor(truth / 64));
      }
    }),
    { seed: 5, numRuns: 500 },
  );
});

test("every value is in the bucket whose bounds hold it, and the counts add up", () => {
  fc.assert(
    fc.property(durations, (values) => {
      const histogram = new Histogram();
      for (const value of values) histogram.add(value);
      const { buckets, count, max, meanNanoseconds } = histogram.report();
      expect(buckets.reduce((sum, [, n]) => sum + n, 0)).toBe(values.length);
      expect(count).toBe(values.length);
      expect(max).toBe(Math.max(...values));
      expect(meanNanoseconds).toBeCloseTo(values.reduce((a, b) => a + b, 0) / values.length, 3);
      for (const [index, [least, n]] of buckets.entries()) {
        const next = buckets[index + 1]?.[0] ?? Number.POSITIVE_INFINITY;
        expect(values.filter((value) => value >= least && value < next).length).toBe(n);
      }
    }),
    { seed: 6, numRuns: 200 },
  );
});

test("an empty histogram has no percentiles, and a cleared one is empty", () => {
  const histogram = new Histogram();
  histogram.add(12);
  histogram.clear();
  expect(histogram.report()).toEqual({
    count: 0,
    meanNanoseconds: 0,
    p50: 0,
    p90: 0,
    p99: 0,
    p999: 0,
    max: 0,
    buckets: [],
  });
});

test("a duration beyond the last bucket is counted there, with its true maximum", () => {
  const histogram = new Histogram();
  histogram.add(2 ** 52);
  expect(histogram.report()).toMatchObject({ count: 1, max: 2 ** 52 });
  expect(histogram.report().buckets.length).toBe(1);
});

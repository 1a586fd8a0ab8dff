import fc from "fast-check";
import { expect, test } from "vitest";
import { ReusedBytes } from "./reused-bytes.ts";

test("it holds what was set last, whatever was set before, and equals exactly that", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 8 }), (sources) => {
      const reused = new ReusedBytes();
      for (const source of sources) {
        const given = source.slice();
        reused.set(given);
        given.fill(0);
        expect(reused.view()).toEqual(source);
        expect(reused.equals(source)).toBe(true);
        expect(reused.equals(Uint8Array.of(...source, 0))).toBe(false);
        for (let i = 0; i < source.length; i++) {
          const other = source.slice();
          other[i]! ^= 1;
          expect(reused.equals(other)).toBe(false);
        }
      }
    }),
    { numRuns: 50 },
  );
});

test("a part of its own view can be set", () => {
  const source = Uint8Array.from({ length: 100 }, (_, i) => i);
  for (let start = 0; start <= 100; start++) {
    for (const end of [start, start + 10, 100].filter((end) => end <= 100)) {
      const reused = new ReusedBytes();
      reused.set(source);
      reused.set(reused.view().subarray(start, end));
      expect(reused.view()).toEqual(source.slice(start, end));
    }
  }
});

test("memory for a huge value is let go when a small one follows", () => {
  const reused = new ReusedBytes();
  reused.set(new Uint8Array(2 << 20));
  reused.set(Uint8Array.of(7));
  expect(reused.view()).toEqual(Uint8Array.of(7));
  expect(reused.view().buffer.byteLength).toBeLessThanOrEqual(1 << 20);
});

import { expect, test } from "vitest";
import { Prng } from "./prng.ts";

test("the sequence of a seed never changes: it is Marsaglia's xorshift32", () => {
  const prng = new Prng(1);
  expect([prng.next(), prng.next(), prng.next()]).toEqual([270369, 67634689, 2647435461]);
});

function draw(seed: number): number[] {
  const prng = new Prng(seed);
  return Array.from({ length: 8 }, () => prng.next());
}

test("the same seed gives the same numbers; 0, which would give zeros for ever, gives others", () => {
  expect(draw(42)).toEqual(draw(42));
  expect(draw(42)).not.toEqual(draw(43));
  expect(draw(0)).not.toContain(0);
  expect(draw(2 ** 32)).toEqual(draw(0));
});

test("every bit is set about half of the time", () => {
  const prng = new Prng(7);
  const counts = new Uint32Array(32);
  for (let i = 0; i < 10_000; i++) {
    const value = prng.next();
    for (let bit = 0; bit < 32; bit++) counts[bit]! += (value >>> bit) & 1;
  }
  for (const count of counts) expect(Math.abs(count - 5000)).toBeLessThan(300);
});

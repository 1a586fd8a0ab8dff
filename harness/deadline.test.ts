import { expect, test } from "vitest";
import { OverdueError, within } from "./deadline.ts";

test("what returns in time is as it was: its value, and what it throws", () => {
  const value = {};
  expect(within(1000, () => value)).toBe(value);
  const error = new TypeError("its own");
  expect(() =>
    within(1000, () => {
      throw error;
    }),
  ).toThrow(error);
});

/** Long enough to be for ever, short enough that what is not ended fails, and does not hang. */
const FOREVER_MILLISECONDS = 10_000;

function spin(): void {
  for (const begin = performance.now(); performance.now() - begin < FOREVER_MILLISECONDS;);
}

const ENDLESS: Record<string, () => unknown> = {
  "a loop": spin,
  "a loop that catches everything, and goes on": () => {
    try {
      spin();
    } finally {
      spin();
    }
  },
  "a wait": () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FOREVER_MILLISECONDS),
  "a generator": () => spinning().next(),
};

function* spinning(): Generator<undefined> {
  yield spin() as undefined;
}

test.each(Object.keys(ENDLESS))("%s is ended, and what comes behind it is not", (what) => {
  expect(() => within(50, ENDLESS[what]!)).toThrow(OverdueError);
  expect(within(1000, () => "alive")).toBe("alive");
});

test("work in work has the bound of the nearer end", () => {
  expect(() => within(50, () => within(60_000, spin))).toThrow(OverdueError);
  expect(within(60_000, () => within(1000, () => "inner"))).toBe("inner");
});

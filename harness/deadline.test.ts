import { expect, test } from "vitest";
import { OverdueError, within } from "./deadline.ts";

/** Long enough to be for ever, short enough that what is not ended fails, and does not hang. */
const FOREVER_MILLISECONDS = 10_000;

function spin(): void {
  for (const begin = performance.now(); performance.now() - begin < FOREVER_MILLISECONDS;);
}

function* spinning(): Generator<undefined> {
  yield spin() as undefined;
}

function thrownBy(work: () => unknown): unknown {
  try {
    within(1000, work);
  } catch (error) {
    return error;
  }
  return expect.unreachable();
}

test("what returns in time is as it was", () => {
  const value = {};
  expect(within(1000, () => value)).toBe(value);
});

// The code is that of Node's own error behind a time-out.
const OWN = Object.assign(new TypeError("its own"), { code: "ERR_SCRIPT_EXECUTION_TIMEOUT" });

test.each([OWN, undefined, "a word"])("what is thrown in time is as it was: %s", (error) => {
  const stack = OWN.stack;
  expect(
    thrownBy(() => {
      throw error;
    }),
  ).toBe(error);
  expect(OWN.stack).toBe(stack);
});

const ENDLESS: Record<string, () => unknown> = {
  "a loop": spin,
  "a loop that catches everything, and goes on": () => {
    try {
      spin();
    } catch {
      spin();
    } finally {
      spin();
    }
  },
  "a wait": () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FOREVER_MILLISECONDS),
  "a generator": () => spinning().next(),
};

test.each(Object.keys(ENDLESS))("%s is ended, and what comes behind it is not", (what) => {
  expect(() => within(50, ENDLESS[what]!)).toThrow(OverdueError);
  expect(within(1000, () => "alive")).toBe("alive");
});

test("work in work has the bound of the nearer end", () => {
  expect(() => within(50, () => within(60_000, spin))).toThrow(OverdueError);
  expect(() => within(60_000, () => within(50, spin))).toThrow("no end after 50 ms");
  const caught = (): string => {
    expect(() => within(50, spin)).toThrow(OverdueError);
    return "goes on";
  };
  expect(within(60_000, caught)).toBe("goes on");
});

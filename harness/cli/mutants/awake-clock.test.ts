import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { AwakeClock } from "./awake-clock.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("time passes, and at its end that is told", () => {
  let ends = 0;
  const clock = new AwakeClock(3_000, () => void ends++);
  vi.advanceTimersByTime(2_900);
  expect([clock.milliseconds, ends]).toEqual([2_900, 0]);
  vi.advanceTimersByTime(100);
  expect([clock.milliseconds, ends]).toEqual([3_000, 1]);
  clock.stop();
  vi.advanceTimersByTime(10_000);
  expect(ends).toBe(1);
});

test("what a machine sleeps counts as a second", () => {
  const clock = new AwakeClock(3_000, () => undefined);
  vi.advanceTimersByTime(500);
  const before = performance.now();
  vi.spyOn(performance, "now").mockReturnValue(before + 3_600_000);
  expect(clock.milliseconds).toBe(1_500);
  clock.stop();
  vi.restoreAllMocks();
});

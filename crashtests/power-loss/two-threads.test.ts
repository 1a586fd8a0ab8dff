// G2, G3 in thread mode: no power cut while the worker thread writes tables loses or invents anything. And the recording
// itself: a worker that leaves out a sync must be found.

import { expect, test } from "vitest";
import { runTwoThreads } from "./two-threads.ts";

test("every crash of both threads' calls recovers to what was promised", async () => {
  // On a busy machine a store may be closed before its thread has begun with the last job: then a run has half the events.
  const summary = await runTwoThreads({ seed: "1", runs: 6, ops: 4, recovery: 0 });
  expect(summary.finding).toBeUndefined();
  expect(summary.workerEvents).toBeGreaterThan(20);
  expect(summary.switches).toBeGreaterThan(2);
  expect(summary.images).toBeGreaterThan(100);
});

test.each(["flush.table", "flush.directory"] as const)("a worker that leaves out %s is found", async (skip) => {
  const { finding } = await runTwoThreads({ seed: "2", runs: 6, ops: 10, recovery: 0, skip });
  expect(finding?.condition).toMatch(/^C(1|2|3|9|15)$/);
});

// C28: what hangs is found, named and kept. These start workers from dist/, which `npm test` builds first.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readArtifact } from "../artifact-files.ts";
import { printOp } from "../op-line.ts";
import { runCampaign } from "./campaign.ts";
import { keepAll } from "./keep.ts";
import type { CampaignTask } from "./tasks.ts";
import { runInWorker, WorkerError } from "./watchdog.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tinykv-watchdog-test-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

/** A worker is there, and at work, well within this. */
const HANG_MILLISECONDS = 1500;
const OPTIONS = {
  module: new URL("hanging-worker.test-support.ts", import.meta.url),
  hangMilliseconds: HANG_MILLISECONDS,
};
const task = (seed: string): CampaignTask => ({ kind: "barriers", seed });

test("an engine that never returns is a finding, with what it was doing as its artifact", async () => {
  const begin = performance.now();
  const { found } = await runCampaign(task("hang"), OPTIONS);
  expect(performance.now() - begin).toBeLessThan(4 * HANG_MILLISECONDS);
  const [failure, ...more] = await keepAll(root, found, OPTIONS);
  expect(more).toEqual([]);
  expect(failure).toMatchObject({ condition: "C28", seed: "hang", message: "no progress for 1.5 s" });
  expect(readdirSync(root)).toEqual(["test-hang-C28"]);
  const { log, failure: kept } = readArtifact(failure!.directory);
  expect(log.ops.map(printOp)).toEqual(["1 put a 0.1.20", "2 put hang 0.2.20", "3 flush"]);
  expect(log.header).toMatchObject({ seed: "hang", workload: "mixed", config: "small" });
  expect(kept).toMatchObject({ condition: "C28", phase: "hang", command: "the command" });
});

test("a worker that is slow, and says that it lives, does not hang", async () => {
  await expect(runInWorker(task("slow"), OPTIONS)).resolves.toMatchObject({ kind: "done", result: { ops: 12 } });
});

test("a worker that throws or ends by itself is a broken harness, not a finding", async () => {
  await expect(runInWorker(task("broken"), OPTIONS)).rejects.toThrow(WorkerError);
  await expect(runInWorker(task("exit"), OPTIONS)).rejects.toThrow("code 5");
});

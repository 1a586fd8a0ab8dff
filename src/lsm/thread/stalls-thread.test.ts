// G31. Stalls under compactionBytesPerSecond: the limit holds, and a stall is as long as the job that it names.

import { expect, test } from "vitest";
import { fillLetter, makeDeepStore, STALLING, STOP, tell, writeUntilStalled } from "../stalls.test-support.ts";
import { openThreaded, storePath, ThreadEnv, useScratch } from "./thread.test-support.ts";

useScratch();

/** Bytes a second, which two compactions share. */
const RATE = 64 << 10;
/** What the older compaction reads: more than the limit lets it in the time of the test. */
const DEEP_BYTES = 300 << 10;

test("a stall names its job and ends with it, while an older and longer one goes on; the rests are not cut short", () => {
  const env = new ThreadEnv();
  makeDeepStore(storePath(), env, 3);
  const db = openThreaded({ ...STALLING, env, compactionBytesPerSecond: RATE, writeBufferSize: 8 << 10 });
  const begun = new Map<number, { at: number; bytes: number }>();
  const sizes = new Map<string, number>();
  const stalls: { job: number | undefined; milliseconds: number }[] = [];
  db.on("tableCreated", ({ file, size }) => sizes.set(file, size));
  db.on("compactionBegin", ({ job, inputs }) => {
    const bytes = inputs.reduce((sum, { level, file }) => sum + (level === 0 ? sizes.get(file)! : 0), 0);
    begun.set(job, { at: Date.now(), bytes });
  });
  db.on("stallEnd", ({ cause, job, milliseconds }) => {
    if (cause === "level0") stalls.push({ job, milliseconds });
  });
  const told = tell(db);
  const deep = db.backgroundJobs()[0]!.id;
  for (let i = 0; i < STOP; i++) {
    fillLetter(db, "b", 20);
    db.flush();
  }
  writeUntilStalled(db, "b");
  const [{ job, milliseconds }] = stalls as [(typeof stalls)[number]];
  const { bytes } = begun.get(job!)!;
  expect(job).not.toBe(deep);
  expect(told).not.toContain(`done ${deep}`);
  expect(db.backgroundJobs().map(({ id }) => id)).toContain(deep);
  // Beside the other it has at least a third of the rate.
  expect(milliseconds).toBeLessThan((3 * 1000 * bytes) / RATE + 500);
  expect(milliseconds).toBeLessThan((1000 * DEEP_BYTES) / RATE);
  expect(milliseconds).toBeGreaterThan(100);
  const begin = Date.now();
  db.close();
  expect(Date.now() - begin).toBeLessThan(1_000);
});

// G2, G24: what was acknowledged survives SIGKILL, and a killed holder's lock never blocks. And the suite itself: a store
// from which something acknowledged is gone, or in which something was invented, must fail it.

import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { open } from "tinykv";
import { Failure } from "tinykv/harness";
import { runKillCampaign } from "./campaign.ts";
import { DirectoryRun } from "./directory-run.ts";
import type { ChildPlan } from "./plan.ts";

let scratch = "";
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "tinykv-kill-test-"));
});
afterEach(() => {
  rmSync(scratch, { recursive: true, force: true });
});

test("rounds of SIGKILL lose nothing that was acknowledged", async () => {
  const summary = await runKillCampaign({
    seed: "test",
    rounds: 8,
    dir: scratch,
    artifacts: join(scratch, "artifacts"),
    now: () => 0,
  });
  expect(summary.failures).toEqual([]);
  expect(summary.rounds).toBe(8);
  expect(summary.acked).toBeGreaterThan(20);
});

function plan(run: DirectoryRun): ChildPlan {
  return {
    directory: run.directory,
    seed: "test",
    workload: "write-heavy",
    config: "default",
    ops: 10_000,
    keys: 50,
    syncRatio: 0.5,
    firstId: run.nextId,
    incarnation: run.incarnation,
    kill: { by: "acknowledgement", count: 60 },
  };
}

test.each(["before", "half", "after"] as const)(
  "a process that dies in its worker thread, %s a write to a table, loses nothing either",
  async (when) => {
    const run = new DirectoryRun(join(scratch, "store"));
    const kill = { by: "call", phase: "worker", nth: 1, when } as const;
    for (let round = 0; round < 2; round++) {
      const result = await run.round({ ...plan(run), config: "thread", kill });
      // Its first flush: a child that nothing kills writes on for seconds.
      expect(result.acknowledged).toBeLessThan(1200);
    }
  },
);

const TAMPERINGS: Record<string, (directory: string) => void> = {
  "cut in half": (directory) => {
    const log = join(
      directory,
      readdirSync(directory).find((name) => name.endsWith(".log"))!,
    );
    // A log that is synced often is longer than what stands in it.
    const written = readFileSync(log).findLastIndex((byte) => byte !== 0);
    truncateSync(log, written >> 1);
  },
  "given a key that nobody wrote": (directory) => {
    const db = open(directory);
    db.put("nobody wrote this", "and yet it is here, long enough to be read");
    db.close();
  },
  "rid of a key behind the harness's back": (directory) => {
    const db = open(directory);
    for (const [key] of db.iterate({ limit: 1 })) db.delete(key);
    db.close();
  },
};

test.each(Object.keys(TAMPERINGS))("a store that was %s fails the round", async (what) => {
  const run = new DirectoryRun(join(scratch, "store"), TAMPERINGS[what]);
  await expect(run.round(plan(run))).rejects.toThrow(Failure);
});

// G2, G24: what was acknowledged survives SIGKILL, and a killed holder's lock never blocks. And the suite itself: a store
// from which something acknowledged is gone, or in which something was invented, must fail it.

import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { open } from "tinykv";
import { Failure, Oracle, readArtifact, TinyKVEngine } from "tinykv/harness";
import { runKillCampaign } from "./campaign.ts";
import { DirectoryRun } from "./directory-run.ts";
import { keepFailure } from "./keep-failure.ts";
import { checkCopy, replayLives } from "./lives.ts";
import type { ChildPlan, RoundPlan } from "./plan.ts";

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

function plan(run: DirectoryRun, child: Partial<ChildPlan> = {}): RoundPlan {
  return {
    hasReader: false,
    isChecked: true,
    child: {
      directory: run.directory,
      seed: "test",
      profile: "fast",
      workload: "write-heavy",
      config: "default",
      ops: 10_000,
      keys: 50,
      syncRatio: 0.5,
      firstId: run.nextId,
      incarnation: run.incarnation,
      patience: 10_000,
      kill: { by: "acknowledgement", count: 60 },
      ...child,
    },
  };
}

test.each(["before", "middle", "after"] as const)(
  "a process that dies in its worker thread, %s a write to a table, loses nothing either",
  async (when) => {
    const run = new DirectoryRun(join(scratch, "store"));
    const kill = { by: "call", phase: "worker", nth: 1, when } as const;
    for (let round = 0; round < 2; round++) {
      const result = await run.round(plan(run, { config: "thread", kill }));
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
  const run = new DirectoryRun(join(scratch, "store"), { afterDeath: TAMPERINGS[what]! });
  await expect(run.round(plan(run))).rejects.toThrow(Failure);
});

/** Lives with one write in flight at a time, so that many deaths may go unchecked, and other keys each. */
const ALONE = ["alone-181", "alone-175", "alone-77", "alone-181"] as const;

function alone(run: DirectoryRun, child: Partial<ChildPlan> = {}): RoundPlan {
  return plan(run, { seed: ALONE[run.incarnation]!, keys: 5000, ...child });
}

test("what nobody looked at for three deaths is judged at the fourth", async () => {
  const run = new DirectoryRun(join(scratch, "store"));
  const kill = { by: "call", phase: "run", nth: 40, when: "after" } as const;
  const checks: boolean[] = [];
  for (let round = 0; round < 4; round++) {
    const { isChecked, places } = await run.round({ ...alone(run, { kill }), isChecked: false });
    expect(places).toContain("after");
    checks.push(isChecked);
  }
  expect(checks).toEqual([false, false, false, true]);
});

test.each(Object.keys(TAMPERINGS))(
  "a store that was %s before the second of three deaths fails the third",
  async (what) => {
    let deaths = 0;
    const run = new DirectoryRun(join(scratch, "store"), {
      afterDeath: (directory) => {
        if (++deaths === 2) TAMPERINGS[what]!(directory);
      },
    });
    for (let round = 0; round < 2; round++) await run.round({ ...alone(run), isChecked: false });
    await expect(run.round(alone(run))).rejects.toThrow(Failure);
  },
);

test.each(Object.keys(TAMPERINGS))("what is kept of a store that was %s fails again in the same way", async (what) => {
  const run = new DirectoryRun(join(scratch, "store"), {
    afterDeath: (directory) => {
      if (run.incarnation === 3) TAMPERINGS[what]!(directory);
    },
  });
  const kill = { by: "time", milliseconds: 40 } as const;
  const asynchronous = plan(run, { workload: "async", kill });
  await run.round({ ...asynchronous, isChecked: true });
  await run.round({ ...plan(run), isChecked: false });
  const last = plan(run);
  const failure = await run.round(last).then(
    () => expect.unreachable(),
    (error: unknown) => error as Failure,
  );
  expect(failure).toBeInstanceOf(Failure);
  const campaign = { artifacts: join(scratch, "artifacts"), seed: "test", rounds: 3, asked: "--config small" };
  const kept = keepFailure(campaign, run, last, failure);
  expect(readArtifact(kept.directory).failure?.command).toMatch(/--rounds 3 --config small$/);
  const again = replayLives(kept.directory, join(scratch, "again"));
  expect([again?.condition, again?.message]).toEqual([failure.condition, failure.message]);
  expect(readArtifact(kept.directory).log.ops.length).toBeGreaterThan(40);
});

test("a child that dies before it has made its directory leaves an empty store", async () => {
  const run = new DirectoryRun(join(scratch, "store"));
  const kill = { by: "call", phase: "open", nth: 0, when: "before" } as const;
  const { places, acknowledged } = await run.round(plan(run, { kill }));
  expect(readdirSync(scratch)).toEqual([]);
  expect([acknowledged, [...places].sort()]).toEqual([0, ["before", "inside-open"]]);
  expect((await run.round(plan(run))).acknowledged).toBeGreaterThan(40);
});

test("a reader beside the writer sees prefixes of what was written", async () => {
  const run = new DirectoryRun(join(scratch, "store"));
  await run.round(plan(run));
  const kill = { by: "time", milliseconds: 300 } as const;
  const { sights } = await run.round({ ...plan(run, { kill }), hasReader: true });
  expect(sights).toBeGreaterThan(0);
});

test.each([
  ["is right", false, "C8"],
  ["lost nothing but gained a key", true, "C4"],
])("a store that %s and does not close is a finding, of what is worse", (_, hasStranger, condition) => {
  const directory = join(scratch, "store");
  const db = open(directory);
  if (hasStranger) db.put("nobody wrote this", "and yet it is here, long enough to be read");
  db.close();
  const engine = new TinyKVEngine();
  const spy = vi.spyOn(TinyKVEngine.prototype, "open").mockImplementation((...words) => {
    spy.mockRestore();
    const store = engine.open(...words);
    const close = store.close.bind(store);
    store.close = () => {
      close();
      throw new Error("it does not close");
    };
    return store;
  });
  expect(() => checkCopy(new Oracle(), directory, "default")).toThrow(
    expect.objectContaining({ condition, message: expect.stringContaining("it does not close") }),
  );
});

function spin(): never {
  for (const begin = performance.now(); performance.now() - begin < 10_000;);
  throw new Error("nothing has ended this");
}

test.each([
  ["opens", "no end after 300 ms", "C28"],
  ["closes, and has a key that nobody wrote,", "then its close hung", "C4"],
])("a store that never %s is a finding, of what is worse", (what, message, condition) => {
  const directory = join(scratch, "store");
  const db = open(directory);
  if (what !== "opens") db.put("nobody wrote this", "and yet it is here, long enough to be read");
  db.close();
  const engine = new TinyKVEngine();
  const spy = vi.spyOn(TinyKVEngine.prototype, "open").mockImplementation((...words) => {
    spy.mockRestore();
    if (what === "opens") spin();
    const store = engine.open(...words);
    store.close = spin;
    return store;
  });
  expect(() => checkCopy(new Oracle(), directory, "inline", 300)).toThrow(
    expect.objectContaining({ condition, message: expect.stringContaining(message) }),
  );
});

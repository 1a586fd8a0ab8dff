// Power cuts on a real file system. They need root, loop devices and the file system's tools; where those are missing this
// says so and tests nothing.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Failure, fastDirectory, TinyKVEngine, WHOLE } from "tinykv/harness";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { diskProblem } from "./block-store.ts";
import { runDiskCampaign } from "./campaign.ts";
import { diskRound } from "./disk-round.ts";

const problem = diskProblem("ext4");
if (problem !== undefined) console.log(`power cuts on a real disk are not tested: ${problem}`);

const CHILD = {
  seed: "test",
  profile: "fast",
  workload: "mixed",
  config: "small",
  ops: 100,
  keys: 10,
  syncRatio: 0.5,
  firstId: 1,
  incarnation: 0,
  kill: { by: "acknowledgement", count: 100 },
} as const;

let scratch = "";
beforeEach(() => {
  scratch = mkdtempSync(join(fastDirectory(), "tinykv-disk-test-"));
});
afterEach(() => {
  rmSync(scratch, { recursive: true, force: true });
});

test.skipIf(problem !== undefined)(
  "G1, C3: what ext4 holds when the power goes has all that was synced, and is an image that the simulation allows",
  async () => {
    const { failures, unforeseen, rounds, foreseen } = await runDiskCampaign({
      fs: "ext4",
      seed: "test",
      rounds: 2,
      artifacts: join(scratch, "artifacts"),
      shard: WHOLE,
    });
    expect(failures).toEqual([]);
    expect(unforeseen).toEqual([]);
    expect([rounds, foreseen]).toEqual([2, 2]);
  },
);

test.skipIf(problem !== undefined)("a child that ends by itself is a finding, and leaves nothing mounted", async () => {
  const child = { ...CHILD, config: "there-is-no-such-configuration" };
  const keep = join(scratch, "kept");
  const round = diskRound({ fs: "ext4", cut: "copy", answers: 50, child }, keep);
  const failure = await round.catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Failure);
  expect(String(failure)).toContain("ended by itself");
  expect(JSON.parse(readFileSync(join(keep, "round.json"), "utf8"))).toMatchObject({ plan: child });
  expect(readFileSync("/proc/mounts", "utf8")).not.toContain("/tinykv-disk-");
});

test.skipIf(problem !== undefined)("a child that comes to nothing is a finding too", async () => {
  const round = diskRound(
    { fs: "ext4", cut: "copy", answers: 1_000_000, patience: 1000, child: CHILD },
    join(scratch, "kept"),
  );
  await expect(round).rejects.toThrow(expect.objectContaining({ condition: "C28" }) as Failure);
});

test.skipIf(problem !== undefined)("so is a check that never ends, and leaves nothing mounted", async () => {
  const open = TinyKVEngine.prototype.open;
  vi.spyOn(TinyKVEngine.prototype, "open").mockImplementationOnce(function (this: TinyKVEngine, ...words) {
    open.apply(this, words);
    for (const begin = performance.now(); performance.now() - begin < 10_000;);
    throw new Error("nothing has ended this");
  });
  const child = { ...CHILD, ops: 50_000, kill: { by: "acknowledgement", count: 50_000 } } as const;
  const round = diskRound({ fs: "ext4", cut: "copy", answers: 20, checkPatience: 500, child }, join(scratch, "kept"));
  await expect(round).rejects.toThrow(expect.objectContaining({ condition: "C28" }) as Failure);
  expect(readdirSync(join(scratch, "kept"))).toContain("store");
  expect(readFileSync("/proc/mounts", "utf8")).not.toContain("/tinykv-disk-");
});

test.skipIf(problem !== undefined)("a failure is kept as that of any other campaign, with a page", async () => {
  const artifacts = join(scratch, "artifacts");
  const configs = ["inline,writeBufferSize=1"];
  const { failures } = await runDiskCampaign({ fs: "ext4", seed: "a b", rounds: 3, artifacts, shard: WHOLE, configs });
  expect(failures).toMatchObject([{ condition: "C1", seed: "a b:disk:0" }]);
  const { directory, replay } = failures[0]!;
  expect(replay).toContain("--fs ext4 --seed 'a b' --rounds 3 --shard 1/3");
  const kept = readdirSync(directory).sort();
  expect(kept).toEqual(["calls.txt", "command.txt", "failure.json", "ops.txt", "report.html", "round.json"]);
  expect(readdirSync(artifacts).length).toBe(1);
});

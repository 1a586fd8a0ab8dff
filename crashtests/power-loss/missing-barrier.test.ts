// Where one more sync would have helped, the story of a failure says which: the name of the one that was taken away.

import { BarrierEnv, runCrashLog, SILENT_HOST, TinyKVEngine, type CrashStory, type EngineMaker } from "tinykv/harness";
import type { Barrier } from "tinykv/env";
import { expect, test } from "vitest";
import { runOne } from "./campaign.ts";
import { sequenceOf, SEQUENCE_CONFIGS } from "./sequences.ts";

const [INLINE, MANUAL] = SEQUENCE_CONFIGS as readonly [string, string];

const without = (removed: Barrier): EngineMaker => {
  return (env) => new TinyKVEngine({ env: new BarrierEnv(env, (name) => (name === removed ? "skip" : "do")) });
};

async function storyWithout(removed: Barrier, letters: readonly string[], config: string): Promise<CrashStory> {
  const makeEngine = without(removed);
  const log = { seed: "1", config, ops: sequenceOf(letters, config) };
  const { finding } = await runOne(log, SILENT_HOST, makeEngine);
  const header = { seed: "1", workload: "sequences", config, engine: "cheat", versions: "any" };
  return (await runCrashLog({ header, ops: finding!.ops }, { makeEngine, explain: true })).story;
}

const NAMED: readonly (readonly [Barrier, string, string])[] = [
  ["create.parent", "put", INLINE],
  ["log.group", "putAsync", INLINE],
  ["log.directory", "big putSync", MANUAL],
  ["rotate.old-log", "put flush", INLINE],
  ["rotate.old-directory", "put big putSync", MANUAL],
  ["flush.manifest", "put flush", INLINE],
  ["close.directory", "put big", MANUAL],
  ["close.manifest-end", "put", INLINE],
  ["checkpoint.log", "checkpoint", INLINE],
  ["checkpoint.parent", "checkpoint", INLINE],
];

test.each(NAMED)("without %s the story of %s names it", async (removed, letters, config) => {
  const { barrier, lives } = await storyWithout(removed, letters.split(" "), config);
  expect(barrier?.barrier).toBe(removed);
  expect(barrier!.after).toBeLessThan(lives[0]!.to);
});

test("no sync is named for what fails behind another open", async () => {
  const { barrier, lives } = await storyWithout("create.manifest", ["put"], INLINE);
  expect(barrier).toBeUndefined();
  expect(lives[0]!.crash?.items.length).toBeGreaterThan(0);
});

test("a story says what the crash met: writes and their places, what was pending, what became of each file", async () => {
  const { lives } = await storyWithout("flush.manifest", ["put", "flush"], INLINE);
  const { crash } = lives[0]!;
  expect(crash).toMatchObject({ loss: "power", least: 1, most: 1, writes: [{ op: 1, p: 1 }] });
  expect(crash!.items.every(({ events }) => events.every((event) => event < lives[0]!.to))).toBe(true);
  const fates = new Map(crash!.files.map(({ path, fate }) => [path.replace("/d/store/", ""), fate]));
  expect(fates.get("MANIFEST-000001")).toBe("durable");
  expect(fates.get("CURRENT")).toBe("whole");
  expect(lives[1]!.recovered).toEqual({ states: [0], nearest: 1 });
});

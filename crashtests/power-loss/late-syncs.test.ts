import { BARRIERS, type Barrier } from "tinykv/env";
import { BarrierEnv, SILENT_HOST, TinyKVEngine, type EngineMaker } from "tinykv/harness";
import { expect, test } from "vitest";
import { runOne } from "./campaign.ts";
import { watchingSyncs } from "./late-syncs.ts";
import { sequenceOf, SEQUENCE_CONFIGS } from "./sequences.ts";

const deferring = (late: Barrier): EngineMaker => {
  return (env) => new TinyKVEngine({ env: new BarrierEnv(env, (name) => (name === late ? "defer" : "do")) });
};

/** Letters, and the barriers of the last syncs of what they do, or of an open. */
const LOGS: readonly (readonly [letters: string, seen: readonly Barrier[]])[] = [
  ["put", ["log.directory", "log.write", "open.directory"]],
  ["putAsync settle", ["log.directory", "log.group", "log.write", "open.directory"]],
];
/** None of these letters comes by them. */
const ELSEWHERE = /^(?:lost|checkpoint|destroy)\./;

test.each(LOGS)(
  "%s: syncs that nobody would have seen come late may come late, and all is the same",
  async (letters, expected) => {
    const config = SEQUENCE_CONFIGS[0]!;
    const log = { seed: "1", config, ops: sequenceOf(letters.split(" "), config), recovery: 0 };
    const { makeEngine, seen } = watchingSyncs();
    const inTime = await runOne(log, SILENT_HOST, makeEngine);
    expect(inTime.finding).toBeUndefined();
    expect([...seen].sort()).toEqual(expected);
    for (const barrier of BARRIERS.filter((name) => !seen.has(name) && !ELSEWHERE.test(name)))
      expect(await runOne(log, SILENT_HOST, deferring(barrier)), barrier).toEqual(inTime);
  },
);

// Engines that break their word about promises are found: by `run --workload async` where an answer shows it, by `crash`
// where only a power cut does; and what is left of the log says in a handful of operations how.

import {
  type EngineMaker,
  type Finding,
  generate,
  type Op,
  printOp,
  recordRun,
  runCrashLog,
  shrink,
  SILENT_HOST,
  TinyKVEngine,
} from "tinykv/harness";
import { expect, test } from "vitest";
import { runExhaustive, runOne } from "./campaign.ts";
import {
  forgetsCallers,
  ignoresFailedSync,
  losesHalfAGroup,
  publishesBeforeSync,
  resolvesBeforeSync,
  resolvesOutOfOrder,
} from "./cheating-async.ts";
import { SEQUENCE_CONFIGS } from "./sequences.ts";

const OPS = 2000;
const KEYS = 20;
const ATTEMPTS = 2000;

const ours: EngineMaker = (env) => new TinyKVEngine({ env });

const putAsync: Op = {
  id: 1,
  kind: "putAsync",
  tag: "t",
  key: "k",
  value: { incarnation: 0, id: 2, length: 40 },
  sync: true,
};

// As `run` does, on a simulated disk.
async function findingOfRun(
  makeEngine: EngineMaker,
  ops: readonly Op[],
  config = "small",
): Promise<Finding | undefined> {
  const { failure } = await recordRun({ makeEngine, ops, config });
  if (!failure) return undefined;
  const { condition, message } = failure;
  return { condition, message, phase: "running", seed: "", workload: "async", config, ops, keys: [] };
}

async function smallest(finding: Finding, makeEngine: EngineMaker): Promise<Finding> {
  const reproduce = (ops: readonly Op[], config: string): Promise<Finding | undefined> =>
    findingOfRun(makeEngine, ops, config);
  return (await shrink(finding, reproduce, { attempts: ATTEMPTS })).finding;
}

const CHEATS: readonly [claim: string, makeEngine: EngineMaker, condition: string, most: number][] = [
  ["publishes before the sync, to get() alone", publishesBeforeSync, "C8", 4],
  ["resolves out of order", resolvesOutOfOrder, "C25", 2],
  ["loses half a group when a synchronous call completes it", losesHalfAGroup, "C8", 3],
  ["never settles what a synchronous call completed", forgetsCallers, "C25", 3],
  ["ignores a failed sync", ignoresFailedSync, "C20", 3],
];

test.each(CHEATS)("an engine that %s is found by run --workload async", async (_, makeEngine, condition, most) => {
  const found: Finding[] = [];
  for (const seed of ["1", "2", "3", "4"]) {
    const ops = [...generate({ workload: "async", seed, ops: OPS, keys: KEYS })].filter(isPlain);
    expect(await findingOfRun(ours, ops)).toBeUndefined();
    const finding = await findingOfRun(makeEngine, ops);
    if (finding) found.push(finding);
  }
  const told = found.map((one) => `${one.condition} ${one.message}`).join("\n");
  const finding = found.find((one) => one.condition === condition);
  expect(finding, told).toBeDefined();
  const { ops } = await smallest(finding!, makeEngine);
  expect(ops.length, ops.map(printOp).join("\n")).toBeLessThanOrEqual(most);
});

function isPlain({ kind }: Op): boolean {
  return kind !== "crash" && kind !== "fault";
}

test("C3: an engine that resolves before the sync is found by a power cut, and its log shows it again", async () => {
  const { findings } = await runExhaustive({ seed: "1", ops: 12, workload: "async" }, SILENT_HOST, resolvesBeforeSync);
  const [finding] = findings;
  expect(finding).toMatchObject({ condition: "C3" });
  const header = { seed: "1", workload: "async", config: finding!.config, engine: "cheat", versions: "any" };
  const again = async (ops: readonly Op[], config: string, search: boolean): Promise<Finding | undefined> =>
    (await runCrashLog({ header: { ...header, config }, ops }, { makeEngine: resolvesBeforeSync, search })).finding;
  expect(await again(finding!.ops, finding!.config, false)).toMatchObject({ condition: "C3", phase: finding!.phase });
  const { ops } = await shrink(finding!, again, { attempts: ATTEMPTS });
  expect(ops.map(({ kind }) => kind).join(" ")).toBe("putAsync crash");
});

test("C19: a read that shows what then fails is found", async () => {
  const get: Op = { id: 3, kind: "get", key: "k" };
  const ops: readonly Op[] = [putAsync, get, { id: 4, kind: "settle", nth: 0, outcome: "fail" }];
  expect(await findingOfRun(ours, ops)).toBeUndefined();
  expect(await findingOfRun(publishesBeforeSync, ops)).toMatchObject({ condition: "C19" });
});

test("C28: a promise that never settles is found when nothing is left that it might wait for", async () => {
  const ops: readonly Op[] = [putAsync, { ...putAsync, id: 3, kind: "put" }];
  expect(await findingOfRun(ours, ops)).toBeUndefined();
  expect(await findingOfRun(forgetsCallers, ops)).toMatchObject({ condition: "C28" });
});

test("C3: an engine that ignores a failed sync is found by a power cut", async () => {
  const ops: readonly Op[] = [putAsync, { id: 3, kind: "settle", nth: 0, outcome: "fail" }];
  const log = { seed: "1", config: SEQUENCE_CONFIGS[0]!, ops };
  expect((await runOne(log, SILENT_HOST)).finding).toBeUndefined();
  expect((await runOne(log, SILENT_HOST, ignoresFailedSync)).finding).toMatchObject({ condition: "C3" });
});

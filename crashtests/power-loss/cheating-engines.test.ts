// Engines that break their word are found by the crashes of a dozen operations, and the op log of each finding shows it
// again. An engine that retries a failed fsync is found by faults (crashtests/faults/faults.test.ts).

import { type EngineMaker, type Finding, parseOpLog, printOpLog, runCrashLog, SILENT_HOST } from "tinykv/harness";
import { expect, test } from "vitest";
import { runExhaustive, runOne } from "./campaign.ts";
import { acknowledgesEarly, recoversPastHoles, recoveryNeverSyncs, syncDoesNothing } from "./cheating-engines.ts";
import { sequenceOf, SEQUENCE_CONFIGS } from "./sequences.ts";

const OPS = 12;

async function findingOf(makeEngine: EngineMaker): Promise<Finding> {
  const { findings } = await runExhaustive({ seed: "1", ops: OPS, workload: "mixed" }, SILENT_HOST, makeEngine);
  expect(findings.length).toBe(1);
  return findings[0]!;
}

// What `crash --sequences 2` comes to: the shortest log that shows it.
async function shortest(makeEngine: EngineMaker): Promise<Finding> {
  const config = SEQUENCE_CONFIGS[0]!;
  const log = { seed: "1", config, ops: sequenceOf(["put", "sync"], config) };
  return (await runOne(log, SILENT_HOST, makeEngine)).finding!;
}

// The log as text, so that nothing survives which the text does not say.
async function again(finding: Finding, makeEngine: EngineMaker): Promise<Finding | undefined> {
  const { seed, workload, config, ops } = finding;
  const header = { seed, workload, config, engine: "cheat", versions: "any" };
  return (await runCrashLog(parseOpLog(printOpLog({ header, ops })), { makeEngine })).finding;
}

test("C3: an engine that acknowledges before its fsync is found, and its log shows it again", async () => {
  const finding = await findingOf(acknowledgesEarly);
  expect(["C3", "C12"]).toContain(finding.condition);
  expect(await again(finding, acknowledgesEarly)).toMatchObject({ condition: finding.condition, phase: finding.phase });
});

test("the account of a missing fsync names it", async () => {
  const finding = await shortest(syncDoesNothing);
  const { seed, workload, config, ops } = finding;
  const header = { seed, workload, config, engine: "cheat", versions: "any" };
  const { account } = await runCrashLog({ header, ops }, { makeEngine: syncDoesNothing, explain: true });
  expect(account.at(-1)).toMatch(/^with an fsync of \d+\.log .*no image of this moment fails$/);
});

test("C3: an engine whose sync() does nothing is found", async () => {
  const finding = await shortest(syncDoesNothing);
  expect(finding.condition).toBe("C3");
  expect(await again(finding, syncDoesNothing)).toMatchObject({ condition: "C3", phase: finding.phase });
});

test("C9: an engine whose recovery never syncs is found", async () => {
  const finding = await findingOf(recoveryNeverSyncs);
  expect(await again(finding, recoveryNeverSyncs)).toMatchObject({
    condition: finding.condition,
    phase: finding.phase,
  });
});

test("C2: an engine that recovers past a hole is found", async () => {
  const finding = await findingOf(recoversPastHoles);
  expect(["C2", "C5", "C6", "C22"]).toContain(finding.condition);
  expect(await again(finding, recoversPastHoles)).toMatchObject({ condition: finding.condition, phase: finding.phase });
});

// Engines that break their word are found by the crashes of a dozen operations, and the op log of each finding shows it
// again. An engine that retries a failed fsync is found by faults (crashtests/faults/faults.test.ts).

import { type EngineMaker, type Finding, parseOpLog, printOpLog, runCrashLog, SILENT_HOST } from "tinykv/harness";
import { expect, test } from "vitest";
import { runExhaustive } from "./campaign.ts";
import {
  acknowledgesEarly,
  recoversPastHoles,
  recoveryNeverSyncs,
  syncDoesNothing,
} from "./cheating-engines.test-support.ts";

const OPS = 12;

function findingOf(makeEngine: EngineMaker, seed = "1"): Finding {
  const { findings } = runExhaustive({ seed, ops: OPS, workload: "mixed" }, SILENT_HOST, makeEngine);
  expect(findings.length).toBe(1);
  return findings[0]!;
}

// The log as text, so that nothing survives which the text does not say.
function again(finding: Finding, makeEngine: EngineMaker): Finding | undefined {
  const { seed, workload, config, ops } = finding;
  const header = { seed, workload, config, engine: "cheat", versions: "any" };
  return runCrashLog(parseOpLog(printOpLog({ header, ops })), { makeEngine }).finding;
}

test("C3: an engine that acknowledges before its fsync is found, and its log shows it again", () => {
  const finding = findingOf(acknowledgesEarly);
  expect(["C3", "C12"]).toContain(finding.condition);
  expect(again(finding, acknowledgesEarly)).toMatchObject({ condition: finding.condition, phase: finding.phase });
});

test("the account of a missing fsync names it", () => {
  const finding = findingOf(syncDoesNothing, "7");
  const { seed, workload, config, ops } = finding;
  const header = { seed, workload, config, engine: "cheat", versions: "any" };
  const { account } = runCrashLog({ header, ops }, { makeEngine: syncDoesNothing, explain: true });
  expect(account.at(-1)).toMatch(/^with an fsync of \d+\.log .*no image of this moment fails$/);
});

test("C3: an engine whose sync() does nothing is found", () => {
  const finding = findingOf(syncDoesNothing, "7");
  expect(finding.condition).toBe("C3");
  expect(again(finding, syncDoesNothing)).toMatchObject({ condition: "C3", phase: finding.phase });
});

test("C9: an engine whose recovery never syncs is found", () => {
  const finding = findingOf(recoveryNeverSyncs);
  expect(again(finding, recoveryNeverSyncs)).toMatchObject({ condition: finding.condition, phase: finding.phase });
});

test("C2: an engine that recovers past a hole is found", () => {
  const finding = findingOf(recoversPastHoles);
  expect(["C2", "C5", "C6", "C22"]).toContain(finding.condition);
  expect(again(finding, recoversPastHoles)).toMatchObject({ condition: finding.condition, phase: finding.phase });
});

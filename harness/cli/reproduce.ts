// Op logs of failures, run again in the worker.

import { replayFaults } from "../../crashtests/faults/campaign.ts";
import { runCrashLog, type CrashLogResult } from "../crash/crash-log.ts";
import { traceHash } from "../disk/trace-file.ts";
import type { Trace } from "../disk/trace.ts";
import { removeScratch } from "../fast-directory.ts";
import type { Finding } from "../finding.ts";
import type { OpLog } from "../op-log.ts";
import type { Op } from "../op.ts";
import { unreachable } from "../unreachable.ts";
import { tinykvMaker } from "./campaign-tasks.ts";
import { runOps } from "./differential.ts";
import type { CampaignResult, CrashEvidence, Found, LogTask, Mode, Work } from "./tasks.ts";
import type { WorkerHost } from "./worker-host.ts";

/** How a log without any word of its own is run. */
export function modeOf(ops: readonly Op[]): Mode {
  if (ops.some((op) => op.kind === "fault")) return "faults";
  return ops.some((op) => op.kind === "crash") ? "crash" : "plain";
}

/** What a log shows; its store, if it is on a real disk, is removed. */
export async function findingOf(
  log: OpLog,
  mode: Mode,
  host: WorkerHost,
  search = false,
): Promise<Finding | undefined> {
  const { seed, workload } = log.header;
  const config = configOf(log);
  switch (mode) {
    case "plain": {
      const work: Work = { campaign: "replay", mode, command: "" };
      const { engine } = log.header;
      const { found } = await runOps({ work, seed, workload, config, ops: log.ops, ...named(engine) }, host);
      if (found?.scratch !== undefined) removeScratch(found.scratch);
      return found?.finding;
    }
    case "crash":
      return (await crashLog(log, host, { search })).finding;
    case "faults": {
      const finding = await replayFaults({ seed, config, ops: log.ops }, tinykvMaker(host));
      return finding && { ...finding, workload };
    }
    default:
      return unreachable(mode);
  }
}

export function crashLog(
  log: OpLog,
  host: WorkerHost,
  how: { readonly search?: boolean | undefined; readonly explain?: boolean } = {},
): Promise<CrashLogResult> {
  const { search = false, explain = false } = how;
  const named = { ...log, header: { ...log.header, config: configOf(log) } };
  return runCrashLog(named, { makeEngine: tinykvMaker(host), search, explain });
}

export function hashOf(trace: Trace): string {
  return traceHash(trace, (path) => path.endsWith("/LOCK"));
}

/** Runs a log once. */
export async function runLog(
  { log, mode, search, command, hashed }: LogTask,
  host: WorkerHost,
): Promise<CampaignResult> {
  const { seed, workload } = log.header;
  const { ops } = log;
  const config = configOf(log);
  const work: Work = { campaign: "replay", mode, command };
  host.announce({ seed, workload, config, ops, work });
  if (mode === "plain") {
    const run = { work, seed, workload, config, ops, hashed, ...named(log.header.engine) };
    const { counts, found, traceHash } = await runOps(run, host);
    const { executed = 0, skipped = 0 } = counts ?? {};
    const counters = { executed, skipped, ...(traceHash !== undefined && { traceHash }) };
    return { units: 1, ops: executed, counters, found: found ? [found] : [] };
  }
  if (mode === "faults") {
    const finding = await findingOf(log, mode, host);
    return { units: 1, ops: ops.length, counters: {}, found: listOf(finding, work) };
  }
  const result = await crashLog(log, host, { explain: true, search });
  const found = listOf(result.finding, work).map((one) => ({ ...one, crash: evidenceOf(result) }));
  return { units: 1, ops: ops.length, counters: { traceHash: hashOf(result.trace) }, found };
}

export function evidenceOf({ story, account, trace, image }: CrashLogResult): CrashEvidence {
  return { story, account, trace, ...(image && { image }) };
}

// A log without the field is about ours.
function named(engine: string): { engine?: string } {
  return engine === "" ? {} : { engine };
}

function listOf(finding: Finding | undefined, work: Work): Found[] {
  return finding ? [{ ...work, finding }] : [];
}

function configOf({ header: { config } }: OpLog): string {
  return config || "default";
}

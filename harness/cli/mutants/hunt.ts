// The worker's side of a hunt: it looks for a bug until it has found one or the time is up, and makes smaller what it found.

import type { Finding } from "../../finding.ts";
import { shrinkFinding } from "../shrink-task.ts";
import type { HuntAnswer, HuntTask, Mode } from "../tasks.ts";
import type { WorkerHost } from "../worker-host.ts";
import type { Catch, UnitResult } from "./hunt-unit.ts";
import { huntUnits } from "./hunt-units.ts";

/** A finding is made smaller for so long. */
const SHRINK_MILLISECONDS = 3_000;
const SHRINK_ATTEMPTS = 2_000;

export async function runHunt({ seed, suites }: HuntTask, host: WorkerHost): Promise<HuntAnswer> {
  const until = (): boolean => host.isStopped();
  let executions = 0;
  for (const unit of huntUnits(seed, suites)) {
    if (until()) break;
    // Should nothing more be heard, this is what hung.
    host.tell({ by: unit.suite, executions: executions + 1 });
    const result = await runOne(() => unit.run(host, until));
    executions += result.executions;
    if (!result.found) continue;
    const { condition, message, log } = result.found;
    const answer = { by: unit.suite, condition, message, executions };
    if (!log) return { ...answer, ops: 0 };
    host.tell({ ...answer, ops: sizeOf(log.finding) });
    return { ...answer, ops: await smallest(log, host) };
  }
  const nothing = { by: undefined, condition: "", message: "", ops: 0 };
  return { ...nothing, executions };
}

// Sound engines never make a campaign throw.
async function runOne(run: () => Promise<UnitResult>): Promise<UnitResult> {
  try {
    return await run();
  } catch (error) {
    const found: Catch = { condition: "C8", message: `threw ${error instanceof Error ? error.stack : String(error)}` };
    return { executions: 1, found };
  }
}

async function smallest(
  { finding, mode }: { readonly finding: Finding; readonly mode: Mode },
  host: WorkerHost,
): Promise<number> {
  const limits = { attempts: SHRINK_ATTEMPTS, milliseconds: SHRINK_MILLISECONDS };
  return sizeOf((await shrinkFinding({ finding, mode, ...limits }, host)).finding);
}

/** Crashes and faults are circumstances, not operations. */
function sizeOf({ ops }: Finding): number {
  return ops.filter(({ kind }) => kind !== "crash" && kind !== "fault").length;
}

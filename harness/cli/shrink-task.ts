import { logOf } from "../artifacts.ts";
import { pendingAtCrash } from "../account.ts";
import { shrink, type Reproduce, type ShrinkResult } from "../shrink.ts";
import { isOver } from "./campaign-tasks.ts";
import { crashLog, evidenceOf, findingOf, hashOf } from "./reproduce.ts";
import type { ShrinkAnswer, ShrinkTask } from "./tasks.ts";
import type { WorkerHost } from "./worker-host.ts";

/** Makes a finding smaller, and tells its story. */
export async function runShrink(task: ShrinkTask, host: WorkerHost): Promise<ShrinkAnswer> {
  const { finding, mode } = task;
  const result = await shrinkFinding(task, host);
  const answer = { finding: result.finding, attempts: result.attempts };
  if (mode !== "crash") return answer;
  const before = await crashLog(logOf(finding), host);
  const crash = evidenceOf(await crashLog(logOf(result.finding), host, { explain: true }));
  return { ...answer, traceHash: hashOf(before.trace), crash };
}

/** Makes a finding smaller. */
export function shrinkFinding(
  { finding, mode, attempts, milliseconds }: Omit<ShrinkTask, "kind">,
  host: WorkerHost,
): Promise<ShrinkResult> {
  const { seed, workload, engine } = finding;
  const reproduce: Reproduce = (ops, config, search) => {
    host.beat();
    return findingOf(
      logOf({ seed, workload, config, ops, ...(engine !== undefined && { engine }) }),
      mode,
      host,
      search,
    );
  };
  const until = isOver(milliseconds);
  const options = mode === "crash" ? { pendingAt: pendingAtCrash } : {};
  return shrink(finding, reproduce, { attempts, until }, options);
}

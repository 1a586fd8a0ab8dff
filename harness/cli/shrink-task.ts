import { logOf } from "../artifacts.ts";
import { pendingAtCrash } from "../account.ts";
import { shrink, type Reproduce } from "../shrink.ts";
import { isOver } from "./campaign-tasks.ts";
import { crashLog, findingOf, hashOf } from "./reproduce.ts";
import type { ShrinkAnswer, ShrinkTask } from "./tasks.ts";
import type { WorkerHost } from "./worker-host.ts";

/** Makes a finding smaller, and tells its story. */
export function runShrink({ finding, mode, attempts, milliseconds }: ShrinkTask, host: WorkerHost): ShrinkAnswer {
  const { seed, workload } = finding;
  const reproduce: Reproduce = (ops, config, search) => {
    host.beat();
    return findingOf(logOf({ seed, workload, config, ops }), mode, host, search);
  };
  const until = isOver(milliseconds);
  const options = mode === "crash" ? { pendingAt: pendingAtCrash } : {};
  const result = shrink(finding, reproduce, { attempts, until }, options);
  const answer = { finding: result.finding, attempts: result.attempts };
  if (mode !== "crash") return answer;
  const before = crashLog(logOf(finding), host);
  const { account, trace, image } = crashLog(logOf(result.finding), host, { explain: true });
  return { ...answer, traceHash: hashOf(before.trace), account, trace, ...(image && { image }) };
}

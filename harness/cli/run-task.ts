import { unreachable } from "../unreachable.ts";
import { runBarrierCoverage, runCrash, runDifferentials, runFaultUnits } from "./campaign-tasks.ts";
import { runHunt } from "./mutants/hunt.ts";
import { runLog } from "./reproduce.ts";
import { runSelfCheck } from "./self-check/self-check.ts";
import { runShrink } from "./shrink-task.ts";
import { runSuite } from "./suites.ts";
import type { CampaignResult, HuntAnswer, ShrinkAnswer, Task } from "./tasks.ts";
import type { WorkerHost } from "./worker-host.ts";

/** What a worker does for each kind of task. */
export async function runTask(task: Task, host: WorkerHost): Promise<CampaignResult | ShrinkAnswer | HuntAnswer> {
  switch (task.kind) {
    case "run":
      return await runDifferentials(task, host);
    case "crash":
      return await runCrash(task, host);
    case "faults":
      return await runFaultUnits(task, host);
    case "barriers":
      return await runBarrierCoverage(task, host);
    case "log":
      return await runLog(task, host);
    case "suite":
      return await runSuite(task, host);
    case "shrink":
      return await runShrink(task, host);
    case "hunt":
      return await runHunt(task, host);
    case "selfCheck":
      return await runSelfCheck(host);
    default:
      return unreachable(task);
  }
}

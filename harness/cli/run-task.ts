import { unreachable } from "../unreachable.ts";
import { runBarrierCoverage, runCrash, runDifferentials, runFaultUnits } from "./campaign-tasks.ts";
import { runLog } from "./reproduce.ts";
import { runShrink } from "./shrink-task.ts";
import { runSuite } from "./suites.ts";
import type { CampaignResult, ShrinkAnswer, Task } from "./tasks.ts";
import type { WorkerHost } from "./worker-host.ts";

/** What a worker does for each kind of task. */
export function runTask(task: Task, host: WorkerHost): CampaignResult | ShrinkAnswer {
  switch (task.kind) {
    case "run":
      return runDifferentials(task, host);
    case "crash":
      return runCrash(task, host);
    case "faults":
      return runFaultUnits(task, host);
    case "barriers":
      return runBarrierCoverage(task, host);
    case "log":
      return runLog(task, host);
    case "suite":
      return runSuite(task, host);
    case "shrink":
      return runShrink(task, host);
    default:
      return unreachable(task);
  }
}

// The thread that fuzzes. The counters of memory and branches are in place before anything that they count is loaded.

import { parentPort, workerData } from "node:worker_threads";
import { Coverage } from "./coverage.ts";
import { installMemoryGuard } from "./memory-guard.ts";
import type { FuzzMessage, FuzzStart } from "./messages.ts";

const start = workerData as FuzzStart;
const coverage = new Coverage(start.branches);
installMemoryGuard();
// An error in an input is not told from where it comes; that takes longer than the rest.
Error.stackTraceLimit = 0;
const { runTask } = await import("./worker.ts");
await runTask(start, coverage, (message: FuzzMessage) => parentPort!.postMessage(message, []));

// The parent's side: campaigns run in a thread of their own, and one that makes no progress is a finding.

import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import {
  BEATS,
  DONE,
  SHARED_BYTES,
  STOP,
  TOTAL,
  type Unit,
  type WorkerMessage,
  type WorkerStart,
} from "./worker-host.ts";

/** No progress for so long is a hang (docs: C28). The longest step between two signs of life takes a few seconds. */
export const HANG_MILLISECONDS = 20_000;

/** How often the worker's signs of life are looked at. */
const POLLS_PER_LIMIT = 80;

/**
 * MiB that the heaps of workers have for what is young, from their start on; V8 would begin with one. Operations, keys and
 * values live for a moment: collections take half the time.
 */
const YOUNG_MEBIBYTES = 16;

export interface WorkerOptions {
  /** What the worker runs; the campaigns' by default. */
  readonly module?: URL;
  readonly hangMilliseconds?: number;
  readonly progress?: (done: number, total: number) => void;
  /** Hears what the task tells before its end. */
  readonly told?: (value: unknown) => void;
  /** Asks the worker to come to an end. */
  readonly stop?: AbortSignal;
}

export type WorkerEnd<Result> =
  | { readonly kind: "done"; readonly result: Result }
  | { readonly kind: "hang"; readonly unit: Unit | undefined; readonly done: number; readonly milliseconds: number };

/** The worker died by itself: the harness is broken, which says nothing of the engine. */
export class WorkerError extends Error {
  override readonly name = "WorkerError";
}

/** Runs a task to its end or until it hangs; then the worker is gone. Throws WorkerError. */
export async function runInWorker<Result>(task: unknown, options: WorkerOptions = {}): Promise<WorkerEnd<Result>> {
  const shared = new SharedArrayBuffer(SHARED_BYTES);
  const cells = new Int32Array(shared);
  setFlagsFromString(`--min-semi-space-size=${YOUNG_MEBIBYTES}`);
  const worker = new Worker(builtModule(options.module), { workerData: { task, shared } satisfies WorkerStart });
  options.stop?.addEventListener("abort", () => Atomics.store(cells, STOP, 1));
  let unit: Unit | undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve, reject) => {
      worker.on("message", (message: WorkerMessage) => {
        if ("unit" in message) unit = message.unit;
        else if ("told" in message) options.told?.(message.told);
        else resolve({ kind: "done", result: message.result as Result });
      });
      worker.on("messageerror", reject);
      worker.on("error", (cause) => reject(new WorkerError(`the worker threw ${describe(cause)}`, { cause })));
      worker.on("exit", (code) => reject(new WorkerError(`the worker ended by itself with code ${code}`)));
      timer = watch(cells, options, (milliseconds) =>
        resolve({ kind: "hang", unit, done: Atomics.load(cells, DONE), milliseconds }),
      );
    });
  } finally {
    clearInterval(timer);
    worker.removeAllListeners("exit");
    await worker.terminate();
  }
}

// Time is counted in polls that found nothing new: a machine that was asleep is not a worker that hangs.
function watch(
  cells: Int32Array,
  { hangMilliseconds = HANG_MILLISECONDS, progress }: WorkerOptions,
  hung: (milliseconds: number) => void,
): NodeJS.Timeout {
  let beats = -1;
  let idle = 0;
  return setInterval(() => {
    const now = Atomics.load(cells, BEATS);
    idle = now === beats ? idle + 1 : 0;
    beats = now;
    if (idle >= POLLS_PER_LIMIT) hung(hangMilliseconds);
    const total = Atomics.load(cells, TOTAL);
    if (total > 0) progress?.(Math.min(Atomics.load(cells, DONE), total), total);
  }, hangMilliseconds / POLLS_PER_LIMIT);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Workers and processes start from the built file, whether who starts them runs from dist/ or, in tests, from its source. */
export function builtModule(module: URL = new URL("campaign-worker.js", import.meta.url)): string {
  return fileURLToPath(module)
    .replace(/(\/dist)?\/harness\/cli\//, "/dist/harness/cli/")
    .replace(/\.ts$/, ".js");
}

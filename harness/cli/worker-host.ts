// The worker's side of the watchdog: progress goes through shared memory, so that a thread that is busy for ever is seen to
// be; what is worked on is said before the work begins.

import { parentPort, workerData } from "node:worker_threads";
import type { CampaignHost } from "../finding.ts";
import type { Op } from "../op.ts";
import type { WorkloadOptions } from "../workloads/workload.ts";
import type { Mode, Work } from "./tasks.ts";

/** What the parent writes down if nothing more is heard. */
export interface Unit {
  readonly seed: string;
  readonly workload: string;
  readonly config: string;
  readonly ops: readonly Op[];
  readonly work: Work;
  /** In place of `ops`: as many as were done, and one more, of what generate() makes of this. */
  readonly generated?: Omit<WorkloadOptions, "config">;
  /** The directory that the store is in. */
  readonly scratch?: string;
}

export interface WorkerHost extends CampaignHost {
  /** What the units that follow belong to. */
  begin(work: Work, workload: string): void;
  /** A unit with all that is known of it. */
  announce(unit: Unit): void;
  /** Still alive. */
  beat(): void;
  /** What is known before the task is at its end. */
  tell(value: unknown): void;
  /** Another part of the campaign has found something: this one may stop. */
  isStopped(): boolean;
}

export type WorkerMessage = { readonly unit: Unit } | { readonly told: unknown } | { readonly result: unknown };

export interface WorkerStart {
  readonly task: unknown;
  readonly shared: SharedArrayBuffer;
}

/** Cells of the shared memory. */
export const BEATS = 0;
export const DONE = 1;
export const TOTAL = 2;
/** Set by the parent: nobody needs more. */
export const STOP = 3;
export const SHARED_BYTES: number = 4 * Int32Array.BYTES_PER_ELEMENT;

const NO_WORK: Work = { campaign: "task", mode: "plain" satisfies Mode, command: "" };

/** To be called once in a worker: carries out the task that it was started for. */
export async function serveTask(run: (task: unknown, host: WorkerHost) => unknown): Promise<void> {
  const { task, shared } = workerData as WorkerStart;
  const cells = new Int32Array(shared);
  const post = (message: WorkerMessage): void => parentPort!.postMessage(message, []);
  let work = NO_WORK;
  let workload = "";
  const host: WorkerHost = {
    begin(next, name) {
      work = next;
      workload = name;
    },
    announce: (unit) => post({ unit }),
    unit: (unit) => post({ unit: { ...unit, work, workload } }),
    progress(done, total) {
      cells[DONE] = done;
      cells[TOTAL] = total ?? 0;
      Atomics.add(cells, BEATS, 1);
    },
    tell: (told) => post({ told }),
    beat: () => void Atomics.add(cells, BEATS, 1),
    isStopped: () => Atomics.load(cells, STOP) === 1,
  };
  post({ result: await run(task, host) });
}

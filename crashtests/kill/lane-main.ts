// The entry point of a lane's thread.

import { parentPort, workerData } from "node:worker_threads";
import { runLane, type LaneTask } from "./lane.ts";

/** What a lane tells: how many rounds it has finished, or, at its end, what came of them. */
export type LaneMessage = { readonly rounds: number } | { readonly summary: Awaited<ReturnType<typeof runLane>> };

const { task, stop, milliseconds } = workerData as LaneData;
/** `stop` is set when nothing more is wanted. */
export interface LaneData {
  readonly task: LaneTask;
  readonly stop: Int32Array;
  readonly milliseconds: number | undefined;
}

const end = milliseconds === undefined ? Number.POSITIVE_INFINITY : performance.now() + milliseconds;
const tell = (message: LaneMessage): void => parentPort!.postMessage(message, []);
const summary = await runLane(task, {
  isOver: () => Atomics.load(stop, 0) !== 0 || performance.now() >= end,
  finished: (rounds) => tell({ rounds }),
});
if (summary.failures.length > 0) Atomics.store(stop, 0, 1);
tell({ summary });

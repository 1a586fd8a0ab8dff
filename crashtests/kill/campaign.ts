// The SIGKILL suite: real processes in a real directory, killed at a random time, after the n-th acknowledgement, or by
// themselves at the n-th call of Env; most deaths are followed by a full check of a copy, and each by the next child.
//
// Directories are independent of each other: two are worked on at a time, and what each does is drawn from its own seed.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { fastDirectory } from "tinykv/harness";
import type { LaneData, LaneMessage } from "./lane-main.ts";
import { addSummaries, type KillSummary } from "./lane.ts";

export type { KillFailure } from "./keep-failure.ts";
export type { KillSummary } from "./lane.ts";

export interface KillOptions {
  readonly seed: string;
  readonly rounds: number;
  /** Where stores are made; in memory where the system has a file system there, when absent. */
  readonly dir?: string;
  readonly artifacts: string;
  /** No further round is begun after this many milliseconds since the start. */
  readonly deadline?: number;
  readonly progress?: (done: number, total: number) => void;
  readonly now: () => number;
}

/** Directories that are worked on at a time, in a thread and with a child each. */
const LANES = 2;

/** A kill suite that acknowledges fewer writes a round than this tests nothing but start-up. */
export const ACKNOWLEDGED_LEAST = 20;

/** Runs rounds until they are done, the time is up, or one finds something. */
export async function runKillCampaign(options: KillOptions): Promise<KillSummary> {
  const { seed, rounds, dir, artifacts, deadline, now, progress } = options;
  const base = dir ?? mkdtempSync(join(fastDirectory(), "tinykv-kill-"));
  mkdirSync(base, { recursive: true });
  const stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const milliseconds = deadline === undefined ? undefined : deadline - now();
  const finished: number[] = [];
  const summaries = await Promise.all(
    Array.from({ length: LANES }, (_, lane) => {
      const task = { seed, rounds, lane, lanes: LANES, base, artifacts };
      return runThread({ task, stop, milliseconds }, (count) => {
        finished[lane] = count;
        progress?.(
          finished.reduce((sum, one) => sum + one, 0),
          rounds,
        );
      });
    }),
  );
  if (dir === undefined) rmSync(base, { recursive: true, force: true });
  return addSummaries(summaries);
}

function runThread(workerData: LaneData, finished: (rounds: number) => void): Promise<KillSummary> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(laneFile(), { workerData });
    worker.on("message", (message: LaneMessage) => {
      if ("summary" in message) resolve(message.summary);
      else finished(message.rounds);
    });
    worker.on("error", reject);
    worker.on("exit", (code) => reject(new Error(`a lane ended with ${code}`)));
  });
}

// This module runs from dist/ or, in tests, from its source; threads start from the built file.
function laneFile(): URL {
  return new URL(
    new URL("lane-main.js", import.meta.url).href.replace(/(\/dist)?\/crashtests\/kill\//, "/dist/crashtests/kill/"),
  );
}

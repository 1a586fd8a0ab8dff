// A recorded run whose background work a thread does: the trace has the calls of both threads, in the order in which the
// disk saw them. It is another one each time, so a finding is kept with its trace.

import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Barrier, Env } from "tinykv/env";
import type { RecordingEnv } from "../disk/recording-env.ts";
import { TwoThreads } from "../disk/threads/two-threads-env.ts";
import { makeScratch } from "../scratch.ts";
import { recordRun, type Demands, type RecordedRun, type RecordedRunOptions, type Recording } from "./recorded-run.ts";

export interface ThreadedRun extends RecordedRun {
  /** How many events of the trace are the worker's. */
  readonly workerEvents: number;
  /** How often the order goes from the store's own thread to the worker's. */
  readonly switches: number;
}

/** Runs the operations under a configuration that asks for a thread. `skip`: a sync that the worker leaves out. */
export async function recordThreadedRun(
  options: Omit<RecordedRunOptions, "start" | "world"> & { readonly skip?: Barrier },
): Promise<ThreadedRun> {
  const root = makeScratch("tinykv-threads-");
  mkdirSync(join(root, "d"));
  const threads = new TwoThreads(root, options.skip);
  let workerEvents = 0;
  let switches = 0;
  const world = {
    disk: threads.disk,
    record: (below: Env, recording: Recording): RecordingEnv =>
      threads.record(below, (event) => recording.after(event)),
    merge: ({ trace, demands }: Recording) => {
      const merged: { trace: RecordedRun["trace"][number][]; demands: Demands[] } = {
        trace: [],
        demands: [demands[0]!],
      };
      threads.workerEvents().forEach((others, i) => {
        // Nothing is promised by what a worker does: what was demanded before it is demanded behind it.
        for (const { event } of others) {
          merged.trace.push(event);
          merged.demands.push(demands[i]!);
        }
        workerEvents += others.length;
        if (others.length > 0) switches++;
        if (i === trace.length) return;
        merged.trace.push(trace[i]!);
        merged.demands.push(demands[i + 1]!);
      });
      return merged;
    },
  };
  try {
    return { ...(await recordRun({ ...options, world })), workerEvents, switches };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

// The worker thread of a store whose calls are recorded: its calls go into the order of both threads.

import { getEnvironmentData } from "node:worker_threads";
import { serveBackground } from "tinykv/env";
import { BarrierEnv } from "../barrier-env.ts";
import { RecordingEnv } from "../recording-env.ts";
import type { TraceEvent } from "../trace.ts";
import { RootedEnv } from "./rooted-env.ts";
import { SHARE_KEY, SharedOrder, type Share } from "./shared-order.ts";

/** Descriptors are numbered in each thread: those of the nth worker from n times this on. */
const FILES_PER_THREAD = 1_000_000;

const share = getEnvironmentData(SHARE_KEY) as unknown as Share;
const order = new SharedOrder(share);
const firstFile = (order.nextThread() + 1) * FILES_PER_THREAD;

const recorder = new RecordingEnv(new RootedEnv(share.root), {
  before: () => {
    order.take();
    return undefined;
  },
  after: (event) => {
    try {
      order.append({ number: order.next(), event: renumbered(event) });
    } finally {
      order.give();
    }
  },
});
serveBackground(new BarrierEnv(recorder, (barrier) => (barrier === share.skip ? "skip" : "do")));

function renumbered(event: TraceEvent): TraceEvent {
  return "file" in event ? { ...event, file: event.file + firstFile } : event;
}

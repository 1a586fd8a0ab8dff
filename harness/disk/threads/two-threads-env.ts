// The store's own end of a recording of two threads.

import { setEnvironmentData } from "node:worker_threads";
import type { Barrier, Env } from "tinykv/env";
import { RecordingEnv } from "../recording-env.ts";
import type { TraceEvent } from "../trace.ts";
import { RootedEnv } from "./rooted-env.ts";
import { makeShare, SHARE_KEY, SharedOrder, type NumberedEvent } from "./shared-order.ts";

// Threads start from the built file, whether this module runs from dist/ or, in tests, from its source.
const WORKER_FILE = new URL("recording-worker.js", import.meta.url).href.replace(
  /(\/dist)?\/harness\/disk\/threads\//,
  "/dist/harness/disk/threads/",
);

let recordings = 0;

/** A recording of a store in `root`, which stands for "/", and of the worker thread that works for it. */
export class TwoThreads {
  /** What is below the recorder in this thread. */
  readonly disk: Env;
  readonly #order: SharedOrder;
  readonly #numbers: number[] = [];

  /** `skip`: a sync that the worker leaves out. One recording at a time. */
  constructor(root: string, skip?: Barrier) {
    const share = makeShare(root, skip);
    setEnvironmentData(SHARE_KEY, share);
    this.#order = new SharedOrder(share);
    this.disk = new RootedEnv(root);
  }

  /** Records the calls of this thread that go to `below`; `after` is told of each, in its place. */
  record(below: Env, after: (event: TraceEvent) => void): RecordingEnv & { readonly worker: URL } {
    const order = this.#order;
    const env = new RecordingEnv(below, {
      before: () => {
        order.take();
        return undefined;
      },
      after: (event) => {
        if ("mark" in event) order.take();
        try {
          this.#numbers.push(order.next());
          after(event);
        } finally {
          order.give();
        }
      },
    });
    // A thread of its own: environment data are read when it starts.
    return Object.assign(env, { worker: new URL(`${WORKER_FILE}?${++recordings}`) });
  }

  /** For each event of this thread, those of the workers that came before it and after the one before; then the rest. */
  workerEvents(): readonly (readonly NumberedEvent[])[] {
    const events = this.#order.read();
    let at = 0;
    const before = (number: number): NumberedEvent[] => {
      const first = at;
      while (at < events.length && events[at]!.number < number) at++;
      return events.slice(first, at);
    };
    return [...this.#numbers.map(before), before(Infinity)];
  }
}

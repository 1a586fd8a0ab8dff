// The clock around a workload. Throughput is measured without a clock around each operation: it would cost more than a
// cached read takes. Latencies are measured in another process, by one reading of the clock an operation (the end of one
// is the start of the next, so the loop itself is inside); what a reading costs is measured too and stands beside them.

import type { Pending } from "../stores/store.ts";
import type { ConcurrentRun, Run, StepRun } from "../workloads/workload.ts";
import type { Histogram } from "./histogram.ts";

/** Between two looks at the clock pass at most this many steps: less than a tenth of a percent of a cached read. */
const STEPS_A_LOOK = 256;
const NANOSECONDS_A_MILLISECOND = 1e6;
/** Readings of the clock to say what one costs. */
const CLOCK_READINGS = 100_000;
const CLOCK_ATTEMPTS = 4;

/** A second of the run. */
export interface Second {
  readonly second: number;
  readonly ops: number;
  readonly rssBytes: number;
}

export interface LoopResult {
  readonly ops: number;
  readonly milliseconds: number;
  readonly seconds: readonly Second[];
}

export interface LoopOptions {
  /** The run ends when so many seconds have passed, even if steps are left. */
  readonly secondsMax: number;
  /** Latencies go here; absent: none are taken. */
  readonly histogram?: Histogram;
  /** Everything accepted is done: belongs to the measured time. */
  readonly settle: () => Promise<void>;
}

export async function runLoop(run: Run, options: LoopOptions): Promise<LoopResult> {
  const watch = new Watch(options.secondsMax);
  const ops = "writers" in run ? await runWriters(run, watch, options) : await runSteps(run, watch, options);
  await options.settle();
  return { ops, milliseconds: watch.elapsed(), seconds: watch.seconds };
}

/** What one reading of the clock costs here, in nanoseconds: the least of a few attempts, the first of which is not compiled yet. */
export function clockNanoseconds(): number {
  const attempts = Array.from({ length: CLOCK_ATTEMPTS }, () => {
    const start = performance.now();
    let last = start;
    for (let i = 0; i < CLOCK_READINGS; i++) last = performance.now();
    return ((last - start) * NANOSECONDS_A_MILLISECOND) / CLOCK_READINGS;
  });
  return Math.min(...attempts);
}

/** The time since the loop began, and a note every second. */
class Watch {
  readonly seconds: Second[] = [];
  readonly #start = performance.now();
  readonly #endMilliseconds: number;
  #noted = 0;

  constructor(secondsMax: number) {
    this.#endMilliseconds = secondsMax * 1000;
  }

  elapsed(): number {
    return performance.now() - this.#start;
  }

  /** False when the time is up. */
  look(ops: number): boolean {
    const elapsed = this.elapsed();
    const second = Math.floor(elapsed / 1000);
    if (second > this.seconds.length) {
      this.seconds.push({ second, ops: ops - this.#noted, rssBytes: process.memoryUsage.rss() });
      this.#noted = ops;
    }
    return elapsed < this.#endMilliseconds;
  }
}

async function runSteps(run: StepRun, watch: Watch, { histogram }: LoopOptions): Promise<number> {
  const stepsALook = Math.max(1, Math.floor(STEPS_A_LOOK / run.opsPerStep));
  const isMore = (steps: number): boolean =>
    steps < run.steps || (run.untilSeconds !== undefined && watch.elapsed() < run.untilSeconds * 1000);
  const cursor: StepCursor = { step: 0, pending: undefined };
  do {
    const end = cursor.step < run.steps ? Math.min(run.steps, cursor.step + stepsALook) : cursor.step + 1;
    if (histogram) await timedSteps(run, cursor, end, histogram);
    else {
      while (cursor.step < end) {
        synchronousSteps(run, cursor, end);
        if (cursor.pending !== undefined) await cursor.pending;
      }
    }
  } while (watch.look(cursor.step * run.opsPerStep) && isMore(cursor.step));
  return cursor.step * run.opsPerStep;
}

interface StepCursor {
  step: number;
  pending: Pending;
}

// Steps until one has to be waited for. A plain function: an engine without promises is measured without any.
function synchronousSteps(run: StepRun, cursor: StepCursor, end: number): void {
  let at = cursor.step;
  let pending: Pending;
  while (at < end && pending === undefined) pending = run.step(at++);
  cursor.step = at;
  cursor.pending = pending;
}

async function timedSteps(run: StepRun, cursor: StepCursor, end: number, histogram: Histogram): Promise<void> {
  let before = performance.now();
  for (; cursor.step < end; cursor.step++) {
    const pending = run.step(cursor.step);
    if (pending !== undefined) await pending;
    const now = performance.now();
    histogram.add((now - before) * NANOSECONDS_A_MILLISECOND);
    before = now;
  }
}

async function runWriters(run: ConcurrentRun, watch: Watch, { histogram }: LoopOptions): Promise<number> {
  let begun = 0;
  let done = 0;
  let inTime = true;
  const writer = async (): Promise<void> => {
    while (begun < run.steps && inTime) {
      const before = performance.now();
      await run.step(begun++);
      histogram?.add((performance.now() - before) * NANOSECONDS_A_MILLISECOND);
      inTime = watch.look(++done);
    }
  };
  await Promise.all(Array.from({ length: run.writers }, writer));
  return done;
}

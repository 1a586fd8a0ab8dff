import { Random } from "tinykv/harness";
import { openStore } from "../stores/open-store.ts";
import type { BenchStore } from "../stores/store.ts";
import { workloadNamed } from "../workloads/catalogue.ts";
import { BATCH_ENTRIES } from "../workloads/fills.ts";
import { KEY_BYTES, Keys, permutation, Values } from "../workloads/keys.ts";
import { LOG_BUFFER_BYTES, logEntries } from "../workloads/maintenance.ts";
import type { Run, Workload } from "../workloads/workload.ts";
import { Histogram } from "./histogram.ts";
import { clockNanoseconds, runLoop, type LoopResult } from "./loop.ts";
import type { Answer, Measurement, MeasureTask, PrepareTask } from "./measurement.ts";
import { diskBytes, peakRssBytes, writtenBytes } from "./system.ts";

/** The default of most engines here, and what the targets name. */
const CACHE_BYTES = 64 << 20;
/** A cache that holds the data has at least this, */
const CACHE_HOLDS_BYTES = 256 << 20;
/** and this many times the data: blocks are charged with more than their entries. */
const CACHE_HOLDS_TIMES = 2;

/** Leaves a store as `task.start` says. For "log" the caller ends the process without closing it. */
export async function prepare(task: PrepareTask): Promise<BenchStore> {
  const isLog = task.start === "log";
  const store = await openStore(task.engine, {
    directory: task.directory,
    cacheBytes: CACHE_BYTES,
    durable: false,
    readsOwnWrites: false,
    options: task.options,
    ...(isLog && { writeBufferBytes: LOG_BUFFER_BYTES }),
  });
  if (isLog) {
    await fillLog(store, task);
    return store;
  }
  await fill(store, task);
  if (task.start === "compacted") await store.compact?.();
  await store.close();
  return store;
}

/** Runs the workload on the store in the directory, which it closes. */
export async function measure(task: MeasureTask): Promise<Answer> {
  const workload = workloadNamed(task.workload);
  const before = performance.now();
  const store = await openStore(task.engine, {
    directory: task.directory,
    cacheBytes: cacheBytes(workload, task),
    durable: workload.durable ?? false,
    readsOwnWrites: workload.readsOwnWrites ?? false,
    options: task.options,
    ...(workload.measuresOpen && { writeBufferBytes: LOG_BUFFER_BYTES }),
  });
  const openMilliseconds = performance.now() - before;
  const reason = workload.unsupported?.(store);
  if (reason !== undefined) {
    await store.close();
    return { kind: "unsupported", reason };
  }
  const run = workload.run(store, task);
  await run.warmUp?.();
  const writtenBefore = writtenBytes();
  const { timings, ...loop } = workload.measuresOpen
    ? await opened(run, openMilliseconds)
    : await timed(run, store, task);
  run.check?.();
  const { drainMilliseconds, peak, ...rest } = await wrapUp(store);
  const written = writtenBytes();
  const measurement: Measurement = {
    version: store.version,
    call: workload.calls.flatMap((name) => store.calls[name] ?? []).join("; ") || "open",
    ops: loop.ops,
    milliseconds: loop.milliseconds,
    openMilliseconds,
    peakRssBytes: peak,
    seconds: loop.seconds,
    ...timings,
    ...rest,
    ...(drainMilliseconds !== undefined && { drainMilliseconds }),
    ...(written !== undefined && writtenBefore !== undefined && { writtenBytes: written - writtenBefore }),
    storedBytes: run.bytesPerOp * loop.ops,
    liveBytes: (run.live?.(loop.ops) ?? task.keys) * (KEY_BYTES + task.valueBytes),
    diskBytes: diskBytes(task.directory),
  };
  return { kind: "measured", measurement };
}

type Timed = LoopResult & { readonly timings: Pick<Measurement, "histogram" | "clockNanoseconds"> };

async function timed(run: Run, store: BenchStore, { latency, secondsMax }: MeasureTask): Promise<Timed> {
  const settle = (): Promise<void> => store.settle();
  if (!latency) return { ...(await runLoop(run, { secondsMax, settle })), timings: {} };
  const histogram = new Histogram();
  const loop = await runLoop(run, { secondsMax, settle, histogram });
  return { ...loop, timings: { histogram: histogram.report(), clockNanoseconds: clockNanoseconds() } };
}

// The work was done by open(); the step only proves it.
async function opened(run: Run, milliseconds: number): Promise<Timed> {
  await run.step(0);
  return { ops: "opsPerStep" in run ? run.opsPerStep : 0, milliseconds, seconds: [], timings: {} };
}

async function wrapUp(
  store: BenchStore,
): Promise<Pick<Measurement, "drainMilliseconds" | "stalls" | "levelTables"> & { peak: number }> {
  const before = performance.now();
  await store.drain?.();
  const drainMilliseconds = performance.now() - before;
  const { stalls, levelTables } = store.shape();
  const peak = peakRssBytes();
  await store.close();
  return {
    peak,
    ...(store.drain && { drainMilliseconds }),
    ...(stalls && { stalls }),
    ...(levelTables && { levelTables }),
  };
}

function cacheBytes(workload: Workload, { keys, valueBytes }: MeasureTask): number {
  if (workload.cache !== "holds") return CACHE_BYTES;
  return Math.max(CACHE_HOLDS_BYTES, CACHE_HOLDS_TIMES * keys * (KEY_BYTES + valueBytes));
}

async function fill(store: BenchStore, { keys, valueBytes, seed }: PrepareTask): Promise<void> {
  const order = permutation(keys, new Random(`${seed}:order`));
  const ring = new Keys(BATCH_ENTRIES);
  const values = new Values(valueBytes, seed);
  for (let from = 0; from < keys; from += BATCH_ENTRIES) {
    const batch = Array.from(order.subarray(from, from + BATCH_ENTRIES), (index) => ring.at(index));
    await store.batch(
      batch,
      batch.map(() => values.next()),
    );
  }
  await store.settle();
}

async function fillLog(store: BenchStore, { keys, valueBytes, seed }: PrepareTask): Promise<void> {
  const count = logEntries(keys, valueBytes);
  const order = permutation(count, new Random(`${seed}:order`));
  const ring = new Keys(1);
  const values = new Values(valueBytes, seed);
  for (const index of order) {
    const pending = store.put(ring.at(index), values.next());
    if (pending !== undefined) await pending;
  }
  await store.settle();
}

// The long mixed run, inside its own process: reads, overwrites, deletes and short scans of uniformly drawn keys, with a
// clock around every operation, and a note every second. It shows what averages hide: cliffs, stalls, memory that grows.

import { Random } from "tinykv/harness";
import { Histogram } from "../measure/histogram.ts";
import { clockNanoseconds } from "../measure/loop.ts";
import { peakRssBytes, writtenBytes } from "../measure/system.ts";
import { openStore, type EngineName } from "../stores/open-store.ts";
import type { BenchStore, Pending } from "../stores/store.ts";
import { KEY_BYTES, Keys, Values } from "../workloads/keys.ts";
import type { MixedReport, MixedSecond } from "./mixed-report.ts";

export interface MixedTask {
  readonly engine: EngineName;
  /** Holds a store with every key. */
  readonly directory: string;
  readonly keys: number;
  readonly valueBytes: number;
  readonly minutes: number;
  readonly seed: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Percent of the operations. */
const SHARES = { get: 60, put: 30, delete: 5, scan: 5 } as const;
type Kind = keyof typeof SHARES;
const KINDS = Object.entries(SHARES).flatMap(([kind, share]) => Array<Kind>(share).fill(kind as Kind));

const SCAN_ENTRIES = 20;
const CACHE_BYTES = 64 << 20;
/** Between two looks whether a second is over. */
const OPS_A_LOOK = 64;
/** Seconds between two notes of the tables of each level. */
const SHAPE_SECONDS = 5;

type Report = Omit<MixedReport, "fillSeconds">;

/** Runs for the time asked for; `tell` is called every second. */
export async function runMixed(task: MixedTask, tell: (second: MixedSecond) => void): Promise<Report> {
  const store = await openStore(task.engine, {
    directory: task.directory,
    cacheBytes: CACHE_BYTES,
    durable: false,
    readsOwnWrites: true,
    options: task.options,
  });
  const operations = new Operations(store, task);
  const recorder = new Recorder(store, tell);
  const writtenBefore = writtenBytes();
  await operations.run(recorder, task.minutes * 60_000);
  await store.settle();
  const { stalls } = store.shape();
  const peak = peakRssBytes();
  await store.close();
  const written = writtenBytes();
  return {
    engine: task.engine,
    keys: task.keys,
    valueBytes: task.valueBytes,
    minutes: task.minutes,
    shares: SHARES,
    ops: operations.count,
    seconds: recorder.seconds,
    histograms: Object.fromEntries(Object.entries(recorder.histograms).map(([kind, of]) => [kind, of.report()])),
    clockNanoseconds: clockNanoseconds(),
    ...(stalls && { stalls }),
    shapes: recorder.shapes,
    peakRssBytes: peak,
    ...(written !== undefined && writtenBefore !== undefined && { writtenBytes: written - writtenBefore }),
    storedBytes: operations.storedBytes,
  };
}

class Operations {
  count = 0;
  storedBytes = 0;
  readonly #store: BenchStore;
  readonly #random: Random;
  readonly #keyCount: number;
  readonly #keys = new Keys(4);
  readonly #values: Values;
  readonly #entryBytes: number;

  constructor(store: BenchStore, { seed, keys, valueBytes }: MixedTask) {
    this.#store = store;
    this.#random = new Random(`${seed}:mixed`);
    this.#keyCount = keys;
    this.#values = new Values(valueBytes, seed);
    this.#entryBytes = KEY_BYTES + valueBytes;
  }

  async run(recorder: Recorder, milliseconds: number): Promise<void> {
    const start = performance.now();
    let before = start;
    while (before - start < milliseconds) {
      for (let i = 0; i < OPS_A_LOOK; i++) {
        const kind = KINDS[this.#random.int(KINDS.length)]!;
        const pending = this.#operation(kind);
        if (pending !== undefined) await pending;
        const now = performance.now();
        recorder.add(kind, (now - before) * 1e6);
        before = now;
      }
      this.count += OPS_A_LOOK;
      recorder.look((before - start) / 1000);
    }
  }

  #operation(kind: Kind): Pending {
    const key = this.#keys.at(this.#random.int(this.#keyCount));
    switch (kind) {
      case "get":
        return later(this.#store.get(key));
      case "put":
        this.storedBytes += this.#entryBytes;
        return this.#store.put(key, this.#values.next());
      case "delete":
        this.storedBytes += KEY_BYTES;
        return this.#store.delete(key);
      default:
        return later(this.#store.scan({ from: key, reverse: false, limit: SCAN_ENTRIES }));
    }
  }
}

function later(answer: number | Promise<number>): Pending {
  return typeof answer === "number" ? undefined : answer;
}

/** What is written down while it runs. */
class Recorder {
  readonly seconds: MixedSecond[] = [];
  readonly shapes: { second: number; levelTables: readonly number[] }[] = [];
  readonly histograms: Record<Kind, Histogram> = {
    get: new Histogram(),
    put: new Histogram(),
    delete: new Histogram(),
    scan: new Histogram(),
  };
  readonly #second = new Histogram();
  readonly #store: BenchStore;
  readonly #tell: (second: MixedSecond) => void;
  #noted = 0;

  constructor(store: BenchStore, tell: (second: MixedSecond) => void) {
    this.#store = store;
    this.#tell = tell;
  }

  add(kind: Kind, nanoseconds: number): void {
    this.histograms[kind].add(nanoseconds);
    this.#second.add(nanoseconds);
  }

  look(elapsedSeconds: number): void {
    const second = Math.floor(elapsedSeconds);
    if (second <= this.#noted) return;
    // An operation of several seconds leaves seconds in which none ended: they are written down as such.
    while (++this.#noted < second) this.#note({ ops: 0, p50: 0, p99: 0, p999: 0, max: 0 });
    const { count: ops, p50, p99, p999, max } = this.#second.report();
    this.#note({ ops, p50, p99, p999, max });
    this.#second.clear();
  }

  #note(times: Pick<MixedSecond, "ops" | "p50" | "p99" | "p999" | "max">): void {
    const noted = { second: this.#noted, ...times, rssBytes: process.memoryUsage.rss() };
    this.seconds.push(noted);
    this.#tell(noted);
    if (this.#noted % SHAPE_SECONDS !== 0) return;
    const { levelTables } = this.#store.shape();
    if (levelTables) this.shapes.push({ second: this.#noted, levelTables });
  }
}

// Workloads that read: db_bench's read… and seekrandom, and readwhilewriting.

import { Random } from "tinykv/harness";
import type { BenchStore, Pending } from "../stores/store.ts";
import { KEY_BYTES, Keys, MissingKeys, Values } from "./keys.ts";
import type { Run, Setting, Workload } from "./workload.ts";

/** Scans go over the whole store until so much time has passed: one pass of a small store is too short to time. */
const SCAN_SECONDS = 0.5;
/** Reads before the clock starts: code is compiled after some thousand. */
const WARM_READS = 20_000;
/** db_bench's readhot: the first hundredth of the keys. */
const HOT_SHARE = 100;
/** readwhilewriting: one operation in so many is a put. */
const WRITE_EVERY = 10;

const READING = { bytesPerOp: 0 };

const readseq: Workload = {
  name: "readseq",
  what: "scan forward, both fields of each entry",
  calls: ["scan"],
  start: "compacted",
  changes: false,
  noLatency: true,
  cache: "holds",
  run: (store, setting) => scans(setting, () => store.scan({ reverse: false, limit: setting.keys })),
};

const readseqCursor: Workload = {
  name: "readseq-cursor",
  what: "scan forward by cursor(), fields as views",
  calls: ["cursor"],
  start: "compacted",
  changes: false,
  noLatency: true,
  cache: "holds",
  unsupported: ({ scanByCursor }) => (scanByCursor ? undefined : "no cursor with views"),
  run: (store, setting) => scans(setting, () => store.scanByCursor!(setting.keys)),
};

const readreverse: Workload = {
  name: "readreverse",
  what: "scan backward, both fields of each entry",
  calls: ["scan"],
  start: "compacted",
  changes: false,
  noLatency: true,
  cache: "holds",
  run: (store, setting) => scans(setting, () => store.scan({ reverse: true, limit: setting.keys })),
};

const readrandom: Workload = {
  name: "readrandom",
  what: "get, random keys, all there; the cache holds the data",
  calls: ["get"],
  start: "compacted",
  changes: false,
  cache: "holds",
  run: (store, setting) => hits(store, setting, setting.keys),
};

const readrandom64: Workload = {
  name: "readrandom-64m",
  what: "get, random keys, all there; caches of 64 MiB",
  calls: ["get"],
  start: "compacted",
  changes: false,
  run: (store, setting) => hits(store, setting, setting.keys),
};

const readrandom300k: Workload = {
  name: "readrandom-300k",
  what: "get, three tenths of the keys; caches of 64 MiB, our default",
  calls: ["get"],
  start: "compacted",
  changes: false,
  keysShare: 0.3,
  run: (store, setting) => hits(store, setting, setting.keys),
};

const readfilled: Workload = {
  name: "readrandom-filled",
  what: "get, random keys, all there, in a store as a random fill leaves it",
  calls: ["get"],
  start: "filled",
  changes: false,
  cache: "holds",
  run: (store, setting) => hits(store, setting, setting.keys),
};

const readhot: Workload = {
  name: "readhot",
  what: "get, random keys of the first hundredth",
  calls: ["get"],
  start: "compacted",
  changes: false,
  run: (store, setting) => hits(store, setting, Math.ceil(setting.keys / HOT_SHARE)),
};

const readmissing: Workload = {
  name: "readmissing",
  what: "get, keys that are not there, between those that are",
  calls: ["get"],
  start: "compacted",
  changes: false,
  cache: "holds",
  run(store, setting) {
    const random = new Random(`${setting.seed}:missing`);
    const keys = new MissingKeys();
    return gets(store, setting, () => keys.at(random.int(setting.keys)), "missing");
  },
};

const seekrandom: Workload = {
  name: "seekrandom",
  what: "seek to a random key and read the entry",
  calls: ["seek"],
  start: "compacted",
  changes: false,
  cache: "holds",
  run(store, setting) {
    const random = new Random(`${setting.seed}:seeks`);
    const keys = new Keys(1);
    const tally = new Tally();
    const step = (): Pending => tally.take(store.seek(keys.at(random.int(setting.keys))));
    return {
      ...READING,
      opsPerStep: 1,
      steps: setting.keys,
      warmUp: () => warmUp(store, setting, step),
      step,
      check: () => tally.demand("there"),
    };
  },
};

/**
 * Node's engines have one caller: nine gets and a put in turn. An engine whose put is a promise has it under way while
 * the gets go on, and it is waited for before the next one.
 */
const readwhilewriting: Workload = {
  name: "readwhilewriting",
  what: `get, random keys, all there; one operation in ${WRITE_EVERY} is a put, under way beside the gets where it can be`,
  calls: ["get", "put"],
  start: "compacted",
  changes: true,
  readsOwnWrites: true,
  run(store, setting) {
    const random = new Random(`${setting.seed}:mixed`);
    const keys = new Keys(2);
    const values = new Values(setting.valueBytes, setting.seed);
    const tally = new Tally();
    let underWay: Pending;
    const step = (index: number): Pending => {
      const key = keys.at(random.int(setting.keys));
      if (index % WRITE_EVERY !== 0) return tally.take(store.get(key));
      const before = underWay;
      if (before === undefined) {
        underWay = store.put(key, values.next());
        return undefined;
      }
      const own = Buffer.from(key);
      return before.then(() => (underWay = store.put(own, values.next())) && undefined);
    };
    return {
      ...READING,
      bytesPerOp: (KEY_BYTES + setting.valueBytes) / WRITE_EVERY,
      opsPerStep: 1,
      steps: setting.keys,
      warmUp: () => warmUp(store, setting, () => tally.take(store.get(keys.at(random.int(setting.keys))))),
      step,
      check: () => tally.demand("there"),
    };
  },
};

export const READS: readonly Workload[] = [
  readseq,
  readseqCursor,
  readreverse,
  readrandom,
  readrandom64,
  readrandom300k,
  readfilled,
  readmissing,
  readhot,
  seekrandom,
  readwhilewriting,
];

/** Counts answers, so that a read that finds nothing is noticed. */
export class Tally {
  #there = 0;
  #missing = 0;

  /** Of get(): a length or -1; of seek(): 1 or 0. */
  readonly take = (answer: number | Promise<number>): Pending => {
    if (typeof answer !== "number") return answer.then(this.take);
    if (answer > 0) this.#there++;
    else this.#missing++;
    return undefined;
  };

  demand(which: "there" | "missing"): void {
    const wrong = which === "there" ? this.#missing : this.#there;
    if (wrong > 0) throw new Error(`${wrong} of ${this.#there + this.#missing} keys were not ${which}`);
  }
}

function hits(store: BenchStore, setting: Setting, below: number): Run {
  const random = new Random(`${setting.seed}:reads`);
  const keys = new Keys(1);
  return gets(store, setting, () => keys.at(random.int(below)), "there");
}

function gets(store: BenchStore, setting: Setting, draw: () => Buffer, expected: "there" | "missing"): Run {
  const tally = new Tally();
  const step = (): Pending => tally.take(store.get(draw()));
  return {
    ...READING,
    opsPerStep: 1,
    steps: setting.keys,
    warmUp: () => warmUp(store, setting, step),
    step,
    check: () => tally.demand(expected),
  };
}

function scans(setting: Setting, scan: () => number | Promise<number>): Run {
  const check = (entries: number): undefined => {
    if (entries !== setting.keys) throw new Error(`a scan found ${entries} entries of ${setting.keys}`);
  };
  const step = (): Pending => {
    const entries = scan();
    return typeof entries === "number" ? check(entries) : entries.then(check);
  };
  return {
    ...READING,
    opsPerStep: setting.keys,
    steps: 1,
    untilSeconds: SCAN_SECONDS,
    warmUp: async () => void (await step()),
    step,
  };
}

/** A scan, so that whatever fits is in the caches, and reads. */
export async function warmUp(store: BenchStore, setting: Setting, step: () => Pending): Promise<void> {
  await store.scan({ reverse: false, limit: setting.keys });
  for (let i = 0; i < Math.min(WARM_READS, setting.keys); i++) await step();
}

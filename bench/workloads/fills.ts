// Workloads that only write: db_bench's fill…, overwrite and deleterandom.

import { Random } from "tinykv/harness";
import type { BenchStore } from "../stores/store.ts";
import { countDistinct, KEY_BYTES, Keys, Values } from "./keys.ts";
import type { Run, Setting, Workload } from "./workload.ts";

/** Entries in a batch, as in db_bench. */
export const BATCH_ENTRIES = 1000;
/** A synced write costs about a hundred others: db_bench does a thousandth of the keys. Fewer than this say nothing. */
const SYNCED_LEAST = 100;
const SYNCED_SHARE = 1000;
/** Concurrent writers of fillsync64. */
const WRITERS = 64;
/** Synced writes of each of them, as far as the time goes: the first hundreds of groups are mostly spent on compiling what they run. */
const WRITES_EACH = 5000;

const fillseq: Workload = {
  name: "fillseq",
  what: "put, keys ascending, one at a time",
  calls: ["put"],
  start: "empty",
  changes: true,
  run: (store, setting) => puts(store, setting, setting.keys, (i) => i),
};

const fillrandom: Workload = {
  name: "fillrandom",
  what: "put, random keys (some twice, as in db_bench), one at a time",
  calls: ["put"],
  start: "empty",
  changes: true,
  run: (store, setting) => randomPuts(store, setting, setting.keys),
};

const fillbatch: Workload = {
  name: "fillbatch",
  what: `batches of ${BATCH_ENTRIES}, random keys`,
  calls: ["batch"],
  start: "empty",
  changes: true,
  run(store, setting) {
    const random = new Random(`${setting.seed}:fillbatch`);
    const size = Math.min(BATCH_ENTRIES, setting.keys);
    const keys = new Keys(size);
    const values = new Values(setting.valueBytes, setting.seed);
    return {
      ...basics(setting),
      opsPerStep: size,
      steps: Math.floor(setting.keys / size),
      live: (ops) => distinct(setting, `${setting.seed}:fillbatch`, ops),
      step() {
        const entries = Array.from({ length: size }, () => keys.at(random.int(setting.keys)));
        return store.batch(
          entries,
          entries.map(() => values.next()),
        );
      },
    };
  },
};

const fillsync: Workload = {
  name: "fillsync",
  what: "put, random keys, each one synced",
  calls: ["put"],
  start: "empty",
  changes: true,
  durable: true,
  unsupported: ({ syncs }) => (syncs ? undefined : "no synced write"),
  run: (store, setting) => randomPuts(store, setting, syncedWrites(setting)),
};

const fillsync64: Workload = {
  name: "fillsync64",
  what: `put, random keys, each one synced, ${WRITERS} writers at once`,
  calls: ["put"],
  start: "empty",
  changes: true,
  durable: true,
  unsupported: ({ syncs, putConcurrently }) => (syncs && putConcurrently ? undefined : "no asynchronous synced write"),
  run(store, setting) {
    const random = new Random(`${setting.seed}:puts`);
    const keys = new Keys(2 * WRITERS);
    const values = new Values(setting.valueBytes, setting.seed);
    return {
      ...basics(setting),
      writers: WRITERS,
      steps: WRITERS * WRITES_EACH,
      live: (ops) => distinct(setting, `${setting.seed}:puts`, ops),
      step: () => store.putConcurrently!(keys.at(random.int(setting.keys)), values.next()),
    };
  },
};

const overwrite: Workload = {
  name: "overwrite",
  what: "put, random keys that are there, one at a time",
  calls: ["put"],
  start: "filled",
  changes: true,
  run: (store, setting) => ({ ...randomPuts(store, setting, setting.keys), live: () => setting.keys }),
};

const deleterandom: Workload = {
  name: "deleterandom",
  what: "delete, random keys, one at a time",
  calls: ["delete"],
  start: "filled",
  changes: true,
  run(store, setting) {
    const seed = `${setting.seed}:deletes`;
    const random = new Random(seed);
    const keys = new Keys(1);
    return {
      ...basics(setting),
      bytesPerOp: KEY_BYTES,
      opsPerStep: 1,
      steps: setting.keys,
      live: (ops) => setting.keys - distinct(setting, seed, ops),
      step: () => store.delete(keys.at(random.int(setting.keys))),
    };
  },
};

export const FILLS: readonly Workload[] = [
  fillseq,
  fillrandom,
  fillbatch,
  fillsync,
  fillsync64,
  overwrite,
  deleterandom,
];

function randomPuts(store: BenchStore, setting: Setting, steps: number): Run {
  const seed = `${setting.seed}:puts`;
  const random = new Random(seed);
  return {
    ...puts(store, setting, steps, () => random.int(setting.keys)),
    live: (ops) => distinct(setting, seed, ops),
  };
}

function puts(store: BenchStore, setting: Setting, steps: number, draw: (index: number) => number): Run {
  const keys = new Keys(1);
  const values = new Values(setting.valueBytes, setting.seed);
  return {
    ...basics(setting),
    opsPerStep: 1,
    steps,
    live: (ops) => ops,
    step: (index) => store.put(keys.at(draw(index)), values.next()),
  };
}

function basics({ valueBytes }: Setting): { bytesPerOp: number } {
  return { bytesPerOp: KEY_BYTES + valueBytes };
}

function syncedWrites({ keys }: Setting): number {
  return Math.max(SYNCED_LEAST, Math.floor(keys / SYNCED_SHARE));
}

/** The same draws again: how many of them were different. */
function distinct({ keys }: Setting, seed: string, draws: number): number {
  const random = new Random(seed);
  return countDistinct(draws, keys, () => random.int(keys));
}

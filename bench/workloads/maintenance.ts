// Workloads of which there is one operation: compact, and opening a store whose log is full.

import { KEY_BYTES } from "./keys.ts";
import type { Run, Workload } from "./workload.ts";

const compact: Workload = {
  name: "compact",
  what: "the whole of a store as a random fill leaves it, compacted; an operation is an entry",
  calls: ["compact"],
  start: "filled",
  changes: true,
  noLatency: true,
  unsupported: (store) => (store.compact ? undefined : "no compaction"),
  run: (store, { keys }) => ({
    bytesPerOp: 0,
    opsPerStep: keys,
    steps: 1,
    step: () => store.compact!(),
  }),
};

/** The log of the workload `recover` holds this many bytes of keys and values, or all there are if that is less. */
export const LOG_BYTES: number = 64 << 20;
/** A write buffer that a log of that size does not fill, whatever an engine adds to an entry. */
export const LOG_BUFFER_BYTES: number = 512 << 20;

/** How many entries that is. */
export function logEntries(keys: number, valueBytes: number): number {
  return Math.min(keys, Math.floor(LOG_BYTES / (KEY_BYTES + valueBytes)));
}

const recover: Workload = {
  name: "recover",
  what: `open() after a kill, with a log of ${LOG_BYTES >> 20} MiB put one at a time; an operation is a record`,
  calls: [],
  start: "log",
  changes: true,
  noLatency: true,
  measuresOpen: true,
  // The measured part is over when the store is open; a get proves that the log was read.
  run: (store, { keys, valueBytes }): Run => ({
    bytesPerOp: 0,
    opsPerStep: logEntries(keys, valueBytes),
    steps: 1,
    live: () => logEntries(keys, valueBytes),
    step: () => {
      const seen = store.scan({ reverse: false, limit: keys });
      const check = (entries: number): undefined => {
        const expected = logEntries(keys, valueBytes);
        if (entries !== expected) throw new Error(`${entries} entries of ${expected} were recovered`);
      };
      return typeof seen === "number" ? check(seen) : seen.then(check);
    },
  }),
};

export const MAINTENANCE: readonly Workload[] = [compact, recover];

// The goal of shrinking that concerns how much is written. Where it matters that a memtable or a log is full, no single
// write can be left out of the hundreds that fill it; but a flush, or one write of as many bytes, does what they all did.

import { changesOf, isWrite, type Op } from "./op.ts";
import type { Shrinker } from "./shrink-state.ts";

/** A log of so few operations is left to the other goals. */
const OPS_SMALL = 5;
/** What an entry takes beside its key and value in a memtable: deletions count too. */
const ENTRY_BYTES = 64;

/** Runs of operations become one, long runs first: a flush, else a put of as many bytes. */
export async function oneForMany(shrinker: Shrinker): Promise<void> {
  for (const instead of [flushOf, bulkOf]) {
    if (shrinker.ops.length <= OPS_SMALL) return;
    for (let size = shrinker.ops.length - 1; size > 1; size >>= 1) {
      for (let start = 0; start + 1 < shrinker.ops.length;) {
        const { ops } = shrinker;
        const run = ops.slice(start, start + size);
        const one = run.length > 1 ? instead(run) : undefined;
        const taken = one && (await shrinker.tryExactly([...ops.slice(0, start), one, ...ops.slice(start + size)]));
        start += taken ? 1 : size;
      }
    }
  }
}

function flushOf([first]: readonly Op[]): Op {
  return { id: first!.id, kind: "flush" };
}

function bulkOf(run: readonly Op[]): Op | undefined {
  let length = 0;
  let last: Op | undefined;
  for (const op of run) {
    if (!isWrite(op)) continue;
    for (const change of changesOf(op)) {
      if (change.kind === "deleteRange") continue;
      length += change.key.length + ENTRY_BYTES;
      if (change.kind !== "put") continue;
      length += change.value.length;
      last = { id: op.id, kind: "put", key: change.key, value: { ...change.value, length }, sync: false };
    }
  }
  return last;
}

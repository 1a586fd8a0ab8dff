// A paranoid job reads each table back in one step. A watcher that sees no beat for ten seconds takes the thread for dead.

import { expect, test } from "vitest";
import { bytewise, KeyOrder } from "../../common/comparator.ts";
import { Kind } from "../../common/internal-key.ts";
import { Memtable } from "../../memtable/memtable.ts";
import { MemoryEnv } from "../../util/memory-env.ts";
import { Outputs, type OutputResult } from "../table-output.ts";
import { Work } from "./work.ts";
import type { WorkOrder } from "./work-order.ts";

const ENTRIES = 500;

/** The greatest number of beats in one step of a flush, and what it wrote. */
function flushed(paranoid: boolean): { beats: number; result: OutputResult } {
  const memtable = new Memtable({ order: new KeyOrder(bytewise), capacity: 64 << 10, seed: 1 });
  for (let i = 0; i < ENTRIES; i++)
    memtable.insert(Kind.put, i + 1, Buffer.from(`key${1000 + i}`), Buffer.from("value"));
  const env = new MemoryEnv();
  env.makeDirectory("/db");
  const order: WorkOrder = {
    job: 1,
    control: new SharedArrayBuffer(16),
    path: "/db",
    databaseId: new Uint8Array(16),
    options: {
      paranoid,
      blockSize: 256,
      indexBlockSize: 1024,
      bloomBitsPerKey: 10,
      maxOpenFiles: 100,
      targetFileSize: 1 << 20,
    },
    comparator: { name: bytewise.name, module: undefined },
    snapshots: [],
    epoch: 1,
    provenance: { inputs: [], obsolete: [], logNumber: 1 },
    outputs: { first: 7, count: 1 },
    bytesPerSecond: 0,
    source: { kind: "flush", memtable: memtable.frozenBuffer, entries: ENTRIES },
  };
  let beats = 0;
  let most = 0;
  const work = new Work(env, bytewise, order, new Outputs(), { begin: () => undefined, beat: () => beats++ });
  for (;;) {
    beats = 0;
    const step = work.steps.next();
    most = Math.max(most, beats);
    if (step.done) return { beats: most, result: step.value };
  }
}

test("the step that reads a table back beats at every block", () => {
  const { beats, result } = flushed(true);
  expect(result.entriesOut).toBe(ENTRIES);
  expect(result.blocksWritten).toBeGreaterThan(20);
  expect(beats).toBeGreaterThan(result.blocksWritten);
  expect(flushed(false).beats).toBe(0);
});

// The campaign on our own engine: what it must find nothing in, and what it must be by itself.

import { SILENT_HOST, type Trace, recordRun, TinyKVEngine, traceHash } from "tinykv/harness";
import { expect, test } from "vitest";
import { runExhaustive, runSampled, runSequences } from "./campaign.ts";
import { sequenceOf, SEQUENCE_CONFIGS, sequences } from "./sequences.ts";

test("C1 to C18: no crash of a single operation, nor of its recoveries until they close, shows anything", async () => {
  const options = { seed: "1", length: 1, recovery: "closed", shard: { index: 2, count: 15 } } as const;
  const { counters, findings } = await runSequences(options, SILENT_HOST);
  expect(findings).toEqual([]);
  expect(counters.exhausted).toBe(true);
  expect(counters.second).toBeGreaterThan(0);
});

test("C27: the same seed gives the same images, verdicts and I/O, another seed others", async () => {
  const run = (seed: string) => runExhaustive({ seed, ops: 4, workload: "write-heavy" }, SILENT_HOST);
  const [first, again, other] = [await run("1"), await run("1"), await run("2")];
  expect(again).toEqual(first);
  expect(other.counters.traceHash).not.toBe(first.counters.traceHash);
});

test("C27: a recorded run gives the same trace, bit for bit, in another process of any day", async () => {
  const ops = sequenceOf(["putSync", "bigBatch", "flush", "compact", "checkpoint", "reopen"], SEQUENCE_CONFIGS[0]!);
  const trace = async (): Promise<Trace> =>
    (await recordRun({ makeEngine: (env) => new TinyKVEngine({ env }), ops, config: SEQUENCE_CONFIGS[0]! })).trace;
  const hash = traceHash(await trace(), (path) => path.endsWith("/LOCK"));
  expect(traceHash(await trace(), (path) => path.endsWith("/LOCK"))).toBe(hash);
  // A change of the order or of the bytes of I/O changes it; nothing else may.
  expect(hash).toBe("5684bb909dc61330c1f1ebf998e594468f8f3412ca93b5d3d2c8f29780affc03");
});

test("a sampled run opens exactly as many images as it is asked for, or says that there are no more", async () => {
  const many = await runSampled({ seed: "1", ops: 60, workload: "mixed", images: 150 }, SILENT_HOST);
  expect(many.findings).toEqual([]);
  expect(many.counters).toMatchObject({ images: 150, exhausted: false });
  const few = await runSampled({ seed: "1", ops: 1, workload: "mixed", images: 100_000 }, SILENT_HOST);
  expect(few.counters.exhausted).toBe(true);
});

test("the shards of all sequences are all sequences, each once", async () => {
  const counts: number[] = [];
  for (const index of [1, 2, 3]) {
    const options = { seed: "1", length: 1, recovery: 0, shard: { index, count: 3 } } as const;
    const { configs } = (await runSequences(options, SILENT_HOST)).counters;
    counts.push(Object.values(configs).reduce((sum, runs) => sum + runs, 0));
  }
  const all = SEQUENCE_CONFIGS.reduce((sum, config) => sum + [...sequences(1, config)].length, 0);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(all);
});

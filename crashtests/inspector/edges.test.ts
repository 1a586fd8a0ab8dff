// Every workload from every store at an edge (harness/inspector/edges.ts): file number 999999, sequence numbers 2^32-2 and
// 2^53-2.

import { createHash } from "node:crypto";
import {
  ContentStore,
  EDGE_NAMES,
  edgeFiles,
  generate,
  HeldSyncs,
  newDisk,
  parseConfiguration,
  problemText,
  readStoreContents,
  Runner,
  runInTurns,
  SILENT_HOST,
  startImage,
  STORE,
  storeProblems,
  TinyKVEngine,
  visibleEntries,
  WORKLOADS,
  type EdgeName,
  type Image,
  type RunCounts,
  type WorkloadName,
} from "tinykv/harness";
import { expect, test } from "vitest";
import { runExhaustive } from "../power-loss/campaign.ts";

const OPS = 300;
const CONFIGS = ["small,writeBufferSize=4096", "least", "small,background=manual,bloomBitsPerKey=0"];

/** Runs the workload to its end, with every read path and verify() compared, a reopen, and that again. */
async function run(workload: WorkloadName, config: string): Promise<{ counts: RunCounts; image: Image }> {
  const contents = new ContentStore();
  const disk = newDisk(startImage(config), 1);
  const syncs = new HeldSyncs(disk);
  const runner = new Runner({ engine: new TinyKVEngine({ env: syncs }), directory: STORE, config, syncs });
  const ops = generate({ seed: "1", workload, ops: OPS, keys: 40, config: parseConfiguration(config) });
  await runInTurns(
    (function* () {
      for (const op of ops) if (op.kind !== "crash" && op.kind !== "fault") yield* runner.run(op);
      yield* runner.finish();
    })(),
  );
  return { counts: runner.counts(), image: disk.capture(contents) };
}

/** Over all its workloads, an edge was crossed. */
const crossed = new Map<EdgeName, boolean>();

function isBeyond(edge: EdgeName, image: Image): boolean {
  const { state } = readStoreContents(image, STORE);
  const last = readStoreContents(image, STORE).logs.at(-1)!.log.cleanEnd!.lastSequence;
  if (edge === "file-999999") return state.tables.some(({ number }) => number > 1_000_000);
  return edge === "sequence-32" ? last > 2 ** 32 : last === 2 ** 53 - 1;
}

test.each(EDGE_NAMES.flatMap((edge) => WORKLOADS.map((workload) => [edge, workload] as const)))(
  "%s, %s",
  async (edge, workload) => {
    for (const config of CONFIGS) {
      const { counts, image } = await run(workload, `${config},start=${edge}`);
      expect(counts.executed).toBeGreaterThan(0);
      expect(storeProblems(image, STORE, { open: false }).map(problemText)).toEqual([]);
      crossed.set(edge, crossed.get(edge) === true || isBeyond(edge, image));
      // Where one number is left, one change is written and no more.
      if (edge === "sequence-53") expect(counts.writes).toBeLessThanOrEqual(1 + emptyBatches(workload, config));
    }
  },
);

function emptyBatches(workload: WorkloadName, config: string): number {
  const ops = generate({ seed: "1", workload, ops: OPS, keys: 40, config: parseConfiguration(config) });
  return [...ops].filter((op) => "changes" in op && op.changes.length === 0).length;
}

test("the edges were crossed", () => {
  expect([...crossed]).toEqual(EDGE_NAMES.map((edge) => [edge, true]));
});

test.each(EDGE_NAMES)("no crash of a short log shows anything: %s", async (edge) => {
  const configs = [`small,writeBufferSize=2048,start=${edge}`];
  const { findings, counters } = await runExhaustive(
    { seed: "3", ops: 5, workload: "write-heavy", configs },
    SILENT_HOST,
  );
  expect(findings).toEqual([]);
  expect(counters.images).toBeGreaterThan(50);
});

test("a name and a seed give the same store, which shows nothing and is sound; another seed gives another", () => {
  const hashes: string[] = [];
  for (const edge of EDGE_NAMES) {
    for (const seed of ["1", "2"]) {
      const files = edgeFiles({ name: edge, seed });
      const hash = createHash("sha256");
      for (const [name, bytes] of files) hash.update(`${name} ${bytes.length}\n`).update(bytes);
      hashes.push(`${edge}:${seed} ${hash.digest("hex").slice(0, 16)}`);
      const image = startImage(`small,start=${edge}:${seed}`)!;
      expect(storeProblems(image, STORE, { open: false })).toEqual([]);
      expect(visibleEntries(readStoreContents(image, STORE))).toEqual([]);
    }
  }
  expect(hashes).toEqual(HASHES);
});

/** Logs that name a start are run again years later: its bytes stay. */
const HASHES: readonly string[] = [
  "file-999999:1 57e7990ccc7d5b1f",
  "file-999999:2 2da6ef6ca255a308",
  "sequence-32:1 7dd8ffbcc875925b",
  "sequence-32:2 a08bdcdf5f597580",
  "sequence-53:1 9c10a7d70d3c7b16",
  "sequence-53:2 3c92a3dfa9b53882",
];

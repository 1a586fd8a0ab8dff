import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { configurationNamed, parseConfiguration } from "../configurations.ts";
import { changesOf, isWrite, type Op, OP_KINDS } from "../op.ts";
import { OpScope } from "../op-scope.ts";
import { parseOp } from "../op-parse.ts";
import { printOp } from "../op-line.ts";
import { WORKLOADS } from "./mixes.ts";
import { Random } from "./random.ts";
import { generate, hashOfRun } from "./workload.ts";
import { Zipfian } from "./zipfian.ts";

const HASHES = new URL("hashes.json", import.meta.url);
const SEEDS = Array.from({ length: 20 }, (_, i) => String(i + 1));
const OPS = 500;

function run(workload: (typeof WORKLOADS)[number], seed: string, ops = OPS): Op[] {
  return [...generate({ workload, seed, ops })];
}

function valuesOf(ops: readonly Op[]): { id: number; length: number }[] {
  return ops
    .filter(isWrite)
    .flatMap(changesOf)
    .flatMap((change) => (change.kind === "put" ? [change.value] : []));
}

// UPDATE_HASHES=1 writes the file anew: every old seed then means something else.
test("a workload and a seed give the operations they always gave", () => {
  const hashes = Object.fromEntries(
    WORKLOADS.map((workload) => [workload, SEEDS.map((seed) => hashOfRun(workload, seed, OPS))]),
  );
  if (process.env["UPDATE_HASHES"]) writeFileSync(HASHES, `${JSON.stringify(hashes, undefined, 2)}\n`);
  expect(hashes).toEqual(JSON.parse(readFileSync(HASHES, "utf8")));
});

test("a run is as long as asked, its ids rise, its lines read back, its names exist", () => {
  for (const workload of WORKLOADS) {
    for (const seed of ["a", "b", "c", "d"]) {
      const ops = run(workload, seed, 700);
      const scope = new OpScope();
      expect(ops.length).toBe(700);
      let last = 0;
      for (const op of ops) {
        expect(op.id).toBeGreaterThan(last);
        last = op.id;
        expect([printOp(op), scope.admits(op)]).toEqual([printOp(op), true]);
        scope.note(op);
        if (op.kind === "crash") scope.closed();
      }
      expect(ops.map((op) => parseOp(printOp(op)))).toEqual(ops);
    }
  }
});

test("no id is issued twice, neither to operations nor to values", () => {
  for (const workload of WORKLOADS) {
    const ops = run(workload, "ids", 2000);
    const ids = new Set([...ops.map((op) => op.id), ...valuesOf(ops).map((value) => value.id)]);
    const own = ops.filter((op) => isWrite(op) && "value" in op).length;
    expect(ids.size).toBe(ops.length + valuesOf(ops).length - own);
  }
});

test("at least half of the values name their writer, in every workload", () => {
  for (const workload of WORKLOADS) {
    for (const seed of SEEDS) {
      const values = valuesOf(run(workload, seed));
      const long = values.filter((value) => value.length >= 16).length;
      expect(long).toBeGreaterThanOrEqual(values.length / 2);
    }
  }
});

test("every kind of operation is drawn, and every short run has some maintenance", () => {
  const maintenance = new Set<Op["kind"]>([
    "flush",
    "sync",
    "compactRange",
    "reopen",
    "verify",
    "checkpoint",
    "openReadOnly",
    "crash",
    "fault",
  ]);
  const drawn = new Set<Op["kind"]>();
  for (const workload of WORKLOADS) {
    for (const seed of SEEDS) {
      const ops = run(workload, seed);
      for (const op of ops) drawn.add(op.kind);
      expect(ops.filter((op) => maintenance.has(op.kind)).length).toBeGreaterThanOrEqual(2);
    }
  }
  expect([...drawn].sort()).toEqual([...OP_KINDS].sort());
});

test("long runs have maintenance rarely", () => {
  let count = 0;
  for (const op of generate({ workload: "ycsb-a", seed: "long", ops: 100_000 }))
    if (op.kind === "flush" || op.kind === "reopen") count++;
  expect(count).toBeLessThan(60);
});

test("what an option sets is what the run does", () => {
  const base = { workload: "mixed", seed: "options", ops: 2000 } as const;
  const syncs = (syncRatio: number): number[] => {
    const writes = [...generate({ ...base, syncRatio })].filter(isWrite);
    return [writes.filter((op) => op.sync).length, writes.length];
  };
  expect(syncs(0)[0]).toBe(0);
  expect(syncs(1)[0]).toBe(syncs(1)[1]);
  const [half, all] = syncs(0.5) as [number, number];
  expect(half / all).toBeGreaterThan(0.4);
  expect(half / all).toBeLessThan(0.6);
  const fixed = [...generate({ ...base, values: "fixed:33", keys: 4, firstId: 50, incarnation: 7 })];
  expect(new Set(valuesOf(fixed).map((value) => value.length))).toEqual(new Set([33]));
  expect(fixed[0]!.id).toBe(50);
  const keys = fixed
    .filter(isWrite)
    .flatMap(changesOf)
    .flatMap((change) => ("key" in change ? [change.key] : []));
  expect(new Set(keys).size).toBeLessThanOrEqual(4);
  const reopens = [...generate({ ...base, config: configurationNamed("paranoid") })].filter(
    (op) => op.kind === "reopen",
  );
  for (const op of reopens) parseConfiguration(op.config);
});

test("the values of a later life say so", () => {
  let crashes = 0;
  for (const seed of SEEDS) {
    let life = 3;
    for (const op of generate({ workload: "mixed", seed, ops: OPS, incarnation: 3 })) {
      if (op.kind === "crash") life++;
      expect(op.kind === "put" ? op.value.incarnation : life).toBe(life);
    }
    crashes += life - 3;
  }
  expect(crashes).toBeGreaterThan(3);
});

test("boundary values lie at the edges of the blocks they are asked for", () => {
  const config = parseConfiguration("small,logBlockSize=2048,blockSize=700");
  const values = valuesOf([...generate({ workload: "boundary", seed: "1", ops: 4000, config })]);
  const near = (edge: number): number => values.filter((value) => Math.abs(value.length - edge) <= 20).length;
  for (const edge of [128, 512, 700, 1400, 2048, 4096, 16_384, 32_768, 65_536]) expect(near(edge)).toBeGreaterThan(0);
});

test("the first rank of a zipfian draw has its share, and every rank its chance", () => {
  const random = new Random("zipfian");
  for (const [n, harmonic] of [
    [1, 1],
    [10, 2.929],
    [1000, 7.485],
    [100_000, 12.09],
    [1_000_000, 14.39],
  ] as const) {
    const zipfian = new Zipfian(n);
    let firsts = 0;
    let most = 0;
    for (let i = 0; i < 20_000; i++) {
      const rank = zipfian.draw(random);
      if (rank === 0) firsts++;
      most = Math.max(most, rank);
    }
    expect(firsts / 20_000).toBeGreaterThan(0.93 / harmonic - 0.01);
    expect(firsts / 20_000).toBeLessThan(1.07 / harmonic + 0.01);
    expect(most).toBeLessThan(n);
    expect(most).toBeGreaterThanOrEqual(Math.floor(n * 0.9) - 1);
  }
});

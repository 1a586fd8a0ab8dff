import { expect, test } from "vitest";
import type { Measurement } from "../measure/measurement.ts";
import type { Result } from "./report.ts";
import { judgeTargets, LEVELDB } from "./targets.ts";

const SIZE = { keys: 1_000_000, valueBytes: 100 };

/** A result whose rounds took so many microseconds an operation. */
function result(workload: string, contestant: string, times: readonly number[], keys: number = SIZE.keys): Result {
  const rounds = times.map((time): Measurement => ({
    version: "1",
    ops: 1000,
    milliseconds: time,
    openMilliseconds: 10,
  }));
  return { ...SIZE, keys, workload, contestant, rounds };
}

test("a ratio is the median of the rounds' own ratios, not the ratio of the medians", () => {
  const results = [result("readseq", "tinykv", [1, 2, 10]), result("readseq", "lmdb", [3, 4, 40])];
  const target = judgeTargets(results).find(({ against }) => against === "lmdb")!;
  expect(target).toMatchObject({ ours: 2, peer: 4, value: 3, least: 2, greatest: 4, wanted: 2.5, outcome: "met" });
});

test("a ratio below what is wanted is not met, and a peer that is not there was not measured", () => {
  const targets = judgeTargets([result("readrandom", "tinykv", [1]), result("readrandom", "classic-level", [2.9])]);
  const outcomes = Object.fromEntries(targets.map(({ against, outcome }) => [against, outcome]));
  expect(outcomes).toMatchObject({ "classic-level": "not met", lmdb: "not measured", [LEVELDB]: "not measured" });
});

test("targets compare with another workload where they say so, our own included", () => {
  const results = [
    result("fillbatch", "tinykv", [1]),
    result("fillrandom", LEVELDB, [1.1]),
    result("readseq", "tinykv", [0.25]),
    result("readseq-cursor", "tinykv", [0.05]),
  ];
  const targets = judgeTargets(results);
  expect(targets.find(({ against }) => against === `${LEVELDB} fillrandom`)?.outcome).toBe("met");
  expect(targets.find(({ against }) => against === "our own readseq")).toMatchObject({ value: 5, outcome: "met" });
});

test("from a tenth of the keys on, growth is judged with the compaction that was left", () => {
  const small = result("readrandom", "tinykv", [1, 1], SIZE.keys / 10);
  const [quick, slow] = [result("readrandom", "tinykv", [1.9, 2]), result("readrandom", "tinykv", [1.2, 1.2])];
  const owing = { ...slow, rounds: slow.rounds.map((round) => ({ ...round, drainMilliseconds: 1 })) };
  const growth = (large: Result) => judgeTargets([small, large]).find(({ against }) => against.startsWith("≤ time"));
  expect(growth(quick)).toMatchObject({ outcome: "met", keys: SIZE.keys });
  expect(growth(owing)).toMatchObject({ outcome: "not met", value: 2.2 });
  expect(judgeTargets([quick]).some(({ against }) => against.startsWith("≤ time"))).toBe(false);
});

test("recovery is judged in megabytes of keys and values a second", () => {
  const recover = result("recover", "tinykv", [1.2]);
  expect(judgeTargets([recover])[0]).toMatchObject({ value: 116 / 1.2, unit: "MB/s", outcome: "not met" });
  expect(judgeTargets([result("recover", "tinykv", [1.1])])[0]).toMatchObject({ outcome: "met" });
});

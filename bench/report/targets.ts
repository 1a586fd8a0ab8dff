// The targets that the project has set itself: ratios of throughput against peers measured in the same run, and a few
// figures of our own. Each round gives a ratio, of neighbours in time; the median of them decides.

import { microseconds, type Result, type TargetResult } from "./report.ts";
import { medianOf } from "./statistics.ts";
import { OURS } from "../stores/open-store.ts";
import { KEY_BYTES } from "../workloads/keys.ts";

export const LEVELDB = "LevelDB C++";
export const ROCKSDB = "RocksDB C++";

/** Ours is at least `times` as fast as `peer` at its workload (the same one unless it is named). */
interface RatioTarget {
  readonly workload: string;
  readonly peer: string;
  readonly peerWorkload?: string;
  readonly times: number;
}

const ratio = (workload: string, times: number, peer: string, peerWorkload?: string): RatioTarget => ({
  workload,
  times,
  peer,
  ...(peerWorkload !== undefined && { peerWorkload }),
});

const ONE_AT_A_TIME = ["fillrandom", "fillseq", "overwrite", "deleterandom"];
const MIXED = ["readwhilewriting", ...["a", "b", "c", "d", "e", "f"].map((letter) => `ycsb-${letter}`)];

const RATIOS: readonly RatioTarget[] = [
  ratio("fillbatch", 2.5, "classic-level"),
  ratio("fillbatch", 2, "lmdb"),
  ratio("fillbatch", 1, LEVELDB, "fillrandom"),
  ...ONE_AT_A_TIME.flatMap((workload) => [
    ratio(workload, 12, "classic-level"),
    ratio(workload, 1, ROCKSDB),
    ratio(workload, 1 / 1.6, LEVELDB),
  ]),
  ratio("fillsync", 1.7, "classic-level"),
  ratio("fillsync", 1.7, "lmdb"),
  ratio("fillsync64", 25, OURS, "fillsync"),
  ratio("readrandom", 3, "classic-level"),
  ratio("readrandom", 1.5, "lmdb"),
  ratio("readrandom", 1, LEVELDB),
  ratio("readrandom-300k", 3, "classic-level"),
  ratio("readrandom-300k", 1.5, "lmdb"),
  ratio("readrandom-300k", 1, LEVELDB),
  ratio("readrandom-64m", 1.8, "classic-level"),
  ratio("readrandom-64m", 1, LEVELDB),
  ratio("readmissing", 5, "classic-level"),
  ratio("readmissing", 1, "lmdb"),
  ratio("readmissing", 1, LEVELDB),
  ratio("readseq", 8, "classic-level"),
  ratio("readseq", 2.5, "lmdb"),
  ratio("readseq-cursor", 2.5, OURS, "readseq"),
  ratio("readreverse", 1 / 1.5, OURS, "readseq"),
  ratio("readreverse", 3, "classic-level"),
  ratio("seekrandom", 3, "classic-level"),
  ...MIXED.map((workload) => ratio(workload, 3, "classic-level")),
  ratio("compact", 1 / 1.5, LEVELDB),
];

const RECOVER_MEGABYTES_A_SECOND = 100;
const OPEN_MILLISECONDS_MAX = 500;
const SPACE_MAX = 1.15;
/** From a tenth of the keys to all of them, reads and batched writes may take so many times as long. */
const GROWTH = { readrandom: 2, fillbatch: 2.5 } as const;
const GROWTH_KEYS = 10;

/** The outcome of each target that these results have something to say of. */
export function judgeTargets(results: readonly Result[]): TargetResult[] {
  return sizesOf(results).flatMap((size) => {
    const find = (workload: string, contestant: string, keys: number = size.keys): Result | undefined =>
      results.find(
        (result) =>
          result.workload === workload &&
          result.contestant === contestant &&
          result.keys === keys &&
          result.valueBytes === size.valueBytes,
      );
    const isAsked = ({ workload }: RatioTarget): boolean => find(workload, OURS) !== undefined;
    return [
      ...RATIOS.filter(isAsked).map((target) => judgeRatio(target, size, find)),
      ...judgeOurs(size, (workload) => find(workload, OURS)),
      ...judgeGrowth(size, (workload, keys) => find(workload, OURS, keys)),
    ];
  });
}

interface Size {
  readonly keys: number;
  readonly valueBytes: number;
}

function sizesOf(results: readonly Result[]): Size[] {
  const sizes = new Map(results.map(({ keys, valueBytes }) => [`${keys}/${valueBytes}`, { keys, valueBytes }]));
  return [...sizes.values()];
}

function judgeRatio(
  { workload, peer, peerWorkload = workload, times }: RatioTarget,
  size: Size,
  find: (workload: string, contestant: string) => Result | undefined,
): TargetResult {
  const ours = find(workload, OURS)?.rounds.map(microseconds) ?? [];
  const theirs = find(peerWorkload, peer)?.rounds.map(microseconds) ?? [];
  const name = peer === OURS ? "our own" : peer;
  const against = peerWorkload === workload ? name : `${name} ${peerWorkload}`;
  const target = { workload, ...size, against, unit: "×" as const, wanted: times };
  const values = ours.slice(0, theirs.length).map((time, round) => theirs[round]! / time);
  if (values.length === 0) return { ...target, outcome: "not measured" };
  return { ...target, ours: medianOf(ours), peer: medianOf(theirs), ...verdict(values, (value) => value >= times) };
}

function judgeOurs(size: Size, find: (workload: string) => Result | undefined): TargetResult[] {
  const found: TargetResult[] = [];
  const add = (
    workload: string,
    against: string,
    target: Pick<TargetResult, "unit" | "wanted">,
    values: readonly number[],
  ): void => {
    if (values.length === 0) return;
    const isMet = (value: number): boolean =>
      against.startsWith("≥") ? value >= target.wanted : value <= target.wanted;
    found.push({ workload, ...size, against, ...target, ...verdict(values, isMet) });
  };
  const bytesPerKey = KEY_BYTES + size.valueBytes;
  const speeds = find("recover")?.rounds.map(({ ops, milliseconds }) => (ops * bytesPerKey) / 1000 / milliseconds);
  add("recover", "≥ figure", { unit: "MB/s", wanted: RECOVER_MEGABYTES_A_SECOND }, speeds ?? []);
  const opens = find("readrandom")?.rounds.flatMap(({ openMilliseconds }) => openMilliseconds ?? []);
  add("open after a clean close", "≤ figure", { unit: "ms", wanted: OPEN_MILLISECONDS_MAX }, opens ?? []);
  const spaces = find("compact")?.rounds.flatMap(({ diskBytes, liveBytes }) => diskBytes! / liveBytes!);
  add("space after compact", "≤ per byte live", { unit: "×", wanted: SPACE_MAX }, spaces ?? []);
  return found;
}

// Compaction that is left when the last write returns is paid for too.
function judgeGrowth(size: Size, find: (workload: string, keys: number) => Result | undefined): TargetResult[] {
  return Object.entries(GROWTH).flatMap(([workload, wanted]) => {
    const [small, large] = [find(workload, size.keys / GROWTH_KEYS), find(workload, size.keys)].map((result) =>
      result?.rounds.map(({ ops, milliseconds, drainMilliseconds = 0 }) => (milliseconds + drainMilliseconds) / ops),
    );
    if (!small || !large || small.length === 0 || large.length === 0) return [];
    const values = large.map((time, round) => time / small[Math.min(round, small.length - 1)]!);
    const against = `≤ time at ${size.keys / GROWTH_KEYS} keys`;
    return [{ workload, ...size, against, unit: "×", wanted, ...verdict(values, (value) => value <= wanted) }];
  });
}

function verdict(
  values: readonly number[],
  isMet: (value: number) => boolean,
): Pick<TargetResult, "value" | "least" | "greatest" | "outcome"> & { value: number } {
  const value = medianOf(values);
  const [least, greatest] = [Math.min(...values), Math.max(...values)];
  return { value, least, greatest, outcome: isMet(value) ? "met" : "not met" };
}

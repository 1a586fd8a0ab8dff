// LevelDB's and RocksDB's own benchmark, the C++ programs, asked for the same work: 16-byte keys, values that compress to
// half, no compression, Bloom filters of ten bits a key, the same caches. What they print is parsed.

import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import type { Answer, Measurement } from "../measure/measurement.ts";
import type { HistogramReport } from "../measure/histogram.ts";
import { KEY_BYTES } from "../workloads/keys.ts";
import type { Contestant, Heat } from "./contestant.ts";

export type Flavour = "LevelDB" | "RocksDB";

/** Before the benchmark that is measured, in the same process; stores with every key are made in key order and compacted. */
const READY = ["fillseq", "compact"];

/** What the programs are asked for, by our names; the last one is what counts. */
const BENCHMARKS: Readonly<Record<string, readonly string[]>> = {
  fillseq: ["fillseq"],
  fillrandom: ["fillrandom"],
  fillbatch: ["fillbatch"],
  fillsync: ["fillsync"],
  overwrite: ["fillrandom", "overwrite"],
  deleterandom: ["fillrandom", "deleterandom"],
  readseq: [...READY, "readseq"],
  readreverse: [...READY, "readreverse"],
  readrandom: [...READY, "readrandom"],
  "readrandom-64m": [...READY, "readrandom"],
  "readrandom-300k": [...READY, "readrandom"],
  readmissing: [...READY, "readmissing"],
  readhot: [...READY, "readhot"],
  seekrandom: [...READY, "seekrandom"],
  compact: ["fillrandom", "compact"],
};

/** RocksDB's program dropped it. */
const NOT_IN_ROCKSDB = new Set(["readhot"]);

const CACHE_BYTES = 64 << 20;
const CACHE_HOLDS_BYTES = 256 << 20;
const CACHE_HOLDS = new Set(["readseq", "readreverse", "readrandom", "readmissing", "seekrandom"]);
const KEYS_SHARES: Readonly<Record<string, number>> = { "readrandom-300k": 0.3 };
/** LevelDB's fillsync does a thousandth of the keys that it is asked for; RocksDB's is asked for as many. */
const SYNCED_SHARE = 1000;
/** Their first bucket ends at a microsecond; it stands in the report as its middle. */
const FIRST_BUCKET_NANOSECONDS = 500;
/** What is left of n random draws of n keys. */
const DISTINCT_SHARE = 1 - 1 / Math.E;

export class DbBench implements Contestant {
  readonly name: string;
  readonly version: string;
  readonly durability = {
    sync: "power loss: WriteOptions.sync",
    noSync: "a kill: the record has been handed to the kernel; power loss takes a suffix",
  };
  readonly #program: string;
  readonly #flavour: Flavour;
  readonly #directory: string;

  /** Undefined where there is no such program, or it is something else. */
  static async find(program: string, directory: string): Promise<DbBench | undefined> {
    const result = await execa(program, ["--benchmarks=fillseq", "--num=1", `--db=${directory}`], { reject: false });
    rmSync(directory, { recursive: true, force: true });
    const found = /(LevelDB|RocksDB):\s+version (\S+)/.exec(`${result.stdout ?? ""}\n${result.stderr ?? ""}`);
    return found ? new DbBench(program, found[1] as Flavour, found[2]!, directory) : undefined;
  }

  private constructor(program: string, flavour: Flavour, version: string, directory: string) {
    this.#program = program;
    this.#flavour = flavour;
    this.#directory = directory;
    this.name = `${flavour} C++`;
    this.version = version;
  }

  async run(heat: Heat): Promise<Answer> {
    const benchmarks = BENCHMARKS[heat.workload];
    if (!benchmarks || (this.#flavour === "RocksDB" && NOT_IN_ROCKSDB.has(heat.workload)))
      return { kind: "unsupported", reason: "no such benchmark in the C++ program" };
    mkdirSync(this.#directory, { recursive: true });
    const result = await execa(this.#program, this.#arguments(heat, benchmarks), { reject: false });
    rmSync(this.#directory, { recursive: true, force: true });
    const measurement = parseDbBench(result.stdout, benchmarks.at(-1)!, opsOf(heat));
    if (result.exitCode !== 0 || !measurement) {
      throw new Error(`${this.name}, ${heat.workload}: ${this.#program} failed\n${result.stderr}\n${result.stdout}`);
    }
    return { kind: "measured", measurement: { ...measurement, version: this.version } };
  }

  release(): void {
    rmSync(join(this.#directory), { recursive: true, force: true });
  }

  #arguments({ workload, keys, valueBytes, latency }: Heat, benchmarks: readonly string[]): string[] {
    const count = Math.floor(keys * (KEYS_SHARES[workload] ?? 1));
    const holds = Math.max(CACHE_HOLDS_BYTES, 2 * count * (KEY_BYTES + valueBytes));
    return [
      `--benchmarks=${benchmarks.join(",")}`,
      `--db=${this.#directory}`,
      `--num=${this.#flavour === "RocksDB" && workload === "fillsync" ? syncedOf(count) : count}`,
      `--value_size=${valueBytes}`,
      `--bloom_bits=10`,
      `--cache_size=${CACHE_HOLDS.has(workload) ? holds : CACHE_BYTES}`,
      ...(latency ? ["--histogram=1"] : []),
      ...(this.#flavour === "RocksDB" ? [`--key_size=${KEY_BYTES}`, "--compression_type=none"] : []),
    ];
  }
}

function opsOf({ workload, keys }: Heat): number {
  const count = Math.floor(keys * (KEYS_SHARES[workload] ?? 1));
  if (workload === "compact") return Math.floor(count * DISTINCT_SHARE);
  return workload === "fillsync" ? syncedOf(count) : count;
}

function syncedOf(count: number): number {
  return Math.max(1, Math.floor(count / SYNCED_SHARE));
}

/** The line of the last benchmark of that name, and its percentiles if there are any. Undefined if there is no such line. */
export function parseDbBench(output: string, benchmark: string, ops: number): Omit<Measurement, "version"> | undefined {
  const line = new RegExp(`^.*?\\b${benchmark}\\s*:\\s+([\\d.]+) micros/op`, "gm");
  const found = [...output.matchAll(line)].at(-1);
  if (!found) return undefined;
  // compact is one operation to them, of all entries.
  const microseconds = Number(found[1]) * (benchmark === "compact" ? 1 : ops);
  const histogram = parseHistogram(output.slice(found.index), ops);
  return { ops, milliseconds: microseconds / 1000, call: "C++ program", ...(histogram && { histogram }) };
}

function parseHistogram(text: string, count: number): HistogramReport | undefined {
  const spread = /Average: ([\d.]+)[^]*?Median: ([\d.]+)\s+Max: ([\d.]+)/.exec(text);
  if (!spread) return undefined;
  const percentile = (name: string): number => {
    const found = new RegExp(`${name}: ([\\d.]+)`).exec(text);
    return found ? Number(found[1]) * 1000 : Number.NaN;
  };
  const buckets = [...text.matchAll(/^[[(]\s*([\d.]+),\s*[\d.]+ [)\]]\s+(\d+)/gm)].map(
    ([, least, n]): [number, number] => [Number(least) * 1000 || FIRST_BUCKET_NANOSECONDS, Number(n)],
  );
  return {
    count,
    meanNanoseconds: Number(spread[1]) * 1000,
    p50: Number(spread[2]) * 1000,
    p90: cumulative(buckets, 0.9),
    p99: percentile("P99") || cumulative(buckets, 0.99),
    p999: percentile("P99\\.9") || cumulative(buckets, 0.999),
    max: Number(spread[3]) * 1000,
    buckets,
  };
}

// LevelDB prints no percentiles but the median: the upper bound of the bucket, which is the next one's lower.
function cumulative(buckets: readonly [number, number][], share: number): number {
  const total = buckets.reduce((sum, [, n]) => sum + n, 0);
  let seen = 0;
  for (const [index, [least, n]] of buckets.entries()) {
    seen += n;
    if (seen >= total * share) return buckets[index + 1]?.[0] ?? least;
  }
  return Number.NaN;
}

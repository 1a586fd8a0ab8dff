import { parseArgs } from "node:util";
import { WORKLOADS } from "./workloads/catalogue.ts";
import { KEY_COUNT_MAX } from "./workloads/keys.ts";

export interface BenchOptions {
  readonly peers: boolean;
  /** Engines by name; undefined: ours, and with --peers all that are installed. */
  readonly engines: readonly string[] | undefined;
  readonly dbBench: readonly string[];
  readonly workloads: readonly string[];
  readonly keys: readonly number[];
  readonly valueBytes: readonly number[];
  readonly rounds: number;
  readonly secondsMax: number;
  readonly seed: string;
  readonly directory: string | undefined;
  readonly json: string | undefined;
  readonly html: string | undefined;
  /** Options of our own engine. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly mixed: boolean;
  readonly minutes: number;
}

export const USAGE: string = `npm run bench -- [OPTIONS]

  --peers              also the other engines that are installed, interleaved: classic-level, lmdb, rocksdb-native,
                       better-sqlite3, and db_bench of the PATH
  --db-bench PATH      LevelDB's or RocksDB's C++ benchmark (may be given more than once)
  --engines A,B        these engines alone
  --workloads A,B      ${WORKLOADS.map(({ name }) => name)
    .join(", ")
    .replaceAll(/(.{70,90}?), /g, "$1,\n                       ")}
  --keys N,N           numbers of keys, 1000 to ${KEY_COUNT_MAX} (default 1000000)
  --value-size N,N     bytes of a value, 1 to 1048576 (default 100)
  --rounds N           rounds of throughput (default 5); one more takes latencies
  --seconds S          each measured part ends then at the latest (default 10)
  --seed S             (default 1)
  --directory DIR      where stores are made (default: the temporary directory)
  --option NAME=VALUE  an option of our engine, a JSON value or a word (may be given more than once)
  --json FILE          everything that was measured
  --html FILE          the same as one page with charts
  --mixed              instead: one long run of reads, writes and scans on our engine (or on the one of --engines);
                       with --minutes M (default 10) and --keys (one number)`;

/** What is wrong with the command line. */
export class UsageError extends Error {}

const SPECIFICATION = {
  peers: { type: "boolean", default: false },
  engines: { type: "string" },
  "db-bench": { type: "string", multiple: true },
  workloads: { type: "string" },
  keys: { type: "string", default: "1000000" },
  "value-size": { type: "string", default: "100" },
  rounds: { type: "string", default: "5" },
  seconds: { type: "string", default: "10" },
  seed: { type: "string", default: "1" },
  directory: { type: "string" },
  option: { type: "string", multiple: true },
  json: { type: "string" },
  html: { type: "string" },
  mixed: { type: "boolean", default: false },
  minutes: { type: "string", default: "10" },
} as const;

/** Throws UsageError. */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const values = parse(args);
  return {
    peers: values.peers,
    engines: values.engines?.split(","),
    dbBench: values["db-bench"] ?? [],
    workloads: workloadNames(values.workloads),
    keys: numbers("--keys", values.keys, { least: 1000, most: KEY_COUNT_MAX }),
    valueBytes: numbers("--value-size", values["value-size"], { least: 1, most: 1 << 20 }),
    rounds: only(numbers("--rounds", values.rounds, { least: 1, most: 1000 })),
    secondsMax: number("--seconds", values.seconds, 3600),
    seed: values.seed,
    directory: values.directory,
    json: values.json,
    html: values.html,
    options: engineOptions(values.option ?? []),
    mixed: values.mixed,
    minutes: number("--minutes", values.minutes, 24 * 60),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: SPECIFICATION }).values;
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function workloadNames(list: string | undefined): readonly string[] {
  const known = WORKLOADS.map(({ name }) => name);
  const names = list?.split(",") ?? known;
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`no workload ${unknown}; there are ${known.join(", ")}`);
  return names;
}

function numbers(name: string, text: string, { least, most }: { least: number; most: number }): readonly number[] {
  return text.split(",").map((part) => {
    const value = Number(part);
    if (!Number.isSafeInteger(value) || value < least || value > most) {
      throw new UsageError(`${name} takes whole numbers from ${least} to ${most}, not ${part}`);
    }
    return value;
  });
}

function only(values: readonly number[]): number {
  if (values.length !== 1) throw new UsageError("--rounds takes one number");
  return values[0]!;
}

function number(name: string, text: string, most: number): number {
  const value = Number(text);
  if (!(value > 0 && value <= most)) throw new UsageError(`${name} is a number above 0, at most ${most}`);
  return value;
}

function engineOptions(pairs: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1) throw new UsageError(`--option takes NAME=VALUE, not ${pair}`);
      return [pair.slice(0, at), jsonOrWord(pair.slice(at + 1))];
    }),
  );
}

function jsonOrWord(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    void error;
    return text;
  }
}

// What a round does, drawn from the seed.

import { parseConfiguration, type Random, type ValueProfile, WORKLOADS, type WorkloadName } from "tinykv/harness";
import type { DirectoryRun } from "./directory-run.ts";
import type { ChildPlan, KillPlan, Profile, RoundPlan } from "./plan.ts";
import type { DeathMoment } from "./records.ts";

/** At least and at most; mostly far fewer than writes: overwrites and tombstones are what recovery gets wrong. */
const KEYS_LEAST = 10;
const KEYS_MOST = [50, 50, 150, 500] as const;
/** More operations than a child has time for. */
const OPS_MOST = 50_000;
/** What makes a child's work light or heavy: small writes, or values of a mebibyte and batches of ten thousand entries. */
type Load = Pick<ChildPlan, "workload" | "values" | "batch" | "keys">;
/** Values of a mebibyte for so few keys: the store stays below what memory holds. */
const LARGE_KEYS_MOST = 24;
const BATCH_KEYS = 20_000;
/** Entries of a usual batch and of a rare one. */
const HEAVY_BATCH = [200, 10_000] as const;
/** One round in ten has a reader beside it: three in twenty of those in which it is known what the store holds. */
const READERS = [3, 20] as const;
/** One in so many is killed again before anybody looks. */
const UNCHECKED_EVERY = 3;
/** One in so many deaths falls into an open that has logs to replay. */
const OPEN_EVERY = 10;

// The latest places of a death. A child comes to most of them before its patience is over (spawn-child.ts), behind which it dies
// by time wherever it is; and it has mostly written some dozen times.

/** Behind the beginning of open(). */
const AFTER_MILLISECONDS_MOST = 50;
const ACKNOWLEDGED_MOST = 80;
const RUN_CALLS_MOST = 150;
/** A flush and the compaction behind it. */
const WORKER_CALLS_MOST = 50;
/** An open with logs to replay. */
const OPEN_CALLS_MOST = 30;

/** Calls that have no middle die before it: so it is drawn more often. */
const MOMENTS: readonly DeathMoment[] = ["before", "middle", "middle", "after"];

/**
 * What flushes every dozen writes and compacts every other flush. "least" does so at every write, at ten times the price: most
 * of what it costs are tables of one entry in blocks of sixteen bytes.
 */
export const TIGHT: string =
  "writeBufferSize=2048,blockSize=256,indexBlockSize=128,logBlockSize=512,targetFileSize=2048," +
  "maxBytesForLevelBase=8192,level0FileNumCompactionTrigger=2,maxManifestFileSize=1024";

/** Configurations by weight: small ones, since what is never full is never flushed. */
const CONFIGS: readonly (readonly [string, number])[] = [
  [`inline,${TIGHT}`, 14],
  ["least", 2],
  ["small", 4],
  ["buffers-1", 2],
  ["manifest-1", 6],
  ["log-512", 2],
  ["recycle-off", 2],
  ["open-files-1", 1],
  ["paranoid", 1],
  ["thread", 3],
  [`thread,${TIGHT}`, 4],
  ["thread-least", 1],
  ["default", 2],
];

/** YCSB mostly reads; 4-harness's profile "fast" has values of up to two kibibytes. */
const FAST_WORKLOADS: readonly WorkloadName[] = WORKLOADS.filter(
  (name) => !name.startsWith("ycsb") && name !== "large-values" && name !== "cursors",
);
const FAST_VALUES: readonly ValueProfile[] = ["small", "small", "fixed:300", "fixed:2048"];

export interface RoundChoice {
  readonly seed: string;
  readonly profile: Profile;
  /** Those to draw from, in place of the suite's own. */
  readonly configs?: readonly string[] | undefined;
}

/** The next round of a directory. A store that has been reopened may be so under another configuration. */
export function drawRound(random: Random, run: DirectoryRun, { seed, profile, configs }: RoundChoice): RoundPlan {
  const config = configs ? random.pick(configs) : drawConfig(random);
  const child: ChildPlan = {
    directory: run.directory,
    seed,
    profile,
    ...(profile === "heavy" ? drawHeavy(random) : drawFast(random)),
    config: run.levels > 0 ? `${config},numLevels=${run.levels}` : config,
    ops: OPS_MOST,
    syncRatio: random.pick([0.3, 0.5, 0.7]),
    firstId: run.nextId,
    incarnation: run.incarnation,
    kill: drawKill(random, run.incarnation > 0, parseConfiguration(config).options.background === "thread"),
  };
  const hasReader = !run.isUndecided && random.chance(...READERS);
  return { child, hasReader, isChecked: !random.chance(1, UNCHECKED_EVERY) };
}

function drawFast(random: Random): Load {
  const workload = random.pick(FAST_WORKLOADS);
  const keys = random.between(KEYS_LEAST, random.pick(KEYS_MOST));
  return workload === "boundary" ? { workload, keys } : { workload, keys, values: random.pick(FAST_VALUES) };
}

function drawHeavy(random: Random): Load {
  if (random.chance(1, 2)) return { workload: "batch-heavy", keys: BATCH_KEYS, values: "small", batch: HEAVY_BATCH };
  return { workload: "large-values", keys: random.between(8, LARGE_KEYS_MOST), values: "fixed:1048576" };
}

function drawConfig(random: Random): string {
  const total = CONFIGS.reduce((sum, [, weight]) => sum + weight, 0);
  let at = random.int(total);
  for (const [name, weight] of CONFIGS) {
    at -= weight;
    if (at < 0) return name;
  }
  return "small";
}

function drawKill(random: Random, crashedBefore: boolean, hasThread: boolean): KillPlan {
  const when = random.pick(MOMENTS);
  if (crashedBefore && random.chance(1, OPEN_EVERY))
    return { by: "call", phase: "open", nth: random.between(0, OPEN_CALLS_MOST), when };
  if (hasThread && random.chance(1, 2))
    return { by: "call", phase: "worker", nth: random.between(0, WORKER_CALLS_MOST), when };
  const choice = random.int(10);
  if (choice < 3) return { by: "time", milliseconds: random.between(1, AFTER_MILLISECONDS_MOST) };
  if (choice < 6) return { by: "acknowledgement", count: random.between(1, ACKNOWLEDGED_MOST) };
  return { by: "call", phase: "run", nth: random.between(0, RUN_CALLS_MOST), when };
}

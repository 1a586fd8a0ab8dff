// Power cuts on a real file system, one after the other, until the rounds are done or one finds something.

import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  commandLine,
  Failure,
  isMine,
  parseConfiguration,
  Random,
  type Shard,
  type WorkloadName,
} from "tinykv/harness";
import { CUTS, hasReflink, hasShutdown, type Cut, type FileSystem } from "./block-store.ts";
import { diskRound, type DiskRoundOptions } from "./disk-round.ts";
import { keepAsArtifact } from "./keep-round.ts";

export interface DiskOptions {
  readonly fs: FileSystem;
  readonly seed: string;
  readonly rounds: number;
  readonly artifacts: string;
  /** Which of the rounds. */
  readonly shard: Shard;
  /** Each round's is drawn from these, with no thread; absent: from the campaign's own. */
  readonly configs?: readonly string[];
  readonly progress?: (done: number, total: number) => void;
}

export interface DiskFailure {
  readonly condition: string;
  readonly seed: string;
  readonly directory: string;
  readonly replay: string;
  readonly message: string;
}

export interface DiskSummary {
  rounds: number;
  acked: number;
  /** Rounds by way of cutting. */
  readonly cuts: Record<Cut, number>;
  /** Images that the simulated disk allows for the calls that were made. */
  foreseen: number;
  /** Why it does not allow the others. */
  readonly unforeseen: string[];
  /** Files that were there after a cut, all in all. */
  files: number;
  readonly failures: DiskFailure[];
}

/** One thread: the calls of two would have no order that a trace could tell. */
const CONFIGS: readonly string[] = [
  "least,background=inline",
  "small",
  "buffers-1",
  "manifest-1",
  "log-512",
  "recycle-off",
  "paranoid",
];
const WORKLOADS: readonly WorkloadName[] = ["mixed", "write-heavy", "batch-heavy", "overwrite-hot", "delete-heavy"];
const KEYS_MOST = 300;
const OPS_MOST = 50_000;
/** Acknowledgements before the power goes: from the first writes to some flushes and compactions later. */
const ANSWERS_MOST = 600;

/** Ways to cut that this machine has. */
export function cutsFor(fs: FileSystem): Cut[] {
  const possible: Readonly<Record<Cut, boolean>> = {
    copy: true,
    reflink: hasReflink(),
    // btrfs has no such ioctl.
    shutdown: hasShutdown() && fs !== "btrfs",
  };
  return CUTS.filter((cut) => possible[cut]);
}

export async function runDiskCampaign(options: DiskOptions): Promise<DiskSummary> {
  const { fs, seed, rounds, artifacts, shard } = options;
  const configs = options.configs?.map(withoutThread) ?? CONFIGS;
  const cuts = cutsFor(fs);
  const summary: DiskSummary = {
    rounds: 0,
    acked: 0,
    cuts: { copy: 0, reflink: 0, shutdown: 0 },
    foreseen: 0,
    unforeseen: [],
    files: 0,
    failures: [],
  };
  for (let round = 0; round < rounds && summary.failures.length === 0; round++) {
    if (!isMine(shard, round)) continue;
    const own = `${seed}:disk:${round}`;
    const directory = freeName(join(artifacts, `disk-${fs}-${own.replaceAll(":", "-")}`));
    const plan = drawRound({ fs, cut: cuts[round % cuts.length]!, seed: own, configs });
    try {
      const { acknowledged, impossible, files } = await diskRound(plan, directory);
      summary.rounds++;
      summary.acked += acknowledged;
      summary.cuts[plan.cut]++;
      summary.files += files;
      if (impossible === undefined) summary.foreseen++;
      else summary.unforeseen.push(`${own} (${plan.cut}): ${impossible}; kept in ${directory}`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const { condition, message } = error;
      const asked = options.configs?.length === 1 ? ["--config", options.configs[0]!] : [];
      // This round alone: it is drawn from its own number.
      const part = ["--rounds", rounds, "--shard", `${round + 1}/${rounds}`];
      const replay = commandLine(["disk", "--fs", fs, "--seed", seed, ...part, ...asked]);
      const kept = keepAsArtifact(directory, error, { artifacts, command: replay });
      summary.failures.push({ condition, seed: own, directory: kept, replay, message: `${plan.cut}: ${message}` });
    }
    options.progress?.(round + 1, rounds);
  }
  return summary;
}

// What is kept is never overwritten.
function freeName(wanted: string): string {
  let name = wanted;
  for (let n = 2; existsSync(name); n++) name = `${wanted}-${n}`;
  return name;
}

interface RoundChoice extends Pick<DiskRoundOptions, "fs" | "cut"> {
  readonly seed: string;
  readonly configs: readonly string[];
}

function withoutThread(config: string): string {
  const { background = "thread" } = parseConfiguration(config).options;
  return background === "thread" ? `${config},background=inline` : config;
}

function drawRound({ fs, cut, seed, configs }: RoundChoice): DiskRoundOptions {
  const random = new Random(seed);
  return {
    fs,
    cut,
    answers: random.between(1, ANSWERS_MOST),
    child: {
      seed,
      profile: "fast",
      workload: random.pick(WORKLOADS),
      values: random.pick(["small", "small", "fixed:300", "fixed:2048"] as const),
      config: random.pick(configs),
      ops: OPS_MOST,
      keys: random.between(10, KEYS_MOST),
      syncRatio: random.pick([0.05, 0.3, 0.7]),
      firstId: 1,
      incarnation: 0,
      kill: { by: "acknowledgement", count: OPS_MOST },
    },
  };
}

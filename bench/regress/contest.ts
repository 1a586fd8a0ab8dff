// Rounds of three processes: the base, the base again, the candidate. The three live at the same time and take turns, a pass
// of a workload each, in an order that the seed draws, so that what the machine does meanwhile meets all of them; new
// processes for each round, since each has its own luck with compiled code and memory.

import { Random } from "tinykv/harness";
import { permutation } from "../workloads/keys.ts";
import { BuildChild } from "./build-child.ts";
import type { Build } from "./builds.ts";
import { judge, medianRound, moreRounds, type Round, type Verdict } from "./decide.ts";
import { MICRO_WORKLOADS, type MicroWorkload } from "./micro.ts";

const ARMS = ["base", "again", "candidate"] as const;
/** Passes of each workload in a round: many where they are short. */
const PASSES: Readonly<Record<MicroWorkload, number>> = {
  put: 8,
  batch: 16,
  compact: 8,
  get: 40,
  iterate: 24,
  seek: 40,
};

export interface ContestOptions {
  readonly base: Build;
  readonly candidate: Build;
  /** The program that measures one build. */
  readonly childFile: string;
  /** For stores. */
  readonly directory: string;
  readonly rounds: number;
  readonly keys: number;
  readonly seed: string;
  /** Told before each round how many are done, and how many there will be unless more are needed. */
  readonly progress: (done: number, total: number) => void;
}

export interface WorkloadResult {
  readonly workload: MicroWorkload;
  readonly rounds: readonly Round[];
  readonly verdict: Verdict;
  /** The second look at one that seemed slower. */
  readonly confirmation?: { readonly rounds: readonly Round[]; readonly verdict: Verdict };
  readonly isSlower: boolean;
}

/** Measures until the bands are narrow, and once more what seems slower. */
export async function compareBuilds(options: ContestOptions): Promise<WorkloadResult[]> {
  const random = new Random(options.seed);
  const first = await measure(options, random, MICRO_WORKLOADS);
  const suspects = MICRO_WORKLOADS.filter((workload) => judge(first.get(workload)!).is === "slower");
  const second = await measure(options, random, suspects);
  return MICRO_WORKLOADS.map((workload) => {
    const rounds = first.get(workload)!;
    const verdict = judge(rounds);
    const again = second.get(workload);
    if (!again) return { workload, rounds, verdict, isSlower: false };
    const confirmation = { rounds: again, verdict: judge(again) };
    return { workload, rounds, verdict, confirmation, isSlower: confirmation.verdict.is === "slower" };
  });
}

type Rounds = Map<MicroWorkload, Round[]>;

/** Rounds of the workloads asked for; a workload whose band is narrow takes no part in those that others still need. */
async function measure(options: ContestOptions, random: Random, watched: readonly MicroWorkload[]): Promise<Rounds> {
  const rounds: Rounds = new Map(watched.map((workload) => [workload, []]));
  const missing = (workload: MicroWorkload): number => moreRounds(rounds.get(workload)!, options.rounds);
  let done = 0;
  for (;;) {
    const wide = watched.filter((workload) => missing(workload) > 0);
    if (wide.length === 0) return rounds;
    const total = done + Math.max(...wide.map(missing));
    while (done < total) {
      options.progress(done++, total);
      for (const [workload, round] of await runRound(options, random, wide)) rounds.get(workload)!.push(round);
    }
  }
}

async function runRound(
  options: ContestOptions,
  random: Random,
  workloads: readonly MicroWorkload[],
): Promise<Map<MicroWorkload, Round>> {
  const { base, candidate, childFile, directory, keys, seed } = options;
  const children: BuildChild[] = [];
  try {
    // What they do until they are ready is not timed.
    const starts = await Promise.allSettled(
      [base, base, candidate].map((build) => BuildChild.start(childFile, build, { directory, keys, seed, workloads })),
    );
    for (const start of starts) if (start.status === "fulfilled") children.push(start.value);
    for (const start of starts) if (start.status === "rejected") throw start.reason;
    return await runPasses(children, random, workloads);
  } finally {
    for (const child of children) await child.end();
  }
}

// The three wait while one of them works. Passes that are neighbours in time are compared, and the median comparison of the
// round stands: other work on the machine comes and goes slower than a pass of reads.
async function runPasses(
  children: readonly BuildChild[],
  random: Random,
  workloads: readonly MicroWorkload[],
): Promise<Map<MicroWorkload, Round>> {
  const passes: Rounds = new Map(workloads.map((workload) => [workload, []]));
  for (let pass = 0; pass < Math.max(...workloads.map((workload) => PASSES[workload])); pass++) {
    for (const workload of workloads) {
      if (pass >= PASSES[workload]) continue;
      const times: number[] = [];
      for (const arm of permutation(ARMS.length, random)) times[arm] = await children[arm]!.pass(workload);
      const [base, again, candidate] = times as [number, number, number];
      passes.get(workload)!.push({ base, again, candidate });
    }
  }
  return new Map([...passes].map(([workload, rounds]) => [workload, medianRound(rounds)]));
}

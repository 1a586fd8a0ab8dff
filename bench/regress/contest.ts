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
  batch: 8,
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
  const first = await runRounds(options, random, MICRO_WORKLOADS);
  const suspects = MICRO_WORKLOADS.filter((workload) => judge(first.map((times) => times[workload])).is === "slower");
  const second = suspects.length > 0 ? await runRounds(options, random, suspects) : [];
  return MICRO_WORKLOADS.map((workload) => {
    const rounds = first.map((times) => times[workload]);
    const verdict = judge(rounds);
    if (!suspects.includes(workload)) return { workload, rounds, verdict, isSlower: false };
    const again = second.map((times) => times[workload]);
    const confirmation = { rounds: again, verdict: judge(again) };
    return { workload, rounds, verdict, confirmation, isSlower: confirmation.verdict.is === "slower" };
  });
}

type RoundTimes = Record<MicroWorkload, Round>;

async function runRounds(
  options: ContestOptions,
  random: Random,
  watched: readonly MicroWorkload[],
): Promise<RoundTimes[]> {
  const rounds: RoundTimes[] = [];
  for (;;) {
    const more = Math.max(
      ...watched.map((workload) =>
        moreRounds(
          rounds.map((times) => times[workload]),
          options.rounds,
        ),
      ),
    );
    if (more === 0) return rounds;
    const total = rounds.length + more;
    while (rounds.length < total) {
      options.progress(rounds.length, total);
      rounds.push(await runRound(options, random));
    }
  }
}

async function runRound(options: ContestOptions, random: Random): Promise<RoundTimes> {
  const { base, candidate, childFile, directory, keys, seed } = options;
  const children: BuildChild[] = [];
  try {
    for (const build of [base, base, candidate]) {
      children.push(await BuildChild.start(childFile, build, { directory, keys, seed }));
    }
    return await runPasses(children, random);
  } finally {
    for (const child of children) await child.end();
  }
}

// The three wait while one of them works. Passes that are neighbours in time are compared, and the median comparison of the
// round stands: other work on the machine comes and goes slower than a pass of reads.
async function runPasses(children: readonly BuildChild[], random: Random): Promise<RoundTimes> {
  const passes = new Map(MICRO_WORKLOADS.map((workload): [MicroWorkload, Round[]] => [workload, []]));
  for (let pass = 0; pass < Math.max(...Object.values(PASSES)); pass++) {
    for (const workload of MICRO_WORKLOADS) {
      if (pass >= PASSES[workload]) continue;
      const times: number[] = [];
      for (const arm of permutation(ARMS.length, random)) times[arm] = await children[arm]!.pass(workload);
      const [base, again, candidate] = times as [number, number, number];
      passes.get(workload)!.push({ base, again, candidate });
    }
  }
  return Object.fromEntries([...passes].map(([workload, rounds]) => [workload, medianRound(rounds)])) as RoundTimes;
}

// Rounds of three processes: the base, the base again, the candidate, in an order that the seed draws for each round.

import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { Random } from "tinykv/harness";
import { permutation } from "../workloads/keys.ts";
import type { Build } from "./builds.ts";
import { judge, moreRounds, type Round, type Verdict } from "./decide.ts";
import { MICRO_WORKLOADS, type MicroTimes, type MicroWorkload } from "./micro.ts";

/** A child takes seconds; one that takes this long hangs. */
const CHILD_MILLISECONDS_MAX = 300_000;

const ARMS = ["base", "again", "candidate"] as const;

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
  /** Told after each process how many are done, and how many there will be unless more rounds are needed. */
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
    const total = ARMS.length * (rounds.length + more);
    for (let i = 0; i < more; i++) {
      const done = ARMS.length * rounds.length;
      rounds.push(await runRound(options, random, (arm) => options.progress(done + arm, total)));
    }
  }
}

async function runRound(options: ContestOptions, random: Random, next: (arm: number) => void): Promise<RoundTimes> {
  const times: Partial<Record<(typeof ARMS)[number], MicroTimes>> = {};
  for (const [place, index] of permutation(ARMS.length, random).entries()) {
    next(place);
    const arm = ARMS[index]!;
    times[arm] = await runChild(arm === "candidate" ? options.candidate : options.base, options);
  }
  const of = (workload: MicroWorkload): Round => ({
    base: times.base![workload],
    again: times.again![workload],
    candidate: times.candidate![workload],
  });
  return Object.fromEntries(MICRO_WORKLOADS.map((workload) => [workload, of(workload)])) as RoundTimes;
}

async function runChild(build: Build, { childFile, directory, keys, seed }: ContestOptions): Promise<MicroTimes> {
  const own = mkdtempSync(join(directory, "stores-"));
  try {
    const { stdio } = await execa(
      process.execPath,
      [childFile, build.url, JSON.stringify({ directory: own, keys, seed })],
      {
        stdio: ["ignore", "ignore", "pipe", "pipe"],
        timeout: CHILD_MILLISECONDS_MAX,
        // Reading that file costs 30 ms at each start.
        env: { NODE_EXTRA_CA_CERTS: undefined },
      },
    );
    return JSON.parse(stdio[3]) as MicroTimes;
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

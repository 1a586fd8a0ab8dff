// The SIGKILL suite: real processes in a real directory, killed at a random time, after the n-th acknowledgement, or by
// themselves at the n-th call of Env; most deaths are followed by a full check of a copy, and each by the next child.
//
// Directories are independent of each other: some are worked on at a time, and what each does is drawn from its own seed.
// All checks are made here, one at a time; meanwhile the spawner looks after the children of the other directories.

import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Failure, makeScratch, Random } from "tinykv/harness";
import { DirectoryRun } from "./directory-run.ts";
import { drawRound } from "./draw-plan.ts";
import { keepFailure } from "./keep-failure.ts";
import { countRound, emptySummary, type KillSummary } from "./kill-summary.ts";
import type { Lived } from "./live.ts";
import type { RoundPlan } from "./plan.ts";
import { Spawner } from "./spawner.ts";

export type { KillFailure } from "./keep-failure.ts";
export type { KillSummary } from "./kill-summary.ts";

export interface KillOptions {
  readonly seed: string;
  readonly rounds: number;
  /** Where stores are made; in memory where the system has a file system there, when absent. */
  readonly dir?: string;
  readonly artifacts: string;
  /** Each child's is drawn from these; absent: from the suite's own. */
  readonly configs?: readonly string[];
  /** How those were asked for, in the words of the command. */
  readonly asked?: string;
  /** No further round is begun after this many milliseconds since the start. */
  readonly deadline?: number;
  readonly progress?: (done: number, total: number) => void;
  readonly now: () => number;
}

/** Directories that are worked on at a time: for two cores, since one of them is often in a check, and one waits for its end. */
const LANES = 4;

/** A kill suite that acknowledges fewer writes a round than this tests nothing but start-up. */
export const ACKNOWLEDGED_LEAST = 20;

/** Children that die in one directory before a fresh one is taken. */
const ROUNDS_PER_DIRECTORY = 10;
/**
 * One directory in so many is heavy at its end: one round in 25. The second of them opens what a heavy one left; any behind
 * it would be as slow to check.
 */
const HEAVY_EVERY = 5;
const HEAVY_ROUNDS = 2;

/** Runs rounds until they are done, the time is up, or one finds something. */
export async function runKillCampaign(options: KillOptions): Promise<KillSummary> {
  const { dir } = options;
  const base = dir ?? makeScratch("tinykv-kill-");
  mkdirSync(base, { recursive: true });
  const spawner = new Spawner();
  try {
    return await new Campaign(options, base, spawner.live).run();
  } finally {
    await spawner.close();
    if (dir === undefined) rmSync(base, { recursive: true, force: true });
  }
}

/** What a child left is not looked at any more. */
class UnwantedError extends Error {}

class Campaign {
  readonly #options: KillOptions;
  readonly #base: string;
  readonly #live: (plan: RoundPlan) => Promise<Lived>;
  readonly #summary = emptySummary();
  #begun = 0;
  #broke = false;

  constructor(options: KillOptions, base: string, live: (plan: RoundPlan) => Promise<Lived>) {
    this.#options = options;
    this.#base = base;
    this.#live = live;
  }

  async run(): Promise<KillSummary> {
    const lanes = await Promise.allSettled(Array.from({ length: LANES }, () => this.#lane()));
    for (const lane of lanes) if (lane.status === "rejected") throw lane.reason;
    return this.#summary;
  }

  // When one breaks, the others come to the end of their rounds.
  async #lane(): Promise<void> {
    const { rounds } = this.#options;
    try {
      while (this.#begun < rounds && !this.#isOver()) {
        const first = this.#begun;
        this.#begun += ROUNDS_PER_DIRECTORY;
        await this.#directory(first, Math.min(ROUNDS_PER_DIRECTORY, rounds - first));
      }
    } catch (error) {
      this.#broke = true;
      throw error;
    }
  }

  #isOver(): boolean {
    const { deadline = Number.POSITIVE_INFINITY, now } = this.#options;
    return this.#broke || this.#summary.failures.length > 0 || now() >= deadline;
  }

  // The thread of a store whose check was ended is still there, and the next check might wait for it.
  async #unlessHung(plan: RoundPlan): Promise<Lived> {
    const lived = await this.#live(plan);
    if (this.#summary.failures.some(({ condition }) => condition === "C28")) throw new UnwantedError();
    return lived;
  }

  async #directory(first: number, rounds: number): Promise<void> {
    const { seed, configs } = this.#options;
    const directory = join(this.#base, `store-${first}`);
    rmSync(directory, { recursive: true, force: true });
    const run = new DirectoryRun(directory, { live: (plan) => this.#unlessHung(plan) });
    const random = new Random(`kill:${seed}:${first}`);
    const isHeavy = random.chance(1, HEAVY_EVERY);
    for (let round = 0; round < rounds && !this.#isOver(); round++) {
      const profile = isHeavy && round >= ROUNDS_PER_DIRECTORY - HEAVY_ROUNDS ? "heavy" : "fast";
      const plan = drawRound(random, run, { seed: `${seed}:kill:${first + round}`, profile, configs });
      await this.#round(run, lookAtLast(plan, round + 1 === rounds));
    }
    rmSync(directory, { recursive: true, force: true });
  }

  async #round(run: DirectoryRun, plan: RoundPlan): Promise<void> {
    const { artifacts, seed, rounds, asked, progress } = this.#options;
    try {
      countRound(this.#summary, plan, await run.round(plan));
    } catch (error) {
      if (error instanceof UnwantedError) return;
      if (!(error instanceof Failure)) throw error;
      this.#summary.failures.push(keepFailure({ artifacts, seed, rounds, asked }, run, plan, error));
    }
    progress?.(this.#summary.rounds, rounds);
  }
}

// The last round of a directory is always looked at.
function lookAtLast(plan: RoundPlan, isLast: boolean): RoundPlan {
  return isLast ? { ...plan, isChecked: true } : plan;
}

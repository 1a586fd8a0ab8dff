// One of the threads of the SIGKILL suite: it works on one directory after the other, a child at a time. A check takes its
// thread for as long as it lasts; the child of another thread must not outlive its plan meanwhile.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { Failure, Random } from "tinykv/harness";
import { DirectoryRun, type RoundResult } from "./directory-run.ts";
import { drawRound } from "./draw-plan.ts";
import { PLACES, type Place } from "./hearing.ts";
import { keepFailure, type KillFailure } from "./keep-failure.ts";
import type { RoundPlan } from "./plan.ts";

export interface KillSummary {
  readonly rounds: number;
  /** Rounds that ended with a full check of a copy; the others were judged by the next check. */
  readonly checked: number;
  readonly acked: number;
  readonly places: Readonly<Record<Place, number>>;
  /** Rounds by configuration, by what was to kill them, by load. */
  readonly profiles: Readonly<Record<string, number>>;
  /** States that readers beside the children saw. */
  readonly sights: number;
  readonly syncWrites: number;
  readonly writes: number;
  readonly failures: readonly KillFailure[];
}

/** Children that die in one directory before a fresh one is taken. */
const ROUNDS_PER_DIRECTORY = 10;
/**
 * One directory in so many is heavy at its end: one round in 25. The second of them opens what a heavy one left; any behind
 * it would be as slow to check.
 */
const HEAVY_EVERY = 5;
const HEAVY_ROUNDS = 2;

/** What a lane is asked to do. */
export interface LaneTask {
  readonly seed: string;
  readonly rounds: number;
  /** Its directories are those of all rounds whose number, by lanes, leaves this. */
  readonly lane: number;
  readonly lanes: number;
  /** An existing directory. */
  readonly base: string;
  readonly artifacts: string;
}

export interface LaneHost {
  /** Asked before each round: the time is up, or another lane has found something. */
  isOver(): boolean;
  finished(rounds: number): void;
}

type Counting = { -readonly [K in keyof KillSummary]: KillSummary[K] } & {
  places: Record<Place, number>;
  profiles: Record<string, number>;
  failures: KillFailure[];
};

/** Runs its rounds until they are done, it is told to stop, or one finds something. */
export async function runLane(task: LaneTask, host: LaneHost): Promise<KillSummary> {
  const lane = new Lane(task, host);
  await lane.run();
  return lane.summary;
}

class Lane {
  readonly summary: Counting = emptySummary();
  readonly #task: LaneTask;
  readonly #host: LaneHost;

  constructor(task: LaneTask, host: LaneHost) {
    this.#task = task;
    this.#host = host;
  }

  async run(): Promise<void> {
    const { rounds, lane, lanes } = this.#task;
    for (let first = lane * ROUNDS_PER_DIRECTORY; first < rounds; first += lanes * ROUNDS_PER_DIRECTORY) {
      if (this.#isOver()) return;
      await this.#directory(first, Math.min(ROUNDS_PER_DIRECTORY, rounds - first));
    }
  }

  #isOver(): boolean {
    return this.summary.failures.length > 0 || this.#host.isOver();
  }

  async #directory(first: number, rounds: number): Promise<void> {
    const { seed, base } = this.#task;
    const directory = join(base, `store-${first}`);
    rmSync(directory, { recursive: true, force: true });
    const run = new DirectoryRun(directory);
    const random = new Random(`kill:${seed}:${first}`);
    const isHeavy = random.chance(1, HEAVY_EVERY);
    for (let round = 0; round < rounds && !this.#isOver(); round++) {
      const profile = isHeavy && round >= ROUNDS_PER_DIRECTORY - HEAVY_ROUNDS ? "heavy" : "fast";
      const plan = drawRound(random, run, { seed: `${seed}:kill:${first + round}`, profile });
      await this.#round(run, lookAtLast(plan, round + 1 === rounds));
    }
    rmSync(directory, { recursive: true, force: true });
  }

  async #round(run: DirectoryRun, plan: RoundPlan): Promise<void> {
    const { artifacts, seed, rounds } = this.#task;
    try {
      this.#count(plan, await run.round(plan));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.summary.failures.push(keepFailure({ artifacts, seed, rounds }, run, plan, error));
    }
    this.#host.finished(this.summary.rounds);
  }

  #count({ child, hasReader }: RoundPlan, result: RoundResult): void {
    const { summary } = this;
    summary.rounds++;
    if (result.isChecked) summary.checked++;
    summary.acked += result.acknowledged;
    summary.writes += result.writes;
    summary.syncWrites += result.syncWrites;
    summary.sights += result.sights;
    for (const place of result.places) summary.places[place]++;
    const { config, kill, profile } = child;
    const name = config.split(",")[0]!;
    const death = kill.by === "call" ? `call-${kill.phase}-${kill.when}` : kill.by;
    for (const key of [name, death, profile, ...(hasReader ? ["reader"] : [])]) {
      summary.profiles[key] = (summary.profiles[key] ?? 0) + 1;
    }
  }
}

// The last round of a directory is always looked at.
function lookAtLast(plan: RoundPlan, isLast: boolean): RoundPlan {
  return isLast ? { ...plan, isChecked: true } : plan;
}

function emptySummary(): Counting {
  const places = Object.fromEntries(PLACES.map((place) => [place, 0])) as Record<Place, number>;
  const counts = { rounds: 0, checked: 0, acked: 0, sights: 0, syncWrites: 0, writes: 0 };
  return { ...counts, places, profiles: {}, failures: [] };
}

/** The counters of several lanes as one. */
export function addSummaries(all: readonly KillSummary[]): KillSummary {
  const sum = emptySummary();
  for (const one of all) {
    for (const key of ["rounds", "checked", "acked", "sights", "syncWrites", "writes"] as const) sum[key] += one[key];
    for (const place of PLACES) sum.places[place] += one.places[place];
    for (const [name, count] of Object.entries(one.profiles)) sum.profiles[name] = (sum.profiles[name] ?? 0) + count;
    sum.failures.push(...one.failures);
  }
  return sum;
}

// The order of a contest: for each size and workload, round by round over all contestants (A B A B …), then once more with
// a clock around each operation. What drifts in the machine meets all of them alike.

import type { Measurement } from "../measure/measurement.ts";
import type { Progress } from "../progress.ts";
import type { Result } from "../report/report.ts";
import { workloadNamed } from "../workloads/catalogue.ts";
import type { Contestant, Heat } from "./contestant.ts";

export interface ContestPlan {
  readonly workloads: readonly string[];
  readonly keys: readonly number[];
  readonly valueBytes: readonly number[];
  readonly rounds: number;
  readonly secondsMax: number;
  readonly seed: string;
}

interface Entry {
  readonly contestant: Contestant;
  readonly rounds: Measurement[];
  latency?: Measurement;
  unsupported?: string;
  failed?: string;
}

/** Measurements that a plan makes at the most. */
export function heatsOf({ workloads, keys, valueBytes, rounds }: ContestPlan, contestants: number): number {
  const perSize = workloads.reduce((sum, name) => sum + rounds + (workloadNamed(name).noLatency ? 0 : 1), 0);
  return perSize * keys.length * valueBytes.length * contestants;
}

/** Runs everything. A contestant that fails at a workload is not asked again for it; its result says why. */
export async function runContest(
  plan: ContestPlan,
  contestants: readonly Contestant[],
  progress: Progress,
): Promise<Result[]> {
  const results: Result[] = [];
  let done = 0;
  for (const keys of plan.keys) {
    for (const valueBytes of plan.valueBytes) {
      for (const workload of plan.workloads) {
        const { seed, secondsMax } = plan;
        const heat: Heat = { workload, keys, valueBytes, seed, secondsMax, latency: false };
        results.push(...(await runWorkload(heat, plan.rounds, contestants, (what) => progress.update(done++, what))));
      }
      for (const contestant of contestants) contestant.release();
    }
  }
  return results;
}

async function runWorkload(
  heat: Heat,
  rounds: number,
  contestants: readonly Contestant[],
  next: (what: string) => void,
): Promise<Result[]> {
  const entries = contestants.map((contestant): Entry => ({ contestant, rounds: [] }));
  const { noLatency } = workloadNamed(heat.workload);
  for (let round = 0; round < rounds + (noLatency ? 0 : 1); round++) {
    const latency = round === rounds;
    for (const entry of entries) {
      next(
        `${heat.workload}, ${entry.contestant.name}${latency ? ", latencies" : `, round ${round + 1} of ${rounds}`}`,
      );
      if (entry.unsupported === undefined && entry.failed === undefined) await runHeat(entry, { ...heat, latency });
    }
  }
  const { workload, keys, valueBytes } = heat;
  return entries.map(({ contestant, ...rest }) => ({
    workload,
    keys,
    valueBytes,
    contestant: contestant.name,
    ...rest,
  }));
}

async function runHeat(entry: Entry, heat: Heat): Promise<void> {
  try {
    const answer = await entry.contestant.run(heat);
    if (answer.kind === "unsupported") entry.unsupported = answer.reason;
    else if (answer.kind === "measured") {
      if (heat.latency) entry.latency = answer.measurement;
      else entry.rounds.push(answer.measurement);
    }
  } catch (error) {
    entry.failed = (error as Error).message;
  }
}

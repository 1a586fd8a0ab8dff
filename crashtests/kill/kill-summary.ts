// What a kill campaign counts.

import type { RoundResult } from "./directory-run.ts";
import { PLACES, type Place } from "./hearing.ts";
import type { KillFailure } from "./keep-failure.ts";
import type { RoundPlan } from "./plan.ts";

export interface KillSummary {
  readonly rounds: number;
  /** Rounds that ended with a full check of a copy; the others were judged by the next check. */
  readonly checked: number;
  readonly acked: number;
  readonly places: Readonly<Record<Place, number>>;
  /** Rounds by configuration, by what was to kill them, by load. */
  readonly profiles: Readonly<Record<string, number>>;
  /** States that readers beside the children saw, and how often they saw only that nothing stood still. */
  readonly sights: number;
  readonly refusals: number;
  readonly syncWrites: number;
  readonly writes: number;
  readonly failures: readonly KillFailure[];
}

export type Counting = { -readonly [K in keyof KillSummary]: KillSummary[K] } & {
  places: Record<Place, number>;
  profiles: Record<string, number>;
  failures: KillFailure[];
};

export function emptySummary(): Counting {
  const places = Object.fromEntries(PLACES.map((place) => [place, 0])) as Record<Place, number>;
  const counts = { rounds: 0, checked: 0, acked: 0, sights: 0, refusals: 0, syncWrites: 0, writes: 0 };
  return { ...counts, places, profiles: {}, failures: [] };
}

export function countRound(summary: Counting, { child, hasReader }: RoundPlan, result: RoundResult): void {
  summary.rounds++;
  if (result.isChecked) summary.checked++;
  summary.acked += result.acknowledged;
  for (const key of ["writes", "syncWrites", "sights", "refusals"] as const) summary[key] += result[key];
  for (const place of result.places) summary.places[place]++;
  const { config, kill, profile } = child;
  const name = config.split(",")[0]!;
  const death = kill.by === "call" ? `call-${kill.phase}-${kill.when}` : kill.by;
  for (const key of [name, death, profile, ...(hasReader ? ["reader"] : [])]) {
    summary.profiles[key] = (summary.profiles[key] ?? 0) + 1;
  }
}

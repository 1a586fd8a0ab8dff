import { ACKNOWLEDGED_LEAST, type KillSummary } from "../../crashtests/kill/campaign.ts";
import type { DriverKillSummary } from "../../crashtests/kill/driver-campaign.ts";
import type { CommandReport } from "./report.ts";

/** What a kill campaign did, and whether it did enough to mean anything. */
export function killReport(
  seed: string,
  summary: KillSummary,
  { seconds, failures }: Pick<CommandReport, "seconds" | "failures">,
): CommandReport {
  const { rounds, checked, acked, places, profiles, sights, refusals, syncWrites, writes } = summary;
  const counters = { rounds, checked, acked, places, profiles, sights, refusals, syncWrites, writes };
  return { command: "kill", seed, ops: acked, seconds, failures, complaints: idleness(summary), counters };
}

/** The same of another engine, which is killed from outside alone. */
export function driverKillReport({ seed, engine, summary, seconds }: DriverKills): CommandReport {
  const { rounds, acked, places, writes, syncWrites, failures } = summary;
  const counters = { engine, rounds, acked, places, profiles: {}, writes, syncWrites };
  return { command: "kill", seed, ops: acked, seconds, failures, complaints: idleness(summary), counters };
}

interface DriverKills {
  readonly seed: string;
  readonly engine: string;
  readonly summary: DriverKillSummary;
  readonly seconds: number;
}

// Rounds that acknowledged next to nothing tested nothing but start-up.
function idleness({ failures, acked, rounds }: Pick<KillSummary, "failures" | "acked" | "rounds">): string[] {
  const isIdle = failures.length === 0 && acked < ACKNOWLEDGED_LEAST * rounds;
  return isIdle ? [`only ${acked} writes acknowledged in ${rounds} rounds`] : [];
}

/** So many rounds have an average that counts as it is. */
const ROUNDS_OF_AN_AVERAGE = 100;
/** The writes that a round acknowledges vary by more than the least there should be. */
const STANDARD_DEVIATION = 30;
const STANDARD_ERRORS = 3;

/** Whether a few rounds may have acknowledged so little by chance: a short suite is idle only if it is far below the least. */
export function mayBeChance({ acked, rounds }: Pick<KillSummary, "acked" | "rounds">): boolean {
  const least = ACKNOWLEDGED_LEAST * rounds - STANDARD_ERRORS * STANDARD_DEVIATION * Math.sqrt(rounds);
  return rounds < ROUNDS_OF_AN_AVERAGE && acked >= least;
}

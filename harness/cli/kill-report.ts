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

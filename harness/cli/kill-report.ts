import { ACKNOWLEDGED_LEAST, type KillSummary } from "../../crashtests/kill/campaign.ts";
import type { CommandReport } from "./report.ts";

/** What a kill campaign did, and whether it did enough to mean anything. */
export function killReport(seed: string, summary: KillSummary, seconds: number): CommandReport {
  const { rounds, acked, places, profiles, syncWrites, writes, failures } = summary;
  const idle = failures.length === 0 && acked < ACKNOWLEDGED_LEAST * rounds;
  const complaints = idle ? [`only ${acked} writes acknowledged in ${rounds} rounds`] : [];
  const counters = { rounds, acked, places, profiles, syncWrites, writes };
  return { command: "kill", seed, ops: acked, seconds, failures, complaints, counters };
}

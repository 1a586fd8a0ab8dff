// Stand-ins until the parts exist.
import type { EngineMaker } from "../crash/recorded-run.ts";
import type { Image } from "../disk/image.ts";
import type { Trace } from "../disk/trace.ts";
import type { CampaignHost, Finding } from "../finding.ts";
import type { OpLog } from "../op-log.ts";

export interface CrashLogResult {
  readonly finding: Finding | undefined;
  readonly account: readonly string[];
  readonly image: Image | undefined;
  readonly trace: Trace;
}
export function runCrashLog(_log: OpLog, _options: { makeEngine: EngineMaker; search?: boolean }): CrashLogResult {
  throw new Error("crash-log.ts is not there yet");
}
export interface BarrierReport {
  readonly name: string;
  readonly reached: number;
  readonly exposedBy: string;
  readonly ops: number;
  readonly eitherOf: readonly string[];
}
export function runBarriers(
  _options: { seed: string },
  _host: CampaignHost,
): { barriers: readonly BarrierReport[]; images: number; findings: readonly Finding[] } {
  throw new Error("barriers.ts is not there yet");
}

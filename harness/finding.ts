// What a campaign found: enough to see it again. The op log holds the crash or fault as operations of its own.

import type { Condition, KeyDifference } from "./diagnosis.ts";
import type { Op } from "./op.ts";

export interface Finding {
  readonly condition: Condition;
  /** Where in the life of a store it showed: "running", "open", "scan", "compact" … A smaller log must fail in the same one. */
  readonly phase: string;
  readonly message: string;
  readonly seed: string;
  readonly workload: string;
  readonly config: string;
  /** As `--engine` has it; our own when absent. */
  readonly engine?: string;
  readonly ops: readonly Op[];
  readonly keys: readonly KeyDifference[];
  /** The JavaScript stack of an exception, when one was the finding. */
  readonly stack?: string;
}

/** Whom a campaign tells how it is coming on. Calls are cheap; a campaign that stops making them hangs. */
export interface CampaignHost {
  /** `total` is the best guess there is; absent: unknown. */
  progress(done: number, total?: number): void;
  /** What is about to be worked on, kept as the artifact of a hang. */
  unit(unit: { readonly seed: string; readonly config: string; readonly ops: readonly Op[] }): void;
}

/** Of campaigns that nobody watches. */
export const SILENT_HOST: CampaignHost = { progress: () => undefined, unit: () => undefined };

/** 1-based, as `--shard i/n` has it. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

export const WHOLE: Shard = { index: 1, count: 1 };

/** Whether the n-th unit (from 0) of a campaign is this shard's. */
export function isMine({ index, count }: Shard, n: number): boolean {
  return n % count === index - 1;
}

import type { ValueProfile, WorkloadName } from "tinykv/harness";
import type { DeathMoment } from "./records.ts";

/** Where a child ends: killed by its parent, or by itself at a call of Env. */
export type KillPlan =
  | { readonly by: "time"; readonly milliseconds: number }
  | { readonly by: "acknowledgement"; readonly count: number }
  /** It ends by itself behind its operations: the build warms up by such a life. */
  | { readonly by: "nobody" }
  | {
      readonly by: "call";
      /** The calls of the store's own thread, from open() on or after it; or those of the worker thread. */
      readonly phase: "open" | "run" | "worker";
      readonly nth: number;
      readonly when: DeathMoment;
    };

/** How large a child's writes are: "fast" ones are checked in milliseconds. */
export type Profile = "fast" | "heavy";

/** Everything a child needs: it makes its operations from the seed, as the parent does. */
export interface ChildPlan {
  readonly directory: string;
  readonly seed: string;
  readonly profile: Profile;
  readonly workload: WorkloadName;
  readonly values?: ValueProfile;
  readonly batch?: readonly [usual: number, seldom: number];
  readonly config: string;
  readonly ops: number;
  readonly keys: number;
  readonly syncRatio: number;
  readonly firstId: number;
  readonly incarnation: number;
  readonly kill: KillPlan;
  /** One that comes to its place too slowly is killed where it is after so many milliseconds; default: by its profile. */
  readonly patience?: number;
  /** Every call is written there as it begins (a line that starts with "?") and when it has returned. */
  readonly traceFile?: string;
}

/** What the parent does about a child. */
export interface RoundPlan {
  readonly child: ChildPlan;
  /** A process that only reads opens the store again and again beside it. */
  readonly hasReader: boolean;
  /** After its death the next child opens what it left, and nobody looks at it before. */
  readonly isChecked: boolean;
}

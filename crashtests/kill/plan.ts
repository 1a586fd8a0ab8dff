import type { WorkloadName } from "tinykv/harness";

/** Where a child ends: killed by its parent, or by itself at a call of Env. */
export type KillPlan =
  | { readonly by: "time"; readonly milliseconds: number }
  | { readonly by: "acknowledgement"; readonly count: number }
  | {
      readonly by: "call";
      /** The calls of the store's own thread, from open() on or after it; or those of the worker thread. */
      readonly phase: "open" | "run" | "worker";
      readonly nth: number;
      readonly when: "before" | "half" | "after";
    };

/** Everything a child needs: it makes its operations from the seed, as the parent does. */
export interface ChildPlan {
  readonly directory: string;
  readonly seed: string;
  readonly workload: WorkloadName;
  readonly config: string;
  readonly ops: number;
  readonly keys: number;
  readonly syncRatio: number;
  readonly firstId: number;
  readonly incarnation: number;
  readonly kill: KillPlan;
}

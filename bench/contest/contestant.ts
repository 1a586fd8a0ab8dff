import type { Answer } from "../measure/measurement.ts";

/** One measurement that a contestant is asked for. */
export interface Heat {
  readonly workload: string;
  readonly keys: number;
  readonly valueBytes: number;
  readonly seed: string;
  readonly secondsMax: number;
  /** Latencies instead of throughput. */
  readonly latency: boolean;
}

/** Something whose speed is measured: an engine in Node, or a program of its own. */
export interface Contestant {
  readonly name: string;
  readonly version: string;
  /** What its writes survive, with `sync: false` and `true`. */
  readonly durability: { readonly sync: string; readonly noSync: string };
  run(heat: Heat): Promise<Answer>;
  /** Forgets stores of a size that is over. */
  release(): void;
}

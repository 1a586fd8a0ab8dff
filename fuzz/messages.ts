// What the process that fuzzes and the one that watches it say to each other.

import type { Problem } from "./campaign.ts";

/** What to fuzz, in this order. */
export interface FuzzTask {
  readonly targets: readonly string[];
  readonly seed: string;
  /** For each target; one of them ends it. */
  readonly milliseconds?: number;
  readonly executions?: number;
  /** Of each target, run first. */
  readonly corpus: Readonly<Record<string, readonly Uint8Array[]>>;
  /** Answer with the few inputs that take all the branches that were taken. */
  readonly minimised?: boolean;
}

export interface FuzzStart {
  readonly task: FuzzTask;
  readonly branches: number;
  /** Branches by module: [from, to). */
  readonly modules: Readonly<Record<string, readonly [number, number]>>;
  /** Modules with further targets, for tests. */
  readonly extraTargets?: string;
}

export interface TargetResult {
  readonly name: string;
  readonly executions: number;
  readonly seconds: number;
  /** The branches taken, by number, of all modules. */
  readonly branches: readonly number[];
  /** Branches taken of the modules that the target is there for, and how many there are. */
  readonly own: { readonly taken: number; readonly all: number };
  /** crc32 over all that was kept, in order: the same for the same seed and executions. */
  readonly digest: number;
  readonly minimised?: readonly Uint8Array[];
}

export type FuzzMessage =
  | { readonly kind: "begin"; readonly target: string }
  | { readonly kind: "problem"; readonly target: string; readonly problem: Problem }
  | { readonly kind: "result"; readonly result: TargetResult }
  | { readonly kind: "done" };

/** Where the process writes what it says: frames of a length, 4 bytes, and a message as v8.serialize makes it. */
export const MESSAGES_FD = 3;
export const FRAME_HEADER_BYTES = 4;

/** Where it writes each input before it runs: the number of executions and the length, 4 bytes each, then the input. */
export const FLIGHT_FD = 4;
export const FLIGHT_HEADER_BYTES = 8;
/** No target takes longer inputs. */
export const INPUT_BYTES_MAX: number = 1 << 17;
export const FLIGHT_BYTES: number = FLIGHT_HEADER_BYTES + INPUT_BYTES_MAX;

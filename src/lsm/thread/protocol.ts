// What a store and its worker thread say to each other. Messages are plain values; shared memory says at once, to a
// thread that reads no messages, what may not wait for them.
//
//   store → thread   join (once), then an order a job, then leave
//   thread → store   an outcome a job, in the store's own port, counted on the board *after* it was sent
//
//   board, one a store           control, one a job
//     0  outcomes sent             0  state: queued ⇄ loading, queued → working ⇄ stepping → ended
//                                  1  abort: 1 = end without a result
//                                  2  outputs begun: their numbers are the first so many of the order's range
//                                  3  steps of 256 bytes of input consumed
//
// The thread counts an output before it creates the file, so whoever cleans up after it knows every file there may be.
// A job that is queued, or waits for its comparator to be loaded, may be withdrawn by the store alone: it makes it `ended`,
// and the thread never begins it. For one that was begun it raises `abort` and waits for `ended`. After `ended` the thread
// has no file of the job open and touches none any more.
//
// When the thread is lost the store withdraws what is `working` too. The thread goes over to `stepping` before it touches
// a file, and does so no more; a descriptor that it left open it only closes. What is `stepping` cannot be withdrawn: the
// thread may be in the middle of a system call. At most one job of all stores is.

import type { MessagePort } from "node:worker_threads";
import type { IoCounters } from "../../util/checked-env.ts";
import type { OutputResult } from "../table-output.ts";
import type { WorkOrder } from "./work-order.ts";

export const OUTCOMES = 0;
export const BOARD_WORDS = 1;

export const STATE = 0;
export const ABORT = 1;
export const BEGUN = 2;
export const CONSUMED = 3;
export const CONTROL_WORDS = 4;

/** What one step of CONSUMED stands for: 2^31 of them are more than any job has. */
export const CONSUMED_UNIT = 256;

export const State = { queued: 0, loading: 1, working: 2, stepping: 3, ended: 4 } as const;
/** The value of a job's word STATE. */
export type State = (typeof State)[keyof typeof State];

export type Command =
  | { readonly kind: "join"; readonly store: number; readonly port: MessagePort; readonly board: SharedArrayBuffer }
  | { readonly kind: "order"; readonly store: number; readonly order: WorkOrder }
  | { readonly kind: "leave"; readonly store: number };

/** How a job ended. */
export type Outcome = { readonly job: number; readonly io: IoCounters } & (
  | { readonly kind: "done"; readonly result: OutputResult }
  | { readonly kind: "failed"; readonly error: PlainError; readonly forGood: boolean }
  /** The thread cannot do this store's work at all. */
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "aborted" }
);

/** An error as a value; an errno's name is kept in `errno`. */
export interface PlainError {
  readonly code: string | undefined;
  readonly message: string;
  readonly errno: string | undefined;
  readonly corruption: { readonly file: string; readonly offset: number; readonly problem: string } | undefined;
}

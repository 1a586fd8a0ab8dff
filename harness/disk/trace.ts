// What a program did to its files, call by call: the only thing that the simulated disk needs to know. Recorders make
// traces (recording-env.ts), the simulator reads them (simulated-disk.ts); neither knows the other.
//
// As a file (trace-file.ts) a trace is text, one event a line.

import type { Barrier, OpenMode } from "tinykv/env";

/**
 * How a call ended that failed or fell short. Absent: it did what it was asked to and returned.
 *
 * `applied` says what of it happened all the same: nothing, a part (a write: `bytes` are the part), or the whole.
 */
export interface Ended {
  readonly error?: string;
  readonly applied?: "none" | "part" | "whole";
}

/** `file` numbers descriptors, from 1, never again; paths are absolute. */
export type TraceCall = Ended &
  (
    | { readonly call: "open"; readonly path: string; readonly mode: OpenMode; readonly file: number }
    | { readonly call: "close"; readonly file: number }
    | { readonly call: "read"; readonly file: number; readonly position: number; readonly count: number }
    /** `bytes`: what was taken, fewer than asked for after a short write. */
    | { readonly call: "write"; readonly file: number; readonly position: number; readonly bytes: Uint8Array }
    | { readonly call: "truncate"; readonly file: number; readonly size: number }
    | { readonly call: "size"; readonly file: number }
    | { readonly call: "sync"; readonly file: number; readonly barrier: Barrier }
    /** syncAsync: made durable by its end is what was pending at its beginning; `sync` numbers them. */
    | { readonly call: "syncBegin"; readonly file: number; readonly barrier: Barrier; readonly sync: number }
    | { readonly call: "syncEnd"; readonly sync: number }
    | { readonly call: "makeDirectory" | "removeDirectory" | "readDirectory" | "stat"; readonly path: string }
    | { readonly call: "rename" | "link"; readonly from: string; readonly to: string }
    | { readonly call: "unlink"; readonly path: string }
    | { readonly call: "syncDirectory"; readonly path: string; readonly barrier: Barrier }
    /** Creates the file if it is missing. */
    | { readonly call: "lock"; readonly path: string }
    | { readonly call: "release"; readonly path: string }
    | { readonly call: "now" | "sleep" }
    | { readonly call: "randomBytes"; readonly count: number }
  );

export type CallKind = TraceCall["call"];

/** What the program said: an operation begins, or returned (`acknowledged`) or threw. */
export type TraceMark =
  | { readonly mark: "begin"; readonly op: number }
  | { readonly mark: "end"; readonly op: number; readonly acknowledged: boolean };

export type TraceEvent = TraceCall | TraceMark;
export type Trace = readonly TraceEvent[];

/** Calls that change what is on the disk or may become so; before and after any other a crash leaves the same. */
export function changesDisk(event: TraceEvent): event is TraceCall {
  if (!("call" in event)) return false;
  switch (event.call) {
    case "open":
      return event.mode === "wx";
    case "write":
    case "truncate":
    case "sync":
    case "syncBegin":
    case "syncEnd":
    case "makeDirectory":
    case "removeDirectory":
    case "rename":
    case "link":
    case "unlink":
    case "syncDirectory":
    case "lock":
      return true;
    default:
      return false;
  }
}

/** How an address names a call (op.ts, CrashAddress): a sync by its barrier, any other by its kind. */
export function callName(call: TraceCall): string {
  return "barrier" in call ? call.barrier : call.call;
}

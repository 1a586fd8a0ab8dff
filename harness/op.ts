// The closed union of operations: plain values, one line each in an op log (op-log.ts). Every maker of operations, the
// runner, the model, the shrinker and the reports speak this one language.
//
// Ids rise through a log and are never issued twice in one directory; a value carries an id of its own from the same
// sequence. An operation that names a snapshot, cursor or tag which is not there is skipped (op-scope.ts), so any
// subsequence of a log is a log.

import type { Key, KeyRange } from "./keys.ts";
import type { ValueRef } from "./values.ts";
import { unreachable } from "./unreachable.ts";

/** One change of a batch. */
export type Change =
  | { readonly kind: "put"; readonly key: Key; readonly value: ValueRef }
  | { readonly kind: "delete"; readonly key: Key }
  /** [from, to) */
  | { readonly kind: "deleteRange"; readonly from: Key; readonly to: Key };

interface Numbered {
  readonly id: number;
}

/** A write asks for durability with `sync`. */
interface Synced extends Numbered {
  readonly sync: boolean;
}

export type SyncWriteOp = Synced & (Change | { readonly kind: "batch"; readonly changes: readonly Change[] });

/** Writes that are issued now and acknowledged later, in order; `tag` names the promise. */
export type AsyncWriteOp = Synced & { readonly tag: string } & (
    | { readonly kind: "putAsync"; readonly key: Key; readonly value: ValueRef }
    | { readonly kind: "deleteAsync"; readonly key: Key }
    | { readonly kind: "writeAsync"; readonly changes: readonly Change[] }
  );

export type WriteOp = SyncWriteOp | AsyncWriteOp;

export interface ScanOptions extends KeyRange {
  readonly reverse?: boolean;
  /** Absent: all; 0: none. */
  readonly limit?: number;
  /** Ask for keys alone or values alone. */
  readonly only?: "keys" | "values";
}

export type ReadOp = Numbered &
  (
    | { readonly kind: "get"; readonly key: Key }
    | { readonly kind: "has"; readonly key: Key }
    | { readonly kind: "getMany"; readonly keys: readonly Key[] }
    | ({ readonly kind: "scan" } & ScanOptions)
  );

/** Snapshots and cursors live under a name until they are released or closed, or the store is closed or crashes. */
export type PinnedOp = Numbered &
  (
    | { readonly kind: "snapshot"; readonly snapshot: string }
    | { readonly kind: "release"; readonly snapshot: string }
    | { readonly kind: "snapshotGet"; readonly snapshot: string; readonly key: Key }
    | ({ readonly kind: "snapshotScan"; readonly snapshot: string } & ScanOptions)
    /** Bounds: lower ≤ key < upper. */
    | {
        readonly kind: "cursorOpen";
        readonly cursor: string;
        readonly snapshot?: string;
        readonly lower?: Key;
        readonly upper?: Key;
      }
    | { readonly kind: "cursorMove"; readonly cursor: string; readonly move: "first" | "last" | "next" | "prev" }
    | { readonly kind: "cursorMove"; readonly cursor: string; readonly move: "seek" | "seekForPrev"; readonly key: Key }
    | { readonly kind: "cursorClose"; readonly cursor: string }
  );

export type StoreOp = Numbered &
  /** The n-th pending syncAsync (from 0, modulo their number) completes. */
  (
    | { readonly kind: "settle"; readonly nth: number; readonly outcome: "ok" | "fail" }
    | { readonly kind: "await"; readonly tag: string }
    | { readonly kind: "flush" }
    | { readonly kind: "sync" }
    | { readonly kind: "verify" }
    | { readonly kind: "openReadOnly" }
    | { readonly kind: "resume" }
    /** Absent bounds are open. */
    | { readonly kind: "compactRange"; readonly from?: Key; readonly to?: Key }
    /** One background step of the job at this place of backgroundJobs(), modulo their number; absent: any. */
    | { readonly kind: "step"; readonly job?: number }
    /** Into a fresh directory of this name beside the store. */
    | { readonly kind: "checkpoint"; readonly name: string }
    /** Close, then open with this configuration (configurations.ts). */
    | { readonly kind: "reopen"; readonly config: string }
  );

/** A call of Env by the operation it serves, so that deleting other operations does not move it. */
export interface CrashAddress {
  /** The id of the operation during which the call is made. */
  readonly op: number;
  /** A barrier ("log.write") or a kind of call ("write", "unlink" …). */
  readonly call: string;
  /** From 0, among such calls of this operation. */
  readonly nth: number;
  readonly when: "before" | "inside" | "after";
}

/** Which pending items reach the disk; `items` are named by role ("directory entry of the new manifest"). */
export type Survival =
  | { readonly kind: "none" }
  | { readonly kind: "all" }
  | { readonly kind: "seed"; readonly seed: number }
  | { readonly kind: "keep"; readonly items: readonly string[] }
  | { readonly kind: "lose"; readonly items: readonly string[] };

/**
 * Without an address the crash comes at once; with one at that call, of an operation or of the recovery from a crash before
 * it in the log, or never. The operations between the two are not executed. A kill with "old bytes" among what it loses reads
 * back what was durable where an fsync had failed.
 */
export type CrashOp = Numbered & {
  readonly kind: "crash";
  readonly loss: "kill" | "power";
  readonly survival: Survival;
  readonly at?: CrashAddress;
};

/** From here on the nth such call (from 0) fails: not done, done in part, done wholly, or with a short return and no error. */
export type FaultOp = Numbered & {
  readonly kind: "fault";
  readonly call: string;
  readonly nth: number;
  readonly outcome: "none" | "part" | "whole" | "short";
  readonly error: "EIO" | "ENOSPC";
  /** Once, or this call and all such calls after it. */
  readonly lasting: boolean;
};

export type Op = WriteOp | ReadOp | PinnedOp | StoreOp | CrashOp | FaultOp;
export type OpKind = Op["kind"];

/** Every kind, in the order of the documentation. */
export const OP_KINDS: readonly OpKind[] = [
  "put",
  "delete",
  "deleteRange",
  "batch",
  "get",
  "getMany",
  "has",
  "scan",
  "cursorOpen",
  "cursorMove",
  "cursorClose",
  "snapshot",
  "snapshotGet",
  "snapshotScan",
  "release",
  "putAsync",
  "deleteAsync",
  "writeAsync",
  "settle",
  "await",
  "flush",
  "compactRange",
  "step",
  "sync",
  "checkpoint",
  "verify",
  "reopen",
  "openReadOnly",
  "resume",
  "crash",
  "fault",
];

export function isWrite(op: Op): op is WriteOp {
  switch (op.kind) {
    case "put":
    case "delete":
    case "deleteRange":
    case "batch":
    case "putAsync":
    case "deleteAsync":
    case "writeAsync":
      return true;
    default:
      return false;
  }
}

/** An operation that changes nothing in the store, of the present or of what is pinned. */
export function isRead(op: Op): op is ReadOp | PinnedOp {
  switch (op.kind) {
    case "get":
    case "has":
    case "getMany":
    case "scan":
    case "snapshot":
    case "release":
    case "snapshotGet":
    case "snapshotScan":
    case "cursorOpen":
    case "cursorMove":
    case "cursorClose":
      return true;
    default:
      return false;
  }
}

export function isAsyncWrite(op: Op): op is AsyncWriteOp {
  return op.kind === "putAsync" || op.kind === "deleteAsync" || op.kind === "writeAsync";
}

/** A write as the changes it makes, in order. */
export function changesOf(op: WriteOp): readonly Change[] {
  switch (op.kind) {
    case "put":
    case "delete":
    case "deleteRange":
      return [op];
    case "putAsync":
      return [{ kind: "put", key: op.key, value: op.value }];
    case "deleteAsync":
      return [{ kind: "delete", key: op.key }];
    case "batch":
    case "writeAsync":
      return op.changes;
    default:
      return unreachable(op);
  }
}

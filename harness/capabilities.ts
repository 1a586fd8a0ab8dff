import { type Change, type Op } from "./op.ts";
import { unreachable } from "./unreachable.ts";

/** What an engine may lack beyond put, get, delete and has. An operation that needs more than it has is skipped and counted. */
export type Capability =
  | "batch"
  | "scan"
  | "reverse"
  | "snapshot"
  | "sync"
  | "flush"
  | "compact"
  | "deleteRange"
  | "cursor"
  | "async"
  | "step"
  | "checkpoint"
  | "verify"
  | "readOnly"
  | "resume"
  | "crash"
  | "fault";

const NONE: readonly Capability[] = [];

/** What `op` asks of an engine. */
export function capabilitiesFor(op: Op): readonly Capability[] {
  switch (op.kind) {
    case "put":
    case "delete":
    case "get":
    case "has":
    case "getMany":
    case "reopen":
      return NONE;
    case "deleteRange":
    case "sync":
    case "flush":
    case "step":
    case "checkpoint":
    case "verify":
    case "resume":
    case "crash":
    case "fault":
      return [op.kind];
    case "batch":
      return ["batch", ...forChanges(op.changes)];
    case "scan":
      return op.reverse ? ["scan", "reverse"] : ["scan"];
    case "snapshot":
    case "release":
    case "snapshotGet":
      return ["snapshot"];
    case "snapshotScan":
      return op.reverse ? ["snapshot", "scan", "reverse"] : ["snapshot", "scan"];
    case "cursorOpen":
      return op.snapshot === undefined ? ["cursor"] : ["cursor", "snapshot"];
    case "cursorMove":
    case "cursorClose":
      return ["cursor"];
    case "putAsync":
    case "deleteAsync":
    case "settle":
    case "await":
      return ["async"];
    case "writeAsync":
      return ["async", ...forChanges(op.changes)];
    case "compactRange":
      return ["compact"];
    case "openReadOnly":
      return ["readOnly"];
    default:
      return unreachable(op);
  }
}

function forChanges(changes: readonly Change[]): readonly Capability[] {
  return changes.some((change) => change.kind === "deleteRange") ? ["deleteRange"] : NONE;
}

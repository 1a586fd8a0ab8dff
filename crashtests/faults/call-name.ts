// How faults name calls, so that a log says where its fault is whatever else is deleted from it: a sync by its barrier, any
// other call by its kind and the kind of its file ("write-log", "open-table", "unlink-manifest"), or by its kind alone.

import { posix } from "node:path";
import type { PlannedCall } from "tinykv/harness";

/** A fault of this name is no call's: the disk has as many bytes as its `nth` says, until the world heals. */
export const CAPACITY = "capacity";

/** The names that a fault may know a call by, the narrowest first. */
export function namesOf({ call, name, path }: PlannedCall): readonly string[] {
  if (name !== call) return [name, call];
  const file = fileKind(path);
  return file === undefined ? [call] : [`${call}-${file}`, call];
}

/** The kind of a store's file; anything else is a directory, as far as a store is concerned. */
function fileKind(path: string): string | undefined {
  if (path === "") return undefined;
  const name = posix.basename(path);
  if (name.endsWith(".log")) return "log";
  if (name.endsWith(".sst")) return "table";
  if (name.startsWith("MANIFEST-")) return "manifest";
  if (name === "CURRENT" || name === "CURRENT.tmp") return "current";
  return name === "LOCK" ? "lock" : "directory";
}

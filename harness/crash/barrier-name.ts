import type { Barrier } from "tinykv/env";
import type { Trace } from "../disk/trace.ts";
import { isAsyncWrite, isWrite, type Op } from "../op.ts";
import { STORE } from "./recorded-run.ts";

/** Where a sync is missing. */
export interface MissingAt {
  /** Up to the crash. */
  readonly trace: Trace;
  readonly ops: readonly Op[];
  /** The crash falls into the closing of the store at the end of the log, or behind it. */
  readonly closing: boolean;
}

const LOG = /^log(?:-\d+)?$/;
const TABLE = /^table(?:-\d+)?$/;
const MANIFEST = /^manifest(?:-\d+)?$/;

/**
 * What our engine calls the sync that keeps an item, by its role (address.ts): the order of I/O in docs/formats.md.
 * undefined: it has none for it.
 */
export function barrierFor(role: string, at: MissingAt): Barrier | undefined {
  const [verb = "", ...rest] = role.replace(/#\d+$/, "").split(":");
  const file = rest.at(-1) ?? "";
  if (verb === "mkdir") return file === STORE ? "create.parent" : "checkpoint.parent";
  // Only checkpoints have files, and rename directories, beside those of the store itself.
  if (file.includes("/")) return checkpointBarrier(verb, file);
  if (verb === "page" || verb === "size") return bytesBarrier(file, at);
  if (verb === "create") return nameBarrier(file, at);
  if (verb !== "rename") return undefined;
  if (file === "CURRENT.tmp>CURRENT") return "create.current-directory";
  return file.split(">").every((name) => LOG.test(name)) ? "log.directory" : undefined;
}

// In the directory that becomes a checkpoint, "NAME.tmp/log", and its own name, "../NAME.tmp>../NAME".
function checkpointBarrier(verb: string, file: string): Barrier | undefined {
  if (verb === "rename") return file.endsWith("/CURRENT") ? "create.current-directory" : "checkpoint.parent";
  if (verb !== "page" && verb !== "size") return undefined;
  if (/\/log(?:-\d+)?$/.test(file)) return "checkpoint.log";
  if (/\/table(?:-\d+)?$/.test(file)) return "checkpoint.table";
  return file.endsWith("/manifest") ? "checkpoint.manifest-end" : undefined;
}

function bytesBarrier(file: string, { trace, ops, closing }: MissingAt): Barrier | undefined {
  if (file === "CURRENT" || file === "CURRENT.tmp") return "create.current";
  if (TABLE.test(file)) return "flush.table";
  if (MANIFEST.test(file)) {
    // close() ends the log before it ends the manifest.
    if (closing && hasName(trace, "close.log-end")) return "close.manifest-end";
    return wasSynced(trace, /\/MANIFEST-\d+$/) ? "flush.manifest" : "create.manifest";
  }
  if (!LOG.test(file)) return undefined;
  if (file !== "log") return "rotate.old-log";
  if (closing) return hasName(trace, "close.log") ? "close.log-end" : "close.log";
  const begun = new Set(trace.flatMap((event) => ("mark" in event ? [event.op] : [])));
  const last = ops.findLast((op) => isWrite(op) && begun.has(op.id));
  return last && isAsyncWrite(last) ? "log.group" : "log.write";
}

function nameBarrier(file: string, { closing }: MissingAt): Barrier | undefined {
  if (TABLE.test(file)) return "flush.directory";
  if (MANIFEST.test(file)) return "create.directory";
  if (!LOG.test(file)) return undefined;
  if (file !== "log") return "rotate.old-directory";
  return closing ? "close.directory" : "log.directory";
}

// Whether the file created last under such a name was synced by anybody.
function wasSynced(trace: Trace, path: RegExp): boolean {
  const created = trace.findLast(
    (event) => "call" in event && event.call === "open" && event.mode === "wx" && path.test(event.path),
  );
  if (!created || !("file" in created)) return false;
  return trace.some((event) => "call" in event && event.call === "sync" && event.file === created.file);
}

function hasName(trace: Trace, barrier: Barrier): boolean {
  return trace.some((event) => "barrier" in event && event.barrier === barrier);
}

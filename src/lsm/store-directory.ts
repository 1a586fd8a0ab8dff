// What is in a store directory before anything of it is opened, and whether it is a store at all.
//
//   CURRENT                      a store
//   no CURRENT, but tables, logs or lost/    a store whose CURRENT is gone: corruption, nothing is touched
//   no CURRENT, nothing else of ours but LOCK, CURRENT.tmp, manifests    the remains of an interrupted create: no store yet
//
// A directory may come from a stranger: a name of ours that is a symbolic link, a FIFO, a device or a directory is
// corruption, before anything is locked, opened or written. The engine makes no such thing, no other attempt would end
// otherwise, and through lost/ a link would lead writes and unlinks out of the directory. (What becomes a link later is
// not followed either: util/node-env.ts.) The way to the directory may lead through links; that is its owner's choice.

import { CorruptionError, TinyKVError, errnoOf } from "../common/errors.ts";
import type { Env } from "../util/env.ts";
import { CURRENT, FILE_NUMBER_MAX, LOST, lostNumber, parseFileName } from "./file-names.ts";
import { joinPath, unless } from "./store-context.ts";

/** The store's own files, by kind; numbers ascending. */
export interface DirectoryListing {
  readonly tables: readonly number[];
  readonly logs: readonly number[];
  readonly manifests: readonly number[];
  readonly hasCurrent: boolean;
  readonly hasCurrentTmp: boolean;
  readonly hasLock: boolean;
  readonly hasLost: boolean;
  /** Greater than every number in the directory and in lost/. */
  readonly nextNumber: number;
}

/**
 * Undefined if the directory does not exist; IO_ERROR if the path is something else or cannot be read; CorruptionError
 * naming a file of the store that is no ordinary file.
 */
export function listStore(env: Env, path: string): DirectoryListing | undefined {
  const kind = kindOf(env, path);
  if (kind === undefined) return undefined;
  if (kind === "file" || kind === "other") throw new TinyKVError("TINYKV_IO_ERROR", `${path} is not a directory`);
  const names = env.readDirectory(path);
  const numbers = { table: [] as number[], log: [] as number[], manifest: [] as number[] };
  const kinds = new Set<string>();
  for (const name of names) {
    const parsed = parseFileName(name);
    if (parsed.kind !== "foreign") checkKind(env, path, name, parsed.kind === "lost" ? "directory" : "file");
    kinds.add(parsed.kind);
    if ("number" in parsed && parsed.number > FILE_NUMBER_MAX)
      throw new CorruptionError(name, 0, "a file number that no store reaches");
    if ("number" in parsed) numbers[parsed.kind].push(parsed.number);
  }
  const hasLost = kinds.has("lost");
  const lost = hasLost ? env.readDirectory(joinPath(path, LOST)).map((name) => lostNumber(name) ?? 0) : [];
  const all = [...numbers.table, ...numbers.log, ...numbers.manifest, ...lost];
  const ascending = (list: number[]): number[] => list.sort((a, b) => a - b);
  return {
    tables: ascending(numbers.table),
    logs: ascending(numbers.log),
    manifests: ascending(numbers.manifest),
    hasCurrent: kinds.has("current"),
    hasCurrentTmp: kinds.has("current-tmp"),
    hasLock: kinds.has("lock"),
    hasLost,
    nextNumber: all.reduce((most, number) => Math.max(most, number), 0) + 1,
  };
}

// Beside a writer a file may go before it is looked at.
function checkKind(env: Env, path: string, name: string, expected: "file" | "directory"): void {
  const kind = kindOf(env, joinPath(path, name));
  if (kind === undefined || kind === expected) return;
  const found = kind === "symlink" ? "a symbolic link" : kind === "other" ? "a special file" : `a ${kind}`;
  throw new CorruptionError(name, 0, `${found}, not a ${expected}`);
}

/** Whether there is a store; CorruptionError naming CURRENT when there are its files without it. */
export function isStore(listing: DirectoryListing | undefined): boolean {
  if (!listing) return false;
  if (listing.hasCurrent) return true;
  if (listing.tables.length > 0 || listing.logs.length > 0 || listing.hasLost) {
    throw new CorruptionError(CURRENT, 0, "missing beside tables or logs");
  }
  return false;
}

/**
 * Makes a directory and those above it that are missing, each durable in its parent. For a store that is to be created the
 * entry of a directory that exists is made durable too: an interrupted create may have made it and not come further.
 *
 * A directory whose entry could not be made durable is removed again: a system may take the failed entry for written, so
 * that syncing it once more would do nothing. The next open makes it anew.
 */
export function makeDirectories(env: Env, path: string, creating: boolean): void {
  const parent = parentOf(path);
  const exists = kindOf(env, path) !== undefined;
  if (exists && !creating) return;
  if (!exists) {
    if (parent !== path) makeDirectories(env, parent, false);
    unless("EEXIST", () => env.makeDirectory(path));
  }
  // Who may not read the parent did not make the directory either.
  const tolerated = exists ? "EACCES" : "";
  try {
    unless(tolerated, () => env.syncDirectory(parent, "create.parent"));
  } catch (error) {
    if (!exists) removeEmpty(env, path);
    throw error;
  }
}

// What stands in its way, a file that somebody just put there or a disk that is gone, is not the error to report.
function removeEmpty(env: Env, path: string): void {
  try {
    env.removeDirectory(path);
  } catch (error) {
    void error;
  }
}

export function parentOf(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  const slash = trimmed.lastIndexOf("/");
  if (slash < 0) return ".";
  return slash === 0 ? "/" : trimmed.slice(0, slash);
}

function kindOf(env: Env, path: string): "file" | "directory" | "symlink" | "other" | undefined {
  try {
    return env.stat(path).kind;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

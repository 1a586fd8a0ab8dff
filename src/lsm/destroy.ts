import { TinyKVError, errnoOf } from "../common/errors.ts";
import { CheckedEnv } from "../util/checked-env.ts";
import { CURRENT, CURRENT_TMP, LOCK, LOST, logName, lostNumber, manifestName, tableName } from "./file-names.ts";
import { resolveOptions, type Options } from "./options.ts";
import { joinPath, unless } from "./store-context.ts";
import { listStore, type DirectoryListing } from "./store-directory.ts";

/**
 * Removes a store: only files that it owns, and the directory if nothing foreign is left in it. CURRENT goes first and
 * durably, so that what a crash leaves is no store; destroying that again works.
 *
 * Throws DOES_NOT_EXIST if there is nothing of a store, LOCKED while a process has it open, IO_ERROR.
 */
export function destroyStore(path: string, raw: Options = {}): void {
  const options = resolveOptions(raw);
  const env = new CheckedEnv(options.env);
  if (!holdsAnything(listStore(env, path))) throw new TinyKVError("TINYKV_DOES_NOT_EXIST", `${path} holds no store`);
  const lock = env.lock(joinPath(path, LOCK));
  try {
    const listing = listStore(env, path)!;
    if (listing.hasCurrent) env.unlink(joinPath(path, CURRENT));
    env.syncDirectory(path, "destroy.directory");
    removeFiles(env, path, listing);
    unless("ENOENT", () => env.unlink(joinPath(path, LOCK)));
  } finally {
    lock.release();
  }
  try {
    env.removeDirectory(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOTEMPTY" && errnoOf(error) !== "EEXIST") throw error;
  }
}

function holdsAnything(listing: DirectoryListing | undefined): boolean {
  return (
    listing !== undefined &&
    (listing.hasCurrent || listing.hasCurrentTmp || listing.hasLock || listing.hasLost || listing.nextNumber > 1)
  );
}

function removeFiles(env: CheckedEnv, path: string, listing: DirectoryListing): void {
  const names = [
    ...listing.tables.map(tableName),
    ...listing.logs.map(logName),
    ...listing.manifests.map(manifestName),
    ...(listing.hasCurrentTmp ? [CURRENT_TMP] : []),
  ];
  for (const name of names) env.unlink(joinPath(path, name));
  if (!listing.hasLost) return;
  const lost = joinPath(path, LOST);
  for (const name of env.readDirectory(lost)) if (lostNumber(name) !== undefined) env.unlink(joinPath(lost, name));
  try {
    env.removeDirectory(lost);
  } catch (error) {
    if (errnoOf(error) !== "ENOTEMPTY" && errnoOf(error) !== "EEXIST") throw error;
  }
}

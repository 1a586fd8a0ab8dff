// Opening without a lock, perhaps beside a writer that goes on. The files may change while they are read:
//
//   CURRENT → manifest → tables opened, all at once → logs → CURRENT, manifest's and logs' sizes again
//
// If anything changed, is missing or reads as corrupt, it starts over. Damage counts only when it is found again at the
// same place; a newest log that merely grew is no obstacle in the end: what was read of it is a prefix.

import { FOR_GOOD } from "./memtable-memory.ts";
import { CorruptionError, TinyKVError, errnoOf } from "../common/errors.ts";
import type { Memtable } from "../memtable/memtable.ts";
import type { RecoveredLogs, RecoveryReport } from "./log-recovery.ts";
import { logName, manifestName } from "./file-names.ts";
import { LogRecovery } from "./log-recovery.ts";
import { readCurrent } from "./manifest.ts";
import { checkExistence, checkTables, loadManifest, tellRecovery, withLevels, type Opening } from "./open-store.ts";
import { Replayer } from "./replay.ts";
import { Snapshots } from "./snapshots.ts";
import { Counters } from "./counters.ts";
import { joinPath } from "./store-context.ts";
import { isStore, listStore } from "./store-directory.ts";
import type { Readable } from "./store.ts";
import { TableCache } from "./table-cache.ts";
import { VersionPins } from "./version-pins.ts";

/** A writer changes CURRENT or the manifest at most every few milliseconds; so many attempts in a row only fail by damage. */
const ATTEMPTS_MOST = 5;

export interface OpenReadOnly {
  readonly readable: Readable;
  readonly recovery: RecoveryReport;
}

/** Opens a store for reading; changes no byte. Throws as open() does, DOES_NOT_EXIST for an unfinished create. */
export function openReadOnly(opening: Opening): OpenReadOnly {
  const { env, path, options } = opening;
  let last: unknown;
  let quiet: OpenReadOnly | undefined;
  for (let attempt = 0; attempt <= ATTEMPTS_MOST; attempt++) {
    quiet?.readable.tables.close();
    quiet = undefined;
    try {
      checkExistence(options, path, isStore(listStore(env, path)));
      const { opened, found, changed } = tryOpen(opening);
      if (!changed) {
        tellRecovery(opened.readable.context, found);
        return opened;
      }
      quiet = opened;
      last = undefined;
    } catch (error) {
      if (!mayPass(error) || samePlace(error, last)) throw error;
      last = error;
    }
  }
  if (quiet) return quiet;
  if (!(last instanceof CorruptionError)) throw last;
  const message = `${path} kept changing while it was read; last ${last.message}`;
  throw new TinyKVError("TINYKV_IO_ERROR", message, last);
}

function tryOpen(opening: Opening): { opened: OpenReadOnly; found: RecoveredLogs; changed: boolean } {
  const { env, path, options } = opening;
  const manifest = loadManifest(opening);
  const context = { ...opening, databaseId: manifest.state.databaseId };
  const manifestSize = sizeOf(opening, manifestName(manifest.number));
  const tables = new TableCache(context);
  try {
    const version = withLevels(manifest.state.version, opening);
    checkTables(tables, version);
    const logNumbers = listStore(env, path)?.logs ?? [];
    const logs = new LogRecovery({ env, directory: path, mode: options.walRecoveryMode, manifest, logNumbers });
    const memtables: Memtable[] = [];
    const replayer = new Replayer(context, (memtable) => memtables.unshift(memtable));
    const sizes = logNumbers.map((number) => sizeOf(opening, logName(number)));
    const found = logs.replay((payload, file, offset) => replayer.apply(payload, file, offset));
    replayer.finish();
    const counters = new Counters();
    counters.lostBytes = found.report.skipped.reduce((sum, gap) => sum + gap.length, 0);
    const readable: Readable = {
      context,
      tables,
      snapshots: new Snapshots(),
      counters,
      pins: new VersionPins(version, () => undefined),
      lastSequence: () => found.lastSequence,
      memtables: () => memtables,
      holdMemtables: () => FOR_GOOD,
      manifest: () => ({ number: manifest.number, size: manifest.end.size }),
      logs: () => found.extents,
      hasMovedOn: () => hasMovedOn(opening, manifest.number, manifestSize),
    };
    const changed =
      readable.hasMovedOn() || logNumbers.some((number, i) => sizeOf(opening, logName(number)) !== sizes[i]);
    return { opened: { readable, recovery: found.report }, found, changed };
  } catch (error) {
    tables.close();
    throw error;
  }
}

// Whatever a writer makes obsolete it first says so in the manifest.
function hasMovedOn(opening: Opening, number: number, size: number): boolean {
  try {
    return readCurrent(opening.env, opening.path) !== number || sizeOf(opening, manifestName(number)) !== size;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return true;
    throw error;
  }
}

function sizeOf({ env, path }: Opening, name: string): number {
  return env.stat(joinPath(path, name)).size;
}

// What a writer beside us can cause: a file that is gone, or bytes read half before and half after a change.
function mayPass(error: unknown): boolean {
  return error instanceof CorruptionError || errnoOf(error) === "ENOENT";
}

function samePlace(error: unknown, last: unknown): boolean {
  if (!(error instanceof CorruptionError) || !(last instanceof CorruptionError)) return false;
  return error.file === last.file && error.offset === last.offset && error.problem === last.problem;
}

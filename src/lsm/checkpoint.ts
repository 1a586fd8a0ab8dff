// A checkpoint: a store of its own that holds exactly what was visible when the call began.
//
//   mkdir DIR.tmp → tables linked (copied across file systems) → new manifest → fsync, fsync directory → live logs copied
//   to their last record, the newest with a CLEAN END naming the manifest → fsync → the manifest's CLEAN END → fsync →
//   CURRENT as in create → fsync directory → rename to DIR → fsync parent
//
// Until the rename there is no DIR; what a crash leaves is a DIR.tmp, which the next checkpoint removes.

import { drawRelatedId } from "../common/database-id.ts";
import { TinyKVError, errnoOf } from "../common/errors.ts";
import type { CheckedEnv } from "../util/checked-env.ts";
import { NO_LINK, readFully, writeFully } from "../util/file-io.ts";
import { LogReader } from "../wal/log-reader.ts";
import { LogWriter } from "../wal/log-writer.ts";
import { logName, parseFileName, tableName } from "./file-names.ts";
import { installCurrent, type ManifestState, writeManifest } from "./manifest.ts";
import { drawTag, joinPath } from "./store-context.ts";
import { parentOf } from "./store-directory.ts";
import type { LogExtent, Store } from "./store.ts";

const COPY_BYTES = 1 << 20;

/** Durable when it returns. Throws EXISTS if `directory` exists, or a DIR.tmp that holds anything but a store's files. */
export function makeCheckpoint(store: Store, directory: string): void {
  const { env, health } = store.context;
  health.refuseIfFailed();
  const target = directory.replace(/\/+$/, "") || "/";
  const temporary = `${target}.tmp`;
  if (exists(env, target)) throw new TinyKVError("TINYKV_EXISTS", `${target} exists`);
  if (exists(env, temporary)) removeRemains(env, temporary);
  env.makeDirectory(temporary);
  const version = store.versions.pins.pin(store.versions.current);
  try {
    for (const { table } of version.tables()) copyTable(store, temporary, table.number);
    writeState(store, temporary);
    env.rename(temporary, target);
  } catch (error) {
    discard(store, temporary);
    throw error;
  } finally {
    store.versions.pins.unpin(version);
  }
  env.syncDirectory(parentOf(target), "checkpoint.parent");
}

function writeState(store: Store, directory: string): void {
  const { versions, logs, context } = store;
  const { env, options } = context;
  const number = versions.nextFileNumber;
  const databaseId = drawRelatedId(env, context.databaseId);
  const state = { ...versions.state(), databaseId, nextFileNumber: number + 1 };
  // A failed sync here says nothing about the store's own files.
  const durably = (action: () => void): void => action();
  const plan = { env, directory, number, blockSize: options.logBlockSize, state, durably };
  const manifest = writeManifest(plan);
  try {
    const end = { lastSequence: state.lastSequence, manifestNumber: number, manifestSize: manifest.size };
    for (const log of logs.closed) copyLog(store, plan, log, undefined);
    copyLog(store, plan, { number: logs.number, size: logs.current.size }, end);
    manifest.appendCleanEnd(end);
    manifest.sync("checkpoint.manifest-end");
  } finally {
    manifest.close();
  }
  installCurrent(plan);
}

function copyTable({ context }: Store, directory: string, number: number): void {
  const { env, path } = context;
  const name = tableName(number);
  try {
    env.link(joinPath(path, name), joinPath(directory, name));
  } catch (error) {
    if (!NO_LINK.has(errnoOf(error))) throw error;
    copyFile(env, joinPath(path, name), joinPath(directory, name));
  }
}

function copyFile(env: CheckedEnv, from: string, to: string): void {
  const source = env.open(from, "r");
  try {
    const copy = env.open(to, "wx");
    try {
      const buffer = Buffer.allocUnsafe(COPY_BYTES);
      for (let done = 0; ;) {
        const count = readFully(source, buffer, done);
        if (count === 0) break;
        writeFully(copy, buffer.subarray(0, count), done);
        done += count;
      }
      copy.sync("checkpoint.table");
    } finally {
      copy.close();
    }
  } finally {
    source.close();
  }
}

// Record by record into a log of the same number and block size: the records end where they ended, so what a successor's
// header says of its predecessor's size stays true.
function copyLog(
  { context }: Store,
  { directory, state: { databaseId } }: { readonly directory: string; readonly state: ManifestState },
  log: LogExtent,
  end: Parameters<LogWriter["appendCleanEnd"]>[0] | undefined,
): void {
  const { env, path } = context;
  const name = logName(log.number);
  const source = env.open(joinPath(path, name), "r");
  try {
    const reader = LogReader.open({ file: source, name, number: log.number, kind: "wal", limit: log.size });
    if (!reader.header)
      throw new TinyKVError("TINYKV_IO_ERROR", `${name} cannot be read back: ${reader.headerProblem}`);
    const target = env.open(joinPath(directory, name), "wx");
    try {
      const copy = LogWriter.create(target, { ...reader.header, databaseId, tag: drawTag(env) });
      for (let record = reader.next(); record; record = reader.next()) copy.append(record.payload);
      if (reader.end.kind !== "limit" || copy.size !== log.size) {
        throw new TinyKVError("TINYKV_IO_ERROR", `${name} cannot be read back to its last record`);
      }
      if (end) copy.appendCleanEnd(end);
      copy.sync("checkpoint.log");
    } finally {
      target.close();
    }
  } finally {
    source.close();
  }
}

function exists(env: CheckedEnv, path: string): boolean {
  try {
    env.stat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

function removeRemains(env: CheckedEnv, temporary: string): void {
  const names = env.stat(temporary).kind === "directory" ? env.readDirectory(temporary) : ["?"];
  if (names.some((name) => ["foreign", "lost", "lock"].includes(parseFileName(name).kind))) {
    throw new TinyKVError("TINYKV_EXISTS", `${temporary} exists and holds more than the remains of a checkpoint`);
  }
  for (const name of names) env.unlink(joinPath(temporary, name));
  env.removeDirectory(temporary);
}

function discard({ context }: Store, temporary: string): void {
  try {
    removeRemains(context.env, temporary);
  } catch (error) {
    context.events.log("warn", `${temporary} could not be removed: ${String(error)}`);
  }
}

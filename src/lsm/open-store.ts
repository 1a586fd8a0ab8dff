// Opening for writing, in the order that every crash image survives:
//
//   existence decided → LOCK → CURRENT, manifest → live tables → logs validated whole → what an unclean log held written
//   anew as tables, durable → new manifest, CURRENT durable → new log, directory durable → only now unlinks
//
// Until the tables are written no byte changes, so a refused open leaves the store as it was. A session never appends to
// a file of an earlier one. Cleanly closed logs are kept while they are few and small: reopening then writes no table.

import { assert } from "../common/assert.ts";
import { bytewise, checkedComparator, KeyOrder } from "../common/comparator.ts";
import { drawDatabaseId } from "../common/database-id.ts";
import { CorruptionError, TinyKVError, errnoOf, invalidArgument } from "../common/errors.ts";
import { CheckedEnv } from "../util/checked-env.ts";
import type { Lock } from "../util/env.ts";
import { Background } from "./background.ts";
import { EventQueue } from "./events.ts";
import { FILE_NUMBER_MAX, LOCK, logName, manifestName, tableName } from "./file-names.ts";
import { Health } from "./health.ts";
import { LogRecovery, type RecoveredLogs, type RecoveryReport } from "./log-recovery.ts";
import { LogSet } from "./log-set.ts";
import {
  ComparatorNameError,
  installCurrent,
  readCurrent,
  readManifest,
  writeManifest,
  type ManifestState,
  type ReadManifest,
} from "./manifest.ts";
import { Memtables } from "./memtables.ts";
import { ObsoleteFiles } from "./obsolete-files.ts";
import type { ResolvedOptions } from "./options.ts";
import { HeldReplay, replayIntoStore } from "./replay.ts";
import { saveLost } from "./lost.ts";
import { Snapshots } from "./snapshots.ts";
import { Counters } from "./counters.ts";
import { joinPath, type StoreContext } from "./store-context.ts";
import { isStore, listStore, makeDirectories, type DirectoryListing } from "./store-directory.ts";
import type { LogExtent, Store } from "./store.ts";
import { TableCache } from "./table-cache.ts";
import { VersionSet } from "./version-set.ts";
import { whyNoThread } from "./thread/hands.ts";
import { Version } from "./version.ts";
import { GroupCommit } from "./group-commit.ts";
import { WritePath } from "./write-path.ts";

export interface OpenStore {
  readonly store: Store;
  readonly background: Background;
  readonly writePath: WritePath;
  readonly groups: GroupCommit;
  readonly lock: Lock;
  readonly recovery: RecoveryReport;
}

/** What open() knows before it knows the store's id. */
export type Opening = Omit<StoreContext, "databaseId">;

export function beginOpening(path: string, options: ResolvedOptions): Opening {
  const events = new EventQueue(options.logger, options.listeners);
  const { comparator, paranoid } = options;
  const order = new KeyOrder(paranoid && comparator !== bytewise ? checkedComparator(comparator) : comparator);
  const env = new CheckedEnv(options.env);
  const settled = withoutThread(options, env, events);
  return { path, env, options: settled, order, events, health: new Health(events) };
}

// A store that cannot have a thread does its work inline; who asked for no particular mode is told too.
function withoutThread(options: ResolvedOptions, env: CheckedEnv, events: EventQueue): ResolvedOptions {
  const reason = options.background === "thread" ? whyNoThread({ options, env }) : undefined;
  if (reason === undefined) return options;
  if (!options.readOnly) events.log("info", `background: "inline" in place of "thread": ${reason}`);
  return { ...options, background: "inline" };
}

/** Opens or creates a store for writing; nothing stays open or locked when it throws. */
export function openForWriting(opening: Opening): OpenStore {
  const { env, path, options } = opening;
  const wasThere = isStore(listStore(env, path));
  checkExistence(options, path, wasThere);
  makeDirectories(env, path, !wasThere);
  const lock = env.lock(joinPath(path, LOCK));
  const closers: (() => void)[] = [];
  try {
    // Another process may have created or destroyed the store before the lock was ours.
    const listing = listStore(env, path);
    assert(listing !== undefined, "a locked directory exists");
    const exists = isStore(listing);
    checkExistence(options, path, exists);
    const opened = exists ? recover(opening, listing, closers) : create(opening, listing, closers);
    return { ...opened, lock };
  } catch (error) {
    closeAll(closers);
    lock.release();
    throw error;
  }
}

/** Throws EXISTS or DOES_NOT_EXIST as the options ask. */
export function checkExistence(options: ResolvedOptions, path: string, exists: boolean): void {
  if (exists && options.errorIfExists) throw new TinyKVError("TINYKV_EXISTS", `${path} holds a store already`);
  if (!exists && (!options.createIfMissing || options.readOnly)) {
    throw new TinyKVError("TINYKV_DOES_NOT_EXIST", `${path} holds no store`);
  }
}

/** CURRENT and the manifest it names, with the errors that users should see. */
export function loadManifest({ env, path, order, options }: Opening): ReadManifest {
  const number = readCurrent(env, path);
  if (number === undefined) throw new TinyKVError("TINYKV_DOES_NOT_EXIST", `${path} holds no store`);
  let manifest: ReadManifest;
  try {
    manifest = readManifest(env, path, number, order);
  } catch (error) {
    if (!(error instanceof ComparatorNameError)) throw error;
    const message = `the store was made with comparator ${error.stored}, not ${options.comparator.name}`;
    throw new TinyKVError("TINYKV_COMPARATOR_MISMATCH", message);
  }
  const { version, nextFileNumber } = manifest.state;
  if (nextFileNumber > FILE_NUMBER_MAX)
    throw new CorruptionError(manifestName(number), manifest.end.size, `next file number ${nextFileNumber}`);
  if (version.deepestLevel >= options.numLevels) {
    throw invalidArgument(`numLevels is ${options.numLevels}, but level ${version.deepestLevel} holds tables`);
  }
  const problem = version.problems()[0];
  if (problem !== undefined) throw new CorruptionError(manifestName(number), manifest.end.size, problem);
  return manifest;
}

/** Every live table is there, with its size, tag and number. */
export function checkTables(tables: TableCache, version: Version): void {
  for (const { table } of version.tables()) {
    try {
      tables.reader(table);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
      throw new CorruptionError(tableName(table.number), 0, "missing, but named by the manifest");
    }
  }
}

/** The state's version with as many levels as the options ask for. */
export function withLevels(version: Version, opening: Opening): Version {
  return Version.empty(opening.order, opening.options.numLevels).apply({ added: [...version.tables()] });
}

function create(opening: Opening, listing: DirectoryListing, closers: (() => void)[]): Omit<OpenStore, "lock"> {
  const { env, options, order } = opening;
  const manifestNumber = listing.nextNumber;
  const logNumber = manifestNumber + 1;
  const context = { ...opening, databaseId: drawDatabaseId(env) };
  const state: ManifestState = {
    comparatorName: options.comparator.name,
    databaseId: context.databaseId,
    logNumber,
    nextFileNumber: logNumber + 1,
    lastSequence: 0,
    version: Version.empty(order, options.numLevels),
    compactionCursors: new Map(),
  };
  const tables = new TableCache(context);
  closers.push(() => tables.close());
  const recovery = {
    mode: options.walRecoveryMode,
    logs: 0,
    records: 0,
    bytes: 0,
    tornBytes: 0,
    skipped: [],
    clean: true,
  };
  const memtables = new Memtables(order, options, logNumber);
  return begin({ context, tables, state, manifestNumber, logNumber, memtables, kept: [], listing, recovery }, closers);
}

function recover(opening: Opening, listing: DirectoryListing, closers: (() => void)[]): Omit<OpenStore, "lock"> {
  const { env, path, options } = opening;
  const manifest = loadManifest(opening);
  const context: StoreContext = { ...opening, databaseId: manifest.state.databaseId };
  const tables = new TableCache(context);
  closers.push(() => tables.close());
  checkTables(tables, manifest.state.version);
  const logs = new LogRecovery({
    env,
    directory: path,
    mode: options.walRecoveryMode,
    manifest,
    logNumbers: listing.logs,
  });
  const holding = new HeldReplay(context, logs.bytesMost);
  const found = logs.replay(holding.apply);
  tellRecovery(context, found);
  saveLost(context, found.report.skipped);

  let nextFileNumber = Math.max(listing.nextNumber, manifest.state.nextFileNumber);
  const newNumber = (): number => nextFileNumber++;
  const version = withLevels(manifest.state.version, opening);
  const logNumber = newNumber();
  // What an earlier session left half done has no tag that could be trusted: 0 says so.
  const orphans = listing.tables.filter((number) => !version.has(number)).map((number) => ({ number, tag: 0 }));
  // The logs stay in force until all of these tables are there: each of them says so.
  const provenance = { inputs: [], obsolete: orphans, logNumber: manifest.state.logNumber };
  const replayed = replayIntoStore({ context, version, newNumber, logs, found, held: holding.take(), provenance });
  const manifestNumber = newNumber();
  const keptFrom = replayed.kept[0]?.number ?? logNumber;
  const memtables = replayed.memtables ?? new Memtables(context.order, options, logNumber);
  const state = {
    ...manifest.state,
    version: replayed.version,
    logNumber: keptFrom,
    nextFileNumber,
    lastSequence: Math.max(found.lastSequence, greatestSequence(version)),
  };
  const { kept } = replayed;
  return begin(
    { context, tables, state, manifestNumber, logNumber, memtables, kept, listing, recovery: found.report },
    closers,
  );
}

/** A session's beginning: the state that its manifest starts with, and the files that it found. */
export interface Beginning {
  readonly context: StoreContext;
  readonly tables: TableCache;
  readonly state: ManifestState;
  readonly manifestNumber: number;
  readonly logNumber: number;
  readonly memtables: Memtables;
  readonly kept: readonly LogExtent[];
  readonly listing: DirectoryListing;
  readonly recovery: RecoveryReport;
}

/**
 * The last part of every open and of a repair: manifest, CURRENT, log, and only then unlinks. What must be closed when
 * something fails later is added to `closers`.
 */
export function begin(beginning: Beginning, closers: (() => void)[]): Omit<OpenStore, "lock"> {
  const { context, tables, state, manifestNumber, logNumber, memtables, kept, recovery } = beginning;
  const { env, path, options, health, events } = context;
  const durably = (action: () => void): void => health.sync(action);
  const plan = { env, directory: path, number: manifestNumber, blockSize: options.logBlockSize, state, durably };
  const manifest = writeManifest(plan);
  closers.push(() => manifest.close());
  installCurrent(plan);
  events.emit("manifestCreated", { file: manifestName(manifestNumber) });
  const obsolete = new ObsoleteFiles(context, tables);
  const versions = new VersionSet(context, obsolete, state, manifest);
  const closed = kept.map((log) => ({ ...log, ours: false }));
  const logs = new LogSet(context, obsolete, closed, () => versions.newFileNumber());
  closers.push(() => logs.close());
  logs.createFirst(logNumber, versions.lastSequence);
  const counters = new Counters();
  counters.lostBytes = recovery.skipped.reduce((sum, gap) => sum + gap.length, 0);
  const store = { context, versions, memtables, logs, tables, obsolete, snapshots: new Snapshots(), counters };
  removeOrphans(store, beginning);
  const background = new Background(store);
  const writePath = new WritePath(store, background);
  return { store, background, writePath, groups: new GroupCommit(store, writePath), recovery };
}

// Everything of ours that the new manifest does not ask for; lost/ and foreign files stay.
function removeOrphans(store: Store, { listing, manifestNumber, kept }: Beginning): void {
  const { versions, obsolete } = store;
  for (const number of listing.tables) if (!versions.current.has(number)) obsolete.condemn("table", number);
  for (const number of listing.logs) if (!kept.some((log) => log.number === number)) obsolete.condemn("log", number);
  for (const number of listing.manifests) if (number !== manifestNumber) obsolete.condemn("manifest", number);
  obsolete.collect();
}

/** Tells listeners what a recovery found. */
export function tellRecovery({ events }: StoreContext, { report, extents }: RecoveredLogs): void {
  const last = extents.at(-1);
  if (last) {
    const { records, bytes, tornBytes } = report;
    events.emit("walRecovered", { file: logName(last.number), records, bytes, tornBytes });
  }
  for (const { file, offset, reason } of report.skipped) events.emit("corruption", { file, offset, problem: reason });
}

function greatestSequence(version: Version): number {
  let greatest = 0;
  for (const { table } of version.tables()) greatest = Math.max(greatest, table.greatestSequence);
  return greatest;
}

/** Closes, last opened first; the error that made it necessary is the one to report. */
export function closeAll(closers: readonly (() => void)[]): void {
  for (const close of [...closers].reverse()) {
    try {
      close();
    } catch (error) {
      void error;
    }
  }
}

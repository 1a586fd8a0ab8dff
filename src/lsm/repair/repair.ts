// repair(): from whatever files of a store are left to a store that opens.
//
//   LOCK → survey: every file read whole → sound? then nothing is changed
//   → what is damaged or dead gets a second name in lost/ → fsync lost/ → fsync directory
//   → what counts (liveness.ts) merged by internal key into new tables → fsync → fsync directory
//   → manifest, CURRENT, log as in any open → only now unlinks → close
//
// Until CURRENT is durable every old file stands where it stood, by a durable name, so a crash leaves a store for the next
// repair, which comes to the same end. What the first one wrote does not count: it names all that it read, and that is
// still there.

import { drawDatabaseId } from "../../common/database-id.ts";
import { CorruptionError, invalidArgument, TinyKVError } from "../../common/errors.ts";
import type { TableProvenance } from "../../sst/table-format.ts";
import { closeStore } from "../close.ts";
import { LOCK, tableName } from "../file-names.ts";
import { LogRecovery } from "../log-recovery.ts";
import { keepInLost } from "../lost.ts";
import type { ManifestState } from "../manifest.ts";
import { Memtables } from "../memtables.ts";
import { begin, beginOpening, checkTables, closeAll, loadManifest, type Opening } from "../open-store.ts";
import { resolveOptions, type Options } from "../options.ts";
import { joinPath, type StoreContext } from "../store-context.ts";
import { listStore, type DirectoryListing } from "../store-directory.ts";
import { TableCache } from "../table-cache.ts";
import { Outputs } from "../table-output.ts";
import { Version } from "../version.ts";
import { decideLiveness, type ManifestFact } from "./liveness.ts";
import { planRepair } from "./plan.ts";
import type { RepairReport } from "./report.ts";
import { mergeSources, Spill } from "./sources.ts";
import { gatherEntries } from "./gather.ts";
import { surveyStore, type StoreSurvey } from "./survey.ts";
import { reportOf, soundReport } from "./tell.ts";

/** Told of each file read, then of each part of the bytes merged. */
export type RepairProgress = (phase: "reading" | "merging", done: number, total: number) => void;

/** Tables that do not overlap can stand in any level but 0; every store has this one. */
const REPAIRED_LEVEL = 1;

/**
 * Makes a store that opens out of the files that are left, and says exactly what is lost. A sound store is left as it is.
 *
 * Options are those of open(): the comparator must be the store's, sizes are used for the new tables. What is damaged, or
 * dead by all that can be known, is kept in lost/ whole; foreign files stay.
 *
 * Throws, with every file where it was: DOES_NOT_EXIST if there is nothing of a store, LOCKED, COMPARATOR_MISMATCH,
 * FORMAT_UNSUPPORTED for intact bytes of a newer version, INVALID_ARGUMENT, IO_ERROR and NO_SPACE.
 */
export function repairStore(path: string, raw: Options = {}, progress: RepairProgress = () => undefined): RepairReport {
  const options = resolveOptions(raw);
  if (options.readOnly) throw invalidArgument("repair writes: it cannot be read-only");
  const opening = beginOpening(path, options);
  const { env } = opening;
  if (!holdsAnything(listStore(env, path))) throw new TinyKVError("TINYKV_DOES_NOT_EXIST", `${path} holds no store`);
  const lock = env.lock(joinPath(path, LOCK));
  const closers: (() => void)[] = [() => lock.release()];
  try {
    const listing = listStore(env, path);
    if (!listing || !holdsAnything(listing)) throw new TinyKVError("TINYKV_DOES_NOT_EXIST", `${path} holds no store`);
    const place = { env, path, order: opening.order, listing };
    const survey = surveyStore(place, (done, total) => progress("reading", done, total));
    if (isSound(opening, listing, survey)) {
      closeAll(closers);
      return soundReport(survey);
    }
    return rebuild({ opening, listing, survey, progress }, closers, lock);
  } catch (error) {
    closeAll(closers);
    throw error;
  } finally {
    opening.events.deliver();
  }
}

function holdsAnything(listing: DirectoryListing | undefined): boolean {
  if (!listing) return false;
  const { tables, logs, manifests, hasCurrent } = listing;
  return hasCurrent || tables.length + logs.length + manifests.length > 0;
}

// Sound is what open() takes as it is, every table of which is whole, and whose logs are there. A table that the manifest
// does not name is not the store's: it was being written.
function isSound(opening: Opening, listing: DirectoryListing, survey: StoreSurvey): boolean {
  const { manifest, tables, logs, currentProblem, badManifests, foreign } = survey;
  if (currentProblem !== undefined || badManifests.length > 0 || foreign.length > 0) return false;
  if (
    tables.some(({ number, isWhole }) => !isWhole && manifest?.live.has(number)) ||
    logs.some(({ gaps }) => gaps.length > 0)
  )
    return false;
  if (!manifest || !logs.some(({ number }) => number >= manifest.logNumber)) return false;
  const cache = new TableCache({ ...opening, databaseId: manifest.databaseId });
  try {
    const read = loadManifest(opening);
    checkTables(cache, read.state.version);
    const { env, path } = opening;
    const recovery = { env, directory: path, mode: "pointInTime" as const, manifest: read, logNumbers: listing.logs };
    new LogRecovery(recovery).replay(() => undefined);
    return true;
  } catch (error) {
    if (error instanceof CorruptionError) return false;
    throw error;
  } finally {
    cache.close();
  }
}

interface Rebuilding {
  readonly opening: Opening;
  readonly listing: DirectoryListing;
  readonly survey: StoreSurvey;
  readonly progress: RepairProgress;
}

function rebuild(work: Rebuilding, closers: (() => void)[], lock: { release(): void }): RepairReport {
  const { opening, listing, survey, progress } = work;
  const { env, options } = opening;
  const logNumbers = new Set(listing.logs);
  const plan = planRepair(survey, decideLiveness(survey.tables, logNumbers, manifestFact(survey)));
  const databaseId = survey.databaseId ?? drawDatabaseId(env);
  const context: StoreContext = { ...opening, databaseId };
  let nextFileNumber = Math.max(listing.nextNumber, survey.manifest?.nextFileNumber ?? 0);
  const newNumber = (): number => nextFileNumber++;
  const moved = keepInLost(context, plan.kept);
  const outputs = new Outputs();
  const cache = new TableCache(context);
  closers.push(() => cache.close());
  closers.push(() => discard(context, outputs));
  const sources = { context, newNumber, provenance: provenanceOf(survey, listing) };
  const spill = new Spill(sources, outputs);
  const gathered = gatherEntries(context, plan, spill);
  const whole = plan.tables.flatMap(({ meta }) => (meta ? [meta] : []));
  const merged = { cache, tables: [...whole, ...spill.tables], memtable: spill.memtable };
  const tell = (done: number, total: number): void => progress("merging", done, total);
  const tables = mergeSources({ ...sources, ...merged, progress: tell }, outputs);
  const logNumber = newNumber();
  const manifestNumber = newNumber();
  const state: ManifestState = {
    comparatorName: options.comparator.name,
    databaseId,
    logNumber,
    nextFileNumber,
    // A block that was salvaged may hold a version that no file told of.
    lastSequence: tables.reduce((most, table) => Math.max(most, table.greatestSequence), plan.lastSequence),
    version: Version.empty(opening.order, options.numLevels).apply({
      added: tables.map((table) => ({ level: REPAIRED_LEVEL, table })),
    }),
    compactionCursors: new Map(),
  };
  // From here on a failure leaves the new tables: the manifest that names them may be the live one.
  closers.pop();
  install({ context, cache, state, manifestNumber, logNumber, listing: withTables(listing, outputs) }, closers, lock);
  return reportOf({ survey, plan, gathered, moved, state });
}

// Every file that a repair may have read: as long as all of them are there it was not finished. The first table names them
// all; those behind it the logs alone, so that what is written grows with the files and not with their square.
function provenanceOf({ tables }: StoreSurvey, { logs }: DirectoryListing): () => TableProvenance {
  const inputs = tables.map(({ number, tag = 0 }) => ({ number, tag }));
  const others = { inputs: [], obsolete: [], logNumber: (logs.at(-1) ?? 0) + 1, repairedLogs: logs };
  let isFirst = true;
  return () => {
    const provenance = isFirst ? { ...others, inputs } : others;
    isFirst = false;
    return provenance;
  };
}

// The newest log that was closed says how long the manifest was then.
function manifestFact({ manifest, logs }: StoreSurvey): ManifestFact | undefined {
  const end = logs.at(-1)?.cleanEnd;
  if (!manifest || !end) return manifest;
  const isOld = end.manifestNumber > manifest.number;
  const isCut = end.manifestNumber === manifest.number && end.manifestSize > manifest.size;
  return isOld || isCut ? { ...manifest, isWhole: false } : manifest;
}

function withTables(listing: DirectoryListing, { numbers }: Outputs): DirectoryListing {
  return { ...listing, tables: [...listing.tables, ...numbers] };
}

interface Installation {
  readonly context: StoreContext;
  readonly cache: TableCache;
  readonly state: ManifestState;
  readonly manifestNumber: number;
  readonly logNumber: number;
  readonly listing: DirectoryListing;
}

// As at the end of an open, and then closed: whoever opens it next finds everything witnessed.
function install(installation: Installation, closers: (() => void)[], lock: { release(): void }): void {
  const { context, cache, state, manifestNumber, logNumber, listing } = installation;
  const { options, order } = context;
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
  const opened = begin(
    { context, tables: cache, state, manifestNumber, logNumber, memtables, kept: [], listing, recovery },
    closers,
  );
  closers.length = 0;
  try {
    closeStore({ ...opened, lock });
  } finally {
    cache.close();
  }
}

// Before the new manifest is written nothing needs the new tables.
function discard({ env, path }: StoreContext, { numbers }: Outputs): void {
  closeAll(numbers.map((number) => () => env.unlink(joinPath(path, tableName(number)))));
}

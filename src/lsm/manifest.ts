// The manifest: a log (src/wal) whose records are version edits. The first record is a complete snapshot; each later
// one is a step. CURRENT names the live one.
//
//   create:   MANIFEST-N written → fsync → fsync directory → CURRENT.tmp → fsync → rename → fsync directory
//
// Until the rename is durable the old manifest stands; so nothing that the old one names may be unlinked before.

import { copyBytes } from "../common/bytes.ts";
import type { KeyOrder } from "../common/comparator.ts";
import { CorruptionError, errnoOf } from "../common/errors.ts";
import type { Env } from "../util/env.ts";
import { readFully, writeFully } from "../util/file-io.ts";
import type { LogHeader } from "../wal/log-format.ts";
import { LogReader, type LogEnd } from "../wal/log-reader.ts";
import { LogWriter } from "../wal/log-writer.ts";
import { CURRENT, CURRENT_TMP, decodeCurrent, encodeCurrent, manifestName } from "./file-names.ts";
import { drawTag, joinPath, unless } from "./store-context.ts";
import { InvalidEditError, Version } from "./version.ts";
import { decodeEdit, encodeEdit, type VersionEdit } from "./version-edit.ts";

/** Deepest level that any store may have: a manifest is replayed before the store's options are looked at. */
const LEVELS_MOST = 12;

/** What the edits of a manifest add up to. */
export interface ManifestState {
  readonly comparatorName: string;
  readonly databaseId: Uint8Array;
  /** Logs below this number are not read. */
  readonly logNumber: number;
  readonly nextFileNumber: number;
  readonly lastSequence: number;
  readonly version: Version;
  readonly compactionCursors: ReadonlyMap<number, Uint8Array>;
}

/** The first record of a manifest. */
export function snapshotEdit(state: ManifestState): VersionEdit {
  return {
    comparatorName: state.comparatorName,
    databaseId: state.databaseId,
    logNumber: state.logNumber,
    nextFileNumber: state.nextFileNumber,
    lastSequence: state.lastSequence,
    added: [...state.version.tables()],
    compactionCursors: [...state.compactionCursors].map(([level, key]) => ({ level, key })),
  };
}

export interface NewManifest {
  readonly env: Env;
  readonly directory: string;
  readonly number: number;
  readonly blockSize: number;
  readonly state: ManifestState;
  /** Runs a sync and notes its failure. */
  readonly durably: (action: () => void) => void;
}

/** Writes MANIFEST-N with its snapshot record, durable, not yet live. */
export function writeManifest({ env, directory, number, blockSize, state, durably }: NewManifest): LogWriter {
  const file = env.open(joinPath(directory, manifestName(number)), "wx");
  try {
    const writer = LogWriter.create(file, {
      kind: "manifest",
      tag: drawTag(env),
      blockSize,
      databaseId: state.databaseId,
      fileNumber: number,
      comparatorName: state.comparatorName,
      lastSequence: 0,
    });
    writer.append(encodeEdit(snapshotEdit(state)));
    durably(() => writer.sync("create.manifest"));
    durably(() => env.syncDirectory(directory, "create.directory"));
    return writer;
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Makes MANIFEST-N the live one, durable when it returns. */
export function installCurrent({ env, directory, number, durably }: NewManifest): void {
  const temporary = joinPath(directory, CURRENT_TMP);
  unless("ENOENT", () => env.unlink(temporary));
  const file = env.open(temporary, "wx");
  try {
    writeFully(file, encodeCurrent(number), 0);
    durably(() => file.sync("create.current"));
  } finally {
    file.close();
  }
  env.rename(temporary, joinPath(directory, CURRENT));
  durably(() => env.syncDirectory(directory, "create.current-directory"));
}

/** The number of the live manifest; undefined if there is no CURRENT. */
export function readCurrent(env: Env, directory: string): number | undefined {
  const bytes = readSmallFile(env, joinPath(directory, CURRENT));
  return bytes && decodeCurrent(bytes);
}

// CURRENT holds some forty bytes; a byte more than the longest is enough to see that it is too long.
const CURRENT_BYTES_MOST = 64;

function readSmallFile(env: Env, path: string): Uint8Array | undefined {
  let file;
  try {
    file = env.open(path, "r");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const buffer = Buffer.alloc(CURRENT_BYTES_MOST);
    return buffer.subarray(0, readFully(file, buffer, 0));
  } finally {
    file.close();
  }
}

export interface ReadManifest {
  readonly number: number;
  readonly state: ManifestState;
  readonly end: LogEnd;
  /** What the file holds from the end of its last good record on. */
  readonly tornBytes: number;
}

/**
 * Replays a manifest. Throws CorruptionError for a missing file or header, a missing or partial snapshot record, an edit
 * that does not fit, and a bad chunk below a synced offset that a later chunk of this manifest witnesses. What other
 * files witness is for the caller to compare with `end`.
 */
export function readManifest(env: Env, directory: string, number: number, order: KeyOrder): ReadManifest {
  const name = manifestName(number);
  let file;
  try {
    file = env.open(joinPath(directory, name), "r");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") throw new CorruptionError(name, 0, "missing, but named by CURRENT");
    throw error;
  }
  try {
    const reader = LogReader.open({ file, name, number, kind: "manifest" });
    if (!reader.header) throw new CorruptionError(name, 0, reader.headerProblem ?? "no valid file header");
    const replay = new Replay(name, order);
    for (let record = reader.next(); record; record = reader.next()) {
      const isFirst = !replay.isComplete;
      replay.apply(decodeEdit(record.payload, name, record.offset), record.offset);
      if (isFirst) checkSnapshot(replay.finish(record.offset), reader.header, name, record.offset);
    }
    const { end } = reader;
    const promise = end.kind === "bad" ? reader.promiseBeyond(end.offset) : undefined;
    if (end.kind === "bad" && promise) throw new CorruptionError(name, end.offset, end.problem);
    const tornBytes = end.kind === "bad" ? Math.max(0, file.size() - end.offset) : 0;
    const state = replay.finish(end.size);
    checkClaims(number, state, end);
    return { number, state, end, tornBytes };
  } finally {
    file.close();
  }
}

// The first record is complete, and of the store that the file header names.
function checkSnapshot(state: ManifestState, header: LogHeader, name: string, offset: number): void {
  const isOwn = Buffer.compare(state.databaseId, header.databaseId) === 0;
  if (!isOwn || state.comparatorName !== header.comparatorName) {
    throw new CorruptionError(name, offset, "the snapshot record and the file header are not of one store");
  }
}

// What the state says of its own numbers, and CLEAN END of the state. A last sequence number that is too low would be issued
// again, and the write lost under what a table has.
function checkClaims(number: number, state: ManifestState, end: LogEnd): void {
  const name = manifestName(number);
  const demand = (holds: boolean, problem: string): void => {
    if (!holds) throw new CorruptionError(name, end.size, problem);
  };
  const { logNumber, nextFileNumber, lastSequence } = state;
  const isIssued = (used: number): void =>
    demand(used < nextFileNumber, `number ${used} is in use, and the next is said to be ${nextFileNumber}`);
  isIssued(number);
  isIssued(logNumber);
  for (const { table } of state.version.tables()) {
    isIssued(table.number);
    demand(table.greatestSequence <= lastSequence, `table ${table.number} has a sequence number beyond the last`);
  }
  if (end.kind !== "clean") return;
  const { cleanEnd } = end;
  demand(
    cleanEnd.manifestNumber === number && cleanEnd.manifestSize === end.size && cleanEnd.lastSequence >= lastSequence,
    "CLEAN END of another manifest or another size, or below the last sequence number",
  );
}

class Replay {
  readonly #name: string;
  readonly #order: KeyOrder;
  #version: Version;
  #fields: Partial<
    Pick<ManifestState, "comparatorName" | "databaseId" | "logNumber" | "nextFileNumber" | "lastSequence">
  > = {};
  readonly #cursors = new Map<number, Uint8Array>();

  constructor(name: string, order: KeyOrder) {
    this.#name = name;
    this.#order = order;
    this.#version = Version.empty(order, LEVELS_MOST);
  }

  apply(edit: VersionEdit, offset: number): void {
    const { comparatorName, databaseId, logNumber, nextFileNumber, lastSequence } = edit;
    const comparator = this.#order.comparator.name;
    // Keys can be compared only by the comparator that ordered them; the caller reports the mismatch.
    if (comparatorName !== undefined && comparatorName !== comparator) throw new ComparatorNameError(comparatorName);
    if (logNumber === 0) throw new CorruptionError(this.#name, offset, "log number 0");
    this.#fields = {
      ...this.#fields,
      ...(comparatorName !== undefined && { comparatorName }),
      ...(databaseId !== undefined && { databaseId: copyBytes(databaseId) }),
      ...(logNumber !== undefined && { logNumber }),
      ...(nextFileNumber !== undefined && { nextFileNumber }),
      ...(lastSequence !== undefined && { lastSequence }),
    };
    for (const { level, key } of edit.compactionCursors ?? []) this.#cursors.set(level, copyBytes(key));
    try {
      this.#version = this.#version.apply(edit);
    } catch (error) {
      if (error instanceof InvalidEditError) throw new CorruptionError(this.#name, offset, error.message);
      throw error;
    }
  }

  /** Whether the snapshot record was applied. */
  get isComplete(): boolean {
    return this.#fields.databaseId !== undefined;
  }

  finish(size: number): ManifestState {
    const { comparatorName, databaseId, logNumber, nextFileNumber, lastSequence } = this.#fields;
    if (
      comparatorName === undefined ||
      databaseId === undefined ||
      logNumber === undefined ||
      nextFileNumber === undefined ||
      lastSequence === undefined
    ) {
      throw new CorruptionError(this.#name, size, "no complete snapshot record");
    }
    const compactionCursors = this.#cursors;
    return {
      comparatorName,
      databaseId,
      logNumber,
      nextFileNumber,
      lastSequence,
      version: this.#version,
      compactionCursors,
    };
  }
}

/** The manifest was written under another comparator. */
export class ComparatorNameError extends Error {
  readonly stored: string;

  constructor(stored: string) {
    super(`made with comparator ${stored}`);
    this.stored = stored;
  }
}

import type { InternalCursor } from "../common/cursor.ts";
import { CorruptionError, TinyKVError, errnoOf } from "../common/errors.ts";
import { visitBatch, decodeBatchHeader } from "../memtable/write-batch.ts";
import { BlockCache } from "../sst/block-cache.ts";
import { TableReader } from "../sst/table-reader.ts";
import type { FileHandle } from "../util/env.ts";
import { readFully } from "../util/file-io.ts";
import { LogReader } from "../wal/log-reader.ts";
import { ageProblems } from "./age-problems.ts";
import { CURRENT, logName, manifestName, tableName } from "./file-names.ts";
import { readCurrent } from "./manifest.ts";
import { joinPath } from "./store-context.ts";
import type { LogExtent, Readable } from "./store.ts";
import type { TableMeta } from "./table-meta.ts";
import type { Version } from "./version.ts";
import { decodeEdit } from "./version-edit.ts";

export interface Problem {
  readonly file: string;
  readonly offset: number;
  readonly problem: string;
}

/** What verify() found. `blocks` counts table blocks and log records, `entries` what tables and logs hold. */
export interface VerifyReport {
  readonly ok: boolean;
  readonly files: number;
  readonly blocks: number;
  readonly entries: number;
  readonly problems: readonly Problem[];
}

/** Told after each file, for a display of progress. */
export type VerifyProgress = (done: number, total: number) => void;

/**
 * Reads CURRENT, the manifest, every live log and every live table from disk, past all caches, and checks every
 * checksum, order, bound, level, filter, count and reference. Bad bytes are reported, never thrown; IO_ERROR is thrown.
 */
export function verifyStore(store: Readable, progress: VerifyProgress = () => undefined): VerifyReport {
  const run = new VerifyRun(store);
  const version = store.pins.pin(store.pins.current);
  try {
    const tables = [...version.tables()].map(({ table }) => table);
    const logs = store.logs();
    const total = 2 + logs.length + tables.length;
    run.checkCurrent();
    run.checkManifest(store.manifest());
    for (const log of logs) run.checkLog(log);
    // They were sound when this read-only store was opened; what stands there now is a later state.
    if (store.hasMovedOn()) run.forgetProblems();
    progress(total - tables.length, total);
    for (const problem of version.problems()) run.report(manifestName(store.manifest().number), 0, problem);
    for (const [i, table] of tables.entries()) {
      run.checkTable(table);
      progress(total - tables.length + i + 1, total);
    }
    run.checkNumbers(logs, tables);
    run.checkAges(version);
    return run.finish(total);
  } finally {
    store.pins.unpin(version);
  }
}

class VerifyRun {
  readonly #store: Readable;
  readonly #problems: Problem[] = [];
  #blocks = 0;
  #entries = 0;

  constructor(store: Readable) {
    this.#store = store;
  }

  report(file: string, offset: number, problem: string): void {
    this.#problems.push({ file, offset, problem });
  }

  forgetProblems(): void {
    this.#problems.length = 0;
  }

  finish(files: number): VerifyReport {
    return {
      ok: this.#problems.length === 0,
      files,
      blocks: this.#blocks,
      entries: this.#entries,
      problems: this.#problems,
    };
  }

  checkCurrent(): void {
    const { context } = this.#store;
    this.#reporting(CURRENT, () => {
      const number = readCurrent(context.env, context.path);
      const live = this.#store.manifest().number;
      if (number === undefined) this.report(CURRENT, 0, "missing");
      else if (number !== live)
        this.report(CURRENT, 0, `names ${manifestName(number)}, but ${manifestName(live)} is live`);
    });
  }

  checkManifest({ number, size }: LogExtent): void {
    let records = 0;
    this.#checkRecords(manifestName(number), { number, size, kind: "manifest" }, (payload, name, offset) => {
      const { nextFileNumber, lastSequence } = decodeEdit(payload, name, offset);
      // The first is complete, or it was no manifest (manifest.ts).
      if (records++ > 0 && (nextFileNumber === undefined || lastSequence === undefined))
        this.report(name, offset, "an edit that does not repeat next file number and last sequence number");
    });
  }

  checkLog({ number, size }: LogExtent): void {
    let last = 0;
    this.#checkRecords(logName(number), { number, size, kind: "wal" }, (payload, name, offset) => {
      const { firstSequence, count } = decodeBatchHeader(payload, name, offset);
      if (firstSequence <= last)
        throw new CorruptionError(name, offset, `sequence number ${firstSequence} after ${last}`);
      last = firstSequence + count - 1;
      visitBatch(payload, name, offset, () => this.#entries++);
    });
  }

  checkTable(table: TableMeta): void {
    const name = tableName(table.number);
    const { tables, context } = this.#store;
    if (!context.options.readOnly) {
      this.#withFile(name, (file) => this.#checkTableBytes(table, name, file));
      return;
    }
    // Through the descriptor held since the open: beside a writer the name may be gone already.
    this.#reporting(name, () =>
      this.#checkTableBytes(table, name, {
        read: (buffer, position) => tables.read(table.number, buffer, position),
        size: () => tables.fileSize(table.number),
      }),
    );
  }

  /** Tables, logs and manifests share one sequence of numbers. */
  checkNumbers(logs: readonly LogExtent[], tables: readonly TableMeta[]): void {
    const manifest = this.#store.manifest();
    const names = new Map([[manifest.number, manifestName(manifest.number)]]);
    const check = (number: number, name: string): void => {
      const other = names.get(number);
      if (other !== undefined) this.report(name, 0, `has the number of ${other}`);
      names.set(number, name);
    };
    for (const { number } of logs) check(number, logName(number));
    for (const { number } of tables) check(number, tableName(number));
  }

  /** Of tables that are each sound. */
  checkAges(version: Version): void {
    if (this.#problems.length > 0) return;
    const { tables } = this.#store;
    const open = (table: TableMeta): InternalCursor => tables.reader(table).cursor({ fillCache: false });
    for (const { table, problem } of ageProblems(version, open)) this.report(tableName(table.number), 0, problem);
  }

  #checkTableBytes(table: TableMeta, name: string, file: Pick<FileHandle, "read" | "size">): void {
    const reader = TableReader.open({
      source: { read: (buffer, position) => readFully(file, buffer, position) },
      name,
      number: table.number,
      size: table.size,
      tag: table.tag,
      order: this.#store.context.order,
      cache: new BlockCache(0),
      databaseId: this.#store.context.databaseId,
    });
    const { blocks, entries } = reader.verify((offset, problem) => this.report(name, offset, problem));
    this.#blocks += blocks;
    this.#entries += entries;
    for (const problem of disagreements(table, reader)) this.report(name, 0, problem);
    const size = file.size();
    if (size !== table.size)
      this.report(name, table.size, `the file has ${size} bytes, the manifest says ${table.size}`);
  }

  #checkRecords(
    name: string,
    { number, size, kind }: LogExtent & { kind: "wal" | "manifest" },
    check: (payload: Uint8Array, name: string, offset: number) => void,
  ): void {
    this.#withFile(name, (file) => {
      const reader = LogReader.open({ file, name, number, kind, limit: size });
      if (!reader.header) throw new CorruptionError(name, 0, reader.headerProblem ?? "no valid file header");
      for (let record = reader.next(); record; record = reader.next()) {
        this.#blocks++;
        check(record.payload, name, record.offset);
      }
      const { end } = reader;
      if (end.kind === "bad") throw new CorruptionError(name, end.offset, end.problem);
      if (end.size !== size)
        throw new CorruptionError(name, end.size, `ends before ${size}, where its last record ended`);
    });
  }

  #withFile(name: string, check: (file: FileHandle) => void): void {
    this.#reporting(name, () => {
      const { env, path } = this.#store.context;
      const file = env.open(joinPath(path, name), "r");
      try {
        check(file);
      } finally {
        file.close();
      }
    });
  }

  #reporting(name: string, check: () => void): void {
    try {
      check();
    } catch (error) {
      if (error instanceof CorruptionError) this.report(error.file, error.offset, error.problem);
      else if (errnoOf(error) === "ENOENT") this.report(name, 0, "missing");
      else if (error instanceof TinyKVError && error.code === "TINYKV_FORMAT_UNSUPPORTED")
        this.report(name, 0, error.message);
      else throw error;
    }
  }
}

// What the manifest says of a table, against what the table says of itself.
function disagreements(table: TableMeta, { properties }: TableReader): string[] {
  const problems: string[] = [];
  const compare = (what: string, inManifest: number, inTable: number): void => {
    if (inManifest !== inTable) problems.push(`${what}: the manifest says ${inManifest}, the table ${inTable}`);
  };
  compare("epoch", table.epoch, properties.epoch);
  compare("entries", table.entries, properties.entries);
  compare("deletes", table.deletes, properties.deletes);
  compare("least sequence number", table.leastSequence, properties.leastSequence);
  compare("greatest sequence number", table.greatestSequence, properties.greatestSequence);
  for (const end of ["smallest", "largest"] as const) {
    const a = table[end];
    const b = properties[end];
    if (!b || Buffer.compare(a.key, b.key) !== 0 || a.sequence !== b.sequence || a.kind !== b.kind) {
      problems.push(`${end} key: the manifest and the table disagree`);
    }
  }
  return problems;
}

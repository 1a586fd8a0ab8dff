// Which logs hold what no table holds yet, and what they hold.
//
// The set of logs is the chain of predecessors back from the newest valid header to the manifest's log number. A log at or
// above that number off the chain must hold nothing and is an orphan; below it nothing is read.
//
//   log with a successor   replayed to exactly the size that its successor's header names; less is corruption
//   newest log             ends after CLEAN END, or at its first bad chunk x. That is a tear, unless a promise reaches
//                          beyond x: a later chunk's synced offset, or a manifest that ends in CLEAN END
//
// pointInTime applies these rules; absolute accepts no tear; skipCorrupted goes on behind damage and lists the gaps.

import { equalBytes } from "../common/bytes.ts";
import { areRelated } from "../common/database-id.ts";
import { CorruptionError } from "../common/errors.ts";
import type { Env } from "../util/env.ts";
import { type BatchHeader, checkBatch, decodeBatchHeader } from "../memtable/write-batch.ts";
import type { CleanEnd, LogHeader } from "../wal/log-format.ts";
import { LogReader, type LogReaderOptions, type LogRecord } from "../wal/log-reader.ts";
import { logName, manifestName } from "./file-names.ts";
import type { ReadManifest } from "./manifest.ts";
import type { WalRecoveryMode } from "./options.ts";
import { joinPath } from "./store-context.ts";
import type { LogExtent } from "./store.ts";

/** Bytes of a log that a salvaging recovery left out. */
export interface SkippedBytes {
  readonly file: string;
  readonly offset: number;
  /** 0 where the log ends, although something says that more had followed. */
  readonly length: number;
  readonly reason: string;
}

/** What open() did with the write-ahead logs. */
export interface RecoveryReport {
  readonly mode: WalRecoveryMode;
  /** Logs replayed. */
  readonly logs: number;
  readonly records: number;
  readonly bytes: number;
  /** Bytes behind the last record of a newest log without CLEAN END, be they an earlier life of the file or never written. */
  readonly tornBytes: number;
  readonly skipped: readonly SkippedBytes[];
  /** The newest log ended in CLEAN END: the store had been closed. */
  readonly clean: boolean;
}

export interface RecoveredLogs {
  readonly report: RecoveryReport;
  /** Ascending. */
  readonly extents: readonly LogExtent[];
  readonly lastSequence: number;
}

export type ApplyRecord = (payload: Uint8Array, file: string, offset: number) => void;

interface ChainLog {
  readonly number: number;
  readonly header: LogHeader;
  /** Where its successor says that it ends; undefined for the newest. */
  readonly limit: number | undefined;
}

export interface LogRecoveryPlan {
  readonly env: Env;
  readonly directory: string;
  readonly mode: WalRecoveryMode;
  readonly manifest: ReadManifest;
  /** Every log in the directory. */
  readonly logNumbers: readonly number[];
}

export class LogRecovery {
  readonly #plan: LogRecoveryPlan;
  readonly #chain: ChainLog[];
  /** Whole files without a header of their own, by number. */
  readonly #headerless = new Map<number, SkippedBytes>();
  /** Of the files that have one. */
  readonly #sizes = new Map<number, number>();
  /** Salvage alone: those of them that held something, as something else says. */
  readonly #missed = new Set<number>();

  /** Reads headers only. Throws CorruptionError for a chain that is not whole. */
  constructor(plan: LogRecoveryPlan) {
    this.#plan = plan;
    const { logNumber } = plan.manifest.state;
    const candidates = plan.logNumbers.filter((number) => number >= logNumber).sort((a, b) => a - b);
    const headers = new Map<number, LogHeader>();
    for (const number of candidates) {
      const header = this.#readHeader(number);
      if (header) headers.set(number, header);
    }
    if (plan.mode === "skipCorrupted") this.#findMissed(headers);
    this.#chain = plan.mode === "skipCorrupted" ? everyLog(headers) : wholeChain(headers, logNumber);
  }

  /** No more is replayed: a newest log may be longer than what stands in it. */
  get bytesMost(): number {
    return this.#chain.reduce((sum, { number, limit }) => sum + (limit ?? this.#sizes.get(number)!), 0);
  }

  /** Validates every log and applies every record in order; may be called again with another `apply`. */
  replay(apply: ApplyRecord): RecoveredLogs {
    const { mode, manifest } = this.#plan;
    const run = new ReplayRun({
      lastSequence: this.#chain[0]?.header.lastSequence ?? 0,
      lastInTables: [...manifest.state.version.tables()].reduce(
        (most, { table }) => Math.max(most, table.greatestSequence),
        0,
      ),
      salvaging: mode === "skipCorrupted",
    });
    for (const log of this.#chain) this.#replayLog(log, run, apply);
    const newest = this.#chain.at(-1);
    if (run.salvaging) this.#leaveOutMissed(run, newest);
    if (manifest.end.kind === "clean" && !newest && this.#missed.size === 0) {
      throw new CorruptionError(logName(manifest.state.logNumber), 0, "missing, but the manifest was closed with it");
    }
    if (mode === "absolute") this.#demandClean(run, newest);
    if (run.clean && manifest.end.kind === "bad") this.#checkManifestWitness(run.clean);
    return {
      report: {
        mode,
        logs: this.#chain.length,
        records: run.records,
        bytes: run.bytes,
        tornBytes: run.tornBytes,
        skipped: run.skipped,
        clean: run.clean !== undefined,
      },
      extents: run.extents,
      lastSequence: Math.max(run.lastSequence, run.clean?.lastSequence ?? 0, manifest.state.lastSequence),
    };
  }

  #readHeader(number: number): LogHeader | undefined {
    return this.#withReader({ number, limit: undefined }, (reader, name, size) => {
      const { header } = reader;
      const { state } = this.#plan.manifest;
      if (header) {
        if (!areRelated(header.databaseId, state.databaseId))
          throw new CorruptionError(name, 0, "belongs to another store");
        if (header.comparatorName !== state.comparatorName)
          throw new CorruptionError(name, 0, "made with another comparator");
        if (equalBytes(header.databaseId, state.databaseId)) {
          this.#sizes.set(number, size);
          return header;
        }
      }
      // What a related store's deleted log left behind is what an earlier life of the file would be: nothing.
      const reason = header ? "belongs to a related store" : (reader.headerProblem ?? "no valid file header");
      this.#headerless.set(number, { file: name, offset: 0, length: size, reason });
      if (reader.headerlessPromise()) {
        if (this.#plan.mode !== "skipCorrupted") throw new CorruptionError(name, 0, reason);
        this.#missed.add(number);
      }
      return undefined;
    });
  }

  // A log that its successor names held something, whatever it says itself. One that is gone is no matter for a salvage:
  // nothing of it could be kept, and perhaps it went by an edit that the manifest has lost, with a table that it has lost too.
  #findMissed(headers: ReadonlyMap<number, LogHeader>): void {
    for (const { predecessor } of headers.values()) {
      if (!predecessor || predecessor.number < this.#plan.manifest.state.logNumber) continue;
      const { number } = predecessor;
      if (this.#headerless.has(number)) this.#missed.add(number);
      else if (!headers.has(number))
        throw new CorruptionError(logName(number), 0, "missing, but its successor names it");
    }
  }

  // The manifest was closed with a log that ends as it does: where no log does so, that one has no header.
  #leaveOutMissed(run: ReplayRun, newest: ChainLog | undefined): void {
    const { end } = this.#plan.manifest;
    if (end.kind === "clean" && run.clean?.lastSequence !== end.cleanEnd.lastSequence) {
      for (const number of this.#headerless.keys()) if (number > (newest?.number ?? 0)) this.#missed.add(number);
    }
    for (const number of this.#missed) run.skipped.push(this.#headerless.get(number)!);
  }

  #replayLog(log: ChainLog, run: ReplayRun, apply: ApplyRecord): void {
    this.#withReader(log, (reader, name, size) => {
      // Beside a writer a file may become the next log between two looks at it.
      if (reader.header?.tag !== log.header.tag)
        throw new CorruptionError(name, 0, "its header changed while it was read");
      run.raiseTo(log.header.lastSequence, name);
      for (let record = reader.next(); record; record = reader.next()) {
        run.apply(record, name, apply);
      }
      const { end } = reader;
      run.extents.push({ number: log.number, size: end.size });
      const damaged = log.limit === undefined ? this.#endNewest(reader, run, name, size) : this.#endOlder(reader, name);
      if (run.salvaging) {
        const gaps = damaged ? reader.gaps : reader.gaps.filter((gap) => gap.offset < end.size);
        run.skipped.push(...gaps.map((gap) => ({ file: name, ...gap })));
        // A log that just breaks off leaves nothing out, and yet what was promised behind that place is missing.
        const breaksOff = end.kind === "bad" && end.offset >= Math.min(size, log.limit ?? size);
        if (damaged && breaksOff) run.skipped.push({ file: name, offset: end.offset, length: 0, reason: end.problem });
      }
    });
  }

  // True when what was left out behind the last record is damage.
  #endOlder({ end }: LogReader, name: string): boolean {
    if (end.kind === "limit") return false;
    const offset = end.kind === "bad" ? end.offset : end.size;
    const problem = end.kind === "bad" ? end.problem : "ends before the size that its successor names";
    if (this.#plan.mode !== "skipCorrupted") throw new CorruptionError(name, offset, problem);
    return true;
  }

  #endNewest(reader: LogReader, run: ReplayRun, name: string, size: number): boolean {
    const { end } = reader;
    const { manifest, mode } = this.#plan;
    const witness = manifest.end.kind === "clean" ? manifest.end.cleanEnd : undefined;
    if (end.kind === "clean") {
      run.clean = end.cleanEnd;
      const agrees =
        end.cleanEnd.lastSequence >= run.lastSequence &&
        (!witness || witness.lastSequence === end.cleanEnd.lastSequence);
      if (!agrees) {
        const reason = "CLEAN END with another last sequence number";
        if (mode !== "skipCorrupted") throw new CorruptionError(name, end.offset, reason);
        run.skipped.push({ file: name, offset: size, length: 0, reason });
      }
      // What is missing between the last record and CLEAN END had been promised by it.
      return true;
    }
    if (end.kind !== "bad") return false;
    const promised = witness !== undefined || reader.promiseBeyond(end.offset) !== undefined;
    if (!promised) {
      run.tornBytes = Math.max(0, size - end.size);
      return false;
    }
    if (mode !== "skipCorrupted") throw new CorruptionError(name, end.offset, end.problem);
    return true;
  }

  #demandClean(run: ReplayRun, newest: ChainLog | undefined): void {
    const { manifest } = this.#plan;
    if (!run.clean) {
      const name = logName(newest?.number ?? manifest.state.logNumber);
      throw new CorruptionError(name, run.extents.at(-1)?.size ?? 0, "the store was not closed: no CLEAN END");
    }
    const whole =
      manifest.end.kind === "clean" ||
      (run.clean.manifestNumber === manifest.number && manifest.end.size === run.clean.manifestSize);
    if (!whole)
      throw new CorruptionError(manifestName(manifest.number), manifest.end.size, "the manifest has no CLEAN END");
  }

  // The newest log's CLEAN END says how long the manifest was.
  #checkManifestWitness(clean: CleanEnd): void {
    const { number, end } = this.#plan.manifest;
    if (end.kind !== "bad" || clean.manifestNumber !== number || clean.manifestSize <= end.offset) return;
    throw new CorruptionError(manifestName(number), end.offset, end.problem);
  }

  #withReader<T>(
    log: { number: number; limit: number | undefined },
    use: (reader: LogReader, name: string, size: number) => T,
  ): T {
    const { env, directory, mode } = this.#plan;
    const name = logName(log.number);
    const file = env.open(joinPath(directory, name), "r");
    try {
      const options: LogReaderOptions = {
        file,
        name,
        number: log.number,
        kind: "wal",
        salvage: mode === "skipCorrupted",
        ...(log.limit !== undefined && { limit: log.limit }),
      };
      return use(LogReader.open(options), name, file.size());
    } finally {
      file.close();
    }
  }
}

/** What one replay adds up; sequence numbers on disk strictly increase, from tables to logs too; gaps are legal. */
class ReplayRun {
  readonly salvaging: boolean;
  readonly #lastInTables: number;
  readonly skipped: SkippedBytes[] = [];
  readonly extents: LogExtent[] = [];
  lastSequence: number;
  records = 0;
  bytes = 0;
  tornBytes = 0;
  clean: CleanEnd | undefined;

  constructor(start: { readonly lastSequence: number; readonly lastInTables: number; readonly salvaging: boolean }) {
    this.lastSequence = start.lastSequence;
    this.#lastInTables = start.lastInTables;
    this.salvaging = start.salvaging;
  }

  /** A log's header names the last number before it. */
  raiseTo(sequence: number, name: string): void {
    if (sequence < this.lastSequence && !this.salvaging) {
      throw new CorruptionError(
        name,
        0,
        `begins after sequence number ${sequence}, but ${this.lastSequence} was replayed before it`,
      );
    }
    this.lastSequence = Math.max(this.lastSequence, sequence);
  }

  apply({ payload, offset, end }: LogRecord, name: string, apply: ApplyRecord): void {
    let header: BatchHeader;
    try {
      header = this.#check(payload, name, offset);
    } catch (error) {
      if (!this.salvaging || !(error instanceof CorruptionError)) throw error;
      this.skipped.push({ file: name, offset, length: end - offset, reason: error.problem });
      return;
    }
    apply(payload, name, offset);
    const { firstSequence, count } = header;
    this.records++;
    this.bytes += payload.length;
    this.lastSequence = firstSequence + count - 1;
  }

  // Chunks that verify say nothing about what is in them: a record is decoded whole before any of it counts.
  #check(payload: Uint8Array, name: string, offset: number): BatchHeader {
    const { firstSequence } = decodeBatchHeader(payload, name, offset);
    const last = Math.max(this.lastSequence, this.#lastInTables);
    if (firstSequence <= last)
      throw new CorruptionError(name, offset, `sequence number ${firstSequence} after ${last}`);
    return checkBatch(payload, name, offset);
  }
}

// The chain of predecessors back from the newest header.
function wholeChain(headers: ReadonlyMap<number, LogHeader>, logNumber: number): ChainLog[] {
  const chain: ChainLog[] = [];
  let number = [...headers.keys()].reduce((most, one) => Math.max(most, one), 0);
  let limit: number | undefined;
  while (number >= logNumber) {
    const header = headers.get(number);
    if (!header)
      throw new CorruptionError(logName(number), 0, "missing or without a header, but its successor names it");
    chain.push({ number, header, limit });
    const { predecessor } = header;
    if (!predecessor) {
      if (number !== logNumber)
        throw new CorruptionError(
          logName(number),
          0,
          `names no predecessor, but the manifest asks for logs from ${logNumber} on`,
        );
      break;
    }
    if (predecessor.number >= number)
      throw new CorruptionError(logName(number), 0, "names a predecessor that is not older");
    number = predecessor.number;
    limit = predecessor.size;
  }
  const linked = new Set(chain.map((log) => log.number));
  for (const other of headers.keys()) {
    if (!linked.has(other)) throw new CorruptionError(logName(other), 0, "holds records, but is off the chain of logs");
  }
  return chain.reverse();
}

// Salvage takes what there is; a limit holds where the successor is the next one.
function everyLog(headers: ReadonlyMap<number, LogHeader>): ChainLog[] {
  const logs = [...headers].sort(([a], [b]) => a - b);
  return logs.map(([number, header], i) => {
    const predecessor = logs[i + 1]?.[1].predecessor;
    return { number, header, limit: predecessor?.number === number ? predecessor.size : undefined };
  });
}

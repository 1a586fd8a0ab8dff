// A log or a manifest read for people: everything in it that can be read, and what recovery would say of its end.
//
// Recovery ends a log at its first bad chunk, x. Here reading goes on behind x, at the next chunk that may start a record.
// Whether x is damage or a tear is judged as recovery judges it, by what promises that bytes beyond x had been made
// durable: a chunk of this file with a synced offset beyond x, or, where it is known, the size that the successor names.

import type { LogHeader } from "../wal/log-format.ts";
import { chunks, type LogChunk } from "../wal/log-chunks.ts";
import { LogReader, type LogEnd, type LogGap, type LogRecord } from "../wal/log-reader.ts";
import type { LogSource } from "../wal/log-window.ts";

export interface InspectedRecord extends LogRecord {
  /** What its first chunk says: every byte before it had been synced when it was written. */
  readonly syncedOffset: number;
}

/**
 * "closed": whole, up to CLEAN END. "whole": up to the size that its successor names. "torn": whole up to a bad end that
 * nothing contradicts, as after a crash. "damaged": bytes are bad that had been durable. "empty": no valid header, and
 * nothing that promises more.
 */
export type LogVerdict = "closed" | "whole" | "torn" | "damaged" | "empty";

export interface LogInspection {
  readonly header: LogHeader | undefined;
  readonly verdict: LogVerdict;
  /** In words, with the chunk that promises more where there is one. */
  readonly reason: string;
  /** What lies between readable records, and behind the last one. */
  readonly gaps: readonly LogGap[];
  readonly end: LogEnd;
  readonly records: number;
  /** The file's, in bytes. */
  readonly size: number;
}

export interface LogToInspect extends LogSource {
  /** The size that its successor's header names, and that successor's name. */
  readonly successor?: { readonly size: number; readonly name: string };
}

/**
 * Calls back each record that can be read, and each gap when it has been passed. Bad bytes are never thrown; throws
 * FORMAT_UNSUPPORTED for a header that asks for a newer version, IO_ERROR.
 */
export function inspectLog(
  log: LogToInspect,
  onRecord: (record: InspectedRecord) => void,
  onGap: (gap: LogGap) => void = () => undefined,
): LogInspection {
  const reader = LogReader.open({ ...log, salvage: true });
  const synced = new SyncedOffsets(log);
  let gaps = 0;
  const tellGaps = (): void => {
    for (; gaps < reader.gaps.length; gaps++) onGap(reader.gaps[gaps]!);
  };
  let records = 0;
  for (let record = reader.next(); record; record = reader.next()) {
    tellGaps();
    records++;
    onRecord({ ...record, syncedOffset: synced.at(record.offset) });
  }
  tellGaps();
  const { header, end } = reader;
  return { header, ...judge(reader, log), gaps: reader.gaps, end, records, size: log.file.size() };
}

function judge(reader: LogReader, { successor, name }: LogToInspect): { verdict: LogVerdict; reason: string } {
  const { end, gaps } = reader;
  if (!reader.header) {
    const problem = reader.headerProblem ?? "no valid file header";
    const promise = reader.headerlessPromise();
    if (!promise) return { verdict: "empty", reason: `${problem}: it holds nothing` };
    return { verdict: "damaged", reason: `${problem}, but ${promises(promise)}` };
  }
  const bad = gaps[0] ?? (end.kind === "bad" ? { offset: end.offset, reason: end.problem } : undefined);
  if (!bad) return { verdict: "closed", reason: "CLEAN END" };
  if (successor && bad.offset >= successor.size)
    return { verdict: "whole", reason: `whole up to the size that ${successor.name} names` };
  if (successor)
    return { verdict: "damaged", reason: `${bad.reason}, but ${successor.name} names a size of ${successor.size}` };
  const promise = reader.promiseBeyond(bad.offset);
  if (!promise) return { verdict: "torn", reason: bad.reason };
  return { verdict: "damaged", reason: `${bad.reason}, but ${promises(promise)} of ${name}` };
}

function promises({ at, syncedOffset }: { at: number; syncedOffset: number }): string {
  return `the chunk at ${at} says that the first ${syncedOffset} bytes were durable`;
}

/** The synced offsets of chunks, asked for in ascending order. */
class SyncedOffsets {
  readonly #chunks: Generator<LogChunk>;
  #last: LogChunk | undefined;

  constructor(source: LogSource) {
    this.#chunks = chunks(source);
  }

  at(offset: number): number {
    while (this.#last === undefined || this.#last.offset < offset) {
      const next = this.#chunks.next();
      if (next.done === true) return 0;
      this.#last = next.value;
    }
    return this.#last.offset === offset ? this.#last.syncedOffset : 0;
  }
}

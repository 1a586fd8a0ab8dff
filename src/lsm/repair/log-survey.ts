// What the write-ahead logs hold when some are damaged or missing. As in a recovery, the newest log may end in a tear and
// an older one ends where its successor says; unlike there, what is bad is left out and told, and reading goes on behind.

import { CorruptionError } from "../../common/errors.ts";
import { SEQUENCE_MAX } from "../../common/internal-key.ts";
import { decodeBatchHeader, visitBatch } from "../../memtable/write-batch.ts";
import type { Env } from "../../util/env.ts";
import type { CleanEnd, LogHeader } from "../../wal/log-format.ts";
import { LogReader, type LogEnd } from "../../wal/log-reader.ts";
import { logName } from "../file-names.ts";
import { joinPath } from "../store-context.ts";
import type { ManifestSurvey } from "./manifest-survey.ts";
import type { LostBytes, LostSequences } from "./report.ts";

export interface LogGapSurvey extends LostBytes {
  /** Of the records that had been there, as far as their neighbours tell; "none": there were none. */
  readonly sequences: LostSequences | "none" | undefined;
}

export interface LogSurvey {
  readonly number: number;
  readonly bytes: number;
  /** Undefined: no valid header of its own number. */
  readonly header: LogHeader | undefined;
  readonly gaps: readonly LogGapSurvey[];
  /** Reading goes on behind bad chunks. */
  readonly isSalvaged: boolean;
  /** Where its successor says that it ends. */
  readonly limit: number | undefined;
  readonly entries: number;
  /** Greatest sequence number in it or before it. */
  readonly lastSequence: number;
  readonly cleanEnd: CleanEnd | undefined;
  /** Bytes behind the last record of a log that ends in a tear. */
  readonly tornBytes: number;
}

export interface LogPlace {
  readonly env: Env;
  readonly path: string;
  readonly number: number;
}

/** What stands at the beginning of a log. */
export interface FoundHeader {
  /** Undefined: no valid header of its own number. */
  readonly header: LogHeader | undefined;
  /** Without a header: something in it promises that it held more. */
  readonly held: boolean;
  readonly problem: string;
  readonly bytes: number;
}

export function readLogHeader(place: LogPlace): FoundHeader {
  return withLog(place, { salvage: false, limit: undefined }, (reader, bytes) => {
    const { header, headerProblem = "no valid file header" } = reader;
    if (header) return { header, held: true, problem: "", bytes };
    return { header, held: reader.headerlessPromise() !== undefined, problem: headerProblem, bytes };
  });
}

/** A log whose header is damaged: nothing of it can be read, for the tag of its chunks is unknown. */
export function surveyHeaderless(place: LogPlace, problem: string): LogSurvey {
  const bytes = withLog(place, { salvage: false, limit: undefined }, (_, size) => size);
  const gap = { offset: 0, length: bytes, problem, sequences: undefined };
  return {
    number: place.number,
    bytes,
    header: undefined,
    gaps: [gap],
    isSalvaged: true,
    limit: undefined,
    entries: 0,
    lastSequence: 0,
    cleanEnd: undefined,
    tornBytes: 0,
  };
}

/** Reads all of a log. `successor` is the header of the next one, if there is one. Throws FORMAT_UNSUPPORTED, IO_ERROR. */
export function surveyLog(
  place: LogPlace,
  successor: LogHeader | undefined,
  manifest: ManifestSurvey | undefined,
): LogSurvey {
  const named = successor?.predecessor;
  const limit = named?.number === place.number ? named.size : undefined;
  const isDamaged = withLog(place, { salvage: false, limit }, (reader) => {
    while (reader.next()) continue;
    return !endsWell(reader, limit !== undefined, successor === undefined ? manifest : undefined);
  });
  return withLog(place, { salvage: isDamaged, limit }, (reader, bytes) => {
    const records = new Records(reader.header?.lastSequence ?? 0);
    for (let record = reader.next(); record; record = reader.next()) {
      const { payload, offset, end } = record;
      records.read(payload, logName(place.number), { offset, length: end - offset });
    }
    const { end } = reader;
    const cleanEnd = cleanEndOf(end) ?? (successor ? undefined : manifest?.cleanEnd);
    const upTo = successor?.lastSequence ?? cleanEnd?.lastSequence;
    const gaps = isDamaged
      ? reader.gaps.map(({ offset, length, reason }) => ({ offset, length, problem: reason }))
      : [];
    // A log that just breaks off leaves nothing out, and yet what was promised behind that place is missing.
    if (isDamaged && end.kind === "bad" && end.offset >= Math.min(bytes, limit ?? bytes))
      gaps.push({ offset: end.offset, length: 0, problem: end.problem });
    return {
      number: place.number,
      bytes,
      header: reader.header,
      gaps: withSequences([...gaps, ...records.gaps], records, upTo),
      isSalvaged: isDamaged,
      limit,
      entries: records.entries,
      lastSequence: Math.max(records.last, end.kind === "clean" ? end.cleanEnd.lastSequence : 0),
      cleanEnd: cleanEndOf(end),
      tornBytes: end.kind === "bad" && !isDamaged ? Math.max(0, bytes - end.size) : 0,
    };
  });
}

/** The payloads of a log that can be read, as its survey found them. */
export function replayLog(
  place: LogPlace,
  { isSalvaged, limit }: LogSurvey,
  apply: (payload: Uint8Array, file: string, offset: number) => void,
): void {
  const name = logName(place.number);
  withLog(place, { salvage: isSalvaged, limit }, (reader) => {
    if (!reader.header) return;
    for (let record = reader.next(); record; record = reader.next()) {
      if (problemOf(record.payload, name, record.offset) === undefined) apply(record.payload, name, record.offset);
    }
  });
}

// Without a promise beyond its end a log that no successor names is torn, not damaged. A manifest that was closed promises
// the newest log's end.
function endsWell(reader: LogReader, isLimited: boolean, manifest: ManifestSurvey | undefined): boolean {
  const { end, header } = reader;
  if (end.kind !== "bad") return true;
  if (isLimited || !header) return false;
  return manifest?.cleanEnd === undefined && reader.promiseBeyond(end.offset) === undefined;
}

function cleanEndOf(end: LogEnd): CleanEnd | undefined {
  return end.kind === "clean" ? end.cleanEnd : undefined;
}

class Records {
  readonly gaps: LostBytes[] = [];
  /** Where each record began, and the numbers before and in it. */
  readonly marks: { offset: number; first: number; last: number }[] = [];
  entries = 0;
  readonly before: number;

  constructor(before: number) {
    this.before = before;
  }

  get last(): number {
    return this.marks.at(-1)?.last ?? this.before;
  }

  read(payload: Uint8Array, name: string, place: { readonly offset: number; readonly length: number }): void {
    const problem = problemOf(payload, name, place.offset);
    if (problem !== undefined) {
      this.gaps.push({ ...place, problem });
      return;
    }
    const { firstSequence, count } = decodeBatchHeader(payload, name, place.offset);
    this.marks.push({ offset: place.offset, first: firstSequence, last: firstSequence + count - 1 });
    this.entries += count;
  }
}

/** What is wrong with a record whose chunks are good; undefined: nothing. */
function problemOf(payload: Uint8Array, name: string, offset: number): string | undefined {
  try {
    visitBatch(payload, name, offset, () => undefined);
    return undefined;
  } catch (error) {
    if (error instanceof CorruptionError) return error.problem;
    throw error;
  }
}

// Both lists ascend: one walk along them.
function withSequences(
  gaps: readonly LostBytes[],
  { marks, before }: Records,
  upTo: number | undefined,
): LogGapSurvey[] {
  const sorted = [...gaps].sort((a, b) => a.offset - b.offset);
  let at = 0;
  return sorted.map((gap) => {
    while (at < marks.length && marks[at]!.offset < gap.offset) at++;
    const previous = marks[at - 1]?.last ?? before;
    const next = marks[at];
    const greatest = next ? next.first - 1 : (upTo ?? SEQUENCE_MAX);
    return { ...gap, sequences: greatest > previous ? { least: previous + 1, greatest } : "none" };
  });
}

function withLog<T>(
  { env, path, number }: LogPlace,
  how: { readonly salvage: boolean; readonly limit: number | undefined },
  look: (reader: LogReader, bytes: number) => T,
): T {
  const name = logName(number);
  const file = env.open(joinPath(path, name), "r");
  try {
    const { salvage, limit } = how;
    const reader = LogReader.open({ file, name, number, kind: "wal", salvage, ...(limit !== undefined && { limit }) });
    return look(reader, file.size());
  } finally {
    file.close();
  }
}

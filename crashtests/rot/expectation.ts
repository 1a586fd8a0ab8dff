// What C22 allows behind a damage, worked out from the undamaged files alone: which records a later promise covers that the
// damage left intact, and which writes are then to be there.
//
//   witnessed    tables, CURRENT, the manifest; every log but the newest of a store that was not closed; of that one,
//                what an intact chunk behind the first damaged record says to have been durable
//   its tail     the rest of it: recovered is what was written before the first damaged record, and nothing else

import { chunksOf, recordsOf, type ChunkPlace, type LogRecordPlace } from "./log-places.ts";
import type { Damage, DamageKind } from "./damage.ts";
import type { Subject, SubjectWrite } from "./subject.ts";

/** Damage of these kinds to the newest log of a store not closed may be found out, and need not be. */
const UNDETECTABLE: ReadonlySet<DamageKind> = new Set(["deleted", "cut", "earlier", "foreign", "other"]);
/** Without a header nobody knows the tag that binds a chunk to its place: one that was moved promises what it promised. */
const MOVING: ReadonlySet<DamageKind> = new Set(["swap", "copy"]);

export interface Expectation {
  /** The damage lies in the tail of the newest log: as many writes survive. Undefined: it is witnessed. */
  readonly survivors: number | undefined;
  /**
   * From this write on nothing of the newest log is intact, nor witnessed: a salvage, which goes on behind damage, takes what
   * is from here on for a tear.
   */
  readonly tornFrom: number | undefined;
  /** CorruptionError is right. */
  readonly mayRefuse: boolean;
  /** The damaged log still has its header: what is intact in it can be found. */
  readonly hasHeader: boolean;
  /** Whether no byte of a write's record is changed, the zeros before it aside. */
  readonly isIntact: (write: SubjectWrite) => boolean;
  /** Its record is in the damaged log and cannot be read. */
  readonly isDamaged: (write: SubjectWrite) => boolean;
}

export function expectationOf(subject: Subject, { file, kind }: Damage, damaged: Buffer | undefined): Expectation {
  const bytes = subject.files.get(file)!;
  const isSame = (start: number, end: number): boolean =>
    damaged !== undefined && sameRange(bytes, damaged, start, end);
  const chunks = file.endsWith(".log") ? chunksOf(file, bytes) : [];
  const header = chunks[0];
  const hasHeader = header === undefined || isSame(header.offset, header.end);
  const isIntact = ({ place }: SubjectWrite): boolean =>
    place?.file !== file || chunksWithin(chunks, place).every(({ offset, end }) => isSame(offset, end));
  const isDamaged = (write: SubjectWrite): boolean => write.place?.file === file && !(hasHeader && isIntact(write));
  const witnessed: Expectation = {
    survivors: undefined,
    tornFrom: undefined,
    mayRefuse: true,
    hasHeader,
    isIntact,
    isDamaged,
  };
  if (subject.isClosed || header === undefined || file !== subject.logs.at(-1)) return witnessed;

  const records = recordsOf(file, bytes);
  const firstBad = hasHeader ? records.findIndex(({ start, end }) => !isSame(start, end)) : 0;
  // What sticks out behind the last record is an earlier life of the file: no answer depends on it.
  if (firstBad < 0) return witnessed;
  const reach = hasHeader ? records[firstBad]!.start : header.end;
  const promised = chunks.some(({ offset, end, synced }) => synced > reach && isSame(offset, end));
  const before = subject.writes.length - records.length;
  const tornFrom = hasHeader ? Math.max(before, subject.writes.findLastIndex(isIntact) + 1) : before;
  if (promised) return hasHeader ? { ...witnessed, tornFrom } : witnessed;
  const mayRefuse = UNDETECTABLE.has(kind) || (!hasHeader && MOVING.has(kind));
  return { survivors: before + firstBad, tornFrom, mayRefuse, hasHeader, isIntact, isDamaged };
}

function chunksWithin(chunks: readonly ChunkPlace[], { start, end }: LogRecordPlace): ChunkPlace[] {
  return chunks.filter((chunk) => chunk.start >= start && chunk.end <= end);
}

function sameRange(a: Buffer, b: Buffer, start: number, end: number): boolean {
  return end <= b.length && a.compare(b, start, end, start, end) === 0;
}

// What skipCorrupted must have left out: exactly the writes in the gaps that db.recovery lists, and what a tear leaves out.

import type { SkippedBytes } from "tinykv";
import type { Expectation } from "./expectation.ts";
import type { Subject, SubjectWrite } from "./subject.ts";

export interface LeftOut {
  /** Indexes of writes. */
  readonly writes: ReadonlySet<number>;
  /** Those of them that no gap names: the newest log ends before them, and nothing says that it should not. */
  readonly torn: ReadonlySet<number>;
  /** What is wrong with the list: a write that could have been kept is in it, or one that could not is missing. */
  readonly problem: string | undefined;
}

export function leftOut(
  subject: Subject,
  files: ReadonlyMap<string, Buffer>,
  expectation: Expectation,
  skipped: readonly SkippedBytes[],
): LeftOut {
  const { writes, logs } = subject;
  const { tornFrom } = expectation;
  const inGaps = new Set<number>();
  writes.forEach((write, index) => {
    if (skipped.some((gap) => isIn(write, gap, files, logs))) inGaps.add(index);
  });
  const torn = new Set<number>();
  for (let index = tornFrom ?? writes.length; index < writes.length; index++) if (!inGaps.has(index)) torn.add(index);
  return { writes: new Set([...inGaps, ...torn]), torn, problem: problemOf(writes, expectation, inGaps, torn) };
}

function problemOf(
  writes: readonly SubjectWrite[],
  { hasHeader, isDamaged, isIntact }: Expectation,
  inGaps: ReadonlySet<number>,
  torn: ReadonlySet<number>,
): string | undefined {
  const needless = hasHeader ? [...inGaps].find((index) => isIntact(writes[index]!)) : undefined;
  if (needless !== undefined) return `left out write ${needless}, which is intact`;
  const unlisted = writes.findIndex((write, index) => isDamaged(write) && !inGaps.has(index) && !torn.has(index));
  return unlisted < 0 ? undefined : `does not list write ${unlisted}, whose record is damaged`;
}

// A gap that reaches the end of its file takes in what the file should hold behind it, and where that was the last log
// there is, those that should follow it.
function isIn(
  { place }: SubjectWrite,
  { file, offset, length }: SkippedBytes,
  files: ReadonlyMap<string, Buffer>,
  logs: readonly string[],
): boolean {
  if (!place) return false;
  const toTheEnd = offset + length >= (files.get(file)?.length ?? 0);
  if (place.file !== file) return toTheEnd && place.file > file && !logs.some((log) => log > file && files.has(log));
  return place.end > offset && (toTheEnd || place.offset < offset + length);
}

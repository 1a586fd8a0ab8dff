// Whom a CorruptionError may name. The damaged file; and where the damage made a file say something else that is sound by
// itself, the file that gives the lie to it.

import type { Expectation } from "./expectation.ts";
import type { Trial } from "./trial.ts";

interface Place {
  readonly file: string;
  readonly offset: number;
}

/** Why `found` names the wrong place; undefined if it does not. */
export function wrongBlame(
  trial: Trial,
  files: ReadonlyMap<string, Buffer>,
  expectation: Expectation,
  { file, offset }: Place,
): string | undefined {
  const { subject, damage } = trial;
  const size = Math.max(files.get(file)?.length ?? 0, subject.files.get(file)?.length ?? 0);
  if (!Number.isSafeInteger(offset) || offset < 0 || offset > size) return `blames ${file} at ${offset} of ${size}`;
  if (file !== damage.file)
    return mayBlame(trial, files, expectation, file) ? undefined : `blames ${file} at ${offset}`;
  const last = lastDifference(subject.files.get(file)!, files.get(file));
  return offset <= last ? undefined : `blames ${file} at ${offset}, but nothing is damaged behind ${last}`;
}

/** A table's footer has one checksum, and errors name the field that does not fit. */
const FOOTER_BYTES = 72;

// What is bad begins no later than with the last byte that is not what it was, or with the footer that has it.
function lastDifference(before: Buffer, now: Buffer | undefined): number {
  if (now?.length !== before.length) return Math.max(before.length, now?.length ?? 0);
  let at = before.length - 1;
  while (at > 0 && before[at] === now[at]) at--;
  return at >= before.length - FOOTER_BYTES ? before.length : at;
}

function mayBlame(
  { subject, damage, mode }: Trial,
  files: ReadonlyMap<string, Buffer>,
  { hasHeader }: Expectation,
  file: string,
): boolean {
  const isNaming = damage.file === "CURRENT" || damage.file.startsWith("MANIFEST-");
  // An older CURRENT, or a manifest that has lost its end, names files that are gone.
  if (isNaming && !files.has(file)) return true;
  // Another store's manifest is sound: its tables and logs are not.
  if (damage.file.startsWith("MANIFEST-") && damage.kind === "foreign") return true;
  const [older, newest] = subject.logs.slice(-2);
  // Without the newest log's header the one before it is the newest, and does not end as it should.
  if (damage.file === newest && !hasHeader && file === older) return true;
  // A store that was not closed is refused for just that: its newest log has no CLEAN END, and its manifest has none.
  return mode === "absolute" && !subject.isClosed && (file === newest || file.startsWith("MANIFEST-"));
}

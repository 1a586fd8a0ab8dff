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
  if (file === damage.file || mayBlame(trial, files, expectation, file)) return undefined;
  return `blames ${file} at ${offset}`;
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

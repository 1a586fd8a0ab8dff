// What a crash child tells its parent, on file descriptor 3: records of nine bytes, each one write. A pipe keeps what was
// written before a SIGKILL, and nothing else writes there.
//
//   offset size field
//     0     1   kind
//     1     8   number, a double: an operation's id, or a count

import { writeSync } from "node:fs";

export const RECORD_BYTES = 9;
export const RECORDS_FD = 3;
/** The child could not write a record: the harness broke, the engine did not. */
export const EXIT_HARNESS = 70;

export const RecordKind = {
  openBegin: 1,
  openEnd: 2,
  intent: 3,
  acknowledged: 4,
  /** Something happened in the engine; the number says what (RecordEvent). */
  event: 5,
  /** The process ends itself at a call of Env; the number says where (DEATH_MOMENTS). */
  dying: 7,
  /** All operations are done; the child waits to be killed. */
  done: 6,
} as const;
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind];

/** The events that tell what a death fell into, in the order of their numbers. */
export const RECORD_EVENTS = [
  "flushBegin",
  "compactionBegin",
  "logCreated",
  "manifestCreated",
  "flushEnd",
  "compactionEnd",
] as const;
export type RecordEvent = (typeof RECORD_EVENTS)[number];

/** Where in a call a process may end itself, in the order of their numbers. */
export const DEATH_MOMENTS = ["before", "middle", "after"] as const;
export type DeathMoment = (typeof DEATH_MOMENTS)[number];

export interface Record {
  readonly kind: RecordKind;
  readonly number: number;
}

/** Writes one record; ends the process with EXIT_HARNESS when that fails or is short. */
export function writeRecord(kind: RecordKind, number: number): void {
  const bytes = Buffer.allocUnsafe(RECORD_BYTES);
  bytes[0] = kind;
  bytes.writeDoubleLE(number, 1);
  let written = -1;
  try {
    written = writeSync(RECORDS_FD, bytes);
  } finally {
    if (written !== RECORD_BYTES) process.exit(EXIT_HARNESS);
  }
}

/** The whole records in `bytes`; a partial last one never happens, since one write below PIPE_BUF is atomic. */
export function decodeRecords(bytes: Buffer): Record[] {
  const records: Record[] = [];
  for (let at = 0; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
    records.push({ kind: bytes[at] as RecordKind, number: bytes.readDoubleLE(at + 1) });
  }
  return records;
}

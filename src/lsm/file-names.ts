// The names of a store's files.
//
//   CURRENT            which manifest is live: "MANIFEST-000012 <crc32 of the name, 8 hex digits>\n"
//   CURRENT.tmp        the next CURRENT before its rename
//   LOCK               held by the process that writes
//   MANIFEST-000005    the log of version edits
//   000006.log         a write-ahead log
//   000007.sst         a sorted table
//   lost/              what a salvaging recovery or a repair left out: lost/000006.log-1234 is what stood at offset 1234
//
// Numbers have at least six digits, are sorted as numbers, and are never issued twice. Other names are foreign: left alone.

import { crc32 } from "../common/crc32.ts";
import { CorruptionError } from "../common/errors.ts";

export const CURRENT = "CURRENT";
export const CURRENT_TMP = "CURRENT.tmp";
export const LOCK = "LOCK";
export const LOST = "lost";

const DIGITS_LEAST = 6;

/**
 * The greatest number that a file may have: no store comes near it, issuing one every microsecond for a century, and
 * there is always another above it. A greater one, in a directory or a manifest, is no work of the engine's.
 */
export const FILE_NUMBER_MAX: number = 2 ** 52;

export function tableName(number: number): string {
  return `${digits(number)}.sst`;
}

export function logName(number: number): string {
  return `${digits(number)}.log`;
}

export function manifestName(number: number): string {
  return `MANIFEST-${digits(number)}`;
}

/** What the bytes of `file` at `offset` are called in lost/. */
export function lostName(file: string, offset: number): string {
  return `${file}-${offset}`;
}

export type FileName =
  | { readonly kind: "table" | "log" | "manifest"; readonly number: number }
  | { readonly kind: "current" | "current-tmp" | "lock" | "lost" | "foreign" };

/** What a name in the store directory stands for. Only names that this module would make count, "7.log" does not. */
export function parseFileName(name: string): FileName {
  switch (name) {
    case CURRENT:
      return { kind: "current" };
    case CURRENT_TMP:
      return { kind: "current-tmp" };
    case LOCK:
      return { kind: "lock" };
    case LOST:
      return { kind: "lost" };
    default:
      return parseNumbered(name);
  }
}

/** The file number in a name of lost/; undefined for a foreign name. */
export function lostNumber(name: string): number | undefined {
  const parsed = parseFileName(name.slice(0, Math.max(0, name.lastIndexOf("-"))));
  return "number" in parsed ? parsed.number : undefined;
}

/** The content of CURRENT for a manifest. */
export function encodeCurrent(manifest: number): Buffer {
  const name = manifestName(manifest);
  const checksum = crc32(Buffer.from(name)).toString(16).padStart(8, "0");
  return Buffer.from(`${name} ${checksum}\n`);
}

/** The number of the live manifest; CorruptionError if CURRENT is not exactly what encodeCurrent writes. */
export function decodeCurrent(bytes: Uint8Array): number {
  if (bytes.length === 0) throw new CorruptionError(CURRENT, 0, "empty");
  const text = Buffer.from(bytes).toString("latin1");
  const parsed = parseFileName(text.slice(0, Math.max(0, text.indexOf(" "))));
  if (parsed.kind !== "manifest") throw new CorruptionError(CURRENT, 0, "names no manifest");
  const expected = encodeCurrent(parsed.number).toString("latin1");
  if (text !== expected) throw new CorruptionError(CURRENT, expected.indexOf(" ") + 1, "checksum mismatch");
  return parsed.number;
}

function digits(number: number): string {
  return String(number).padStart(DIGITS_LEAST, "0");
}

const NUMBERED = /^(?:(MANIFEST)-(\d{6,16})|(\d{6,16})\.(log|sst))$/;

function parseNumbered(name: string): FileName {
  const match = NUMBERED.exec(name);
  const number = Number(match?.[2] ?? match?.[3]);
  if (!match || number === 0 || !Number.isSafeInteger(number)) return { kind: "foreign" };
  const kind = match[1] ? "manifest" : match[4] === "log" ? "log" : "table";
  const canonical = kind === "manifest" ? manifestName(number) : kind === "log" ? logName(number) : tableName(number);
  return canonical === name ? { kind, number } : { kind: "foreign" };
}

// What stands in a store's directory, by name, and what CURRENT says.

import { crc32 } from "node:zlib";
import { FormatProblem } from "./byte-source.ts";

export type StoreFileKind = "current" | "temporary" | "lock" | "manifest" | "log" | "table";

/** `number` is 0 for the kinds that have none. */
export interface StoreFileName {
  readonly kind: StoreFileKind;
  readonly number: number;
}

/** A name in lost/: the bytes that stood at `offset` of a file. */
export interface LostName extends StoreFileName {
  readonly offset: number;
}

/** What a name directly in the store's directory means; undefined: foreign. */
export function storeFileName(name: string): StoreFileName | undefined {
  if (name === "CURRENT") return { kind: "current", number: 0 };
  if (name === "CURRENT.tmp") return { kind: "temporary", number: 0 };
  if (name === "LOCK") return { kind: "lock", number: 0 };
  const match = /^(?:MANIFEST-(\d{6,})|(\d{6,})\.(log|sst))$/.exec(name);
  if (!match) return undefined;
  const number = fileNumber(match[1] ?? match[2]!);
  if (number === undefined) return undefined;
  return { kind: match[1] !== undefined ? "manifest" : match[3] === "log" ? "log" : "table", number };
}

export function lostName(name: string): LostName | undefined {
  const match = /^(.+)-(0|[1-9]\d*)$/.exec(name);
  const file = match ? storeFileName(match[1]!) : undefined;
  return file && { ...file, offset: Number(match![2]) };
}

export function manifestName(number: number): string {
  return `MANIFEST-${padded(number)}`;
}

export function logName(number: number): string {
  return `${padded(number)}.log`;
}

export function tableName(number: number): string {
  return `${padded(number)}.sst`;
}

export function encodeCurrent(manifest: number): Buffer {
  const name = manifestName(manifest);
  return Buffer.from(`${name} ${crc32(name).toString(16).padStart(8, "0")}\n`, "latin1");
}

/** The number of the manifest that CURRENT names. Throws FormatProblem. */
export function decodeCurrent(bytes: Uint8Array): number {
  // The longest: a name of 25 characters, a space, the checksum, a newline.
  if (bytes.length > 35) throw new FormatProblem(35, "CURRENT is too long");
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  const match = /^(MANIFEST-\d{6,}) [0-9a-f]{8}\n$/.exec(text);
  const name = match ? storeFileName(match[1]!) : undefined;
  if (name === undefined) throw new FormatProblem(0, "CURRENT does not name a manifest");
  if (!encodeCurrent(name.number).equals(bytes)) throw new FormatProblem(match![1]!.length + 1, "CURRENT's checksum");
  return name.number;
}

function padded(number: number): string {
  return String(number).padStart(6, "0");
}

function fileNumber(digits: string): number | undefined {
  if (digits.length > 6 && digits.startsWith("0")) return undefined;
  const number = Number(digits);
  return number >= 1 && number <= Number.MAX_SAFE_INTEGER ? number : undefined;
}

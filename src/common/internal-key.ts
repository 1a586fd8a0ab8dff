// The internal key: user key, sequence number, kind. Its order: user key by the comparator, then sequence number
// descending, then kind descending, so that the newest version of a key comes first.
//
// It is passed in parts and never concatenated on a hot path. Where one stands as a field of its own it is
//
//   varint length | user key | varint sequence | u8 kind

import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { copyBytes } from "./bytes.ts";
import type { KeyOrder } from "./comparator.ts";

export const Kind = { delete: 0, put: 1, deleteRange: 15 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** The largest sequence number; the process that reaches it stops with an error instead of wrapping around. */
export const SEQUENCE_MAX: number = Number.MAX_SAFE_INTEGER;

/** The largest kind: (key, sequence, KIND_MAX) comes before every other entry of that key and sequence number. */
export const KIND_MAX: number = Kind.deleteRange;

export interface InternalKey {
  readonly key: Uint8Array;
  readonly sequence: number;
  readonly kind: Kind;
}

export function isKind(value: number): value is Kind {
  return value === Kind.put || value === Kind.delete || value === Kind.deleteRange;
}

/** Negative when (aSequence, aKind) is newer than (bSequence, bKind), that is, comes first; for equal user keys. */
export function compareVersions(aSequence: number, aKind: number, bSequence: number, bKind: number): number {
  return aSequence !== bSequence ? bSequence - aSequence : bKind - aKind;
}

export function compareInternalKeys(order: KeyOrder, a: InternalKey, b: InternalKey): number {
  return order.compare(a.key, b.key) || compareVersions(a.sequence, a.kind, b.sequence, b.kind);
}

/** Writes an internal key as a field. */
export function putInternalKey(writer: ByteWriter, { key, sequence, kind }: InternalKey): void {
  writer.lengthPrefixed(key).varint(sequence).u8(kind);
}

/** Reads what putInternalKey wrote; the user key is a copy. Throws CorruptionError. */
export function takeInternalKey(reader: ByteReader): InternalKey {
  const key = copyBytes(reader.lengthPrefixed());
  const sequence = reader.varint();
  const at = reader.position;
  const kind = reader.u8();
  if (!isKind(kind)) throw reader.corruption(`kind ${kind}`, at);
  return { key, sequence, kind };
}

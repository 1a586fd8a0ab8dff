// Version edits, the records of a manifest: fields and nothing else.

import { keyOf, type Key } from "../keys.ts";
import { ByteSource, comparatorName, databaseIdOf, FormatProblem } from "./byte-source.ts";

/** An entry's place in the order: user key ascending, sequence number descending, kind descending. */
export interface InternalKey {
  readonly key: Key;
  readonly sequence: number;
  readonly kind: number;
}

/** A table as an edit adds it. */
export interface TableEntry {
  readonly level: number;
  readonly number: number;
  readonly size: number;
  readonly tag: number;
  readonly epoch: number;
  readonly smallest: InternalKey;
  readonly largest: InternalKey;
  readonly leastSequence: number;
  readonly greatestSequence: number;
  readonly entries: number;
  readonly deletes: number;
}

/** In the words of docs/formats.md. */
export type EditField =
  | { readonly field: "comparator"; readonly name: string }
  | { readonly field: "databaseId"; readonly id: string }
  | { readonly field: "logNumber"; readonly value: number }
  | { readonly field: "nextFileNumber"; readonly value: number }
  | { readonly field: "lastSequence"; readonly value: number }
  | { readonly field: "newTable"; readonly table: TableEntry }
  | { readonly field: "removedTable"; readonly level: number; readonly number: number }
  | { readonly field: "cursor"; readonly level: number; readonly key: Key }
  /** Of a later version, to be passed over. */
  | { readonly field: "unknown"; readonly tag: number; readonly bytes: Uint8Array };

export const LEVEL_MAX = 11;
export const KIND_DELETE = 0;
export const KIND_PUT = 1;
export const KIND_DELETE_RANGE = 15;

/** The fields of a record, in their order. Throws FormatProblem; offsets are of `payload`. */
export function decodeEdit(payload: Uint8Array): EditField[] {
  const { fields, problem } = readFields(payload);
  if (problem) throw problem;
  return fields;
}

/** As far as the fields can be read: those before `stoppedAt`, where `problem` is, if there is one. */
export interface ReadFields {
  readonly fields: EditField[];
  readonly stoppedAt: number;
  readonly problem: FormatProblem | undefined;
}

export function readFields(payload: Uint8Array): ReadFields {
  const source = new ByteSource(payload);
  const fields: EditField[] = [];
  const once = new Set<string>();
  let stoppedAt = 0;
  try {
    while (source.left > 0) {
      const field = readField(source);
      const single = singleName(field);
      if (single !== undefined && once.has(single)) throw new FormatProblem(stoppedAt, `${single} twice in a record`);
      if (single !== undefined) once.add(single);
      fields.push(field);
      stoppedAt = source.offset;
    }
  } catch (error) {
    if (error instanceof FormatProblem) return { fields, stoppedAt, problem: error };
    throw error;
  }
  return { fields, stoppedAt, problem: undefined };
}

// What may stand only once a record, by name.
function singleName(field: EditField): string | undefined {
  switch (field.field) {
    case "newTable":
    case "removedTable":
    case "unknown":
      return undefined;
    case "cursor":
      return `cursor of level ${field.level}`;
    default:
      return field.field;
  }
}

function readField(source: ByteSource): EditField {
  const start = source.offset;
  const tag = source.varint();
  const bytes = source.lp();
  const field = decodeField(tag, new ByteSource(source.bytes, source.offset - bytes.length, source.offset));
  if (field) return field;
  if (tag % 2 === 0) throw new FormatProblem(start, `unknown field ${tag}`, true);
  return { field: "unknown", tag, bytes };
}

function decodeField(tag: number, source: ByteSource): EditField | undefined {
  const whole = <F extends EditField>(field: F): F => {
    source.demandEnd();
    return field;
  };
  const start = source.offset;
  switch (tag) {
    case 2:
      return { field: "comparator", name: comparatorName(source.rest(), start) };
    case 4:
      return { field: "databaseId", id: databaseIdOf(source.rest(), start) };
    case 6:
      return whole({ field: "logNumber", value: source.varint() });
    case 8:
      return whole({ field: "nextFileNumber", value: source.varint() });
    case 10:
      return whole({ field: "lastSequence", value: source.varint() });
    case 12:
      return whole({ field: "newTable", table: readTable(source) });
    case 14:
      return whole({ field: "removedTable", level: readLevel(source), number: source.varint() });
    case 17:
      return { field: "cursor", level: readLevel(source), key: keyOf(source.rest()) };
    default:
      return undefined;
  }
}

function readTable(source: ByteSource): TableEntry {
  const level = readLevel(source);
  const number = source.varint();
  const size = source.varint();
  const tagAt = source.offset;
  const tag = source.varint();
  if (tag > 0xffff_ffff) throw new FormatProblem(tagAt, "a tag that is no u32");
  return {
    level,
    number,
    size,
    tag,
    epoch: source.varint(),
    smallest: readInternalKey(source),
    largest: readInternalKey(source),
    leastSequence: source.varint(),
    greatestSequence: source.varint(),
    entries: source.varint(),
    deletes: source.varint(),
  };
}

function readLevel(source: ByteSource): number {
  const start = source.offset;
  const level = source.varint();
  if (level > LEVEL_MAX) throw new FormatProblem(start, `level ${level}`);
  return level;
}

/** `lp(user key) | varint sequence | u8 kind`. */
export function readInternalKey(source: ByteSource): InternalKey {
  const key = keyOf(source.lp());
  const sequence = source.varint();
  const kindAt = source.offset;
  const kind = source.u8();
  if (kind !== 0 && kind !== 1 && kind !== KIND_DELETE_RANGE) throw new FormatProblem(kindAt, `kind ${kind}`);
  return { key, sequence, kind };
}

/** Under the bytewise comparator; negative, 0 or positive. */
export function compareInternalKeys(a: InternalKey, b: InternalKey): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  return b.sequence - a.sequence || b.kind - a.kind;
}

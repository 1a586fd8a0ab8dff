// One record of the manifest: a step from a version to the next, or, as the first record, a complete snapshot.
//
// The payload is a sequence of fields, nothing before, between or after them:
//
//   varint tag | varint length | `length` bytes
//
//   tag  name                times   bytes
//     2  comparator          0..1    1 to 255 bytes, UTF-8
//     4  database id         0..1    16 bytes
//     6  log number          0..1    varint; logs below this number are not needed
//     8  next file number    0..1    varint; greater than every file number in use
//    10  last sequence       0..1    varint; no less than any sequence number in a table
//    12  new table           0..n    varint level | varint number | varint size | varint tag, a u32 | varint epoch |
//                                    key smallest | key largest | varint least sequence | varint greatest sequence |
//                                    varint entries | varint deletes
//    14  removed table       0..n    varint level | varint number
//    17  compaction cursor   0..n    varint level | user key to the end; at most one a level
//
//   key: varint length | user key | varint sequence | u8 kind
//
// A varint is LEB128 of at most 8 bytes, at most 2^53-1. A level is 0 to 11. Bytes left over in a field are corruption.
// Bit 0 of a tag says that a reader who does not know it may pass over the field; any other unknown tag means that a
// newer version wrote the record. A compaction cursor is such a field: without it the next compaction merely starts
// elsewhere. Fields may come in any order; what an edit removes goes before what it adds comes, so a table may change
// its level in one edit. The writer puts fields in the order of the table above.

import { ByteReader } from "../common/byte-reader.ts";
import { ByteWriter } from "../common/byte-writer.ts";
import { copyBytes } from "../common/bytes.ts";
import { DATABASE_ID_BYTES } from "../common/database-id.ts";
import { TinyKVError } from "../common/errors.ts";
import { putInternalKey, takeInternalKey } from "../common/internal-key.ts";
import { COMPARATOR_NAME_BYTES_MAX } from "../common/limits.ts";
import type { TableMeta } from "./table-meta.ts";

const Tag = {
  comparator: 2,
  databaseId: 4,
  logNumber: 6,
  nextFileNumber: 8,
  lastSequence: 10,
  newTable: 12,
  removedTable: 14,
  compactionCursor: 17,
} as const;

/** Set in the tags of fields that an older reader may pass over. */
const IGNORABLE = 1;

/** No store has more than 12 levels (options.ts), whatever numLevels it is opened with. */
const LEVEL_MAX = 11;

const U32_MAX = 0xffff_ffff;

export interface VersionEdit {
  readonly comparatorName?: string;
  /** 16 bytes. */
  readonly databaseId?: Uint8Array;
  readonly logNumber?: number;
  readonly nextFileNumber?: number;
  readonly lastSequence?: number;
  readonly added?: readonly { readonly level: number; readonly table: TableMeta }[];
  readonly removed?: readonly { readonly level: number; readonly number: number }[];
  /** The user key up to which each level was compacted last. */
  readonly compactionCursors?: readonly { readonly level: number; readonly key: Uint8Array }[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** An edit being read: its lists grow. */
type OpenEdit = Omit<Mutable<VersionEdit>, "added" | "removed" | "compactionCursors"> & {
  added?: { level: number; table: TableMeta }[];
  removed?: { level: number; number: number }[];
  compactionCursors?: { level: number; key: Uint8Array }[];
};

/** The payload of a manifest record. A field is written whenever it is given, 0 and empty included. */
export function encodeEdit(edit: VersionEdit): Uint8Array {
  const payload = new ByteWriter();
  const field = new ByteWriter();
  const put = (tag: number, fill: (writer: ByteWriter) => void): void => {
    field.clear();
    fill(field);
    payload.varint(tag).lengthPrefixed(field.finish());
  };
  const { comparatorName, databaseId, logNumber, nextFileNumber, lastSequence } = edit;
  if (comparatorName !== undefined) put(Tag.comparator, (writer) => writer.bytes(Buffer.from(comparatorName, "utf8")));
  if (databaseId !== undefined) put(Tag.databaseId, (writer) => writer.bytes(databaseId));
  if (logNumber !== undefined) put(Tag.logNumber, (writer) => writer.varint(logNumber));
  if (nextFileNumber !== undefined) put(Tag.nextFileNumber, (writer) => writer.varint(nextFileNumber));
  if (lastSequence !== undefined) put(Tag.lastSequence, (writer) => writer.varint(lastSequence));
  for (const { level, table } of edit.added ?? []) put(Tag.newTable, (writer) => putTable(writer, level, table));
  for (const { level, number } of edit.removed ?? []) {
    put(Tag.removedTable, (writer) => writer.varint(level).varint(number));
  }
  for (const { level, key } of edit.compactionCursors ?? []) {
    put(Tag.compactionCursor, (writer) => writer.varint(level).bytes(key));
  }
  return payload.finish();
}

/**
 * The edit that `payload` holds; nothing in it shares memory with `payload`, which starts at `base` in `file`.
 *
 * Throws CorruptionError for bytes that encodeEdit cannot have written, FORMAT_UNSUPPORTED for a field of a newer
 * version that may not be passed over. Whether the edit fits a version is for Version.apply to say.
 */
export function decodeEdit(payload: Uint8Array, file: string, base: number): VersionEdit {
  const reader = new ByteReader(payload, file, base);
  const edit: OpenEdit = {};
  while (reader.remaining > 0) {
    const start = reader.position;
    const tag = reader.varint();
    const bytes = reader.lengthPrefixed();
    const field = new ByteReader(bytes, file, base + reader.position - bytes.length);
    if (takeField(edit, tag, field)) {
      field.expectEnd();
    } else if (tag % 2 !== IGNORABLE) {
      const message = `${file} at ${base + start}: edit field ${tag} is of a newer version`;
      throw new TinyKVError("TINYKV_FORMAT_UNSUPPORTED", message);
    }
  }
  return edit;
}

/** False for an unknown tag. */
function takeField(edit: OpenEdit, tag: number, field: ByteReader): boolean {
  switch (tag) {
    case Tag.comparator:
      return once(edit, "comparatorName", field, takeComparatorName);
    case Tag.databaseId:
      return once(edit, "databaseId", field, takeDatabaseId);
    case Tag.logNumber:
      return once(edit, "logNumber", field, takeVarint);
    case Tag.nextFileNumber:
      return once(edit, "nextFileNumber", field, takeVarint);
    case Tag.lastSequence:
      return once(edit, "lastSequence", field, takeVarint);
    case Tag.newTable:
      (edit.added ??= []).push({ level: takeLevel(field), table: takeTable(field) });
      return true;
    case Tag.removedTable:
      (edit.removed ??= []).push({ level: takeLevel(field), number: field.varint() });
      return true;
    case Tag.compactionCursor:
      (edit.compactionCursors ??= []).push(takeCursor(field, edit.compactionCursors));
      return true;
    default:
      return false;
  }
}

function once<K extends "comparatorName" | "databaseId" | "logNumber" | "nextFileNumber" | "lastSequence">(
  edit: OpenEdit,
  name: K,
  field: ByteReader,
  take: (field: ByteReader) => NonNullable<OpenEdit[K]>,
): true {
  if (edit[name] !== undefined) throw field.corruption(`${name} stands twice in an edit`);
  edit[name] = take(field);
  return true;
}

const takeVarint = (field: ByteReader): number => field.varint();

function takeComparatorName(field: ByteReader): string {
  const bytes = field.bytes(field.remaining);
  if (bytes.length < 1 || bytes.length > COMPARATOR_NAME_BYTES_MAX) {
    throw field.corruption(`a comparator's name of ${bytes.length} bytes`, 0);
  }
  const name = Buffer.from(bytes).toString("utf8");
  if (!Buffer.from(name, "utf8").equals(bytes)) throw field.corruption("a comparator's name that is not UTF-8", 0);
  return name;
}

function takeDatabaseId(field: ByteReader): Uint8Array {
  if (field.remaining !== DATABASE_ID_BYTES) throw field.corruption(`a database id of ${field.remaining} bytes`);
  return copyBytes(field.bytes(DATABASE_ID_BYTES));
}

function takeLevel(field: ByteReader): number {
  const at = field.position;
  const level = field.varint();
  if (level > LEVEL_MAX) throw field.corruption(`level ${level}`, at);
  return level;
}

function takeCursor(field: ByteReader, before: VersionEdit["compactionCursors"]): { level: number; key: Uint8Array } {
  const level = takeLevel(field);
  if (before?.some((cursor) => cursor.level === level)) {
    throw field.corruption(`the compaction cursor of level ${level} stands twice in an edit`, 0);
  }
  return { level, key: copyBytes(field.bytes(field.remaining)) };
}

function putTable(writer: ByteWriter, level: number, table: TableMeta): void {
  writer.varint(level).varint(table.number).varint(table.size).varint(table.tag).varint(table.epoch);
  putInternalKey(writer, table.smallest);
  putInternalKey(writer, table.largest);
  writer.varint(table.leastSequence).varint(table.greatestSequence).varint(table.entries).varint(table.deletes);
}

function takeTable(field: ByteReader): TableMeta {
  return {
    number: field.varint(),
    size: field.varint(),
    tag: takeTag(field),
    epoch: field.varint(),
    smallest: takeInternalKey(field),
    largest: takeInternalKey(field),
    leastSequence: field.varint(),
    greatestSequence: field.varint(),
    entries: field.varint(),
    deletes: field.varint(),
  };
}

function takeTag(field: ByteReader): number {
  const at = field.position;
  const tag = field.varint();
  if (tag > U32_MAX) throw field.corruption(`a table's tag of ${tag}`, at);
  return tag;
}

// The properties block: what a table says about itself, as records of the shape that the manifest has too.
//
//   varint tag (2 × property number, + 1 if a reader that does not know it may pass over it) | varint length | bytes
//
// Each property stands once, in any order. Numbers are varints, keys `lp user key | varint sequence | u8 kind`, lists
// of tables `varint count | {varint number | varint tag}*`, lists of logs `varint count | {varint number}*`.

import { ByteReader } from "../common/byte-reader.ts";
import { ByteWriter } from "../common/byte-writer.ts";
import { copyBytes } from "../common/bytes.ts";
import { DATABASE_ID_BYTES } from "../common/database-id.ts";
import { putInternalKey, takeInternalKey } from "../common/internal-key.ts";
import { COMPARATOR_NAME_BYTES_MAX } from "../common/limits.ts";
import { formatUnsupported, type TableProperties, type TableProvenance, type TableReference } from "./table-format.ts";

const Property = {
  databaseId: 1,
  fileNumber: 2,
  tag: 3,
  epoch: 4,
  creationTime: 5,
  comparatorName: 6,
  entries: 7,
  deletes: 8,
  rangeDeletes: 9,
  rawKeyBytes: 10,
  rawValueBytes: 11,
  leastSequence: 12,
  greatestSequence: 13,
  smallest: 14,
  largest: 15,
  filterId: 16,
  dataBlocks: 17,
  inputs: 18,
  obsolete: 19,
  logNumber: 20,
  /** Only in tables that a repair wrote; a reader may pass over it. */
  repairedLogs: 21,
} as const;

const KNOWN: ReadonlySet<number> = new Set(Object.values(Property));

/** The properties that are plain numbers. */
const NUMBERS = [
  "fileNumber",
  "tag",
  "epoch",
  "creationTime",
  "entries",
  "deletes",
  "rangeDeletes",
  "rawKeyBytes",
  "rawValueBytes",
  "leastSequence",
  "greatestSequence",
  "filterId",
  "dataBlocks",
] as const;

export function encodeProperties(properties: TableProperties): Uint8Array {
  const block = new ByteWriter();
  const field = new ByteWriter();
  const put = (property: number, fill: (writer: ByteWriter) => unknown, ignorable = 0): void => {
    field.clear();
    fill(field);
    block.varint(property * 2 + ignorable).lengthPrefixed(field.finish());
  };
  put(Property.databaseId, (writer) => writer.bytes(properties.databaseId));
  put(Property.comparatorName, (writer) => writer.bytes(Buffer.from(properties.comparatorName)));
  for (const name of NUMBERS) put(Property[name], (writer) => writer.varint(properties[name]));
  put(Property.smallest, (writer) => putInternalKey(writer, properties.smallest));
  put(Property.largest, (writer) => putInternalKey(writer, properties.largest));
  put(Property.inputs, (writer) => putTables(writer, properties.provenance.inputs));
  put(Property.obsolete, (writer) => putTables(writer, properties.provenance.obsolete));
  put(Property.logNumber, (writer) => writer.varint(properties.provenance.logNumber));
  const { repairedLogs } = properties.provenance;
  if (repairedLogs) put(Property.repairedLogs, (writer) => putNumbers(writer, repairedLogs), 1);
  return block.finish();
}

/** `offset` is where the block starts. Keys and the database id are copies. */
export function decodeProperties(bytes: Uint8Array, offset: number, file: string): TableProperties {
  const fields = splitFields(bytes, offset, file);
  const whole = new ByteReader(bytes, file, offset);
  const get = <T>(property: number, read: (reader: ByteReader) => T): T => {
    const field = fields.get(property);
    if (field === undefined) throw whole.corruption(`property ${property} is missing`);
    const result = read(field);
    field.expectEnd();
    return result;
  };
  const number = (property: number): number => get(property, (reader) => reader.varint());
  return {
    databaseId: get(Property.databaseId, takeDatabaseId),
    comparatorName: get(Property.comparatorName, takeComparatorName),
    fileNumber: number(Property.fileNumber),
    tag: number(Property.tag),
    epoch: number(Property.epoch),
    creationTime: number(Property.creationTime),
    entries: number(Property.entries),
    deletes: number(Property.deletes),
    rangeDeletes: number(Property.rangeDeletes),
    rawKeyBytes: number(Property.rawKeyBytes),
    rawValueBytes: number(Property.rawValueBytes),
    leastSequence: number(Property.leastSequence),
    greatestSequence: number(Property.greatestSequence),
    smallest: get(Property.smallest, takeInternalKey),
    largest: get(Property.largest, takeInternalKey),
    filterId: number(Property.filterId),
    dataBlocks: number(Property.dataBlocks),
    provenance: lazyProvenance(
      get(Property.inputs, takeTables),
      get(Property.obsolete, takeTables),
      number(Property.logNumber),
      fields.has(Property.repairedLogs) ? get(Property.repairedLogs, takeNumbers) : undefined,
    ),
  };
}

function lazyProvenance(
  inputs: () => TableReference[],
  obsolete: () => TableReference[],
  logNumber: number,
  repairedLogs: readonly number[] | undefined,
): TableProvenance {
  return {
    ...(repairedLogs && { repairedLogs }),
    get inputs() {
      return inputs();
    },
    get obsolete() {
      return obsolete();
    },
    logNumber,
  };
}

function splitFields(bytes: Uint8Array, offset: number, file: string): Map<number, ByteReader> {
  const reader = new ByteReader(bytes, file, offset);
  const fields = new Map<number, ByteReader>();
  while (reader.remaining > 0) {
    const tag = reader.varint();
    const property = Math.floor(tag / 2);
    const field = reader.lengthPrefixed();
    if (!KNOWN.has(property)) {
      if (tag % 2 === 0) throw formatUnsupported(file, `property ${property}`);
      continue;
    }
    if (fields.has(property)) throw reader.corruption(`property ${property} stands twice`);
    fields.set(property, new ByteReader(field, file, offset + reader.position - field.length));
  }
  return fields;
}

function takeDatabaseId(reader: ByteReader): Uint8Array {
  if (reader.remaining !== DATABASE_ID_BYTES) throw reader.corruption(`a database id of ${reader.remaining} bytes`);
  return copyBytes(reader.bytes(DATABASE_ID_BYTES));
}

// Two names must not become one string, or a table would be read in the order of a comparator that did not make it.
function takeComparatorName(reader: ByteReader): string {
  const bytes = reader.bytes(reader.remaining);
  if (bytes.length < 1 || bytes.length > COMPARATOR_NAME_BYTES_MAX)
    throw reader.corruption(`a comparator's name of ${bytes.length} bytes`, 0);
  const name = Buffer.from(bytes).toString("utf8");
  if (!Buffer.from(name, "utf8").equals(bytes)) throw reader.corruption("a comparator's name that is not UTF-8", 0);
  return name;
}

function putNumbers(writer: ByteWriter, numbers: readonly number[]): void {
  writer.varint(numbers.length);
  for (const number of numbers) writer.varint(number);
}

function takeNumbers(reader: ByteReader): number[] {
  const count = reader.varint();
  const numbers: number[] = [];
  for (let i = 0; i < count; i++) numbers.push(reader.varint());
  return numbers;
}

// All outputs of a job name the same two lists, perhaps of thousands of tables: each is encoded once.
const ENCODED_LISTS = 2;
let encodedLists: readonly { readonly tables: readonly TableReference[]; readonly bytes: Uint8Array }[] = [];

function putTables(writer: ByteWriter, tables: readonly TableReference[]): void {
  let encoded = encodedLists.find((list) => list.tables === tables);
  if (!encoded) {
    encoded = { tables, bytes: encodeTables(tables) };
    encodedLists = [encoded, ...encodedLists.slice(0, ENCODED_LISTS - 1)];
  }
  writer.bytes(encoded.bytes);
}

function encodeTables(tables: readonly TableReference[]): Uint8Array {
  const list = new ByteWriter();
  list.varint(tables.length);
  for (const { number, tag } of tables) list.varint(number).varint(tag);
  return list.finish();
}

/** Checks a list of tables, which is seldom asked for, and leaves it encoded: a few bytes a table for each open table. */
function takeTables(reader: ByteReader): () => TableReference[] {
  const bytes = copyBytes(reader.bytes(reader.remaining));
  const check = new ByteReader(bytes, reader.file, reader.base);
  readTables(check, () => undefined);
  check.expectEnd();
  return () => {
    const tables: TableReference[] = [];
    readTables(new ByteReader(bytes, reader.file, reader.base), (number, tag) => tables.push({ number, tag }));
    return tables;
  };
}

function readTables(reader: ByteReader, take: (number: number, tag: number) => void): void {
  const count = reader.varint();
  for (let i = 0; i < count; i++) take(reader.varint(), reader.varint());
}

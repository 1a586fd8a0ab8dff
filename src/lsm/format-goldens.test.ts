// Every structure on disk, byte for byte: testdata/formats.txt has a sample of each in hexadecimal, and decoding it and
// encoding what it says gives the same bytes again. A format that changes changes a line here, which asks for a new
// version: what is committed was written by stores that exist. Beside the samples, the same round trip for whatever
// generators think of.

import fc from "fast-check";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { assert } from "../common/assert.ts";
import { bytewise, KeyOrder } from "../common/comparator.ts";
import { Kind, KIND_MAX, SEQUENCE_MAX } from "../common/internal-key.ts";
import { encodeBatch, visitBatch, WriteBatch } from "../memtable/write-batch.ts";
import { BlockBuilder } from "../sst/block-builder.ts";
import { BlockCursor } from "../sst/block-cursor.ts";
import { BloomBuilder, BloomFilter, bloomHash } from "../sst/bloom-filter.ts";
import { IndexBlock, IndexBuilder, type IndexEntry } from "../sst/index-block.ts";
import { decodeProperties, encodeProperties } from "../sst/properties.ts";
import { decodeRangeDeletes, encodeRangeDeletes } from "../sst/range-deletes.ts";
import { decodeFooter, decodeMetaindex, encodeFooter, encodeMetaindex } from "../sst/table-format.ts";
import type { TableProperties } from "../sst/table-format.ts";
import { decodeCleanEnd, decodeHeader, encodeCleanEnd, encodeHeader, type LogHeader } from "../wal/log-format.ts";
import { LogReader } from "../wal/log-reader.ts";
import { LogWriter } from "../wal/log-writer.ts";
import { MemoryEnv } from "../util/memory-env.ts";
import { readFully } from "../util/file-io.ts";
import { decodeCurrent, encodeCurrent } from "./file-names.ts";
import { decodeEdit, encodeEdit, type VersionEdit } from "./version-edit.ts";

const GOLDEN = fileURLToPath(new URL("testdata/formats.txt", import.meta.url));
const FILE = "a file";
const ORDER = new KeyOrder(bytewise);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const ID = Uint8Array.from({ length: 16 }, (_, i) => i);

interface Format {
  readonly sample: () => Uint8Array;
  /** encode(decode(x)) */
  readonly again: (encoded: Uint8Array) => Uint8Array;
}

const HEADER: LogHeader = {
  kind: "wal",
  tag: 0x89ab_cdef,
  blockSize: 512,
  databaseId: ID,
  fileNumber: 2 ** 40 + 7,
  comparatorName: "tinykv.bytewise",
  predecessor: { number: 6, size: 2 ** 33 },
  lastSequence: 2 ** 50,
};
const { predecessor: _, ...WITHOUT } = HEADER;
const MANIFEST_HEADER: LogHeader = { ...WITHOUT, kind: "manifest", fileNumber: 5, lastSequence: 0 };

const TABLE = {
  number: 7,
  size: 2 ** 33 + 1,
  tag: 0xffff_ffff,
  epoch: 300,
  smallest: { key: bytes("a"), sequence: 300, kind: Kind.put },
  largest: { key: bytes("z"), sequence: SEQUENCE_MAX, kind: Kind.deleteRange },
  leastSequence: 1,
  greatestSequence: 70_000,
  entries: 1000,
  deletes: 10,
};
const EDIT: VersionEdit = {
  comparatorName: "tinykv.bytewise",
  databaseId: ID,
  logNumber: 8,
  nextFileNumber: 2 ** 42,
  lastSequence: 70_000,
  added: [{ level: 6, table: TABLE }],
  removed: [{ level: 0, number: 300 }],
  compactionCursors: [{ level: 3, key: bytes("m") }],
};

const PROPERTIES: TableProperties = {
  databaseId: ID,
  comparatorName: "tinykv.bytewise",
  fileNumber: 7,
  tag: 0xdead_beef,
  epoch: 300,
  creationTime: 1_700_000_000_000,
  entries: 1000,
  deletes: 10,
  rangeDeletes: 1,
  rawKeyBytes: 12_345,
  rawValueBytes: 2 ** 40,
  leastSequence: 1,
  greatestSequence: 70_000,
  smallest: TABLE.smallest,
  largest: TABLE.largest,
  filterId: 1,
  dataBlocks: 3,
  provenance: { inputs: [{ number: 3, tag: 0xffff_ffff }], obsolete: [{ number: 2, tag: 1 }], logNumber: 6 },
};

interface Operation {
  readonly kind: Kind;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

function batchOf(operations: readonly Operation[], firstSequence: number): Uint8Array {
  const batch = new WriteBatch();
  for (const { kind, key, value } of operations) {
    if (kind === Kind.put) batch.put(key, value);
    else batch.delete(key);
  }
  return encodeBatch(batch, firstSequence);
}

function batchAgain(payload: Uint8Array): Uint8Array {
  const operations: Operation[] = [];
  let first: number | undefined;
  visitBatch(payload, FILE, 0, (kind, sequence, key, value) => {
    first ??= sequence;
    operations.push({ kind, key: key.slice(), value: value.slice() });
  });
  return batchOf(operations, first ?? 0);
}

interface BlockEntry extends Operation {
  readonly sequence: number;
}

function blockOf(entries: readonly BlockEntry[]): Uint8Array {
  const builder = new BlockBuilder(ORDER);
  for (const { key, sequence, kind, value } of entries) builder.add(key, sequence, kind, value);
  const block = builder.finish();
  return block.bytes.slice(0, block.length);
}

function blockAgain(block: Uint8Array): Uint8Array {
  const cursor = new BlockCursor(ORDER, FILE);
  cursor.load(block, 0);
  const entries: BlockEntry[] = [];
  for (let i = 0; i < cursor.count; i++) {
    cursor.read(i);
    const { key, sequence, kind, value } = cursor;
    entries.push({ key: key.slice(), sequence, kind, value: value.slice() });
  }
  return blockOf(entries);
}

function indexOf(level: 0 | 1, entries: readonly IndexEntry[]): Uint8Array {
  const builder = new IndexBuilder(level);
  for (const entry of entries) builder.add(entry);
  return builder.finish();
}

function indexAgain(block: Uint8Array): Uint8Array {
  const index = IndexBlock.decode(block, { file: FILE, offset: 2 ** 50, limit: 2 ** 50, first: 0 }, ORDER);
  const entries = Array.from({ length: index.count }, (_, i) => ({
    ...index.separator(i),
    offset: index.offsets[i]!,
    length: index.lengths[i]!,
    ...(index.level === 1 && { first: index.firsts[i]! }),
  }));
  return indexOf(index.level === 0 ? 0 : 1, entries);
}

const INDEX = [
  { key: bytes("b"), sequence: SEQUENCE_MAX, kind: KIND_MAX, offset: 2 ** 40, length: 4000, first: 0 },
  { key: bytes("m"), sequence: 300, kind: Kind.put, offset: 2 ** 40 + 4005, length: 70_000, first: 200 },
];
const LEAVES = INDEX.map(({ first: _first, ...entry }) => entry);

const KEYS = ["", "a", "key-1", "key-2"].map(bytes);

function filterOf(keys: readonly Uint8Array[]): Uint8Array {
  const builder = new BloomBuilder(10);
  for (const key of keys) builder.add(bloomHash(key));
  return builder.finish()!;
}

// A filter does not say what it was made of: it answers.
function filterAgain(block: Uint8Array): Uint8Array {
  const filter = BloomFilter.decode(block, 0, FILE);
  assert(filter !== undefined, "an algorithm that this version knows");
  for (const key of KEYS) expect(filter.mayContain(bloomHash(key))).toBe(true);
  return filterOf(KEYS);
}

// A log of three records in blocks of 512 bytes: FULL, FIRST with MIDDLE and LAST, CLEAN END, padding.
function logOf(header: LogHeader, records: readonly Uint8Array[]): Uint8Array {
  const file = new MemoryEnv().open("/log", "wx");
  const writer = LogWriter.create(file, header);
  for (const record of records) writer.append(record);
  writer.appendCleanEnd({ lastSequence: 9, manifestNumber: 5, manifestSize: 300 });
  const log = new Uint8Array(file.size());
  readFully(file, log, 0);
  return log;
}

function logAgain(log: Uint8Array): Uint8Array {
  const file = new MemoryEnv().open("/log", "wx");
  file.write(log, 0);
  const reader = LogReader.open({ file, name: FILE, number: HEADER.fileNumber, kind: "wal" });
  const records: Uint8Array[] = [];
  for (let record = reader.next(); record; record = reader.next()) records.push(record.payload.slice());
  expect(reader.end).toMatchObject({
    kind: "clean",
    cleanEnd: { lastSequence: 9, manifestNumber: 5, manifestSize: 300 },
  });
  return logOf(reader.header!, records);
}

function headerAgain(kind: LogHeader["kind"], number: number): (encoded: Uint8Array) => Uint8Array {
  return (encoded) => {
    const { header, problem } = decodeHeader(encoded, FILE, kind, number);
    expect(problem).toBeUndefined();
    return encodeHeader(header!);
  };
}

const PUT = { kind: Kind.put, key: bytes("key"), value: bytes("value") };
const DELETE = { kind: Kind.delete, key: bytes("kez"), value: new Uint8Array(0) };
const RANGES = [
  { start: bytes("a"), end: bytes("c"), sequence: 300 },
  { start: bytes("a"), end: bytes("b"), sequence: 3 },
];
const FOOTER = { metaindex: { offset: 2 ** 40, length: 51 }, tag: 0xdead_beef, size: 2 ** 40 + 51 + 5 + 72, number: 7 };
const HANDLES = new Map([
  ["rangeDeletes", { offset: 0, length: 11 }],
  ["index", { offset: 16, length: 300 }],
  ["properties", { offset: 321, length: 70_000 }],
]);

const FORMATS: Record<string, Format> = {
  "log header": { sample: () => encodeHeader(HEADER), again: headerAgain("wal", HEADER.fileNumber) },
  "manifest header": { sample: () => encodeHeader(MANIFEST_HEADER), again: headerAgain("manifest", 5) },
  "clean end": {
    sample: () => encodeCleanEnd({ lastSequence: 2 ** 50, manifestNumber: 5, manifestSize: 300 }),
    again: (encoded) => encodeCleanEnd(decodeCleanEnd(encoded, FILE, 0)),
  },
  "log chunks": {
    sample: () => logOf(HEADER, [bytes("full"), new Uint8Array(1000).fill(0xab), new Uint8Array(0)]),
    again: logAgain,
  },
  batch: { sample: () => batchOf([PUT, DELETE], 2 ** 40), again: batchAgain },
  edit: { sample: () => encodeEdit(EDIT), again: (encoded) => encodeEdit(decodeEdit(encoded, FILE, 0)) },
  CURRENT: { sample: () => encodeCurrent(12), again: (encoded) => encodeCurrent(decodeCurrent(encoded)) },
  "data block": {
    sample: () =>
      blockOf([
        { ...PUT, sequence: 300 },
        { ...PUT, sequence: 2 },
        { ...DELETE, sequence: 2 ** 45 },
      ]),
    again: blockAgain,
  },
  "index block": { sample: () => indexOf(0, LEAVES), again: indexAgain },
  "top index block": { sample: () => indexOf(1, INDEX), again: indexAgain },
  filter: { sample: () => filterOf(KEYS), again: filterAgain },
  "range deletes": {
    sample: () => encodeRangeDeletes(RANGES, ORDER),
    again: (encoded) => encodeRangeDeletes(decodeRangeDeletes(encoded, 0, FILE, ORDER), ORDER),
  },
  properties: {
    sample: () => encodeProperties(PROPERTIES),
    again: (encoded) => encodeProperties(decodeProperties(encoded, 0, FILE)),
  },
  metaindex: {
    sample: () => encodeMetaindex(HANDLES),
    again: (encoded) => encodeMetaindex(decodeMetaindex(encoded, 2 ** 40, FILE)),
  },
  footer: {
    sample: () => encodeFooter(FOOTER),
    again: (encoded) => encodeFooter(decodeFooter(encoded, FOOTER.size - 72, FILE)),
  },
};

const hex = (encoded: Uint8Array): string => Buffer.from(encoded).toString("hex");

function readGoldens(): Map<string, string> {
  if (!existsSync(GOLDEN)) return new Map();
  const lines = readFileSync(GOLDEN, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => line.split(": ") as [string, string]));
}

// A line that is there is never written anew: `WRITE_FIXTURES=1` adds those that are missing.
const goldens = readGoldens();
if (process.env["WRITE_FIXTURES"] === "1") {
  for (const [name, { sample }] of Object.entries(FORMATS)) if (!goldens.has(name)) goldens.set(name, hex(sample()));
  const lines = [...goldens].map(([name, text]) => `${name}: ${text}\n`);
  writeFileSync(GOLDEN, `# Format version 1, in hexadecimal: format-goldens.test.ts says of what.\n${lines.join("")}`);
}

test.each(Object.keys(FORMATS))(
  "%s: the bytes are those that were committed, and come back from what they say",
  (name) => {
    const { sample, again } = FORMATS[name]!;
    const golden = goldens.get(name);
    expect(hex(sample())).toBe(golden);
    expect(hex(again(Buffer.from(golden!, "hex")))).toBe(golden);
  },
);

test("no line of the goldens is of a format that is gone", () => {
  expect([...goldens.keys()].sort()).toEqual(Object.keys(FORMATS).sort());
});

const octets = fc.uint8Array({ maxLength: 30 });
const sequence = fc.oneof(fc.constantFrom(0, 1, 127, 128, SEQUENCE_MAX - 100), fc.nat({ max: 2 ** 40 }));

function expectSame(name: string, encoded: Uint8Array): void {
  expect(hex(FORMATS[name]!.again(encoded))).toBe(hex(encoded));
}

test("data blocks and batches of anything come back byte for byte", () => {
  const operation = fc.record({ key: octets, value: octets, isPut: fc.boolean(), sequence });
  fc.assert(
    fc.property(fc.uniqueArray(operation, { minLength: 1, maxLength: 30, selector: ({ key }) => hex(key) }), (list) => {
      const entries = list
        .map(({ key, value, isPut, sequence: number }) => ({
          key,
          sequence: number,
          kind: isPut ? Kind.put : Kind.delete,
          value: isPut ? value : new Uint8Array(0),
        }))
        .sort((a, b) => ORDER.compare(a.key, b.key));
      expectSame("data block", blockOf(entries));
      expectSame("batch", batchOf(entries, entries[0]!.sequence));
    }),
  );
});

test("logs of any records come back byte for byte", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 1500 }), { maxLength: 8 }), (records) => {
      expectSame("log chunks", logOf(HEADER, records));
    }),
    { numRuns: 50 },
  );
});

test("range deletes, properties, metaindexes and footers of anything come back byte for byte", () => {
  const range = fc.record({ start: octets, length: fc.nat(5), sequence });
  const references = fc.array(fc.record({ number: fc.maxSafeNat(), tag: fc.nat(2 ** 32 - 1) }), { maxLength: 5 });
  const numbers = fc.record({ entries: fc.maxSafeNat(), epoch: fc.maxSafeNat(), dataBlocks: fc.maxSafeNat() });
  const handle = fc.record({ offset: fc.nat(2 ** 30), length: fc.nat(2 ** 30) });
  fc.assert(
    fc.property(
      fc.uniqueArray(range, { minLength: 1, maxLength: 9, selector: ({ start }) => hex(start) }),
      fc.record({ inputs: references, obsolete: references, logNumber: fc.maxSafeNat() }),
      numbers,
      fc.dictionary(fc.string({ maxLength: 12 }).filter(isLatin), handle),
      fc.nat(2 ** 32 - 2),
      (ranges, provenance, changes, handles, below) => {
        const deletes = ranges.map(({ start, length, sequence: number }) => ({
          start,
          end: Uint8Array.from([...start, ...new Uint8Array(length + 1)]),
          sequence: number,
        }));
        expectSame("range deletes", encodeRangeDeletes(deletes, ORDER));
        expectSame("properties", encodeProperties({ ...PROPERTIES, ...changes, provenance }));
        expectSame("metaindex", encodeMetaindex(new Map(Object.entries(handles))));
        expectSame("footer", encodeFooter({ ...FOOTER, tag: below + 1 }));
      },
    ),
  );
});

function isLatin(name: string): boolean {
  return /^[\x20-\x7e]*$/.test(name) && !/^\d+$/.test(name);
}

test("any number makes a CURRENT that comes back", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (number) => {
      if (number > 0) expectSame("CURRENT", encodeCurrent(number));
    }),
  );
});

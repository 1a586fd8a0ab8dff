import { expect, test } from "vitest";
import { ByteWriter } from "../common/byte-writer.ts";
import { crc32, placedChecksum } from "../common/crc32.ts";
import { CorruptionError } from "../common/errors.ts";
import { SEQUENCE_MAX } from "../common/internal-key.ts";
import { decodeProperties, encodeProperties } from "./properties.ts";
import {
  decodeFooter,
  decodeMetaindex,
  encodeFooter,
  encodeMetaindex,
  FOOTER_BYTES,
  putStoredChecksum,
  type TableProperties,
} from "./table-format.ts";
import { buildTable, bytesOf, DATABASE_ID, forge, openTable, put, PROVENANCE, getPlain } from "./test-tables.ts";

const UNSUPPORTED = expect.objectContaining({ code: "TINYKV_FORMAT_UNSUPPORTED" });
const SIZE = 2 ** 40 + 1000;
const FOOTER = {
  metaindex: { offset: SIZE - 72 - 5 - 300, length: 300 },
  tag: 0xffff_fff0,
  size: SIZE,
  number: 2 ** 53 - 1,
};

test("a footer says what was put into it, byte for byte where the format says", () => {
  const bytes = encodeFooter(FOOTER);
  expect(bytes.length).toBe(FOOTER_BYTES);
  expect(decodeFooter(bytes, SIZE - FOOTER_BYTES, "7.sst")).toEqual(FOOTER);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  expect([...bytes.subarray(0, 4)]).toEqual([1, 0, 0, 0]);
  expect(view.getUint32(4, true)).toBe(1);
  expect(view.getBigUint64(8, true) + view.getBigUint64(16, true)).toBe(0n);
  expect(view.getBigUint64(24, true)).toBe(BigInt(FOOTER.metaindex.offset));
  expect(view.getUint32(32, true)).toBe(300);
  expect(view.getUint32(36, true)).toBe(FOOTER.tag);
  expect(view.getBigUint64(40, true)).toBe(BigInt(SIZE));
  expect(view.getBigUint64(48, true)).toBe(2n ** 53n - 1n);
  expect(view.getUint32(60, true)).toBe(0);
  expect(Buffer.from(bytes.subarray(64)).toString()).toBe("TinyKVst");
});

test("any flipped bit in a footer is corruption, and so is another place", () => {
  const offset = SIZE - FOOTER_BYTES;
  for (let bit = 0; bit < FOOTER_BYTES * 8; bit++) {
    const bytes = Uint8Array.from(encodeFooter(FOOTER));
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    expect(() => decodeFooter(bytes, offset, "7.sst"), `bit ${bit}`).toThrow(CorruptionError);
  }
  expect(() => decodeFooter(encodeFooter(FOOTER), offset + 1, "7.sst")).toThrow(CorruptionError);
});

test("what a footer cannot say and be true is refused though its checksum is right", () => {
  const built = buildTable([put("a", 1, "v")]);
  const footer = [...openTable(built).blocks()].at(-1)!;
  const set = (at: number, value: number) => forge(built, footer, (block) => (block[at] = value));
  expect(() => openTable(set(0, 2))).toThrow(UNSUPPORTED);
  for (const at of [4, 5, 7]) expect(() => openTable(set(at, 9))).toThrow(UNSUPPORTED);
  for (let at = 8; at < 16; at++) expect(() => openTable(set(at, 1))).toThrow(UNSUPPORTED);
  for (let at = 16; at < 24; at++) expect(getPlain(openTable(set(at, 1)), bytesOf("a"), 1)).toEqual(bytesOf("v"));
  for (const at of [1, 2, 3, 24, 31, 32, 40, 47, 48, 55, 60, 63])
    expect(() => openTable(set(at, 0x77)), `byte ${at}`).toThrow(CorruptionError);
});

test("an unknown layout or unknown flags of a block need a newer version", () => {
  const built = buildTable([put("a", 1, "v"), put("b", 1, "w")]);
  const [data] = [...openTable(built).blocks()];
  for (const [at, value] of [
    [0, 2],
    [1, 2],
    [1, 4],
    [1, 0x81],
  ] as const) {
    const table = openTable(forge(built, data!, (block) => (block[at] = value)));
    expect(() => table.get(bytesOf("a"), 1)).toThrow(UNSUPPORTED);
    const problems: string[] = [];
    table.verify((_, problem) => problems.push(problem));
    expect(problems).toHaveLength(1);
  }
});

test("a reserved compression needs a newer version, in every block", () => {
  const built = buildTable([put("a", 1, "v"), put("b", 1, "w")]);
  for (const { kind, offset, length } of openTable(built).blocks()) {
    if (kind === "footer") continue;
    const bytes = built.bytes.slice();
    bytes[offset + length] = 1;
    const crc = crc32(bytes, offset, offset + length + 1);
    putStoredChecksum(bytes, offset + length + 1, placedChecksum(crc, built.summary.tag, offset));
    const read = (): unknown => openTable({ ...built, bytes }).get(bytesOf("a"), 1);
    expect(read).toThrow(UNSUPPORTED);
    const unverified = (): unknown => openTable({ ...built, bytes }).get(bytesOf("a"), 1, { verifyChecksums: false });
    expect(unverified).toThrow(UNSUPPORTED);
  }
});

test("a metaindex says what was put into it and refuses what cannot be", () => {
  const blocks = new Map([
    ["index", { offset: 0, length: 95 }],
    ["of a later version", { offset: 50, length: 0 }],
  ]);
  const bytes = encodeMetaindex(blocks);
  expect(decodeMetaindex(bytes, 100, "t.sst")).toEqual(blocks);
  expect(() => decodeMetaindex(bytes, 99, "t.sst")).toThrow("beyond the metaindex");
  for (let length = 0; length < bytes.length; length++)
    expect(() => decodeMetaindex(bytes.subarray(0, length), 100, "t.sst")).toThrow(CorruptionError);
  expect(() => decodeMetaindex(Buffer.concat([bytes, bytesOf("x")]), 100, "t.sst")).toThrow("left over");
  const twice = new ByteWriter().varint(2);
  for (let i = 0; i < 2; i++) twice.lengthPrefixed(bytesOf("index")).varint(0).varint(0);
  expect(() => decodeMetaindex(twice.finish(), 100, "t.sst")).toThrow("two blocks");
});

const PROPERTIES: TableProperties = {
  fileNumber: 7,
  databaseId: DATABASE_ID,
  tag: 0xffff_ffff,
  epoch: 2 ** 53 - 1,
  creationTime: 0,
  comparatorName: "größer",
  entries: 1,
  deletes: 2,
  rangeDeletes: 3,
  rawKeyBytes: 4,
  rawValueBytes: 2 ** 40,
  leastSequence: 0,
  greatestSequence: SEQUENCE_MAX,
  smallest: { key: bytesOf(""), sequence: SEQUENCE_MAX, kind: 15 },
  largest: { key: new Uint8Array(1000).fill(0xff), sequence: 0, kind: 0 },
  filterId: 1,
  dataBlocks: 9,
  provenance: PROVENANCE,
};

// Found by the fuzzer of metaindexes: names were read as bytes and written as UTF-8, so a block of a later version whose name
// is not ASCII came out under a longer name than it went in.
test("a metaindex with a name of any bytes is written as it was read", () => {
  const bytes = new ByteWriter()
    .varint(1)
    .lengthPrefixed(Buffer.from([0x61, 0xea]))
    .varint(5)
    .varint(7)
    .finish();
  expect(encodeMetaindex(decodeMetaindex(bytes, 100, "7.sst"))).toEqual(bytes);
});

test("properties say what was put into them", () => {
  expect(decodeProperties(Uint8Array.from(encodeProperties(PROPERTIES)), 0, "t.sst")).toEqual(PROPERTIES);
  const bare = { ...PROPERTIES, provenance: { inputs: [], obsolete: [], logNumber: 0 } };
  expect(decodeProperties(Uint8Array.from(encodeProperties(bare)), 0, "t.sst")).toEqual(bare);
});

test("a property of a later version is passed over if it says so, else the table needs that version", () => {
  const known = encodeProperties(PROPERTIES);
  const later = (tag: number): Uint8Array =>
    Uint8Array.from(new ByteWriter().varint(tag).lengthPrefixed(bytesOf("?")).bytes(known).finish());
  expect(decodeProperties(later(2 * 500 + 1), 0, "t.sst")).toEqual(PROPERTIES);
  expect(() => decodeProperties(later(2 * 500), 0, "t.sst")).toThrow(UNSUPPORTED);
});

test("properties that are cut, missing or doubled are corruption at their place", () => {
  const bytes = encodeProperties(PROPERTIES);
  for (let length = 0; length < bytes.length; length++)
    expect(() => decodeProperties(bytes.subarray(0, length), 1000, "t.sst")).toThrow(CorruptionError);
  expect(() => decodeProperties(Buffer.concat([bytes, bytes]), 1000, "t.sst")).toThrow(
    expect.objectContaining({ file: "t.sst", problem: expect.stringContaining("stands twice") }),
  );
});

// Found by the fuzzer of properties: a database id of any length and a name that is not UTF-8 were taken. Of such a name
// only a likeness is left as a string, so that a table could pass for one in the order of another comparator.
test("properties with a database id that is not 16 bytes, or a comparator's name that is none, are corruption", () => {
  const corrupt = (problem: string): unknown =>
    expect.objectContaining({ file: "t.sst", problem: expect.stringContaining(problem) });
  for (const length of [0, 15, 17]) {
    const bytes = encodeProperties({ ...PROPERTIES, databaseId: new Uint8Array(length) });
    expect(() => decodeProperties(bytes, 0, "t.sst")).toThrow(corrupt(`a database id of ${length} bytes`));
  }
  for (const length of [0, 256]) {
    const bytes = encodeProperties({ ...PROPERTIES, comparatorName: "n".repeat(length) });
    expect(() => decodeProperties(bytes, 0, "t.sst")).toThrow(corrupt(`a comparator's name of ${length} bytes`));
  }
  const bytes = Uint8Array.from(encodeProperties({ ...PROPERTIES, comparatorName: "?" }));
  bytes[bytes.indexOf(0x3f)] = 0xff;
  expect(() => decodeProperties(bytes, 0, "t.sst")).toThrow(corrupt("not UTF-8"));
});

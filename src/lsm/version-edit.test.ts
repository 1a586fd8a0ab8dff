import fc from "fast-check";
import { expect, test } from "vitest";
import { CorruptionError, TinyKVError } from "../common/errors.ts";
import type { Kind } from "../common/internal-key.ts";
import type { TableMeta } from "./table-meta.ts";
import { decodeEdit, encodeEdit, type VersionEdit } from "./version-edit.ts";

const FILE = "MANIFEST-000005";
const BASE = 1000;

/** 0 and the largest are where encodings lose things. */
const integer: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, 1, 127, 128, Number.MAX_SAFE_INTEGER),
  fc.maxSafeNat(),
);
const bytes: fc.Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 40 });
const level: fc.Arbitrary<number> = fc.integer({ min: 0, max: 11 });
const key = fc.record({ key: bytes, sequence: integer, kind: fc.constantFrom<Kind>(0, 1, 15) });
const table: fc.Arbitrary<TableMeta> = fc.record({
  number: integer,
  size: integer,
  tag: fc.integer({ min: 0, max: 0xffff_ffff }),
  epoch: integer,
  smallest: key,
  largest: key,
  leastSequence: integer,
  greatestSequence: integer,
  entries: integer,
  deletes: integer,
});
const list = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(item, { minLength: 1, maxLength: 4 });
const edit: fc.Arbitrary<VersionEdit> = fc.record(
  {
    comparatorName: fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 60 })
      .filter((name) => byteLength(name) < 256),
    databaseId: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    logNumber: integer,
    nextFileNumber: integer,
    lastSequence: integer,
    added: list(fc.record({ level, table })),
    removed: list(fc.record({ level, number: integer })),
    compactionCursors: fc.uniqueArray(fc.record({ level, key: bytes }), {
      minLength: 1,
      maxLength: 4,
      selector: (cursor) => cursor.level,
    }),
  },
  { requiredKeys: [] },
);

const byteLength = (text: string): number => Buffer.byteLength(text);
const decode = (payload: Uint8Array): VersionEdit => decodeEdit(payload, FILE, BASE);

// toEqual tells a Buffer from a Uint8Array, and a copy of either is the same kind.
const plain = (payload: Uint8Array): Uint8Array => Uint8Array.from(payload);

/** A tag, a length, bytes: all below 128 here. */
const field = (tag: number, ...content: number[]): number[] => [tag, content.length, ...content];

function failure(payload: readonly number[]): string {
  try {
    decode(Uint8Array.from(payload));
  } catch (error) {
    if (error instanceof CorruptionError) return `${error.offset}: ${error.problem}`;
    if (error instanceof TinyKVError) return error.code;
    throw error;
  }
  return "none";
}

// An edit once lost a field whose value was the sentinel for "absent": 0. Here a field is absent or it is there.
test("an edit comes back as it was, every subset of fields, every value", () => {
  fc.assert(
    fc.property(edit, (given) => {
      expect(decode(plain(encodeEdit(given)))).toEqual(given);
    }),
  );
});

test("zeros and the empty key come back", () => {
  const zeros: VersionEdit = {
    logNumber: 0,
    nextFileNumber: 0,
    lastSequence: 0,
    removed: [{ level: 0, number: 0 }],
    compactionCursors: [{ level: 0, key: new Uint8Array(0) }],
  };
  expect(decode(plain(encodeEdit(zeros)))).toEqual(zeros);
});

test("the bytes are those of the table in the header", () => {
  const given: VersionEdit = {
    comparatorName: "ab",
    databaseId: new Uint8Array(16).fill(9),
    logNumber: 300,
    nextFileNumber: 7,
    lastSequence: 0,
    added: [
      {
        level: 1,
        table: {
          number: 2,
          size: 128,
          tag: 3,
          epoch: 4,
          smallest: { key: Buffer.from("a"), sequence: 6, kind: 1 },
          largest: { key: Buffer.from("bc"), sequence: 5, kind: 0 },
          leastSequence: 5,
          greatestSequence: 6,
          entries: 8,
          deletes: 1,
        },
      },
    ],
    removed: [{ level: 11, number: 1 }],
    compactionCursors: [{ level: 2, key: Buffer.from("k") }],
  };
  expect(Buffer.from(encodeEdit(given)).toString("hex")).toBe(
    [
      "02026162",
      "0410" + "09".repeat(16),
      "0602ac02",
      "080107",
      "0a0100",
      "0c13" + "01" + "02" + "8001" + "03" + "04" + "01610601" + "0262630500" + "05" + "06" + "08" + "01",
      "0e020b01",
      "1102026b",
    ].join(""),
  );
});

test("nothing decoded shares memory with the payload", () => {
  fc.assert(
    fc.property(edit, (given) => {
      const payload = Uint8Array.from(encodeEdit(given));
      const decoded = decode(payload);
      payload.fill(0xee);
      expect(decoded).toEqual(given);
    }),
  );
});

test("an unknown field is passed over if its tag is odd and refused if it is even", () => {
  const known = field(6, 5);
  expect(decode(Uint8Array.from([...field(19, 1, 2, 3), ...known, ...field(99)]))).toEqual({ logNumber: 5 });
  for (const tag of [0, 16, 18, 100]) expect(failure([...known, ...field(tag, 1)])).toBe("TINYKV_FORMAT_UNSUPPORTED");
});

test("a single-valued field stands at most once", () => {
  const singles = [field(2, 97), field(4, ...new Uint8Array(16)), field(6, 1), field(8, 1), field(10, 1)];
  for (const single of singles) expect(failure([...single, ...single])).toMatch(/stands twice/);
  expect(failure([...field(17, 3, 97), ...field(17, 4, 97), ...field(17, 3, 98)])).toMatch(
    /cursor of level 3 stands twice/,
  );
});

test("the bytes of a field are consumed wholly, and no field reads beyond its own", () => {
  expect(failure(field(6, 1, 0))).toBe(`${BASE + 3}: 1 bytes left over`);
  expect(failure([...field(6), ...field(8, 1)])).toBe(`${BASE + 2}: 1 bytes wanted, 0 left`);
  expect(failure(field(14, 1, 2, 0))).toMatch(/left over/);
  expect(failure([6, 5, 1])).toMatch(/5 bytes wanted, 1 left/);
});

test("what encodeEdit cannot have written is corruption", () => {
  expect(failure(field(14, 12, 1))).toBe(`${BASE + 2}: level 12`);
  expect(failure(field(17, 12, 1))).toBe(`${BASE + 2}: level 12`);
  expect(failure(field(2))).toMatch(/name of 0 bytes/);
  expect(failure(field(2, 0xff))).toMatch(/not UTF-8/);
  expect(failure([2, 0x80, 2, ...new Uint8Array(256).fill(97)])).toMatch(/name of 256 bytes/);
  expect(failure(field(4, 1, 2))).toMatch(/database id of 2 bytes/);
  expect(failure(field(12, 1, 2, 9, 3, 4, 0, 1, 2))).toMatch(/kind 2/);
  expect(failure(field(12, 1, 2, 9, 0x80, 0x80, 0x80, 0x80, 0x10))).toMatch(/tag of 4294967296/);
  expect(failure(field(6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f))).toMatch(/beyond 2\^53-1/);
});

test("hostile bytes give an edit, a CorruptionError inside the record, or FORMAT_UNSUPPORTED", () => {
  const mutated = fc.tuple(
    edit,
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
    fc.nat(),
  );
  const hostile = mutated.map(([given, changes, length]) => {
    const payload = Uint8Array.from(encodeEdit(given));
    for (const [at, value] of changes) if (payload.length > 0) payload[at % payload.length] = value;
    return length % 2 === 0 ? payload : payload.subarray(0, length % (payload.length + 1));
  });
  fc.assert(
    fc.property(fc.oneof(hostile, fc.uint8Array({ maxLength: 64 })), (payload) => {
      try {
        decode(payload);
      } catch (error) {
        if (!(error instanceof TinyKVError)) throw error;
        if (error.code === "TINYKV_FORMAT_UNSUPPORTED") return;
        expect(error).toBeInstanceOf(CorruptionError);
        const { file, offset } = error as CorruptionError;
        expect(file).toBe(FILE);
        expect(offset).toBeGreaterThanOrEqual(BASE);
        expect(offset).toBeLessThanOrEqual(BASE + payload.length);
      }
    }),
    { numRuns: 2000 },
  );
});

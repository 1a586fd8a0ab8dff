import * as fc from "fast-check";
import { expect, test } from "vitest";
import { AssertionError } from "./assert.ts";
import { ByteReader, VARINT_BYTES_MAX } from "./byte-reader.ts";
import { ByteWriter, putVarint, varintLength } from "./byte-writer.ts";
import { CorruptionError } from "./errors.ts";

// Integers around every power of two up to the end: where a varint grows, where u32 ends, where 2^53 is near.
const EDGES = Array.from({ length: 54 }, (_, bit) => [2 ** bit - 1, 2 ** bit, 2 ** bit + 1])
  .flat()
  .filter((value) => value <= Number.MAX_SAFE_INTEGER);

const integers = fc.oneof(fc.constantFrom(...EDGES), fc.maxSafeNat());

function leb128(value: bigint): number[] {
  return value < 128n ? [Number(value)] : [Number(value & 127n) | 128, ...leb128(value >> 7n)];
}

/** What a reader of these bytes throws; undefined if nothing. */
function corruptionFrom(bytes: Uint8Array, read: (reader: ByteReader) => unknown): CorruptionError | undefined {
  try {
    read(new ByteReader(bytes, "000007.log", 1000));
    return undefined;
  } catch (error) {
    if (error instanceof CorruptionError) return error;
    throw error;
  }
}

test("a varint is LEB128, as long as varintLength says, and comes back", () => {
  for (const value of EDGES) {
    const written = new ByteWriter().varint(value).finish();
    expect([...written]).toEqual(leb128(BigInt(value)));
    expect(varintLength(value)).toBe(written.length);
    const direct = new Uint8Array(10);
    expect(putVarint(direct, 1, value)).toBe(1 + written.length);
    expect([...direct.subarray(1, 1 + written.length)]).toEqual([...written]);
    const reader = new ByteReader(written, "f");
    expect(reader.varint()).toBe(value);
    reader.expectEnd();
  }
});

test("a u64 is eight bytes, little-endian, and comes back", () => {
  for (const value of EDGES) {
    const written = new ByteWriter().u64(value).finish();
    expect(written.readBigUInt64LE()).toBe(BigInt(value));
    expect(new ByteReader(written, "f").u64()).toBe(value);
  }
});

test("2^53-1 is read and 2^53 is corruption, as u64 and as varint", () => {
  for (const [value, good] of [
    [2n ** 53n - 1n, true],
    [2n ** 53n, false],
    [2n ** 53n + 2n ** 52n, false],
    [2n ** 56n - 1n, false],
    [2n ** 63n, false],
    [2n ** 64n - 1n, false],
  ] as const) {
    const u64 = Buffer.alloc(8);
    u64.writeBigUInt64LE(value);
    expect(corruptionFrom(u64, (reader) => reader.u64()) === undefined).toBe(good);
    expect(corruptionFrom(Buffer.from(leb128(value)), (reader) => reader.varint()) === undefined).toBe(good);
  }
});

/** A zero in `length` bytes. */
function padded(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i === length - 1 ? 0 : 0x80));
}

test("a varint has at most eight bytes, zeros at its end included", () => {
  expect(new ByteReader(padded(VARINT_BYTES_MAX), "f").varint()).toBe(0);
  expect(corruptionFrom(padded(VARINT_BYTES_MAX + 1), (reader) => reader.varint())?.problem).toMatch(/longer than 8/);
});

test("the writer refuses what has no u64 and no varint", () => {
  for (const value of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    expect(() => new ByteWriter().u64(value)).toThrow(AssertionError);
    expect(() => new ByteWriter().varint(value)).toThrow(AssertionError);
  }
});

test("errors name the file and the place of the field that is bad", () => {
  const bytes = new ByteWriter().u32(7).varint(300).finish();
  const error = corruptionFrom(bytes, (reader) => [reader.u32(), reader.varint(), reader.u16()]);
  expect([error?.file, error?.offset, error?.problem]).toEqual(["000007.log", 1006, "2 bytes wanted, 0 left"]);
  const beyond = Buffer.concat([Buffer.from([1]), Buffer.alloc(8, 0xff)]);
  expect(corruptionFrom(beyond, (reader) => [reader.u8(), reader.u64()])?.offset).toBe(1001);
});

test("a length beyond what is left is corruption before anything is sliced", () => {
  for (const length of [3, 1 << 30, Number.MAX_SAFE_INTEGER]) {
    const bytes = new ByteWriter().varint(length).bytes(Uint8Array.of(1, 2)).finish();
    expect(corruptionFrom(bytes, (reader) => reader.lengthPrefixed())?.problem).toBe(`${length} bytes wanted, 2 left`);
  }
});

test("what is left over is corruption, and says how much", () => {
  const error = corruptionFrom(new Uint8Array(5), (reader) => {
    reader.u16();
    reader.expectEnd();
  });
  expect([error?.offset, error?.problem]).toEqual([1002, "3 bytes left over"]);
});

test("views that are read share memory with the input and end where they should", () => {
  const bytes = new ByteWriter()
    .lengthPrefixed(Uint8Array.of(1, 2, 3))
    .u8(9)
    .finish();
  const reader = new ByteReader(bytes, "f");
  const view = reader.lengthPrefixed();
  expect([...view]).toEqual([1, 2, 3]);
  bytes[1] = 7;
  expect(view[0]).toBe(7);
  expect([reader.position, reader.remaining]).toEqual([4, 1]);
});

type Field = ["u8" | "u16" | "u32" | "u64" | "varint", number] | ["bytes" | "lengthPrefixed", Uint8Array];

const fields = fc.array(
  fc.oneof(
    fc.tuple(fc.constant("u8" as const), fc.nat(0xff)),
    fc.tuple(fc.constant("u16" as const), fc.nat(0xffff)),
    fc.tuple(fc.constant("u32" as const), fc.integer({ min: 0, max: 0xffff_ffff })),
    fc.tuple(fc.constant("u64" as const), integers),
    fc.tuple(fc.constant("varint" as const), integers),
    fc.tuple(fc.constant("bytes" as const), fc.uint8Array({ maxLength: 40 })),
    fc.tuple(fc.constant("lengthPrefixed" as const), fc.uint8Array({ maxLength: 300 })),
  ),
);

function write(writer: ByteWriter, [kind, value]: Field): void {
  if (typeof value === "number") writer[kind as "u8"](value);
  else writer[kind as "bytes"](value);
}

function read(reader: ByteReader, [kind, value]: Field): number | Uint8Array {
  return kind === "bytes" ? reader.bytes(value.length) : reader[kind]();
}

function plain(value: number | Uint8Array): number | number[] {
  return typeof value === "number" ? value : [...value];
}

test("any fields come back from what was written, from an odd place in a larger buffer too", () => {
  fc.assert(
    fc.property(fields, fc.nat(7), (sequence, shift) => {
      const writer = new ByteWriter(0);
      for (const field of sequence) write(writer, field);
      const around = Buffer.concat([Buffer.alloc(shift, 0xaa), writer.finish(), Buffer.alloc(9, 0xaa)]);
      const reader = new ByteReader(around.subarray(shift, shift + writer.length), "f");
      const back = sequence.map((field) => plain(read(reader, field)));
      expect(back).toEqual(sequence.map(([, value]) => plain(value)));
      reader.expectEnd();
    }),
  );
});

test("of any hostile bytes, read as any fields, nothing but a CorruptionError escapes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fields, (bytes, sequence) => {
      corruptionFrom(bytes, (reader) => {
        for (const field of sequence) read(reader, field);
        reader.expectEnd();
      });
    }),
    { numRuns: 1000 },
  );
});

test("a cut field is corruption at every length but the whole", () => {
  for (const field of [
    ["u8", 1],
    ["u16", 1],
    ["u32", 1],
    ["u64", 1],
    ["varint", 2 ** 53 - 1],
    ["lengthPrefixed", new Uint8Array(200)],
  ] satisfies Field[]) {
    const writer = new ByteWriter();
    write(writer, field);
    const whole = writer.finish();
    for (let length = 0; length < whole.length; length++) {
      expect(corruptionFrom(whole.subarray(0, length), (reader) => read(reader, field))).toBeInstanceOf(
        CorruptionError,
      );
    }
    expect(corruptionFrom(whole, (reader) => read(reader, field))).toBeUndefined();
  }
});

test("a patch overwrites four bytes inside what was written, and nowhere else", () => {
  const writer = new ByteWriter().u32(0).u32(7);
  writer.patchU32(0, 0xdead_beef);
  expect([writer.finish().readUInt32LE(0), writer.finish().readUInt32LE(4), writer.length]).toEqual([
    0xdead_beef, 7, 8,
  ]);
  expect(() => writer.patchU32(5, 1)).toThrow(AssertionError);
});

test("a cleared writer starts over in the same memory", () => {
  const writer = new ByteWriter().bytes(new Uint8Array(1000));
  const before = writer.finish().buffer;
  writer.clear();
  expect(writer.length).toBe(0);
  expect([...writer.u8(5).finish()]).toEqual([5]);
  expect(writer.finish().buffer).toBe(before);
});

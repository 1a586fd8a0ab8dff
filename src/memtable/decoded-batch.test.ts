import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteWriter } from "../common/byte-writer.ts";
import { KeyOrder } from "../common/comparator.ts";
import { CorruptionError, TinyKVError } from "../common/errors.ts";
import { Kind, SEQUENCE_MAX } from "../common/internal-key.ts";
import { KEY_BYTES_MAX } from "../common/limits.ts";
import { Memtable } from "./memtable.ts";
import { type Entry, ORDER, compareEntries, del, forward, put } from "./testdata/reference.ts";
import { DecodedBatch, WriteBatch, encodeBatch, visitBatch } from "./write-batch.ts";

function visited(payload: Uint8Array): Entry[] {
  const entries: Entry[] = [];
  visitBatch(payload, "000007.log", 100, (kind, sequence, key, value) => {
    entries.push({ kind, sequence, key: Buffer.from(key), value: Buffer.from(value) });
  });
  return entries;
}

function memtableFor(batch: DecodedBatch, order: KeyOrder = ORDER): Memtable {
  return new Memtable({ order, capacity: Memtable.bytesFor(batch.count, batch.payloadBytes), seed: 1 });
}

/** What decoding throws; undefined if it succeeds. Both decoders must agree, and no operation be visited before. */
function refusal(payload: Uint8Array): unknown {
  let visits = 0;
  const decoders = [
    () => visitBatch(payload, "000007.log", 100, () => visits++),
    () => new DecodedBatch(payload, "000007.log", 100),
  ];
  const errors = decoders.map((decode) => {
    try {
      decode();
      return undefined;
    } catch (error) {
      return error;
    }
  });
  expect(errors[0]).toEqual(errors[1]);
  expect(errors[0] === undefined || visits === 0).toBe(true);
  return errors[0];
}

function isExpected(error: unknown): boolean {
  if (error instanceof CorruptionError) return error.file === "000007.log" && error.offset >= 100;
  return error instanceof TinyKVError && error.code === "TINYKV_FORMAT_UNSUPPORTED";
}

const bytes = fc.uint8Array({ maxLength: 20 });
const operations = fc.array(fc.oneof(fc.record({ key: bytes, value: bytes }), fc.record({ key: bytes })), {
  maxLength: 40,
});

function makeBatch(list: readonly { key: Uint8Array; value?: Uint8Array }[]): WriteBatch {
  const batch = new WriteBatch();
  for (const { key, value } of list) {
    if (value) batch.put(key, value);
    else batch.delete(key);
  }
  return batch;
}

test("what was put into a batch is what a decoder visits and a memtable then holds", () => {
  fc.assert(
    fc.property(operations, fc.integer({ min: 1, max: SEQUENCE_MAX - 40 }), (list, first) => {
      const payload = encodeBatch(makeBatch(list), first);
      const expected = list.map((operation, i) =>
        "value" in operation
          ? put(Buffer.from(operation.key), first + i, Buffer.from(operation.value))
          : del(Buffer.from(operation.key), first + i),
      );
      expect(visited(payload)).toEqual(expected);
      const batch = new DecodedBatch(payload, "000007.log", 100);
      const memtable = memtableFor(batch);
      expect([batch.count, batch.firstSequence, batch.insertInto(memtable, ORDER)]).toEqual([list.length, first, true]);
      expect(memtable.dataBytes).toBe(batch.payloadBytes);
      expect(forward(memtable)).toEqual(expected.sort(compareEntries));
    }),
    { numRuns: 150 },
  );
});

test("sortedBy is stable: by key, then by number, in the order asked for", () => {
  const keys = ["b", "a", "b", "", "a", "c", "b"];
  const batch = new DecodedBatch(encodeBatch(makeBatch(keys.map((key) => ({ key: Buffer.from(key) }))), 1), "f", 0);
  expect([...batch.sortedBy(ORDER)]).toEqual([3, 1, 4, 0, 2, 6, 5]);
  const reversed = new KeyOrder({ name: "test.reversed", compare: (a, b) => Buffer.compare(b, a) });
  expect([...batch.sortedBy(reversed)]).toEqual([5, 0, 2, 6, 1, 4, 3]);
  expect([...batch.sortedBy(ORDER)]).toEqual([3, 1, 4, 0, 2, 6, 5]);
});

test("keys that begin alike, behind the beginning of all too, are sorted by what follows, and equal ones by their number", () => {
  const tail = fc.array(fc.constantFrom(0, 1, 0x61, 0xff), { maxLength: 7 });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5 }), fc.array(tail, { maxLength: 60 }), (prefix, tails) => {
      const keys = tails.map((each) => Buffer.from([...prefix, ...each]));
      const batch = new DecodedBatch(encodeBatch(makeBatch(keys.map((key) => ({ key }))), 1), "f", 0);
      const expected = keys.map((_, i) => i).sort((a, b) => Buffer.compare(keys[a]!, keys[b]!) || a - b);
      expect([...batch.sortedBy(ORDER)]).toEqual(expected);
    }),
  );
});

test("a batch that is not certain to fit is not begun", () => {
  const batch = new DecodedBatch(encodeBatch(new WriteBatch().put("a", "1").put("b", "22"), 1), "f", 0);
  const memtable = new Memtable({ order: ORDER, capacity: Memtable.bytesFor(2, 5) - 1, seed: 1 });
  expect(batch.insertInto(memtable, ORDER)).toBe(false);
  expect(memtable.entries).toBe(0);
  expect(batch.insertInto(memtableFor(batch), ORDER)).toBe(true);
});

const SAMPLE = encodeBatch(new WriteBatch().put("key", "value").delete("gone").put("", "v").put("k2", ""), 2 ** 40);

test("every truncation of a payload is corruption, and so is anything behind its end", () => {
  for (let length = 0; length < SAMPLE.length; length++) {
    expect(refusal(SAMPLE.subarray(0, length))).toBeInstanceOf(CorruptionError);
  }
  for (const extra of [0, 1, 15, 0xff]) {
    expect(refusal(Buffer.concat([SAMPLE, Buffer.from([extra])]))).toBeInstanceOf(CorruptionError);
  }
  expect(refusal(SAMPLE)).toBe(undefined);
});

test("with any byte changed to any other, a payload decodes or is refused with file and offset, nothing else", () => {
  const bytes = Buffer.from(SAMPLE);
  let refused = 0;
  for (let at = 0; at < bytes.length; at++) {
    for (let byte = 0; byte < 256; byte++) {
      bytes[at] = byte;
      const error = refusal(bytes);
      if (error === undefined) continue;
      refused++;
      expect(isExpected(error)).toBe(true);
    }
    bytes[at] = SAMPLE[at]!;
  }
  expect(refused).toBeGreaterThan(1000);
});

test("arbitrary bytes behind a header decode or are refused, nothing else", () => {
  const tail = fc.uint8Array({ maxLength: 60 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 6 }), tail, (count, tail) => {
      const payload = new ByteWriter().u64(1).u32(count).bytes(tail).finish();
      const error = refusal(payload);
      expect(error === undefined || isExpected(error)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test.each<[string, number, string, (writer: ByteWriter) => unknown]>([
  ["a first number beyond 2^53-1", 100, "2^53-1", (w) => w.u32(0).u32(0x20_0000).u32(0)],
  ["a last number beyond 2^53-1", 100, "2^53-1", (w) => w.u64(SEQUENCE_MAX).u32(2).u32(0)],
  ["a count that cannot be", 108, "no room", (w) => w.u64(1).u32(0xffff_ffff).u32(0)],
  [
    "a count larger than the operations",
    116,
    "missing",
    (w) => w.u64(1).u32(2).u8(0).lengthPrefixed(Buffer.from("ab")),
  ],
  ["an unknown kind", 112, "kind", (w) => w.u64(1).u32(1).u8(2).varint(0)],
  [
    "a key beyond the end",
    113,
    "left",
    (w) =>
      w
        .u64(1)
        .u32(1)
        .u8(0)
        .varint(2 ** 50),
  ],
  ["a key one byte too long", 113, "left", (w) => w.u64(1).u32(1).u8(0).varint(2).u8(1)],
  ["a value beyond the end", 114, "left", (w) => w.u64(1).u32(1).u8(1).varint(0).varint(9)],
  ["a length cut off", 113, "cut off", (w) => w.u64(1).u32(1).u8(1).u8(0x80)],
  ["an endless length", 113, "8 bytes", (w) => w.u64(1).u32(1).u8(1).bytes(new Uint8Array(8).fill(0x80)).u8(0)],
  [
    "a key over the limit",
    113,
    "limit",
    (w) =>
      w
        .u64(1)
        .u32(1)
        .u8(0)
        .lengthPrefixed(new Uint8Array(KEY_BYTES_MAX + 1)),
  ],
])("%s is corruption, at its place", (_what, offset, problem, write) => {
  const writer = new ByteWriter();
  write(writer);
  const error = refusal(writer.finish());
  expect(error).toBeInstanceOf(CorruptionError);
  expect(error).toMatchObject({ file: "000007.log", offset, problem: expect.stringContaining(problem) as unknown });
});

test("a range delete is of a later version, not corruption", () => {
  const payload = new ByteWriter().u64(1).u32(1).u8(Kind.deleteRange).lengthPrefixed(Buffer.from("a")).finish();
  const error = refusal(payload);
  expect(error).not.toBeInstanceOf(CorruptionError);
  expect(error).toMatchObject({ code: "TINYKV_FORMAT_UNSUPPORTED" });
});

test("an empty batch is a payload like any other", () => {
  expect(visited(encodeBatch(new WriteBatch(), 5))).toEqual([]);
});

import { expect, test } from "vitest";
import { AssertionError } from "../common/assert.ts";
import { type BytesLike } from "../common/bytes.ts";
import { SEQUENCE_MAX } from "../common/internal-key.ts";
import { BATCH_BYTES_MAX, KEY_BYTES_MAX, VALUE_BYTES_MAX } from "../common/limits.ts";
import { type BatchOperation, WriteBatch, decodeBatchHeader, encodeBatch, visitBatch } from "./write-batch.ts";

const INVALID: unknown = expect.objectContaining({ code: "TINYKV_INVALID_ARGUMENT" });

test("a payload is the bytes that the format says", () => {
  const batch = new WriteBatch().put("key", "value").delete("gone").put("", Buffer.alloc(130, "v"));
  const expected = Buffer.concat([
    Buffer.from([0xfe, 0xff, 0xff, 0xff, 0x01, 0, 0, 0, 3, 0, 0, 0]),
    Buffer.from("\x01\x03key\x05value\x00\x04gone"),
    Buffer.from([1, 0, 0x82, 0x01]),
    Buffer.alloc(130, "v"),
  ]);
  expect(encodeBatch(batch, 2 ** 33 - 2).toString("hex")).toBe(expected.toString("hex"));
  expect([batch.count, batch.byteLength, batch.payloadBytes]).toEqual([3, expected.length, 3 + 5 + 4 + 130]);
});

test("an iteration gives copies of the operations in the order in which they were added, again and again", () => {
  const batch = new WriteBatch()
    .put("a", "1")
    .delete("a")
    .put(Buffer.from([0xff]), new Uint8Array(0));
  const expected: BatchOperation[] = [
    { kind: "put", key: Buffer.from("a"), value: Buffer.from("1") },
    { kind: "delete", key: Buffer.from("a") },
    { kind: "put", key: Buffer.from([0xff]), value: Buffer.alloc(0) },
  ];
  const first = [...batch];
  expect(first).toEqual(expected);
  for (const { key } of first) key.fill(0);
  expect([...batch]).toEqual(expected);
  expect([...new WriteBatch()]).toEqual([]);
});

test("an iteration sees what is added meanwhile, and ends with an error when the batch is cleared", () => {
  const batch = new WriteBatch().put("a", "1");
  const seen: string[] = [];
  for (const { key } of batch) {
    seen.push(key.toString());
    if (seen.length < 100) batch.put(`key${seen.length}`, Buffer.alloc(50));
  }
  expect(seen).toEqual(["a", ...Array.from({ length: 99 }, (_, i) => `key${i + 1}`)]);
  expect(Array.from(batch, ({ key }) => key.toString())).toEqual(seen);
  const iterator = batch[Symbol.iterator]();
  iterator.next();
  batch.clear();
  batch.put("another", "one");
  expect(() => iterator.next()).toThrow(INVALID);
});

test("inputs are copied before the call returns, strings are UTF-8, views with an offset work", () => {
  const bytes = Buffer.from("..keyvalue..");
  const batch = new WriteBatch().put(bytes.subarray(2, 5), new Uint8Array(bytes.buffer, bytes.byteOffset + 5, 5));
  batch.delete(bytes.subarray(2, 5)).put("ключ", "値");
  bytes.fill(0);
  expect([...batch]).toEqual([
    { kind: "put", key: Buffer.from("key"), value: Buffer.from("value") },
    { kind: "delete", key: Buffer.from("key") },
    { kind: "put", key: Buffer.from("ключ"), value: Buffer.from("値") },
  ]);
});

test("a refused call leaves the batch as it was", () => {
  const batch = new WriteBatch().put("a", "1");
  const before = Buffer.from(encodeBatch(batch, 1));
  const tooLong = new Uint8Array(KEY_BYTES_MAX + 1);
  const bad = 7 as unknown as BytesLike;
  const lone = "x\ud800";
  const calls = [
    () => batch.put(tooLong, ""),
    () => batch.delete(tooLong),
    () => batch.put("k", new Uint8Array(VALUE_BYTES_MAX + 1)),
    () => batch.put(bad, ""),
    () => batch.put("k", bad),
    () => batch.put("k", undefined as unknown as BytesLike),
    () => batch.put(lone, ""),
    () => batch.put("k", lone),
    () => batch.delete(lone),
    () => batch.delete(bad),
  ];
  for (const call of calls) {
    expect(call).toThrow(INVALID);
    expect(encodeBatch(batch, 1).equals(before)).toBe(true);
    expect([batch.count, batch.byteLength, batch.payloadBytes]).toEqual([1, before.length, 2]);
  }
});

test("a batch grows to its limit of 1 GiB, to the byte, and not beyond", () => {
  const half = new Uint8Array(VALUE_BYTES_MAX);
  const batch = new WriteBatch().put("a", half);
  const length = batch.byteLength;
  expect(() => batch.put("b", half)).toThrow(INVALID);
  expect([batch.count, batch.byteLength]).toEqual([1, length]);
  // Kind, key length, key "b", five bytes of value length.
  const rest = BATCH_BYTES_MAX - length - 8;
  expect(() => batch.put("b", half.subarray(0, rest + 1))).toThrow(INVALID);
  batch.put("b", half.subarray(0, rest));
  expect(batch.byteLength).toBe(BATCH_BYTES_MAX);
  expect(() => batch.delete("")).toThrow(INVALID);
  expect(decodeBatchHeader(encodeBatch(batch, 1), "batch", 0)).toEqual({ firstSequence: 1, count: 2 });
});

test("the largest key is taken", () => {
  const key = Buffer.alloc(KEY_BYTES_MAX, "k");
  const lengths: number[] = [];
  const batch = new WriteBatch().put(key, "").delete(key);
  visitBatch(encodeBatch(batch, 1), "batch", 0, (_kind, _sequence, key) => lengths.push(key.length));
  expect(lengths).toEqual([KEY_BYTES_MAX, KEY_BYTES_MAX]);
});

test("after clear() a batch is like new: its memory is reused, unless it grew beyond 1 MiB", () => {
  const batch = new WriteBatch();
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 100; i++) batch.put(`key${i}`, `value${round}`);
    expect(batch.count).toBe(100);
    const memory = encodeBatch(batch, 1).buffer;
    batch.clear();
    expect([batch.count, batch.byteLength, batch.payloadBytes, [...batch]]).toEqual([0, 12, 0, []]);
    expect(encodeBatch(batch, 1).buffer).toBe(memory);
  }
  batch.put("large", new Uint8Array(2 << 20));
  batch.clear();
  expect(encodeBatch(batch, 1).buffer.byteLength).toBeLessThan(1000);
  expect([...batch.put("k", "v")]).toEqual([{ kind: "put", key: Buffer.from("k"), value: Buffer.from("v") }]);
});

test("a batch is encoded again with another number, and its last number may be the largest there is, not beyond", () => {
  const batch = new WriteBatch().put("a", "1").put("b", "2");
  for (const firstSequence of [1, 2 ** 32 - 1, 2 ** 32, 7, SEQUENCE_MAX - 1]) {
    const payload = encodeBatch(batch, firstSequence);
    expect(decodeBatchHeader(payload, "batch", 0)).toEqual({ firstSequence, count: 2 });
  }
  expect(() => encodeBatch(batch, SEQUENCE_MAX)).toThrow(AssertionError);
  expect(() => encodeBatch(batch, -1)).toThrow(AssertionError);
  expect(() => encodeBatch(batch, 1.5)).toThrow(AssertionError);
});

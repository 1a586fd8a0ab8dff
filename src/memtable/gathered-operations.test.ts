import fc from "fast-check";
import { expect, test } from "vitest";
import { KeyOrder } from "../common/comparator.ts";
import { CorruptionError } from "../common/errors.ts";
import { GatheredOperations } from "./gathered-operations.ts";
import { Memtable } from "./memtable.ts";
import { backward, forward, ORDER } from "./testdata/reference.ts";
import { DecodedBatch, decodeBatchHeader, encodeBatch, WriteBatch } from "./write-batch.ts";

const REVERSED = new KeyOrder({ name: "reversed", compare: (a, b) => Buffer.compare(b, a) });

// Few letters and lengths: equal keys, keys that begin another, and empty ones.
const key = fc.array(fc.constantFrom(0, 1, 97, 255), { maxLength: 6 }).map((bytes) => Uint8Array.from(bytes));
const operation = fc.oneof(
  fc.record({ key, value: fc.uint8Array({ maxLength: 60 }) }),
  fc.record({ key }),
) as fc.Arbitrary<{ key: Uint8Array; value?: Uint8Array }>;
const batches = fc.array(fc.array(operation, { maxLength: 12 }), { maxLength: 12 });

function payloadsOf(list: readonly (readonly { key: Uint8Array; value?: Uint8Array }[])[]): Uint8Array[] {
  let sequence = 7;
  return list.map((operations) => {
    const batch = new WriteBatch();
    for (const { key, value } of operations) {
      if (value) batch.put(key, value);
      else batch.delete(key);
    }
    const payload = encodeBatch(batch, sequence);
    sequence += operations.length;
    return payload;
  });
}

function gather(gathered: GatheredOperations, payload: Uint8Array): void {
  const copy = Uint8Array.from(payload);
  gathered.add(copy, decodeBatchHeader(copy, "000007.log", 0), "000007.log", 0);
  // It keeps nothing of the caller's memory: a log's window is used again.
  copy.fill(0xee);
}

test.each([
  ["byte order", ORDER],
  ["a custom comparator", REVERSED],
])("under %s what was gathered is what batch by batch would have been inserted", (_, order) => {
  fc.assert(
    fc.property(batches, fc.nat(12), (list, cut) => {
      const payloads = payloadsOf(list);
      const capacity = payloads.reduce((sum, payload) => sum + Memtable.bytesFor(12, payload.length), 0);
      const one = new Memtable({ order, capacity, seed: 1 });
      const other = new Memtable({ order, capacity, seed: 1 });
      const gathered = new GatheredOperations();
      payloads.forEach((payload, i) => {
        new DecodedBatch(payload, "000007.log", 0).insertInto(one, order);
        if (i === cut) gathered.insertInto(other, order);
        gather(gathered, payload);
      });
      const before = other.bytesUsed;
      const most = gathered.memtableBytes;
      gathered.insertInto(other, order);
      expect(other.bytesUsed - before).toBeLessThanOrEqual(most);
      expect(gathered.memtableBytes).toBe(0);
      expect(forward(other)).toEqual(forward(one));
      expect(backward(other)).toEqual(backward(one));
      // Where a memtable ends decides which table an entry is in: that must not depend on how it was filled.
      expect(other.bytesUsed).toBe(one.bytesUsed);
    }),
  );
});

test("more than sixteen mebibytes, or a million operations, are not gathered", () => {
  const gathered = new GatheredOperations();
  expect(gathered.hasRoom(1, 16 << 20)).toBe(true);
  expect(gathered.hasRoom(1, (16 << 20) + 1)).toBe(false);
  expect(gathered.hasRoom(2 ** 20, 100)).toBe(true);
  expect(gathered.hasRoom(2 ** 20 + 1, 100)).toBe(false);
  const [payload] = payloadsOf([[{ key: Buffer.from("k"), value: Buffer.alloc(1 << 20) }]]);
  for (let i = 0; i < 15; i++) gather(gathered, payload!);
  expect(gathered.hasRoom(1, payload!.length)).toBe(false);
});

test("a payload that is none is a CorruptionError with its place", () => {
  const [payload] = payloadsOf([[{ key: Buffer.from("key"), value: Buffer.from("value") }]]);
  const cut = payload!.subarray(0, -1);
  const gathered = new GatheredOperations();
  const add = (): void => gathered.add(cut, decodeBatchHeader(cut, "000007.log", 50), "000007.log", 50);
  expect(add).toThrow(CorruptionError);
});

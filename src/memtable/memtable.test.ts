import { expect, test } from "vitest";
import { AssertionError } from "../common/assert.ts";
import { Kind, SEQUENCE_MAX } from "../common/internal-key.ts";
import { KEY_BYTES_MAX } from "../common/limits.ts";
import { TOMBSTONE } from "../common/lookup.ts";
import { Prng } from "../util/prng.ts";
import { Memtable } from "./memtable.ts";
import {
  type Entry,
  ORDER,
  backward,
  compareEntries,
  current,
  del,
  fill,
  forward,
  put,
  randomEntries,
  sorted,
} from "./testdata/reference.ts";

function counters(memtable: Memtable): number[] {
  return [memtable.entries, memtable.bytesUsed, memtable.dataBytes, memtable.greatestSequence];
}

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

test.each(SEEDS)("entries come out sorted both ways, whatever their order of insertion, seed %i", (seed) => {
  const entries = randomEntries(seed, 1500);
  const memtable = fill(entries, ORDER, seed);
  const expected = sorted(entries);
  expect(forward(memtable)).toEqual(expected);
  expect(backward(memtable)).toEqual(expected.reverse());
});

test.each(["ascending", "descending", "two interleaved runs", "sorted batches"])(
  "insertion in %s order keeps all",
  (how) => {
    const expected = Array.from({ length: 3000 }, (_, i) => put(`key${String(i).padStart(6, "0")}`, i + 1));
    const runOf: Record<string, (i: number) => number> = {
      ascending: (i) => i,
      descending: (i) => -i,
      "two interleaved runs": (i) => (i % 1500) * 2 + (i < 1500 ? 0 : 1),
      "sorted batches": (i) => (i % 30) * 1000 + i / 30,
    };
    const place = runOf[how]!;
    const entries = expected.map((entry, i) => ({ entry, at: place(i) })).sort((a, b) => a.at - b.at);
    expect(forward(fill(entries.map(({ entry }) => entry)))).toEqual(expected);
  },
);

test("get answers with the newest version up to a number, at every key, absent ones too, and every number", () => {
  const entries = randomEntries(11, 400);
  const memtable = fill(entries);
  const keys = [...entries.map(({ key }) => key), Buffer.from("absent"), Buffer.alloc(9, 0xff), Buffer.alloc(3)];
  for (const key of keys.slice(0, 120).concat(keys.slice(-3))) {
    const versions = sorted(entries.filter((entry) => entry.key.equals(key)));
    for (const sequence of [
      0,
      1,
      50,
      399,
      400,
      401,
      SEQUENCE_MAX,
      ...versions.flatMap((v) => [v.sequence - 1, v.sequence]),
    ]) {
      const newest = versions.find((version) => version.sequence <= sequence);
      const answer = memtable.get(key, sequence);
      const expected = newest?.kind === Kind.put ? newest.value : newest && TOMBSTONE;
      expect(answer instanceof Uint8Array ? Buffer.from(answer) : answer).toEqual(expected);
    }
  }
});

test("from every position next and prev go to the neighbours, and off either end", () => {
  const expected = sorted(randomEntries(5, 300));
  const memtable = fill(expected);
  const cursor = memtable.cursor();
  expect(cursor.valid).toBe(false);
  expected.forEach((entry, i) => {
    for (const step of [1, -1] as const) {
      cursor.seek(entry.key, entry.sequence);
      expect(current(cursor)).toEqual(entry);
      if (step === 1) cursor.next();
      else cursor.prev();
      expect(current(cursor)).toEqual(expected[i + step]);
    }
  });
  cursor.first();
  cursor.prev();
  expect(() => cursor.prev()).toThrow(AssertionError);
  expect(() => cursor.key).toThrow(AssertionError);
  expect(() => cursor.value).toThrow(AssertionError);
});

test("seek and seekForPrev find their place at every key, every gap and every number", () => {
  const expected = sorted(randomEntries(9, 250));
  const cursor = fill(expected).cursor();
  const targets = expected.flatMap(({ key, sequence }) => [
    ...[0, sequence - 1, sequence, sequence + 1, SEQUENCE_MAX].map((sequence) => ({ key, sequence })),
    ...[0, SEQUENCE_MAX].map((sequence) => ({ key: Buffer.concat([key, Buffer.from([0])]), sequence })),
    { key: key.subarray(0, -1), sequence: 100 },
  ]);
  for (const target of targets) {
    cursor.seek(target.key, target.sequence);
    expect(current(cursor)).toEqual(expected.find((entry) => compareEntries(entry, target) >= 0));
    cursor.seekForPrev(target.key, target.sequence);
    expect(current(cursor)).toEqual(expected.findLast((entry) => compareEntries(entry, target) <= 0));
  }
});

test("an empty memtable has nothing, in any direction", () => {
  const memtable = new Memtable({ order: ORDER, capacity: 1000, seed: 1 });
  const cursor = memtable.cursor();
  const key = Buffer.from("k");
  cursor.first();
  expect(cursor.valid).toBe(false);
  cursor.last();
  expect(cursor.valid).toBe(false);
  cursor.seek(key, SEQUENCE_MAX);
  expect(cursor.valid).toBe(false);
  cursor.seekForPrev(key, 0);
  expect(cursor.valid).toBe(false);
  expect(memtable.get(key, SEQUENCE_MAX)).toBe(undefined);
  const { entries, deletes, bytesUsed, dataBytes, leastSequence, greatestSequence } = memtable;
  expect([entries, deletes, bytesUsed, dataBytes, leastSequence, greatestSequence]).toEqual([0, 0, 0, 0, 0, 0]);
  expect(memtable.approximateBytes(undefined, undefined)).toBe(0);
});

test("sequence numbers around each 32-bit edge and the largest are ordered as numbers and come back exactly", () => {
  const edges = [2 ** 31, 2 ** 32, 2 ** 32 + 2 ** 31, 2 ** 33, 2 ** 52];
  const numbers = [0, 1, ...edges.flatMap((edge) => [edge - 1, edge, edge + 1]), SEQUENCE_MAX - 1, SEQUENCE_MAX];
  const entries = numbers.map((sequence) => put("key", sequence));
  for (const [seed, order] of [entries, [...entries].reverse()].entries()) {
    const memtable = fill(order, ORDER, seed);
    expect(forward(memtable)).toEqual([...entries].reverse());
    expect([memtable.leastSequence, memtable.greatestSequence]).toEqual([0, SEQUENCE_MAX]);
    for (const sequence of numbers) {
      expect(Buffer.from(memtable.get(Buffer.from("key"), sequence) as Uint8Array).toString()).toBe(`${sequence}`);
    }
  }
});

test("the least and greatest numbers do not depend on the order of insertion", () => {
  for (const numbers of [
    [5, 2 ** 40, 7],
    [2 ** 40, 7, 5],
    [7, 5, 2 ** 40],
  ]) {
    const memtable = fill(numbers.map((sequence) => put(`${sequence}`, sequence)));
    expect([memtable.leastSequence, memtable.greatestSequence]).toEqual([5, 2 ** 40]);
  }
});

test("empty keys and values are entries like any other, and an empty value is no tombstone", () => {
  const entries = [del("", 3), put("", 2, ""), put("", 1, "x"), put("\0", 4, "")];
  const memtable = fill(entries);
  expect(forward(memtable)).toEqual(entries);
  expect(memtable.get(Buffer.alloc(0), 3)).toBe(TOMBSTONE);
  expect(memtable.get(Buffer.alloc(0), 2)).toHaveLength(0);
  expect(memtable.get(Buffer.from([0]), 4)).toHaveLength(0);
  expect(memtable.deletes).toBe(1);
});

test("keys of every length up to ten with equal beginnings stay apart", () => {
  const entries: Entry[] = [];
  for (let length = 0; length <= 10; length++) {
    for (const last of [0x00, 0x61, 0x80, 0xff]) {
      const key = Buffer.alloc(length, 0x61);
      if (length > 0) key[length - 1] = last;
      entries.push(put(key, entries.length + 1));
    }
  }
  expect(forward(fill(entries))).toEqual(sorted(entries));
});

test("the largest key, and values on both sides of the copying loop's limit, come back byte for byte", () => {
  const prng = new Prng(3);
  const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => prng.next() & 0xff));
  const entries = [0, 1, 7, 8, 9, 11, 12, 13, 64, 5000].map((length, i) =>
    put(bytes(length + 4), i + 1, bytes(length)),
  );
  const largest = Buffer.alloc(KEY_BYTES_MAX, "k");
  const memtable = fill([...entries, put(largest, 100, "largest")]);
  const cursor = memtable.cursor();
  cursor.seek(largest, 100);
  expect(largest.equals(cursor.key)).toBe(true);
  expect(cursor.value).toHaveLength(7);
  expect(forward(memtable).filter(({ sequence }) => sequence < 100)).toEqual(sorted(entries));
});

test("insert copies: what the caller does to its buffers later changes nothing, and views with an offset work", () => {
  const bytes = Buffer.from("..keyvalue..");
  const memtable = new Memtable({ order: ORDER, capacity: 1000, seed: 1 });
  memtable.insert(Kind.put, 1, bytes.subarray(2, 5), bytes.subarray(5, 10));
  bytes.fill(0xee);
  expect(forward(memtable)).toEqual([put("key", 1, "value")]);
});

test("full means no: nothing changes, everything stays readable, and what still fits goes in", () => {
  const memtable = new Memtable({ order: ORDER, capacity: 5000, seed: 7 });
  const kept: Entry[] = [];
  for (let sequence = 1; sequence < 1000; sequence++) {
    const entry = put(`key${(sequence * 37) % 1000}`, sequence, Buffer.alloc(sequence % 200));
    const before = counters(memtable);
    const inserted = memtable.insert(entry.kind, sequence, entry.key, entry.value);
    if (inserted) kept.push(entry);
    expect(counters(memtable).every((counter, i) => counter === before[i])).toBe(!inserted);
    expect(memtable.bytesUsed).toBeLessThanOrEqual(memtable.capacity);
  }
  expect(kept.length).toBeGreaterThan(20);
  expect(kept.length).toBeLessThan(999);
  expect(memtable.capacity - memtable.bytesUsed).toBeLessThan(150);
  expect(forward(memtable)).toEqual(sorted(kept));
});

test("no capacity is passed, not by a byte", () => {
  for (let capacity = 0; capacity < 500; capacity++) {
    const memtable = new Memtable({ order: ORDER, capacity, seed: capacity });
    for (let sequence = 1; memtable.insert(Kind.put, sequence, Buffer.alloc(0), Buffer.alloc(1));) sequence++;
    expect(memtable.bytesUsed).toBeLessThanOrEqual(capacity);
  }
});

test("what fits() promises is taken, to the last byte of a capacity from bytesFor()", () => {
  for (let seed = 0; seed < 200; seed++) {
    const memtable = new Memtable({ order: ORDER, capacity: Memtable.bytesFor(3, 20), seed });
    expect(memtable.fits(3, 20)).toBe(true);
    expect(memtable.fits(3, 21)).toBe(false);
    expect(memtable.insert(Kind.put, 1, Buffer.from("abcd"), Buffer.alloc(1))).toBe(true);
    expect([memtable.fits(2, 15), memtable.fits(3, 20)]).toEqual([true, false]);
    expect(memtable.insert(Kind.put, 2, Buffer.alloc(5), Buffer.alloc(0))).toBe(true);
    expect(memtable.fits(1, 10)).toBe(true);
    expect(memtable.insert(Kind.put, 3, Buffer.from("z"), Buffer.alloc(9))).toBe(true);
  }
});

test("a capacity of nothing takes nothing", () => {
  const memtable = new Memtable({ order: ORDER, capacity: 0, seed: 1 });
  expect(memtable.insert(Kind.put, 1, Buffer.alloc(0), Buffer.alloc(0))).toBe(false);
  expect(forward(memtable)).toEqual([]);
});

test("a memory that cannot be reserved is INVALID_ARGUMENT", () => {
  for (const capacity of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32, 2 ** 50]) {
    expect(() => new Memtable({ order: ORDER, capacity, seed: 1 })).toThrow(
      expect.objectContaining({ code: "TINYKV_INVALID_ARGUMENT" }),
    );
  }
});

test("a (key, sequence number) that is there, a bad number, a value of a delete, a range delete are broken beliefs", () => {
  const memtable = fill([put("a", 1, ""), put("b", 2, "")]);
  const key = Buffer.from("b");
  const none = Buffer.alloc(0);
  expect(() => memtable.insert(Kind.delete, 2, key, none)).toThrow(AssertionError);
  expect(() => memtable.insert(Kind.put, 2 ** 53, key, none)).toThrow(AssertionError);
  expect(() => memtable.insert(Kind.put, -1, key, none)).toThrow(AssertionError);
  expect(() => memtable.insert(Kind.delete, 3, key, key)).toThrow(AssertionError);
  expect(() => memtable.insert(Kind.deleteRange, 3, key, key)).toThrow(AssertionError);
  expect(() => memtable.insert(Kind.put, 3, Buffer.alloc(KEY_BYTES_MAX + 1), none)).toThrow(AssertionError);
  expect(memtable.entries).toBe(2);
});

test("attaching to a buffer that is no memtable is a broken belief", () => {
  expect(() => Memtable.attach(new SharedArrayBuffer(1000), ORDER, 1)).toThrow(AssertionError);
});

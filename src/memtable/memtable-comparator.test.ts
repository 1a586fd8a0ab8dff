import { expect, test } from "vitest";
import { type Comparator, KeyOrder } from "../common/comparator.ts";
import { Kind, SEQUENCE_MAX } from "../common/internal-key.ts";
import { TOMBSTONE } from "../common/lookup.ts";
import { Prng } from "../util/prng.ts";
import { Memtable } from "./memtable.ts";
import { backward, current, fill, forward, put, randomEntries, sorted, type Entry } from "./testdata/reference.ts";
import { DecodedBatch, WriteBatch, encodeBatch } from "./write-batch.ts";

const reversed: Comparator = { name: "test.reversed", compare: (a, b) => Buffer.compare(b, a) };

/** Throws at comparison number `at` from now on, counted down. */
class Bomb implements Comparator {
  readonly name = "test.bomb";
  left = Number.POSITIVE_INFINITY;
  compare(a: Uint8Array, b: Uint8Array): number {
    if (--this.left < 0) throw new Error("bomb");
    return Buffer.compare(a, b);
  }
}

/** False if the comparator threw. */
function insertWithin(comparisons: number, bomb: Bomb, memtable: Memtable, entry: Entry): boolean {
  bomb.left = comparisons;
  try {
    return memtable.insert(entry.kind, entry.sequence, entry.key, entry.value);
  } catch (error) {
    if (error instanceof Error && error.message === "bomb") return false;
    throw error;
  }
}

test("a custom comparator decides the order, everywhere", () => {
  const entries = randomEntries(31, 600);
  const memtable = fill(entries, new KeyOrder(reversed));
  const expected = [...entries].sort((a, b) => Buffer.compare(b.key, a.key) || b.sequence - a.sequence);
  expect(forward(memtable)).toEqual(expected);
  expect(backward(memtable)).toEqual([...expected].reverse());
  const cursor = memtable.cursor();
  for (const entry of expected) {
    cursor.seek(entry.key, entry.sequence);
    expect(current(cursor)).toEqual(entry);
    cursor.seekForPrev(entry.key, entry.sequence);
    expect(current(cursor)).toEqual(entry);
    const answer = memtable.get(entry.key, entry.sequence);
    expect(answer instanceof Uint8Array ? Buffer.from(answer) : answer).toEqual(
      entry.kind === Kind.put ? entry.value : TOMBSTONE,
    );
  }
});

test("a custom comparator is never shown shared memory", () => {
  const compare = (a: Uint8Array, b: Uint8Array): number => {
    if (!(a.buffer instanceof ArrayBuffer && b.buffer instanceof ArrayBuffer)) throw new Error("shared");
    return Buffer.compare(a, b);
  };
  const order = new KeyOrder({ name: "test.plain", compare });
  const entries = ["b", "a", "c", "", "ab"].map((key, i) => put(key, i + 1));
  const memtable = fill(entries, order);
  expect(backward(memtable)).toHaveLength(5);
  const cursor = memtable.cursor();
  for (cursor.first(); cursor.valid; cursor.next()) expect(cursor.key.buffer).toBeInstanceOf(ArrayBuffer);
  for (const { key } of entries) {
    cursor.seekForPrev(key, 0);
    cursor.seek(cursor.key, SEQUENCE_MAX);
    expect(Buffer.from(cursor.key)).toEqual(key);
    expect(memtable.get(key, SEQUENCE_MAX)).toHaveLength(1);
  }
  expect(memtable.approximateBytes(Buffer.from("a"), Buffer.from("b"))).toBe(5);
});

test("a comparator that throws inside insert, at any comparison, leaves the entry out and the list whole", () => {
  const bomb = new Bomb();
  const memtable = new Memtable({ order: new KeyOrder(bomb), capacity: 1 << 20, seed: 3 });
  const expected: Entry[] = [];
  for (let i = 0; i < 200; i++) {
    const entry = put(`key${(i * 61) % 200}`.padEnd(8), i + 1);
    const used = memtable.bytesUsed;
    for (let comparisons = 0; !insertWithin(comparisons, bomb, memtable, entry); comparisons++) {
      expect([memtable.entries, memtable.bytesUsed, memtable.greatestSequence]).toEqual([i, used, i]);
    }
    bomb.left = Number.POSITIVE_INFINITY;
    expected.push(entry);
  }
  expect(forward(memtable)).toEqual(sorted(expected));
  expect(backward(memtable)).toEqual(sorted(expected).reverse());
});

test("after a comparator threw inside insert, entries at other places find theirs", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const prng = new Prng(seed);
    const bomb = new Bomb();
    const memtable = new Memtable({ order: new KeyOrder(bomb), capacity: 1 << 20, seed });
    const expected: Entry[] = [];
    let place = 0;
    for (let sequence = 1; sequence <= 400; sequence++) {
      // Short ascending runs, so that the search starts from the place of the last insertion.
      place = prng.next() % 8 === 0 ? prng.next() % 10_000 : place + (prng.next() % 300);
      const entry = put(`${place}`.padStart(6, "0"), sequence);
      if (insertWithin(prng.next() % 25, bomb, memtable, entry)) expected.push(entry);
      bomb.left = Number.POSITIVE_INFINITY;
    }
    expect(forward(memtable)).toEqual(sorted(expected));
    expect(backward(memtable)).toEqual(sorted(expected).reverse());
  }
});

test("a comparator that throws inside a cursor's move leaves the cursor not valid", () => {
  const bomb = new Bomb();
  const cursor = fill([put("a", 1), put("b", 2), put("c", 3)], new KeyOrder(bomb)).cursor();
  for (const move of [
    () => cursor.seek(Buffer.from("b"), 2),
    () => cursor.seekForPrev(Buffer.from("b"), 2),
    () => cursor.prev(),
  ]) {
    cursor.last();
    bomb.left = 0;
    expect(move).toThrow("bomb");
    bomb.left = Number.POSITIVE_INFINITY;
    expect(cursor.valid).toBe(false);
  }
});

test("findOnly and a batch's dry run throw what the comparator throws, and change nothing", () => {
  const bomb = new Bomb();
  const order = new KeyOrder(bomb);
  const memtable = fill([put("a", 1), put("c", 2)], order);
  const batch = new WriteBatch().put("b", "1").put("d", "2").delete("a");
  const decoded = new DecodedBatch(encodeBatch(batch, 3), "test.log", 0);
  for (const left of [0, 1, 2, 3]) {
    bomb.left = left;
    expect(() => decoded.checkComparator(memtable, order)).toThrow("bomb");
  }
  bomb.left = 0;
  expect(() => memtable.findOnly(Buffer.from("b"))).toThrow("bomb");
  bomb.left = Number.POSITIVE_INFINITY;
  memtable.findOnly(Buffer.from("b"));
  decoded.checkComparator(memtable, order);
  expect(memtable.entries).toBe(2);
});

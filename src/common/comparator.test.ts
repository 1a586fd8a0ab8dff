import * as fc from "fast-check";
import { expect, test } from "vitest";
import { bytewise, KeyOrder, type Comparator } from "./comparator.ts";

const order = new KeyOrder(bytewise);

// All keys of up to three bytes from the edges of a byte: small enough to try every pair.
const EDGES = [0, 1, 0xfe, 0xff];
const SMALL = [
  [],
  ...EDGES.map((a) => [a]),
  ...EDGES.flatMap((a) => EDGES.map((b) => [a, b])),
  ...EDGES.flatMap((a) => EDGES.flatMap((b) => EDGES.map((c) => [a, b, c]))),
].map((key) => Buffer.from(key));

const keys = fc.array(fc.constantFrom(0, 1, 0x60, 0x61, 0xfe, 0xff), { maxLength: 10 }).map((key) => Buffer.from(key));

/** The least length of any key k with a ≤ k < b, by trying: a itself, and every cut of a that was made to grow. */
function shortestBetween(a: Buffer, b: Buffer): number {
  for (let length = 0; length < a.length; length++) {
    if (length === 0) continue; // the empty key is below a
    const grown = leastOfLengthFrom(a, length);
    if (grown !== undefined && Buffer.compare(grown, b) < 0) return length;
  }
  return a.length;
}

/** The least key of `length` bytes that is ≥ a, for a longer a: its first bytes plus one; undefined if all are 0xff. */
function leastOfLengthFrom(a: Buffer, length: number): Buffer | undefined {
  const key = Buffer.from(a.subarray(0, length));
  for (let i = length - 1; i >= 0; i--) {
    if (key[i] !== 0xff) {
      key[i]!++;
      return key;
    }
    key[i] = 0;
  }
  return undefined;
}

function checkSeparator(a: Buffer, b: Buffer): void {
  const separator = order.separator(a, b);
  expect(Buffer.compare(a, separator)).toBeLessThanOrEqual(0);
  expect(Buffer.compare(separator, b)).toBe(-1);
  expect(separator.length).toBe(shortestBetween(a, b));
}

test("a separator is at least a, below b, and the shortest such key, for every pair of small keys", () => {
  for (const a of SMALL) for (const b of SMALL) if (Buffer.compare(a, b) < 0) checkSeparator(a, b);
});

test("a separator is at least a, below b, and the shortest such key, for any keys", () => {
  fc.assert(
    fc.property(keys, keys, (a, b) => {
      fc.pre(Buffer.compare(a, b) !== 0);
      checkSeparator(...(Buffer.compare(a, b) < 0 ? ([a, b] as const) : ([b, a] as const)));
    }),
    { numRuns: 2000 },
  );
});

test("a successor is at least its key and no longer; it is the key only where nothing shorter will do", () => {
  for (const a of SMALL) {
    const successor = order.successor(a);
    expect(Buffer.compare(a, successor)).toBeLessThanOrEqual(0);
    const shortest = [1, 2, 3].find((length) => length < a.length && leastOfLengthFrom(a, length) !== undefined);
    expect(successor.length).toBe(shortest ?? a.length);
    expect(successor === a).toBe(shortest === undefined);
  }
});

test("separators and successors change neither key", () => {
  const [a, b] = [Buffer.from("abcdef"), Buffer.from("abzzzz")];
  expect(Buffer.from(order.separator(a, b)).toString()).toBe("abd");
  expect(Buffer.from(order.successor(a)).toString()).toBe("b");
  expect([a.toString(), b.toString()]).toEqual(["abcdef", "abzzzz"]);
});

test("bytewise is byte order, in ranges of larger buffers too", () => {
  for (const a of SMALL) {
    for (const b of SMALL) {
      const expected = Buffer.compare(a, b);
      const left = Buffer.concat([b, a, b]);
      const right = Buffer.concat([a, b, a]);
      expect(Math.sign(bytewise.compare(a, b))).toBe(expected);
      expect(Math.sign(order.compare(a, b))).toBe(expected);
      const ranges = [left, b.length, b.length + a.length, right, a.length, a.length + b.length] as const;
      expect(Math.sign(order.compareRanges(...ranges))).toBe(expected);
    }
  }
});

const backwards: Comparator = { name: "backwards", compare: (a, b) => -Buffer.compare(a, b) };

test("a comparator of one's own decides alone, and without separators of its own keys stay whole", () => {
  const own = new KeyOrder(backwards);
  const [a, b] = [Buffer.from("bbbb"), Buffer.from("aaaa")];
  expect([own.isBytewise, order.isBytewise]).toEqual([false, true]);
  expect(own.compare(a, b)).toBe(-1);
  expect(own.compareRanges(a, 0, 4, b, 0, 4)).toBe(-1);
  expect(own.separator(a, b)).toBe(a);
  expect(own.successor(a)).toBe(a);
  const shortening = new KeyOrder({
    ...backwards,
    separator: () => Buffer.from("b"),
    successor: () => Buffer.from("0"),
  });
  expect([String(shortening.separator(a, b)), String(shortening.successor(a))]).toEqual(["b", "0"]);
});

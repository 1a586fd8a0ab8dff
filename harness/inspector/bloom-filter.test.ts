import { expect, test } from "vitest";
import { bitsOf, mayContain, murmur3, readFilter } from "./bloom-filter.ts";

const LINES = 8;

/** Keys with tails of each length, and the hashes that a MurmurHash3 with the published test vectors gives them. */
const TAILS: [string, number][] = [
  ["", 0xf6a92a8f],
  ["a", 0xe2165bee],
  ["\xffb", 0xa6b75f2d],
  ["abc", 0xe07e9722],
  ["abcd", 0x87c94959],
];

function filterOf(keys: readonly string[], probes: number): Buffer {
  const bytes = Buffer.alloc(8 + 64 * LINES);
  bytes.set([1, probes, 0, 0, LINES]);
  for (const key of keys) {
    const { line, bits } = bitsOf(key, probes, LINES);
    for (const bit of bits) bytes[8 + 64 * line + (bit >> 3)]! |= 1 << (bit & 7);
  }
  return bytes;
}

test("the hash and the bits of docs/formats.md", () => {
  expect(murmur3("foo")).toBe(0x4ae91d19);
  expect(bitsOf("foo", 6, 1)).toEqual({ line: 0, bits: [511, 224, 15, 437, 492, 411] });
  expect(TAILS.map(([key]) => [key, murmur3(key)])).toEqual(TAILS);
});

test("each bit of a key counts: without one the key is unknown", () => {
  for (const key of ["", "k", "\xff\x80", "a longer key than the others"]) {
    for (const probes of [1, 6, 22]) {
      const bytes = filterOf([key], probes);
      const whole = { offset: 0, length: bytes.length };
      expect(mayContain(readFilter(bytes, whole), key)).toBe(true);
      const { line, bits } = bitsOf(key, probes, LINES);
      for (const bit of bits) {
        const less = Buffer.from(bytes);
        less[8 + 64 * line + (bit >> 3)]! &= ~(1 << (bit & 7));
        expect(mayContain(readFilter(less, whole), key)).toBe(false);
      }
    }
  }
});

test("an unknown algorithm says maybe, and a filter of another shape than its header says is none", () => {
  const bytes = filterOf(["k"], 6);
  const read = (change: (copy: Buffer) => Buffer): ReturnType<typeof readFilter> => {
    const copy = change(Buffer.from(bytes));
    return readFilter(copy, { offset: 0, length: copy.length });
  };
  const at =
    (offset: number, value: number) =>
    (copy: Buffer): Buffer => {
      copy[offset] = value;
      return copy;
    };
  expect(mayContain(read(at(0, 2)), "no such key")).toBe(true);
  expect(
    mayContain(
      read((copy) => copy),
      "no such key",
    ),
  ).toBe(false);
  for (const [wrong, problem] of [
    [at(1, 0), /0 probes/],
    [at(1, 23), /23 probes/],
    [at(2, 1), /not zero/],
    [at(4, 0), /0 lines/],
    [at(4, LINES + 1), /9 lines/],
    [(copy: Buffer) => copy.subarray(0, -1), /8 lines in 511 bytes/],
  ] as const)
    expect(() => read(wrong)).toThrow(problem);
});

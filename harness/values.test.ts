import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { anyKey } from "./arbitraries.ts";
import { expandValue, isValueOf, parseValue, SELF_DESCRIBING_BYTES_MIN } from "./values.ts";

const anyRef = fc.record({
  incarnation: fc.nat({ max: 0xffff }),
  id: fc.maxSafeNat().map((id) => id % 2 ** 48),
  length: fc.nat({ max: 300 }),
});

test("a value has its length, and says who wrote it from 16 bytes on", () => {
  fc.assert(
    fc.property(anyKey(), anyRef, (key, ref) => {
      const value = expandValue(key, ref);
      expect(value.length).toBe(ref.length);
      expect(isValueOf(value, key, ref)).toBe(true);
      const written = parseValue(value, key);
      expect(written).toEqual(ref.length < SELF_DESCRIBING_BYTES_MIN ? undefined : { key, ...ref });
    }),
    { numRuns: 500 },
  );
});

test("a value under the wrong key names the right one, where it has room for it", () => {
  const value = expandValue("right", { incarnation: 2, id: 77, length: 40 });
  expect(parseValue(value, "wrong")).toEqual({ key: "right", incarnation: 2, id: 77, length: 40 });
  expect(parseValue(value)).toEqual({ key: "right", incarnation: 2, id: 77, length: 40 });
  expect(isValueOf(value, "wrong", { incarnation: 2, id: 77, length: 40 })).toBe(false);
  expect(parseValue(expandValue("right", { incarnation: 0, id: 1, length: 20 }), "wrong")).toBeUndefined();
});

test("any flipped bit makes it a value that nobody wrote", () => {
  for (const length of [16, 17, 20, 27, 64]) {
    const ref = { incarnation: 1, id: 5, length };
    const value = expandValue("key", ref);
    for (let bit = 0; bit < length * 8; bit++) {
      value[bit >> 3]! ^= 1 << (bit & 7);
      expect(parseValue(value, "key")).toBeUndefined();
      expect(isValueOf(value, "key", ref)).toBe(false);
      value[bit >> 3]! ^= 1 << (bit & 7);
    }
  }
});

test("every truncation, and zeros in place of any part, is seen", () => {
  const ref = { incarnation: 1, id: 5, length: 100 };
  const value = expandValue("key", ref);
  for (let length = 0; length < 100; length++) {
    expect(isValueOf(value.subarray(0, length), "key", ref)).toBe(false);
    const zeroed = Buffer.concat([value.subarray(0, length), Buffer.alloc(100 - length)]);
    expect(isValueOf(zeroed, "key", ref)).toBe(false);
  }
});

test("different writes make different values, from four bytes on", () => {
  for (const length of [4, 8, 15, 16, 30]) {
    const seen = new Set<string>();
    for (let id = 0; id < 2000; id++) {
      seen.add(expandValue("a", { incarnation: 0, id, length }).toString("hex"));
      seen.add(expandValue("b", { incarnation: 0, id, length }).toString("hex"));
    }
    expect(seen.size).toBeGreaterThan(3995);
  }
});

test("values are the same bytes for ever", () => {
  const goldens = {
    15: "3c1a006db48c29b20adc39063ab8b3",
    16: "2002e62b100000000900000000010300",
    30: "a21d50211e0000000900000000010300020000006b0053ece976a2951627",
    5: "3c1a006db4",
  };
  for (const [length, golden] of Object.entries(goldens)) {
    const value = expandValue("k\0", { incarnation: 3, id: 2 ** 40 + 9, length: Number(length) });
    expect(value.toString("hex")).toBe(golden);
  }
});

test("longer values are the same bytes for ever", () => {
  const goldens = {
    83: "0c7dca5bd402fe4f",
    84: "dc4ab429291360b6",
    85: "349feae32df4f247",
    150: "9657a6efdcf55d55",
    4096: "43ccb5523d41a86f",
    4200: "151ef21d3e40bf35",
    9000: "0d48e24d62187caf",
  };
  for (const [length, golden] of Object.entries(goldens)) {
    const value = expandValue("k\0", { incarnation: 3, id: 2 ** 40 + 9, length: Number(length) });
    expect(createHash("sha256").update(value).digest("hex").slice(0, 16)).toBe(golden);
  }
});

test("a value that was looked at before is no other value, nor that of another key or write of its place", () => {
  for (const length of [95, 96, 200, 4096, 4097]) {
    const ref = { incarnation: 1, id: 5, length };
    const value = expandValue("key", ref);
    for (let look = 0; look < 4; look++) expect(isValueOf(value, "key", ref)).toBe(true);
    for (let at = 0; at < length; at++) {
      value[at]! ^= 1;
      expect(isValueOf(value, "key", ref)).toBe(false);
      value[at]! ^= 1;
    }
    expect(isValueOf(value, "yek", ref)).toBe(false);
    expect(isValueOf(value, "key", { ...ref, incarnation: 2 })).toBe(false);
    expect(isValueOf(value, "key", { ...ref, id: 5 + (1 << 20) })).toBe(false);
    expect(isValueOf(value, "key", ref)).toBe(true);
  }
});

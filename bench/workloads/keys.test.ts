import { deflateRawSync } from "node:zlib";
import { Random } from "tinykv/harness";
import { expect, test } from "vitest";
import { countDistinct, Keys, KEY_COUNT_MAX, MissingKeys, permutation, Values } from "./keys.ts";

test("a key is its number in 16 decimal digits", () => {
  const keys = new Keys(1);
  const random = new Random("keys");
  const numbers = [0, 1, 9, 10, 9999, 10_000, 10_001, 99_999_999, KEY_COUNT_MAX - 1];
  for (let i = 0; i < 2000; i++) numbers.push(random.int(KEY_COUNT_MAX));
  for (const number of numbers) expect(keys.at(number).toString()).toBe(String(number).padStart(16, "0"));
});

test("a key of a ring is good until the ring has gone round", () => {
  const keys = new Keys(3);
  const made = [1, 2, 3].map((number) => keys.at(number));
  expect(made.map((key) => Number(key.toString()))).toEqual([1, 2, 3]);
  expect(keys.at(4)).toBe(made[0]);
});

test("a missing key stands right behind the key of its number", () => {
  const missing = new MissingKeys().at(41);
  const keys = new Keys(2);
  expect(Buffer.compare(missing, keys.at(41))).toBe(1);
  expect(Buffer.compare(missing, keys.at(42))).toBe(-1);
});

test.each([1, 100, 1024, 10_240, 1 << 20])("values of %d bytes have that length, and several differ", (valueBytes) => {
  const values = new Values(valueBytes, "values");
  const made = Array.from({ length: 4 }, () => values.next());
  expect(made.map((value) => value.length)).toEqual([valueBytes, valueBytes, valueBytes, valueBytes]);
  if (valueBytes >= 100) expect(new Set(made.map((value) => value.toString("latin1"))).size).toBe(4);
});

test("a value compresses to about half", () => {
  const value = new Values(10_000, "values").next();
  const share = deflateRawSync(value).length / value.length;
  expect(share).toBeGreaterThan(0.35);
  expect(share).toBeLessThan(0.6);
});

test("a permutation has each number once, and is the seed's", () => {
  const order = permutation(1000, new Random("order"));
  expect(order.toSorted()).toEqual(Uint32Array.from({ length: 1000 }, (_, i) => i));
  expect(order).toEqual(permutation(1000, new Random("order")));
  expect(order).not.toEqual(permutation(1000, new Random("another")));
});

test("countDistinct counts as a set does", () => {
  const draw = (seed: string) => {
    const random = new Random(seed);
    return () => random.int(500);
  };
  const again = draw("a");
  expect(countDistinct(700, 500, draw("a"))).toBe(new Set(Array.from({ length: 700 }, again)).size);
});

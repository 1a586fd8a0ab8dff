import { expect, test } from "vitest";
import { bytewise, KeyOrder } from "./comparator.ts";
import {
  compareInternalKeys,
  compareVersions,
  isKind,
  Kind,
  KIND_MAX,
  SEQUENCE_MAX,
  type InternalKey,
} from "./internal-key.ts";

const KINDS = [Kind.delete, Kind.put, Kind.deleteRange];
const order = new KeyOrder(bytewise);

// In the order that the header of internal-key.ts describes: key up, sequence number down, kind down.
const ascending: InternalKey[] = ["", "a", "a\0", "b"].flatMap((key) =>
  [SEQUENCE_MAX, 2 ** 32 + 1, 2 ** 32, 7, 1, 0].flatMap((sequence) =>
    [Kind.deleteRange, Kind.put, Kind.delete].map((kind) => ({ key: Buffer.from(key), sequence, kind })),
  ),
);

test("internal keys order by key ascending, then sequence number descending, then kind descending", () => {
  for (const [i, a] of ascending.entries()) {
    for (const [j, b] of ascending.entries()) {
      expect(Math.sign(compareInternalKeys(order, a, b))).toBe(Math.sign(i - j));
    }
  }
});

function put(key: Uint8Array, sequence: number): InternalKey {
  return { key, sequence, kind: Kind.put };
}

test("a custom order decides about keys alone; versions stay newest first", () => {
  const backwards = new KeyOrder({ name: "backwards", compare: (a, b) => -Buffer.compare(a, b) });
  const [a, b] = [Buffer.from("a"), Buffer.from("b")];
  expect(compareInternalKeys(backwards, put(b, 1), put(a, 9))).toBeLessThan(0);
  expect(compareInternalKeys(backwards, put(a, 9), put(a, 1))).toBeLessThan(0);
});

test("(sequence, KIND_MAX) comes before every version of that number and behind every newer one", () => {
  for (const kind of KINDS) {
    expect(compareVersions(7, KIND_MAX, 7, kind)).toBeLessThanOrEqual(0);
    expect(compareVersions(8, kind, 7, KIND_MAX)).toBeLessThan(0);
  }
});

test("the kinds are 0, 1 and 15, and no other number is one", () => {
  expect(KINDS).toEqual([0, 1, 15]);
  const known = Array.from({ length: 256 }, (_, value) => value).filter(isKind);
  expect(known).toEqual([0, 1, 15]);
  expect([0.5, -1, Number.NaN].some(isKind)).toBe(false);
});

import { expect, test } from "vitest";
import { expectEntries, expectValue } from "./compare.ts";
import type { EngineEntry } from "./engine.ts";
import { Failure } from "./failure.ts";
import { keyBytes, type Key } from "./keys.ts";
import { Model } from "./model.ts";
import { expandValue, type ValueRef } from "./values.ts";

const ABOUT = { condition: "C8", op: 7, what: "scan" } as const;

/** Short keys and long ones, with bytes from 0 to 255; values that name their writer and values that do not. */
const KEYS: readonly Key[] = ["", "a", "a\0", "b\xff", "c".repeat(64), "c".repeat(65), "d".repeat(300)];

function refOf(i: number): ValueRef {
  return { incarnation: 3, id: 1000 + i, length: [40, 7, 0, 16, 500, 15, 2000][i]! };
}

function modelOf(keys: readonly Key[]): Model {
  const model = new Model();
  keys.forEach((key, i) => model.apply([{ kind: "put", key, value: refOf(i) }]));
  return model;
}

function entries(): EngineEntry[] {
  return KEYS.map((key, i) => [keyBytes(key), expandValue(key, refOf(i))]);
}

function problemOf(found: readonly EngineEntry[], only?: "keys" | "values"): string {
  try {
    expectEntries(ABOUT, found, modelOf(KEYS).walk(), only);
    return "none";
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    expect(error).toMatchObject({ condition: "C8", op: 7 });
    return error.message;
  }
}

test("a scan that gives what the model has is right, whole or one half of it", () => {
  expect(problemOf(entries())).toBe("none");
  expect(
    problemOf(
      entries().map(([key]) => [key, undefined]),
      "keys",
    ),
  ).toBe("none");
  expect(
    problemOf(
      entries().map(([, value]) => [undefined, value]),
      "values",
    ),
  ).toBe("none");
});

test("an entry too few, too many, twice or in another place is seen", () => {
  for (let i = 0; i < KEYS.length; i++) {
    expect(problemOf(entries().toSpliced(i, 1))).not.toBe("none");
    expect(problemOf(entries().toSpliced(i, 0, entries()[i]!))).not.toBe("none");
    if (i > 0) expect(problemOf(entries().toSpliced(i - 1, 2, entries()[i]!, entries()[i - 1]!))).not.toBe("none");
  }
  expect(problemOf(entries().slice(0, -1))).toBe(
    `scan: the engine ended after 6 entries, the model goes on with ${JSON.stringify("d".repeat(300))}`,
  );
  expect(problemOf([...entries(), [keyBytes("e"), Buffer.alloc(0)]])).toBe(
    'scan, entry 7: the model has only 7 entries, the engine gave "e"',
  );
});

test("any changed byte of a key or of a value, and a key too long or too short, is seen, and said of its entry", () => {
  entries().forEach(([key, value], i) => {
    for (const half of [key!, value!]) {
      for (let at = 0; at < half.length; at += half.length > 100 ? 37 : 1) {
        half[at]! ^= 0x80;
        expect(problemOf(entries().with(i, [key, value]))).toMatch(new RegExp(`^scan, entry ${i}[: ]`));
        half[at]! ^= 0x80;
      }
    }
    const said = new RegExp(`^scan, entry ${i}: the engine gave `);
    expect(problemOf(entries().with(i, [Buffer.concat([key!, Buffer.alloc(1)]), value]))).toMatch(said);
    if (key!.length > 0) expect(problemOf(entries().with(i, [key!.subarray(0, -1), value]))).toMatch(said);
  });
});

test("the half that was not asked for must not be there, the other one must", () => {
  const wrong = "scan, entry 0: the wrong half of the entry is undefined";
  expect(problemOf(entries(), "keys")).toBe(wrong);
  expect(problemOf(entries(), "values")).toBe(wrong);
  expect(problemOf(entries().map(([key]) => [key, undefined]))).toBe(wrong);
});

test("a value is that of its key, its writer and its length alone", () => {
  KEYS.forEach((key, i) => {
    const ref = refOf(i);
    const judge = (found: Buffer | undefined, expected: ValueRef | undefined) => (): void =>
      expectValue(ABOUT, key, found, expected);
    expect(judge(expandValue(key, ref), ref)).not.toThrow();
    expect(judge(undefined, undefined)).not.toThrow();
    expect(judge(undefined, ref)).toThrow(Failure);
    expect(judge(expandValue(key, ref), undefined)).toThrow(Failure);
    expect(judge(expandValue(key, { ...ref, length: ref.length + 1 }), ref)).toThrow(Failure);
    if (ref.length < 4) return;
    expect(judge(expandValue(key, { ...ref, id: ref.id + 1 }), ref)).toThrow(Failure);
    expect(judge(expandValue(key, { ...ref, id: ref.id + 2 ** 32 }), ref)).toThrow(Failure);
    expect(judge(expandValue(`${key}x`, ref), ref)).toThrow(Failure);
    if (ref.length >= 16) expect(judge(expandValue(key, { ...ref, incarnation: 4 }), ref)).toThrow(Failure);
  });
});

import { expect, test } from "vitest";
import { ByteSource, FormatProblem } from "./byte-source.ts";
import { lp, u32, u64, varint } from "./encode/fields.ts";

function problemOf(act: () => unknown): [number, string] {
  try {
    act();
  } catch (error) {
    if (error instanceof FormatProblem) return [error.offset, error.problem];
    throw error;
  }
  throw new Error("no problem");
}

test("integers are read as they were written", () => {
  for (const value of [0, 1, 127, 128, 16_383, 16_384, 2 ** 32 - 1, 2 ** 32, 2 ** 49, 2 ** 53 - 1]) {
    expect(new ByteSource(varint(value)).varint()).toBe(value);
    expect(new ByteSource(u64(value)).u64()).toBe(value);
    if (value < 2 ** 32) expect(new ByteSource(u32(value)).u32()).toBe(value);
  }
});

test("integers above 2^53-1 and varints beyond 8 bytes are problems, where they start", () => {
  expect(problemOf(() => new ByteSource(Buffer.from("00ffffffffffffffff", "hex"), 1).u64())).toEqual([
    1,
    "an integer above 2^53-1",
  ]);
  expect(problemOf(() => new ByteSource(Buffer.from("ffffffffffffff10", "hex")).varint())[1]).toMatch(/2\^53-1/);
  expect(problemOf(() => new ByteSource(Buffer.alloc(20, 0x80)).varint())).toEqual([
    0,
    "a varint of more than 8 bytes",
  ]);
});

test("a length beyond what is left takes nothing", () => {
  const source = new ByteSource(Buffer.concat([varint(2 ** 52), Buffer.from("abc")]));
  expect(problemOf(() => source.lp())[1]).toBe("a length beyond what is left");
  expect(problemOf(() => new ByteSource(lp(Buffer.from("abc")), 0, 3).lp())).toEqual([
    1,
    "a length beyond what is left",
  ]);
  expect(problemOf(() => new ByteSource(Buffer.from("ab")).u32())).toEqual([2, "cut short"]);
  expect(problemOf(() => new ByteSource(Buffer.from("ab"), 1, 3))[1]).toBe("reaches beyond its bounds");
});

test("what is left over at the end of a structure is a problem", () => {
  const source = new ByteSource(Buffer.from("ab"));
  source.u8();
  expect(problemOf(() => source.demandEnd())).toEqual([1, "bytes left over"]);
  source.u8();
  source.demandEnd();
});

import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { crcOfBytes, crcOfKey } from "./crc.ts";
import { keyOf } from "./keys.ts";
import { Random } from "./workloads/random.ts";

test("it is the CRC of zlib, at every length and start, behind any other bytes", () => {
  const random = new Random("crc");
  expect(crcOfKey("")).toBe(0);
  for (let length = 1; length < 400; length++) {
    const bytes = Uint8Array.from({ length }, () => random.int(256));
    const start = random.int(Math.min(length, 9));
    const seed = random.int(2 ** 32);
    expect(crcOfBytes(bytes, start, seed)).toBe(crc32(bytes.subarray(start), seed));
    expect(crcOfKey(keyOf(bytes))).toBe(crc32(bytes));
  }
});

import { crc32 as zlibCrc32 } from "node:zlib";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { crc32, placedChecksum } from "./crc32.ts";

const LENGTH = 600; // well beyond the length from which zlib does it
const bytes = Buffer.from(Array.from({ length: LENGTH + 8 }, (_, i) => (i * 167 + (i >> 3) * 29) & 0xff));

test("it is the CRC-32 of zlib at every length, at every alignment", () => {
  for (let length = 0; length <= LENGTH; length++) {
    for (let start = 0; start < 5; start++) {
      expect(crc32(bytes, start, start + length)).toBe(zlibCrc32(bytes.subarray(start, start + length)));
    }
  }
});

test("the check value of the standard holds", () => {
  expect(crc32(Buffer.from("123456789"))).toBe(0xcbf4_3926);
  expect(crc32(Buffer.alloc(0))).toBe(0);
});

test("chained at every split it is the CRC of the whole", () => {
  for (const length of [1, 3, 4, 5, 191, 192, 193, 400, LENGTH]) {
    const whole = crc32(bytes, 0, length);
    for (let split = 0; split <= length; split++) {
      expect(crc32(bytes, split, length, crc32(bytes, 0, split))).toBe(whole);
    }
  }
});

test("a plain Uint8Array and a view with an offset give what a Buffer gives", () => {
  const plain = Uint8Array.from(bytes);
  expect(crc32(plain)).toBe(zlibCrc32(bytes));
  expect(crc32(plain.subarray(3, 40))).toBe(zlibCrc32(bytes.subarray(3, 40)));
});

test("any flipped bit changes it", () => {
  const record = Buffer.from(bytes.subarray(0, 64));
  const before = crc32(record);
  for (let bit = 0; bit < record.length * 8; bit++) {
    record[bit >> 3]! ^= 1 << (bit & 7);
    expect(crc32(record)).not.toBe(before);
    record[bit >> 3]! ^= 1 << (bit & 7);
  }
});

test("a placed checksum is crc + tag + both halves of the offset, mod 2^32", () => {
  const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
  fc.assert(
    fc.property(u32, u32, fc.maxSafeNat(), (crc, tag, offset) => {
      const place = BigInt(offset);
      const sum = BigInt(crc) + BigInt(tag) + (place & 0xffff_ffffn) + (place >> 32n);
      expect(placedChecksum(crc, tag, offset)).toBe(Number(sum & 0xffff_ffffn));
    }),
  );
  expect(placedChecksum(0xffff_ffff, 0xffff_ffff, Number.MAX_SAFE_INTEGER)).toBe(
    Number((0xffff_ffffn * 3n + 0x1f_ffffn) & 0xffff_ffffn),
  );
});

test("a block moved to another place of its file, or left from another life of it, does not verify", () => {
  const crc = crc32(bytes);
  const stored = placedChecksum(crc, 1234, 4096);
  for (const [tag, offset] of [
    [1234, 0],
    [1234, 8192],
    [1234, 4096 + 2 ** 32],
    [1235, 4096],
  ] as const) {
    expect(placedChecksum(crc, tag, offset)).not.toBe(stored);
  }
});

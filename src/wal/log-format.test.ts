import { expect, test } from "vitest";
import { AssertionError } from "../common/assert.ts";
import { TinyKVError } from "../common/errors.ts";
import { chunkLogNumber, decodeHeader, encodeHeader, headerBytesMin, sealChunk, type LogHeader } from "./log-format.ts";
import { changed, parseLog, reseal, testHeader } from "./log-testing.ts";

const HEADER_PAYLOAD = 19;
const NAME = "000007.log";

function decode(bytes: Uint8Array, kind: LogHeader["kind"] = "wal", number = 7) {
  return decodeHeader(new Uint8Array(bytes), NAME, kind, number);
}

function at(field: number): number {
  return HEADER_PAYLOAD + field;
}

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    if (error instanceof TinyKVError) return error.code;
    throw error;
  }
  return undefined;
}

test("a write-ahead log's header has its fields where the format says", () => {
  const bytes = Buffer.from(encodeHeader(testHeader()));
  const [chunk, ...rest] = parseLog(bytes, 1, 512);
  expect(rest).toEqual([]);
  expect(chunk).toMatchObject({ offset: 0, type: 16, logNumber: 7, synced: 0 });
  const payload = chunk!.payload;
  expect(payload.toString("latin1", 0, 4)).toBe("TKVW");
  expect(payload.readUInt32LE(4)).toBe(1);
  expect(payload.readBigUInt64LE(8)).toBe(0n);
  expect(payload.readBigUInt64LE(16)).toBe(0n);
  expect(payload.readUInt32LE(24)).toBe(0x89abcdef);
  expect(payload.readUInt32LE(28)).toBe(512);
  expect(payload.subarray(32, 48).toString("hex")).toBe("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
  expect(payload.readBigUInt64LE(48)).toBe(7n);
  expect(payload.readUInt8(56)).toBe(15);
  expect(payload.toString("latin1", 57, 72)).toBe("tinykv.bytewise");
  expect([72, 80, 88].map((at) => payload.readBigUInt64LE(at))).toEqual([5n, 4321n, 99n]);
  expect(payload.length).toBe(96);
});

test("a header comes back as it was, with the largest numbers and the longest name, and fits 512 bytes", () => {
  const { predecessor: _, ...without } = testHeader();
  const names = ["x", "n".repeat(127), "n".repeat(128), "n".repeat(255), "é".repeat(127)];
  const large = {
    fileNumber: 2 ** 53 - 1,
    predecessor: { number: 2 ** 53 - 2, size: 2 ** 53 - 1 },
    lastSequence: 2 ** 53 - 1,
  };
  const headers: LogHeader[] = [
    ...names.map((comparatorName) => testHeader({ comparatorName })),
    testHeader({ ...large, comparatorName: "n".repeat(255), blockSize: 32_768, tag: 0xffff_ffff }),
    testHeader({ fileNumber: 2 ** 32, tag: 1 }),
    testHeader({ fileNumber: 2 ** 32 + 7 }),
    without,
    { ...without, kind: "manifest", lastSequence: 0 },
  ];
  for (const header of headers) {
    const bytes = encodeHeader(header);
    expect(bytes.length).toBeLessThanOrEqual(512);
    expect(decode(bytes, header.kind, header.fileNumber)).toEqual({ header, end: bytes.length });
  }
  // 19 of the chunk, 56 fixed, 2 + 255 of the name, 24 of a write-ahead log.
  expect(encodeHeader(testHeader({ comparatorName: "n".repeat(255) }))).toHaveLength(356);
  expect(encodeHeader(testHeader({ comparatorName: "x" }))).toHaveLength(headerBytesMin("wal"));
  expect(encodeHeader({ ...without, kind: "manifest", lastSequence: 0, comparatorName: "x" })).toHaveLength(
    headerBytesMin("manifest"),
  );
});

test("a comparator name that is empty, longer than 255 bytes or not text is INVALID_ARGUMENT", () => {
  for (const comparatorName of ["", "n".repeat(256), "é".repeat(128), "\ud800"])
    expect(codeOf(() => encodeHeader(testHeader({ comparatorName })))).toBe("TINYKV_INVALID_ARGUMENT");
});

test("a header that no file could have is an assertion", () => {
  const wrong: Partial<LogHeader>[] = [
    { tag: 0 },
    { tag: 2 ** 32 },
    { blockSize: 256 },
    { blockSize: 1000 },
    { blockSize: 65_536 },
    { databaseId: new Uint8Array(15) },
    { fileNumber: 0 },
    { predecessor: { number: 7, size: 1 } },
    { kind: "manifest" },
  ];
  for (const changes of wrong) expect(() => encodeHeader(testHeader(changes))).toThrow(AssertionError);
});

test("any flipped bit and any cut of a header leaves no header", () => {
  const bytes = encodeHeader(testHeader());
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = changed(bytes, (copy) => copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3));
    expect({ bit, ...decode(flipped) }).toEqual({ bit, problem: expect.any(String) });
  }
  for (let length = 0; length < bytes.length; length++)
    expect(decode(bytes.subarray(0, length)).problem).toBeTypeOf("string");
});

test("a header that verifies with a field that cannot be is none", () => {
  const bytes = encodeHeader(testHeader());
  const changes: [string, (copy: Buffer) => void][] = [
    ["magic", (copy) => copy.write("TKVM", at(0))],
    ["version 0", (copy) => copy.writeUInt32LE(0, at(4))],
    ["tag 0", (copy) => copy.writeUInt32LE(0, at(24))],
    ["block size", (copy) => copy.writeUInt32LE(1000, at(28))],
    ["block size above the most", (copy) => copy.writeUInt32LE(65_536, at(28))],
    ["file number", (copy) => copy.writeBigUInt64LE(7n + (1n << 32n), at(48))],
    ["file number beyond 2^53-1", (copy) => copy.writeBigUInt64LE(7n + (1n << 53n), at(48))],
    ["no name", (copy) => copy.writeUInt8(0, at(56))],
    ["a name to beyond the end", (copy) => copy.writeUInt8(127, at(56))],
    ["a name that is not UTF-8", (copy) => copy.writeUInt8(0xff, at(60))],
    ["bytes left over", (copy) => copy.writeUInt8(14, at(56))],
    ["a predecessor that is not older", (copy) => copy.writeBigUInt64LE(7n, at(72))],
    ["a sequence number beyond 2^53-1", (copy) => copy.writeBigUInt64LE(1n << 53n, at(88))],
    ["a synced offset", (copy) => copy.writeUInt32LE(1, 11)],
    ["chunk type", (copy) => copy.writeUInt8(1, 6)],
    ["log number", (copy) => copy.writeUInt32LE(8, 7)],
  ];
  for (const [what, change] of changes) {
    const wrong = changed(bytes, (copy) => (change(copy), reseal(copy, 0, 0)));
    expect({ what, ...decode(wrong) }).toEqual({ what, problem: expect.any(String) });
  }
  const longer = Buffer.concat([bytes, Buffer.from("more")]);
  longer.writeUInt16LE(longer.length - 19, 4);
  reseal(longer, 0, 0);
  expect(decode(longer).problem).toBe("4 bytes left over");
  expect(decode(bytes, "wal", 8).problem).toBe("file header of log 7");
  expect(decode(bytes, "manifest").problem).toBe("not the magic of a manifest file");
});

test("a newer version and any incompatible bit are FORMAT_UNSUPPORTED, if the header verifies and is this file's", () => {
  const bytes = encodeHeader(testHeader());
  const newer: ((copy: Buffer) => void)[] = [(copy) => copy.writeUInt32LE(2, HEADER_PAYLOAD + 4)];
  newer.push((copy) => copy.writeUInt32LE(0xffff_ffff, HEADER_PAYLOAD + 4));
  for (let bit = 0n; bit < 64n; bit++) newer.push((copy) => copy.writeBigUInt64LE(1n << bit, HEADER_PAYLOAD + 8));
  for (const change of newer) {
    const unsealed = changed(bytes, change);
    expect(decode(unsealed).problem).toBe("file header checksum");
    // What comes behind the bits may mean anything then.
    const sealed = changed(unsealed, (copy) => (copy.fill(0xff, HEADER_PAYLOAD + 24), reseal(copy, 0, 0)));
    expect(codeOf(() => decode(sealed))).toBe("TINYKV_FORMAT_UNSUPPORTED");
    expect(decode(sealed, "wal", 8).problem).toBeTypeOf("string");
    expect(decode(sealed, "manifest").problem).toBeTypeOf("string");
  }
});

test("any compatible bit is ignored, with fields that it may stand for", () => {
  const bytes = encodeHeader(testHeader());
  for (let bit = 0n; bit < 64n; bit++) {
    const marked = changed(
      bytes,
      (copy) => (copy.writeBigUInt64LE(1n << bit, HEADER_PAYLOAD + 16), reseal(copy, 0, 0)),
    );
    expect(decode(marked)).toEqual({ header: testHeader(), end: bytes.length });
    const longer = Buffer.concat([marked, Buffer.from("more")]);
    longer.writeUInt16LE(longer.length - 19, 4);
    reseal(longer, 0, 0);
    expect(decode(longer)).toEqual({ header: testHeader(), end: longer.length });
  }
});

/** The checksum of a small chunk at `offset`. */
function seal(offset: number, tag: number): number {
  const bytes = Buffer.alloc(24);
  sealChunk(bytes, new DataView(bytes.buffer, bytes.byteOffset, 24), 0, 5, 1, 7, 2 ** 40 + 3, tag, offset);
  expect(bytes.readBigUInt64LE(11)).toBe(2n ** 40n + 3n);
  return bytes.readUInt32LE(0);
}

test("a chunk's checksum is bound to both halves of its offset, and a log number to its low 32 bits", () => {
  const base = seal(0, 1);
  expect(seal(2 ** 32 - 4, 1)).toBe((base - 4 + 1 + 2 ** 32) % 2 ** 32);
  expect(seal(5 * 2 ** 32 + 100, 1)).toBe((base + 5 + 100) % 2 ** 32);
  expect(seal(2 ** 33, 9)).toBe((base + 2 + 8) % 2 ** 32);
  expect(chunkLogNumber(2 ** 32 + 7)).toBe(7);
  expect(chunkLogNumber(2 ** 53 - 1)).toBe(2 ** 32 - 1);
});

import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  bufferView,
  commonPrefixLength,
  compareByteRanges,
  compareBytes,
  copyBytes,
  copyToBuffer,
  EMPTY,
  equalBytes,
  toBytes,
  toHex,
  type BytesLike,
} from "./bytes.ts";

// Few different bytes, so that long common prefixes are common; both ends of the unsigned range.
const keys = fc.uint8Array({ maxLength: 12 }).map((bytes) => bytes.map((byte) => [0, 1, 0x7f, 0x80, 0xff][byte % 5]!));

test("the order is that of Buffer.compare, for every pair of keys of up to two bytes from the edges of a byte", () => {
  const edges = [0, 1, 0x7f, 0x80, 0xfe, 0xff];
  const all = [[], ...edges.map((a) => [a]), ...edges.flatMap((a) => edges.map((b) => [a, b]))];
  for (const a of all.map((key) => Uint8Array.from(key))) {
    for (const b of all.map((key) => Uint8Array.from(key))) {
      expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
      expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
    }
  }
});

test("the order is that of Buffer.compare, for any keys", () => {
  fc.assert(
    fc.property(keys, keys, (a, b) => {
      expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
      expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
    }),
  );
});

test("ranges compare as the views of them do, whatever stands around them", () => {
  fc.assert(
    fc.property(keys, keys, keys, keys, (a, b, before, behind) => {
      const left = Buffer.concat([before, a, behind]);
      const right = Buffer.concat([behind, b, before]);
      const [aStart, bStart] = [before.length, behind.length];
      const order = compareByteRanges(left, aStart, aStart + a.length, right, bStart, bStart + b.length);
      expect(Math.sign(order)).toBe(Buffer.compare(a, b));
    }),
  );
});

test("the common prefix is as long as it can be", () => {
  fc.assert(
    fc.property(keys, keys, (a, b) => {
      const length = commonPrefixLength(a, b);
      expect(equalBytes(a.subarray(0, length), b.subarray(0, length))).toBe(true);
      const longer = Math.min(length + 1, a.length, b.length);
      expect(longer === length || a[length] !== b[length]).toBe(true);
    }),
  );
});

test("a string stands for its UTF-8 bytes, a Uint8Array for itself, uncopied", () => {
  for (const text of ["", "a", "ä€𝄞", "\ufffd", "\0", "\ufeff", "x\ufffdy𝄞"]) {
    expect(Buffer.from(toBytes(text, "key"))).toEqual(Buffer.from(text));
  }
  const bytes = new Uint8Array(4).subarray(1, 3);
  expect(toBytes(bytes, "key")).toBe(bytes);
});

test("a string with a lone surrogate is refused, wherever it stands, beside a real U+FFFD too", () => {
  const lone = ["\ud800", "\udfff", "\ud834", "\udd1e", "\udd1e\ud834", "\ud834\ud834\udd1e"];
  for (const surrogate of lone) {
    for (const text of [surrogate, `a${surrogate}`, `${surrogate}z`, `€𝄞${surrogate}\ufffd`]) {
      expect(() => toBytes(text, "key")).toThrow("key has a lone surrogate");
    }
  }
});

function throws(call: () => unknown): boolean {
  try {
    call();
    return false;
  } catch {
    return true;
  }
}

test("any string is either refused, for a lone surrogate alone, or comes back from its bytes", () => {
  const units = fc.oneof(fc.constantFrom(0xd834, 0xdd1e, 0xfffd), fc.integer({ min: 0, max: 0xffff }));
  fc.assert(
    fc.property(fc.string({ unit: units.map((unit) => String.fromCharCode(unit)) }), (text) => {
      const refused = throws(() => toBytes(text, "key"));
      expect(refused).toBe(throws(() => encodeURIComponent(text)));
      expect(refused || Buffer.from(toBytes(text, "key")).toString("utf8") === text).toBe(true);
    }),
  );
});

test("anything but bytes and strings is refused, and the message says what it was", () => {
  const wrong: [unknown, string][] = [
    [undefined, "undefined"],
    [JSON.parse("null"), "null"],
    [7, "number"],
    [[1, 2], "object"],
    [new ArrayBuffer(2), "object"],
    [new Uint16Array(2), "object"],
    [new DataView(new ArrayBuffer(2)), "object"],
  ];
  for (const [input, word] of wrong) {
    expect(() => toBytes(input as BytesLike, "value")).toThrow(`value must be a Uint8Array or a string, not ${word}`);
    expect(() => toBytes(input as BytesLike, "value")).toThrow(
      expect.objectContaining({ code: "TINYKV_INVALID_ARGUMENT" }),
    );
  }
});

test("a copy shares memory with nothing, of a Buffer neither, and is a plain Uint8Array's worth of bytes", () => {
  for (const source of [Uint8Array.of(1, 2, 3), Buffer.from([1, 2, 3]), Buffer.from([0, 1, 2, 3]).subarray(1)]) {
    const copy = copyBytes(source);
    expect([...copy]).toEqual([1, 2, 3]);
    expect(copy.buffer.byteLength).toBe(3);
    source.fill(9);
    expect([...copy]).toEqual([1, 2, 3]);
  }
});

test("hexadecimal is lower case, two digits a byte, of the view alone", () => {
  expect(toHex(Uint8Array.of(0xff, 0, 0x0a, 0xab).subarray(1))).toBe("000aab");
  expect(toHex(EMPTY)).toBe("");
});

test("a view is a Buffer like any other, over the memory it was made of; a copy shares nothing with its source", () => {
  for (const memory of [new ArrayBuffer(16), new SharedArrayBuffer(16)]) {
    const view = bufferView(memory, 4, 8);
    expect(Buffer.isBuffer(view)).toBe(true);
    expect(Object.getPrototypeOf(view)).toBe(Buffer.prototype);
    expect([view.byteOffset, view.length]).toEqual([4, 8]);
    new Uint8Array(memory)[5] = 7;
    expect(view[1]).toBe(7);
  }
  for (const length of [0, 1, 48, 49, 5000]) {
    const source = Uint8Array.from({ length }, (_, i) => i);
    const copy = copyToBuffer(source);
    source.fill(0xff);
    expect([...copy]).toEqual(Array.from({ length }, (_, i) => i & 0xff));
  }
});

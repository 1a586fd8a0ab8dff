import { assert } from "./assert.ts";

/** Bytes that putVarint will write for `value`. */
export function varintLength(value: number): number {
  if (value < 128) return 1;
  if (value < 2 ** 14) return 2;
  if (value < 2 ** 21) return 3;
  let length = 3;
  for (let rest = Math.floor(value / 2 ** 21); rest > 0; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** Writes `value` (an integer from 0 to 2^53-1) as LEB128 at `offset`; returns the offset behind it. */
export function putVarint(bytes: Uint8Array, offset: number, value: number): number {
  // Division is for those that 32 bits do not hold.
  while (value > 0x7fff_ffff) {
    bytes[offset++] = (value % 128) + 128;
    value = Math.floor(value / 128);
  }
  let rest = value | 0;
  while (rest >= 128) {
    bytes[offset++] = rest | 0x80;
    rest >>>= 7;
  }
  bytes[offset++] = rest;
  return offset;
}

/** Writes an unsigned integer below 2^32, little-endian. */
export function putU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
  bytes[offset + 2] = value >>> 16;
  bytes[offset + 3] = value >>> 24;
}

/** Writes an integer from 0 to 2^53-1, little-endian, in eight bytes. */
export function putU64(bytes: Uint8Array, offset: number, value: number): void {
  putU32(bytes, offset, value % 0x1_0000_0000);
  putU32(bytes, offset + 4, Math.floor(value / 0x1_0000_0000));
}

/** A growing buffer of little-endian fields. `finish()` gives a view; `clear()` keeps the memory for the next use. */
export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(16, capacity));
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  u16(value: number): this {
    this.#reserve(2);
    this.#length = this.#bytes.writeUInt16LE(value, this.#length);
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#length = this.#bytes.writeUInt32LE(value, this.#length);
    return this;
  }

  u64(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0, "a u64 field holds an integer from 0 to 2^53-1");
    this.u32(value % 0x1_0000_0000);
    return this.u32(Math.floor(value / 0x1_0000_0000));
  }

  varint(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0, "a varint field holds an integer from 0 to 2^53-1");
    this.#reserve(8);
    this.#length = putVarint(this.#bytes, this.#length, value);
    return this;
  }

  bytes(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  lengthPrefixed(bytes: Uint8Array): this {
    return this.varint(bytes.length).bytes(bytes);
  }

  /** Overwrites four bytes written before, for checksums and counts that are known last. */
  patchU32(offset: number, value: number): void {
    assert(offset + 4 <= this.#length, "a patch stays inside what was written");
    this.#bytes.writeUInt32LE(value, offset);
  }

  /** What was written so far, as a view that the next write or clear may change. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  #reserve(length: number): void {
    const needed = this.#length + length;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

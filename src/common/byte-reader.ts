// A bounded reader of fields. Bytes from a disk are never trusted: reading past the end, a varint that is too long, an
// integer beyond 2^53-1 are all a CorruptionError at the place where the field starts, and a length is compared with
// what is left before anything is allocated or sliced.

import { CorruptionError } from "./errors.ts";

/** Varints have at most 8 bytes: 56 bits are more than the 53 that any field uses. */
export const VARINT_BYTES_MAX = 8;

/**
 * Reads little-endian fields from `bytes`; all errors name `file` and `base` + the position inside `bytes`.
 *
 * Views returned share memory with `bytes`.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** What errors name. */
  readonly file: string;
  readonly base: number;
  #position = 0;

  constructor(bytes: Uint8Array, file: string, base = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.file = file;
    this.base = base;
  }

  get position(): number {
    return this.#position;
  }

  get remaining(): number {
    return this.#bytes.length - this.#position;
  }

  /** An error at the current position, for the caller to throw. */
  corruption(problem: string, at: number = this.#position): CorruptionError {
    return new CorruptionError(this.file, this.base + at, problem);
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** An integer of 8 bytes; beyond 2^53-1 is corruption. */
  u64(): number {
    const at = this.#take(8);
    const high = this.#view.getUint32(at + 4, true);
    if (high >= 0x20_0000) throw this.corruption("integer beyond 2^53-1", at);
    return high * 0x1_0000_0000 + this.#view.getUint32(at, true);
  }

  varint(): number {
    const start = this.#position;
    let value = 0;
    let scale = 1;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) throw this.corruption("integer beyond 2^53-1", start);
        return value;
      }
      scale *= 128;
    }
    throw this.corruption("varint longer than 8 bytes", start);
  }

  /** `length` bytes as a view. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** A varint length, then that many bytes, as a view. */
  lengthPrefixed(): Uint8Array {
    return this.bytes(this.varint());
  }

  /** Demands that everything was read. */
  expectEnd(): void {
    if (this.remaining !== 0) throw this.corruption(`${this.remaining} bytes left over`);
  }

  #take(length: number): number {
    const at = this.#position;
    if (length > this.#bytes.length - at)
      throw this.corruption(`${length} bytes wanted, ${this.#bytes.length - at} left`);
    this.#position = at + length;
    return at;
  }
}

// The one way in which the inspector reads bytes: bounded, and with one kind of error.

/** What is wrong with bytes: the only thing that the inspector's decoders throw. */
export class FormatProblem extends Error {
  readonly offset: number;
  readonly problem: string;
  /** The bytes are whole, but of a version that docs/formats.md does not describe. */
  readonly unsupported: boolean;

  constructor(offset: number, problem: string, unsupported = false) {
    // Images of crashes are full of torn bytes: no stack, it costs more than the decoding.
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(`${problem} at ${offset}`);
    Error.stackTraceLimit = limit;
    this.offset = offset;
    this.problem = problem;
    this.unsupported = unsupported;
  }
}

/** Bytes of a varint at most. */
const VARINT_MAX = 8;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads fields one after the other, up to `end`; offsets, those of problems too, are of `bytes`. */
export class ByteSource {
  readonly bytes: Uint8Array;
  readonly end: number;
  #offset: number;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    if (start < 0 || start > end || end > bytes.length) throw new FormatProblem(start, "reaches beyond its bounds");
    this.bytes = bytes;
    this.end = end;
    this.#offset = start;
  }

  get offset(): number {
    return this.#offset;
  }

  get left(): number {
    return this.end - this.#offset;
  }

  u8(): number {
    if (this.#offset >= this.end) throw new FormatProblem(this.#offset, "cut short");
    return this.bytes[this.#offset++]!;
  }

  u16(): number {
    return this.u8() + this.u8() * 0x100;
  }

  u32(): number {
    return this.u16() + this.u16() * 0x1_0000;
  }

  u64(): number {
    const start = this.#offset;
    const value = this.u32() + this.u32() * 0x1_0000_0000;
    if (value > Number.MAX_SAFE_INTEGER) throw new FormatProblem(start, "an integer above 2^53-1");
    return value;
  }

  /** Feature bits: whether any of the 64 is set. */
  anyBit(): boolean {
    return this.take(8).some((byte) => byte !== 0);
  }

  varint(): number {
    const start = this.#offset;
    let value = 0;
    let scale = 1;
    for (let i = 0; i < VARINT_MAX; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) throw new FormatProblem(start, "an integer above 2^53-1");
        return value;
      }
      scale *= 0x80;
    }
    throw new FormatProblem(start, "a varint of more than 8 bytes");
  }

  /** The next bytes, not copied. */
  take(count: number): Uint8Array {
    if (count > this.left) throw new FormatProblem(this.#offset, "a length beyond what is left");
    this.#offset += count;
    return this.bytes.subarray(this.#offset - count, this.#offset);
  }

  /** A varint length and so many bytes. */
  lp(): Uint8Array {
    return this.take(this.varint());
  }

  rest(): Uint8Array {
    return this.take(this.left);
  }

  demandEnd(): void {
    if (this.left > 0) throw new FormatProblem(this.#offset, "bytes left over");
  }
}

/** A comparator's name: 1 to 255 bytes of UTF-8, which stand at `offset`. */
export function comparatorName(bytes: Uint8Array, offset: number): string {
  if (bytes.length < 1 || bytes.length > 255) throw new FormatProblem(offset, "a comparator name of no legal length");
  try {
    return utf8.decode(bytes);
  } catch {
    throw new FormatProblem(offset, "a comparator name that is no UTF-8");
  }
}

/** The half of a database id that a store has in common with its checkpoints. */
export function familyOf(id: string): string {
  return id.slice(0, id.length / 2);
}

/** A database id, in hexadecimal. */
export function databaseIdOf(bytes: Uint8Array, offset: number): string {
  if (bytes.length !== 16) throw new FormatProblem(offset, "a database id that has not 16 bytes");
  return Buffer.from(bytes.buffer, bytes.byteOffset, 16).toString("hex");
}

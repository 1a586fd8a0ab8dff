// The payload of one atomic batch: what one record of the write-ahead log carries and the memtable applies.
//
//   offset  size  field
//      0      8   first sequence number; operation i has this number + i
//      8      4   count of operations
//     12      …   operations: u8 kind | varint key length | key [| varint value length | value, for a put alone]
//
// Integers are little-endian. Kinds: 0 delete, 1 put, 15 delete range (start, end), which this version refuses with
// FORMAT_UNSUPPORTED. The operations are exactly `count` and fill the payload; no sequence number is beyond
// SEQUENCE_MAX; keys, values and the whole are within limits.ts. Anything else is a CorruptionError.

import { VARINT_BYTES_MAX } from "../common/byte-reader.ts";
import { CorruptionError, TinyKVError } from "../common/errors.ts";
import { Kind, SEQUENCE_MAX } from "../common/internal-key.ts";
import { BATCH_BYTES_MAX, KEY_BYTES_MAX, VALUE_BYTES_MAX } from "../common/limits.ts";

export const BATCH_HEADER_BYTES = 12;

/** A delete of the empty key: kind and length. */
export const OPERATION_BYTES_MIN = 2;

/** The high half of 2^53: no sequence number has so much in it. */
const SEQUENCE_HIGH_MAX = 0x20_0000;

export interface BatchHeader {
  readonly firstSequence: number;
  readonly count: number;
}

/** Reads the header. `file` and `base` say where the payload stands, for the CorruptionError. */
export function decodeBatchHeader(payload: Uint8Array, file: string, base: number): BatchHeader {
  const corruption = (at: number, problem: string): CorruptionError => new CorruptionError(file, base + at, problem);
  if (payload.length < BATCH_HEADER_BYTES) throw corruption(0, `a batch of ${payload.length} bytes`);
  const high = readU32(payload, 4);
  if (high >= SEQUENCE_HIGH_MAX) throw corruption(0, "integer beyond 2^53-1");
  const firstSequence = high * 2 ** 32 + readU32(payload, 0);
  const count = readU32(payload, 8);
  if (payload.length > BATCH_BYTES_MAX) throw corruption(0, "batch beyond the limit");
  // Checked before anyone allocates for so many.
  if (count > (payload.length - BATCH_HEADER_BYTES) / OPERATION_BYTES_MIN)
    throw corruption(8, `no room for ${count} operations`);
  if (count > 0 && firstSequence > SEQUENCE_MAX - (count - 1)) throw corruption(0, "sequence numbers beyond 2^53-1");
  return { firstSequence, count };
}

function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

/**
 * Steps through the operations of a payload and says where each one's key and value are, without making views.
 *
 * next() throws a CorruptionError for bytes that are no operation; a length is compared with what is left before it is used.
 */
export class OperationScanner {
  kind: Kind = Kind.delete;
  keyStart = 0;
  keyEnd = 0;
  /** Equal to `valueEnd` for a delete. */
  valueStart = 0;
  valueEnd = 0;
  readonly #payload: Uint8Array;
  readonly #file: string;
  readonly #base: number;
  #position: number;

  /** Starts at `position`, where an operation must start. */
  constructor(payload: Uint8Array, file: string, base: number, position: number = BATCH_HEADER_BYTES) {
    this.#payload = payload;
    this.#file = file;
    this.#base = base;
    this.#position = position;
  }

  /** Where the next operation starts. */
  get position(): number {
    return this.#position;
  }

  next(): void {
    this.kind = this.#readKind();
    this.keyStart = this.#readLength(KEY_BYTES_MAX, "key");
    this.keyEnd = this.#position;
    this.valueStart = this.kind === Kind.put ? this.#readLength(VALUE_BYTES_MAX, "value") : this.#position;
    this.valueEnd = this.#position;
  }

  /** Demands that all of the payload was stepped through. */
  expectEnd(): void {
    const left = this.#payload.length - this.#position;
    if (left !== 0) throw this.#corruption(this.#position, `${left} bytes behind the last operation`);
  }

  #readKind(): Kind {
    const at = this.#position;
    const kind = this.#payload[at];
    if (kind === Kind.put || kind === Kind.delete) {
      this.#position = at + 1;
      return kind;
    }
    if (kind === undefined) throw this.#corruption(at, "operations are missing");
    if (kind !== Kind.deleteRange) throw this.#corruption(at, `unknown kind of operation ${kind}`);
    const place = `${this.#file} at ${this.#base + at}`;
    throw new TinyKVError("TINYKV_FORMAT_UNSUPPORTED", `${place}: range deletes are of a later version`);
  }

  // Reads a length, steps over so many bytes and returns where they start. The common length is one byte.
  #readLength(most: number, what: string): number {
    const payload = this.#payload;
    const start = this.#position;
    let at = start;
    let length = 0;
    let scale = 1;
    for (;;) {
      const byte = payload[at++];
      if (byte === undefined) throw this.#corruption(start, `the ${what}'s length is cut off`);
      length += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      if (at - start === VARINT_BYTES_MAX) throw this.#corruption(start, "varint longer than 8 bytes");
      scale *= 128;
    }
    if (length > payload.length - at)
      throw this.#corruption(start, `${what} of ${length} bytes, ${payload.length - at} left`);
    if (length > most) throw this.#corruption(start, `${what} of ${length} bytes, beyond the limit`);
    this.#position = at + length;
    return at;
  }

  #corruption(at: number, problem: string): CorruptionError {
    return new CorruptionError(this.#file, this.#base + at, problem);
  }
}

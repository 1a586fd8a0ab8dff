import { assert } from "../common/assert.ts";
import { putU32, putU64, putVarint, varintLength } from "../common/byte-writer.ts";
import { putBytes, toBytes, type BytesLike } from "../common/bytes.ts";
import { invalidArgument } from "../common/errors.ts";
import { Kind, SEQUENCE_MAX } from "../common/internal-key.ts";
import { BATCH_BYTES_MAX, KEY_BYTES_MAX, VALUE_BYTES_MAX } from "../common/limits.ts";
import { BATCH_HEADER_BYTES, OperationScanner } from "./batch-format.ts";

export { type BatchHeader, decodeBatchHeader } from "./batch-format.ts";
export { checkBatch, DecodedBatch, visitBatch } from "./decoded-batch.ts";

/** An operation as a batch gives it back; key and value are copies. */
export type BatchOperation =
  | { readonly kind: "put"; readonly key: Buffer; readonly value: Buffer }
  | { readonly kind: "delete"; readonly key: Buffer };

/** A single write of small key and value fits without growing. */
const INITIAL_BYTES = 256;

/** clear() keeps a buffer up to this size: a batch is reused to save allocations, not to hold on to its largest use. */
const KEPT_BYTES_MAX: number = 1 << 20;

let encode: (batch: WriteBatch, firstSequence: number) => Uint8Array;

/**
 * Writes to be applied together: all or nothing, also after a crash. Later operations win over earlier ones.
 *
 * Keys and values are copied in before a call returns. A call that throws INVALID_ARGUMENT (not a Uint8Array or string,
 * a lone surrogate, beyond a limit: key 1 MiB, value 512 MiB, encoded batch 1 GiB) leaves the batch as it was. A batch
 * may be written several times, and be reused after clear().
 *
 * It holds the encoded payload (batch-format.ts), whose header is filled in when it is written.
 */
export class WriteBatch {
  #bytes: Uint8Array = new Uint8Array(INITIAL_BYTES);
  // The encoded payload as it was given out last: batches of one length, single writes mostly, take the same view again.
  #payload: Uint8Array = this.#bytes;
  #length = BATCH_HEADER_BYTES;
  #count = 0;
  #payloadBytes = 0;
  // Grows with clear(), so that an iteration notices.
  #clears = 0;

  static {
    encode = (batch, firstSequence) => batch.#encode(firstSequence);
  }

  put(key: BytesLike, value: BytesLike): this {
    const keyBytes = checkedBytes(key, "key", KEY_BYTES_MAX);
    const valueBytes = checkedBytes(value, "value", VALUE_BYTES_MAX);
    this.#append(Kind.put, keyBytes, valueBytes);
    return this;
  }

  delete(key: BytesLike): this {
    this.#append(Kind.delete, checkedBytes(key, "key", KEY_BYTES_MAX), undefined);
    return this;
  }

  /** Empties the batch for another use. */
  clear(): void {
    if (this.#bytes.length > KEPT_BYTES_MAX) this.#bytes = this.#payload = new Uint8Array(INITIAL_BYTES);
    this.#length = BATCH_HEADER_BYTES;
    this.#count = 0;
    this.#payloadBytes = 0;
    this.#clears++;
  }

  /** Operations. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of the encoded batch. */
  get byteLength(): number {
    return this.#length;
  }

  /** Bytes of all keys and values together. */
  get payloadBytes(): number {
    return this.#payloadBytes;
  }

  /** The operations in the order in which they were added, those added meanwhile included; throws once the batch is cleared. */
  *[Symbol.iterator](): Generator<BatchOperation, undefined, undefined> {
    const clears = this.#clears;
    let position = BATCH_HEADER_BYTES;
    while (position < this.#length) {
      const scanner = new OperationScanner(this.#bytes, "batch", 0, position);
      scanner.next();
      position = scanner.position;
      yield toOperation(this.#bytes, scanner);
      if (this.#clears !== clears) throw invalidArgument("the batch was cleared while it was iterated over");
    }
  }

  #append(kind: Kind, key: Uint8Array, value: Uint8Array | undefined): void {
    const keyLength = key.length;
    const valueLength = value === undefined ? 0 : value.length;
    const valueSize = value === undefined ? 0 : varintLength(valueLength) + valueLength;
    const end = this.#length + 1 + varintLength(keyLength) + keyLength + valueSize;
    if (end > BATCH_BYTES_MAX) throw invalidArgument(`a batch is limited to ${BATCH_BYTES_MAX} bytes, not ${end}`);
    if (end > this.#bytes.length) this.#grow(end);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = kind;
    at = putVarint(bytes, at, keyLength);
    putBytes(bytes, at, key);
    at += keyLength;
    if (value !== undefined) {
      at = putVarint(bytes, at, valueLength);
      putBytes(bytes, at, value);
      at += valueLength;
    }
    assert(at === end, "an operation takes the bytes that were counted");
    this.#length = end;
    this.#count++;
    this.#payloadBytes += keyLength + valueLength;
  }

  #grow(needed: number): void {
    const grown = allocate(Math.min(Math.max(needed, this.#bytes.length * 2), BATCH_BYTES_MAX));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = this.#payload = grown;
  }

  #encode(firstSequence: number): Uint8Array {
    // Not first + count: beyond 2^53 a sum may be rounded down to the limit.
    assert(
      Number.isInteger(firstSequence) && firstSequence >= 0 && firstSequence <= SEQUENCE_MAX - (this.#count - 1),
      "a batch's sequence numbers are below 2^53",
    );
    const bytes = this.#bytes;
    stampBatch(bytes, firstSequence);
    putU32(bytes, 8, this.#count);
    if (this.#payload.length !== this.#length) this.#payload = bytes.subarray(0, this.#length);
    return this.#payload;
  }
}

/** The batch as its record in the log; a view of the batch, valid until it changes. */
export function encodeBatch(batch: WriteBatch, firstSequence: number): Buffer {
  const payload = encode(batch, firstSequence);
  return Buffer.from(payload.buffer, payload.byteOffset, payload.length);
}

/** encodeBatch for the engine itself: a plain view, whose making costs half, and none when the length stays. */
export function batchPayload(batch: WriteBatch, firstSequence: number): Uint8Array {
  return encode(batch, firstSequence);
}

/** Gives an encoded batch its sequence numbers. */
export function stampBatch(payload: Uint8Array, firstSequence: number): void {
  putU64(payload, 0, firstSequence);
}

function checkedBytes(input: BytesLike, what: string, most: number): Uint8Array {
  const bytes = toBytes(input, what);
  if (bytes.length > most) throw invalidArgument(`a ${what} is limited to ${most} bytes, not ${bytes.length}`);
  return bytes;
}

function toOperation(
  bytes: Uint8Array,
  { kind, keyStart, keyEnd, valueStart, valueEnd }: OperationScanner,
): BatchOperation {
  const key = Buffer.from(bytes.subarray(keyStart, keyEnd));
  if (kind === Kind.delete) return { kind: "delete", key };
  return { kind: "put", key, value: Buffer.from(bytes.subarray(valueStart, valueEnd)) };
}

function allocate(size: number): Uint8Array {
  try {
    const { buffer, byteOffset } = Buffer.allocUnsafeSlow(size);
    return new Uint8Array(buffer, byteOffset, size);
  } catch (error) {
    throw invalidArgument(`no memory for a batch of ${size} bytes`, error);
  }
}

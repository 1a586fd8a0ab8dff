// Logs and manifests, chunk by chunk: chapter "Logs" of docs/formats.md.

import type { LogHeader, LogKind } from "../log-framing.ts";
import { lp, stored, u16, u32, u64, u8 } from "./fields.ts";

export interface ChunkFields {
  readonly type: number;
  readonly syncedOffset?: number;
  readonly payload: Uint8Array;
}

export type HeaderFields = Partial<LogHeader> & { readonly fileNumber: number };

const CHUNK_HEADER_SIZE = 19;
const CLEAN_END_SIZE = 43;
const [FULL, FIRST, MIDDLE, LAST, FILE_HEADER, CLEAN_END, FILLER] = [1, 2, 3, 4, 16, 17, 146];

/** A log under construction: chunks go where they are put, right or wrong. */
export class LogEncoder {
  readonly #number: number;
  readonly #tag: number;
  readonly #blockSize: number;
  bytes: Buffer;
  /** The end of the last record, or of the header. */
  size: number;

  constructor(kind: LogKind, header: HeaderFields) {
    const { fileNumber, tag = 0x1234_5678, blockSize = 512, comparatorName = "tinykv.bytewise" } = header;
    this.#number = fileNumber;
    this.#tag = tag;
    this.#blockSize = blockSize;
    const fields = Buffer.concat([
      Buffer.from(kind === "wal" ? "TKVW" : "TKVM"),
      u32(1),
      u64(0),
      u64(0),
      u32(tag),
      u32(blockSize),
      Buffer.from(header.databaseId ?? "0123456789abcdef0123456789abcdef", "hex"),
      u64(fileNumber),
      lp(Buffer.from(comparatorName)),
      ...(kind === "wal"
        ? [u64(header.predecessorNumber ?? 0), u64(header.predecessorSize ?? 0), u64(header.lastSequenceBefore ?? 0)]
        : []),
    ]);
    this.bytes = encodeChunk({ type: FILE_HEADER, payload: fields }, 0, fileNumber, 0);
    this.size = this.bytes.length;
  }

  add(chunk: ChunkFields): this {
    return this.raw(encodeChunk(chunk, this.bytes.length, this.#number, this.#tag));
  }

  /** One chunk, whatever the block has room for. */
  full(payload: Uint8Array | string, syncedOffset = 0): this {
    this.add({ type: FULL, syncedOffset, payload: Buffer.from(payload) });
    this.size = this.bytes.length;
    return this;
  }

  /** A record in as many chunks as it needs. */
  record(payload: Uint8Array, syncedOffset = 0): this {
    let done = 0;
    do {
      if (this.#left < CHUNK_HEADER_SIZE) this.raw(Buffer.alloc(this.#left));
      const end = Math.min(payload.length, done + this.#left - CHUNK_HEADER_SIZE);
      const isLast = end === payload.length;
      const type = done === 0 && this.#isFresh ? (isLast ? FULL : FIRST) : isLast ? LAST : MIDDLE;
      this.add({ type, syncedOffset, payload: payload.subarray(done, end) });
      this.#isFresh = isLast;
      done = end;
    } while (!this.#isFresh);
    this.size = this.bytes.length;
    return this;
  }

  cleanEnd(lastSequence: number, manifestNumber: number, manifestSize: number): this {
    const syncedOffset = this.size;
    const left = this.#left;
    if (left < CHUNK_HEADER_SIZE) this.raw(Buffer.alloc(left));
    else if (left < CLEAN_END_SIZE)
      this.add({ type: FILLER, syncedOffset, payload: Buffer.alloc(left - CHUNK_HEADER_SIZE) });
    const payload = Buffer.concat([u64(lastSequence), u64(manifestNumber), u64(manifestSize)]);
    return this.add({ type: CLEAN_END, syncedOffset, payload });
  }

  raw(bytes: Uint8Array): this {
    this.bytes = Buffer.concat([this.bytes, bytes]);
    return this;
  }

  // No record is being written.
  #isFresh = true;

  /** Bytes to the end of the block: never 0. */
  get #left(): number {
    return this.#blockSize - (this.bytes.length % this.#blockSize);
  }
}

export function encodeChunk(
  { type, syncedOffset = 0, payload }: ChunkFields,
  offset: number,
  number: number,
  tag: number,
): Buffer {
  const body = Buffer.concat([u16(payload.length), u8(type), u32(number % 2 ** 32), u64(syncedOffset), payload]);
  return Buffer.concat([u32(stored(body, tag, offset + 4)), body]);
}

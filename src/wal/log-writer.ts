import { assert } from "../common/assert.ts";
import { EMPTY, putBytes } from "../common/bytes.ts";
import { ioError } from "../common/errors.ts";
import type { Barrier, FileHandle } from "../util/env.ts";
import { writeFully } from "../util/file-io.ts";
import {
  CHUNK_HEADER_BYTES,
  CLEAN_END_BYTES,
  ChunkType,
  chunkLogNumber,
  encodeCleanEnd,
  encodeHeader,
  sealChunk,
  type CleanEnd,
  type LogHeader,
} from "./log-format.ts";

/** The buffer of one append is kept for the next up to this size: above it the write costs more than the allocation. */
const POOLED_BYTES_MAX = 1 << 20;
/** Room for the smallest records from the start. */
const POOLED_BYTES_MIN = 4 << 10;

/**
 * A log that is synced so often is made longer in advance. A sync that finds the file's size unchanged need not wait for
 * the file system's journal: on ext4 an append and its fdatasync take 90 µs then, and else 125. Logs that are hardly synced
 * are left as long as what was written.
 */
const SYNCS_BEFORE_GROWTH = 4;

/**
 * Writes one log from its header on.
 *
 * Invariants:
 *   - one append is one run of bytes, written at the end of the last record: padding, then the chunks;
 *   - a log that failed is never appended to again, nor is a sync that failed tried again;
 *   - nothing follows CLEAN END;
 *   - the synced offset only grows and never passes the end of the last record.
 */
export class LogWriter {
  readonly header: LogHeader;
  readonly #file: FileHandle;
  readonly #logNumber: number;
  #buffer: Uint8Array;
  #view: DataView;
  // The part of the buffer that was written last: appends of one length, single writes mostly, hand the kernel the same
  // view again.
  #written: Uint8Array;
  #size: number;
  #syncedOffset = 0;
  #recordCount = 0;
  #syncsAsked = 0;
  /** The file's own length as far as it was looked at; a recycled file has one of its earlier life. */
  #length: number | undefined;
  #broken = false;
  #ended = false;
  #closed = false;

  /**
   * Writes the file header at offset 0, over whatever a recycled file holds, and takes `file` over if that succeeds.
   * Throws INVALID_ARGUMENT for a comparator name that is not 1 to 255 bytes long, IO_ERROR, NO_SPACE.
   */
  static create(file: FileHandle, header: LogHeader): LogWriter {
    const bytes = encodeHeader(header);
    try {
      writeFully(file, bytes, 0);
    } catch (error) {
      throw ioError(error, `writing the header of log ${header.fileNumber}`);
    }
    return new LogWriter(file, header, bytes.length);
  }

  private constructor(file: FileHandle, header: LogHeader, size: number) {
    this.header = header;
    this.#file = file;
    this.#logNumber = chunkLogNumber(header.fileNumber);
    this.#size = size;
    this.#buffer = new Uint8Array(POOLED_BYTES_MIN);
    this.#view = viewOf(this.#buffer);
    this.#written = this.#buffer;
  }

  /** The end of the last record, or of the header. */
  get size(): number {
    return this.#size;
  }

  /** What the next chunk will promise. */
  get syncedOffset(): number {
    return this.#syncedOffset;
  }

  /** A write or sync failed: what stands behind `size`, and whether anything unsynced will last, is unknown. */
  get broken(): boolean {
    return this.#broken;
  }

  get recordCount(): number {
    return this.#recordCount;
  }

  /** One record, handed to the kernel by one write when this returns. Throws IO_ERROR, NO_SPACE: then the log is broken. */
  append(payload: Uint8Array): void {
    this.#assertOpen();
    this.#reserve(this.#framedBytesMost(payload));
    this.#finishAppend(this.#frame(payload, 0), 1);
  }

  /** A record each, handed to the kernel together by one write. Throws IO_ERROR, NO_SPACE: then the log is broken. */
  appendAll(payloads: readonly Uint8Array[]): void {
    this.#assertOpen();
    this.#reserve(payloads.reduce((sum, payload) => sum + this.#framedBytesMost(payload), 0));
    let length = 0;
    for (const payload of payloads) length = this.#frame(payload, length);
    this.#finishAppend(length, payloads.length);
  }

  #finishAppend(length: number, records: number): void {
    this.#write(length);
    this.#size += length;
    this.#recordCount += records;
    if (this.#buffer.length > POOLED_BYTES_MAX) this.#reserve(POOLED_BYTES_MIN, true);
  }

  /**
   * To be called before each sync: from the fourth on, a file that ends where the log does becomes `bytes` longer, with
   * nothing in it. Throws what the file system throws, and then leaves the length alone for good.
   */
  growAhead(bytes: number): void {
    if (++this.#syncsAsked < SYNCS_BEFORE_GROWTH || this.#broken) return;
    const known = this.#length;
    this.#length = Infinity;
    let length = known ?? this.#file.size();
    if (this.#size >= length) this.#file.truncate((length = this.#size + bytes));
    this.#length = length;
  }

  /** What was appended before the call is durable when it returns. Throws IO_ERROR, NO_SPACE: then the log is broken. */
  sync(barrier: Barrier): void {
    assert(!this.#broken, "a sync that failed is never tried again");
    assert(!this.#closed, "the log is open");
    const length = this.#size;
    try {
      this.#file.sync(barrier);
    } catch (error) {
      this.#broken = true;
      throw ioError(error, `syncing log ${this.header.fileNumber}`);
    }
    this.noteSynced(length);
  }

  /** The first `size` bytes were made durable by a sync made elsewhere, which has succeeded. */
  noteSynced(size: number): void {
    assert(size <= this.#size, "only what was written can be durable");
    if (size > this.#syncedOffset) this.#syncedOffset = size;
  }

  /** The last chunk. It promises all records: the caller has synced them, and syncs again for this one. */
  appendCleanEnd(end: CleanEnd): void {
    this.#assertOpen();
    this.#ended = true;
    const size = this.#size;
    const { blockSize } = this.header;
    this.#reserve(blockSize + CHUNK_HEADER_BYTES + CLEAN_END_BYTES);
    const left = blockSize - (size % blockSize);
    let at = 0;
    if (left < CHUNK_HEADER_BYTES + CLEAN_END_BYTES) {
      this.#buffer.fill(0, 0, left);
      if (left >= CHUNK_HEADER_BYTES) this.#seal(0, left - CHUNK_HEADER_BYTES, ChunkType.filler, size);
      at = left;
    }
    this.#buffer.set(encodeCleanEnd(end), at + CHUNK_HEADER_BYTES);
    this.#seal(at, CLEAN_END_BYTES, ChunkType.cleanEnd, size);
    this.#write(at + CHUNK_HEADER_BYTES + CLEAN_END_BYTES);
  }

  /** Closes the file; twice is nothing. Makes nothing durable. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#buffer = this.#written = EMPTY;
    this.#file.close();
  }

  #assertOpen(): void {
    assert(!this.#broken, "a log that failed is never appended to again");
    assert(!this.#ended, "nothing follows CLEAN END");
    assert(!this.#closed, "the log is open");
  }

  // At most a chunk for each full block, one in the block that is begun and one in the block that is left.
  #framedBytesMost(payload: Uint8Array): number {
    const room = this.header.blockSize - CHUNK_HEADER_BYTES;
    return payload.length + CHUNK_HEADER_BYTES * (Math.floor(payload.length / room) + 3);
  }

  // Padding and chunks of one record into the buffer, from `at` on; returns where they end.
  #frame(payload: Uint8Array, at: number): number {
    const { blockSize } = this.header;
    let left = blockSize - ((this.#size + at) % blockSize);
    if (left < CHUNK_HEADER_BYTES) {
      this.#buffer.fill(0, at, at + left);
      at += left;
      left = blockSize;
    }
    let done = 0;
    for (let first = true; ; first = false) {
      const length = Math.min(left - CHUNK_HEADER_BYTES, payload.length - done);
      const last = done + length === payload.length;
      const part = length === payload.length ? payload : payload.subarray(done, done + length);
      putBytes(this.#buffer, at + CHUNK_HEADER_BYTES, part);
      this.#seal(at, length, recordChunkType(first, last), this.#syncedOffset);
      done += length;
      at += CHUNK_HEADER_BYTES + length;
      left = blockSize;
      if (last) return at;
    }
  }

  #seal(at: number, length: number, type: number, syncedOffset: number): void {
    const { tag } = this.header;
    sealChunk(this.#buffer, this.#view, at, length, type, this.#logNumber, syncedOffset, tag, this.#size + at);
  }

  #write(length: number): void {
    try {
      if (this.#written.length !== length) this.#written = this.#buffer.subarray(0, length);
      writeFully(this.#file, this.#written, this.#size);
    } catch (error) {
      this.#broken = true;
      throw ioError(error, `appending to log ${this.header.fileNumber}`);
    }
  }

  #reserve(length: number, exactly = false): void {
    if (length <= this.#buffer.length && !exactly) return;
    const size = exactly ? length : Math.max(length, Math.min(POOLED_BYTES_MAX, this.#buffer.length * 2));
    const { buffer, byteOffset } = Buffer.allocUnsafeSlow(size);
    this.#buffer = new Uint8Array(buffer, byteOffset, size);
    this.#written = this.#buffer;
    this.#view = viewOf(this.#buffer);
  }
}

function recordChunkType(first: boolean, last: boolean): number {
  if (first) return last ? ChunkType.full : ChunkType.first;
  return last ? ChunkType.last : ChunkType.middle;
}

function viewOf(buffer: Uint8Array): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}

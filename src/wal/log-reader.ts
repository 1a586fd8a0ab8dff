// Reads a log from its header on, chunk by chunk, in windows.
//
// A log ends after its CLEAN END, at the size that its successor names (`limit`), or at its first bad chunk x: bytes that
// are no valid chunk of this log (log-scan.ts), padding that is not zero, or a chunk that does not go on with the record
// before it; the physical end is one too. A record of several chunks that breaks off ends the log at its FIRST. Whether
// what stands at x is a tear or damage is the caller's to judge: promiseBeyond(x) tells what this file has to say to it.
//
// A salvaging reader goes on at the next valid FULL or FIRST chunk, or ends at a CLEAN END, and keeps a list of the gaps.
// Good chunks, zero padding and gaps together are the file, up to the end of CLEAN END.

import { assert } from "../common/assert.ts";
import { ByteWriter } from "../common/byte-writer.ts";
import { CorruptionError } from "../common/errors.ts";
import {
  BLOCK_BYTES_MAX,
  CHUNK_HEADER_BYTES,
  ChunkType,
  chunkLogNumber,
  decodeCleanEnd,
  type CleanEnd,
  type DecodedHeader,
  type LogHeader,
} from "./log-format.ts";
import {
  blockEnd,
  chunkProblem,
  findChunk,
  findHeaderlessPromise,
  findPromise,
  skipPadding,
  type ChunkIdentity,
  type LogPromise,
} from "./log-scan.ts";
import { LogWindow, readHeader, sizeOf, type LogSource } from "./log-window.ts";

export interface LogRecord {
  /** A view that is valid until the next call of next(). */
  readonly payload: Uint8Array;
  /** Where its first chunk starts and its last one ends. */
  readonly offset: number;
  readonly end: number;
}

/** How a log ended; `size` is the end of its last complete record, or of the header (0 without one). */
export type LogEnd =
  | { readonly kind: "clean"; readonly cleanEnd: CleanEnd; readonly size: number; readonly offset: number }
  /** Read exactly to the limit that was asked for. */
  | { readonly kind: "limit"; readonly size: number }
  /** `offset` is x: the first bad chunk, the FIRST of a record that breaks off, or the physical end. */
  | { readonly kind: "bad"; readonly offset: number; readonly size: number; readonly problem: string };

/** Bytes that a salvaging reader left out. */
export interface LogGap {
  readonly offset: number;
  readonly length: number;
  readonly reason: string;
}

/** What to read, and how. */
export interface LogReaderOptions extends LogSource {
  /** Stop at exactly this size: nothing behind it is read. */
  readonly limit?: number;
  readonly salvage?: boolean;
}

export class LogReader {
  readonly #options: LogReaderOptions;
  readonly #decoded: DecodedHeader;
  readonly #fileEnd: number;
  readonly #identity: ChunkIdentity;
  readonly #window: LogWindow;
  // The payloads of a record of several chunks; it grows with what was read, never with what a length field claims.
  readonly #assembled = new ByteWriter(0);
  readonly #gaps: LogGap[] = [];
  #position: number;
  #size: number;
  #end: LogEnd | undefined;
  // The first bad chunk since the last complete record: where it is, or the FIRST that it breaks, and what is wrong.
  #badOffset = -1;
  #problem = "";
  #chunkProblem = "";
  #failed = false;

  /** Throws only FORMAT_UNSUPPORTED, for a header that verifies but asks for more than this version can, and IO_ERROR. */
  static open(options: LogReaderOptions): LogReader {
    return new LogReader(options, sizeOf(options));
  }

  private constructor(options: LogReaderOptions, fileEnd: number) {
    const { file, name, number, limit } = options;
    this.#options = options;
    this.#fileEnd = fileEnd;
    this.#decoded = readHeader(options, fileEnd);
    const { header } = this.#decoded;
    this.#window = new LogWindow(file, name, limit === undefined ? fileEnd : Math.min(limit, fileEnd));
    const logNumber = chunkLogNumber(number);
    this.#identity = { logNumber, tag: header?.tag ?? 0, blockSize: header?.blockSize ?? BLOCK_BYTES_MAX };
    this.#size = this.#position = this.#decoded.header ? this.#decoded.end : 0;
    if (!header) this.#endWithoutHeader();
  }

  /** Undefined if the file does not start with a valid header of its own number and kind. */
  get header(): LogHeader | undefined {
    return this.#decoded.header;
  }

  get headerProblem(): string | undefined {
    return this.#decoded.problem;
  }

  /** The end of the last complete record so far, or of the header. */
  get lastGoodSize(): number {
    return this.#size;
  }

  /** Set once next() has returned undefined. */
  get end(): LogEnd {
    assert(this.#end !== undefined, "the log was read to its end");
    return this.#end;
  }

  /** What salvage left out, in order, disjoint; without salvage there is none. */
  get gaps(): readonly LogGap[] {
    return this.#gaps;
  }

  /** The next record; undefined at the end. Throws IO_ERROR. */
  next(): LogRecord | undefined {
    // In the middle of a record there is no way on that would not make a whole record look torn.
    assert(!this.#failed, "a reader that failed is read no further");
    this.#failed = true;
    const record = this.#nextRecord();
    this.#failed = false;
    return record;
  }

  /**
   * A chunk of this log, at `offset` or behind it, whose synced offset reaches beyond `offset`: what stands there had
   * been made durable. Looks to the physical end, whatever the limit. Throws IO_ERROR.
   */
  promiseBeyond(offset: number): LogPromise | undefined {
    assert(this.header !== undefined, "without a header ask for headerlessPromise");
    return findPromise(this.#wholeFile(), offset, this.#identity);
  }

  /**
   * For a file without a valid header of its own number, or with that of another store: a chunk of its own number, and not
   * of that other store, which promises more than a header. Throws IO_ERROR.
   */
  headerlessPromise(): LogPromise | undefined {
    const { kind } = this.#options;
    return findHeaderlessPromise(this.#wholeFile(), kind, this.#identity.logNumber, this.header?.tag);
  }

  /** Gives the memory back; the file stays open. */
  close(): void {
    this.#end ??= { kind: "bad", offset: this.#position, size: this.#size, problem: "closed before its end" };
    this.#window.drop();
  }

  #nextRecord(): LogRecord | undefined {
    while (!this.#end) {
      if (this.#size === this.#options.limit) {
        this.#end = { kind: "limit", size: this.#size };
        break;
      }
      const record = this.#readRecord();
      if (record) return record;
      if (!this.#end && !(this.#options.salvage && this.#resume())) this.#endBad();
    }
    return undefined;
  }

  #wholeFile(): LogWindow {
    return new LogWindow(this.#options.file, this.#options.name, this.#fileEnd);
  }

  // The next complete record; undefined at CLEAN END, which sets `end`, and at a bad chunk, which sets the fields for it.
  #readRecord(): LogRecord | undefined {
    let first = -1;
    for (;;) {
      const at = this.#nextChunk();
      if (at < 0) return this.#bad(first, this.#position, this.#chunkProblem);
      const { bytes, view, start } = this.#window;
      const offset = start + at;
      const type = bytes[at + 6]!;
      const payloadEnd = at + CHUNK_HEADER_BYTES + view.getUint16(at + 4, true);
      if (type === ChunkType.cleanEnd) return this.#readCleanEnd(first, at, payloadEnd);
      const problem = orderProblem(type, first >= 0);
      if (problem !== undefined) return this.#bad(first, offset, problem);
      this.#position = start + payloadEnd;
      const payload = bytes.subarray(at + CHUNK_HEADER_BYTES, payloadEnd);
      if (type === ChunkType.full) return this.#complete(payload, offset);
      // Chunks of a type that only later versions know are skipped.
      if (type > ChunkType.last) continue;
      if (type === ChunkType.first) {
        first = offset;
        this.#assembled.clear();
      }
      this.#assembled.bytes(payload);
      if (type === ChunkType.last) return this.#complete(this.#assembled.finish(), first);
    }
  }

  // The index of the next valid chunk, padding skipped; -1 if there is none: #position is its place, #chunkProblem says why.
  #nextChunk(): number {
    const { blockSize, logNumber, tag } = this.#identity;
    const window = this.#window;
    if (this.#position >= window.end) return this.#noChunk("the log ends here");
    const position = skipPadding(window, this.#position, blockSize);
    if (position < 0) return this.#noChunk("padding that is not zero or not all there");
    // Padding with nothing behind it is part of what is missing.
    if (position >= window.end) return this.#noChunk("the log ends here");
    this.#position = position;
    const at = window.load(position);
    const end = blockEnd(window, at, blockSize);
    const problem = chunkProblem(window.bytes, window.view, at, end, position, logNumber, tag);
    return problem === undefined ? at : this.#noChunk(problem);
  }

  #noChunk(problem: string): number {
    this.#chunkProblem = problem;
    return -1;
  }

  #readCleanEnd(first: number, at: number, payloadEnd: number): undefined {
    const { bytes, start } = this.#window;
    const offset = start + at;
    if (first >= 0) return this.#bad(first, offset, "CLEAN END inside a record");
    if (this.#options.limit !== undefined)
      return this.#bad(first, offset, "CLEAN END before the size that the successor names");
    const cleanEnd = parseCleanEnd(bytes.subarray(at + CHUNK_HEADER_BYTES, payloadEnd), this.#options.name);
    if (!cleanEnd) return this.#bad(first, offset, "CLEAN END is not three integers");
    this.#closeGap(offset);
    this.#end = { kind: "clean", cleanEnd, size: this.#size, offset };
    return undefined;
  }

  #complete(payload: Uint8Array, offset: number): LogRecord {
    this.#closeGap(offset);
    this.#size = this.#position;
    return { payload, offset, end: this.#position };
  }

  #bad(first: number, position: number, problem: string): undefined {
    this.#position = position;
    // Several bad places without a complete record between them are one gap, from the first on.
    if (this.#badOffset < 0) {
      this.#badOffset = first < 0 ? position : first;
      this.#problem = problem;
    }
    return undefined;
  }

  // Moves to the next chunk that may start a record. The bad one itself counts: a FULL inside a record is bad only there.
  #resume(): boolean {
    const { limit, name } = this.#options;
    const at = findChunk(this.#window, this.#position, this.#identity, (view, index) => {
      const type = view.getUint8(index + 6);
      if (type === ChunkType.cleanEnd && limit === undefined) {
        const payload = this.#window.bytes.subarray(index + CHUNK_HEADER_BYTES);
        return parseCleanEnd(payload.subarray(0, view.getUint16(index + 4, true)), name) !== undefined;
      }
      return type === ChunkType.full || type === ChunkType.first;
    });
    if (at !== undefined) this.#position = at;
    return at !== undefined;
  }

  #closeGap(end: number): void {
    if (this.#badOffset < 0) return;
    if (end > this.#badOffset)
      this.#gaps.push({ offset: this.#badOffset, length: end - this.#badOffset, reason: this.#problem });
    this.#badOffset = -1;
  }

  #endBad(): void {
    this.#end = { kind: "bad", offset: this.#badOffset, size: this.#size, problem: this.#problem };
    if (this.#options.salvage) this.#closeGap(this.#window.end);
  }

  #endWithoutHeader(): void {
    this.#bad(-1, 0, this.#decoded.problem ?? "no file header");
    this.#endBad();
  }
}

/** What is wrong with a chunk of this type inside, or outside, a record. */
function orderProblem(type: number, insideRecord: boolean): string | undefined {
  if (insideRecord && type === ChunkType.full) return "FULL inside a record";
  if (insideRecord && type === ChunkType.first) return "FIRST inside a record";
  if (!insideRecord && type === ChunkType.middle) return "MIDDLE without FIRST";
  if (!insideRecord && type === ChunkType.last) return "LAST without FIRST";
  return undefined;
}

function parseCleanEnd(payload: Uint8Array, name: string): CleanEnd | undefined {
  try {
    return decodeCleanEnd(payload, name, 0);
  } catch (error) {
    if (error instanceof CorruptionError) return undefined;
    throw error;
  }
}

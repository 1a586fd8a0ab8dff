// Logs, chunk by chunk: chapter "Logs" of docs/formats.md and nothing else. The order of the tests is that of its list.

import { ByteSource, FormatProblem } from "./byte-source.ts";
import {
  ChunkReader,
  CLEAN_END,
  FULL,
  greatestPromise,
  headerlessPromise,
  LAST,
  MIDDLE,
  PASSED_OVER,
  type LogChunk,
  type LogPromise,
} from "./log-chunks.ts";
import { CHUNK_HEADER_SIZE, readLogHeader, type LogHeader, type LogKind } from "./log-header.ts";

export type { LogChunk, LogPromise } from "./log-chunks.ts";
export type { LogHeader, LogKind } from "./log-header.ts";

export interface LogRecord {
  readonly offset: number;
  readonly end: number;
  readonly payload: Uint8Array;
  /** Of the first chunk. */
  readonly syncedOffset: number;
  /** Of each chunk. */
  readonly syncedOffsets: readonly number[];
}

export interface CleanEnd {
  readonly offset: number;
  readonly end: number;
  readonly syncedOffset: number;
  readonly lastSequence: number;
  readonly manifestNumber: number;
  readonly manifestSize: number;
}

/** Where and why reading stopped. */
export interface LogEnd {
  readonly offset: number;
  readonly kind: "cleanEnd" | "limit" | "bad";
  /** For "bad": what was wrong, and where: inside a record that is behind `offset`. */
  readonly problem: string | undefined;
  readonly problemOffset: number;
}

export interface FramedLog {
  readonly number: number;
  readonly kind: LogKind;
  /** Of the file, in bytes. */
  readonly length: number;
  readonly header: LogHeader | undefined;
  readonly headerProblem: string | undefined;
  /** The header is whole, but of a later version. */
  readonly unsupported: boolean;
  readonly records: readonly LogRecord[];
  readonly passedOver: readonly LogChunk[];
  readonly cleanEnd: CleanEnd | undefined;
  /** As a successor names it: the end of the last complete record, or of the header; 0 without a header. */
  readonly size: number;
  readonly end: LogEnd;
  /** The greatest of those that make what stands at the end corruption; undefined: it is a tear, or a proper end. */
  readonly promise: LogPromise | undefined;
  /** What stands behind the end: not read, except for the valid chunks that the search for promises found there. */
  readonly tail: { readonly offset: number; readonly chunks: readonly LogChunk[] };
}

/** `limit`: the size that the successor names, if that is given. Throws nothing. */
export function frameLog(bytes: Uint8Array, number: number, kind: LogKind, limit?: number): FramedLog {
  try {
    return new LogFramer(bytes, readLogHeader(bytes, number, kind), kind, limit).frame();
  } catch (error) {
    if (!(error instanceof FormatProblem)) throw error;
    return headerless(bytes, number, kind, error);
  }
}

function headerless(bytes: Uint8Array, number: number, kind: LogKind, problem: FormatProblem): FramedLog {
  return {
    number,
    kind,
    length: bytes.length,
    header: undefined,
    headerProblem: problem.message,
    unsupported: problem.unsupported,
    records: [],
    passedOver: [],
    cleanEnd: undefined,
    size: 0,
    end: { offset: 0, kind: "bad", problem: problem.problem, problemOffset: problem.offset },
    promise: problem.unsupported ? undefined : headerlessPromise(bytes, number, kind),
    tail: { offset: 0, chunks: [] },
  };
}

/** The record whose chunks are being read. */
interface OpenRecord {
  readonly offset: number;
  readonly parts: Uint8Array[];
  readonly syncedOffsets: number[];
}

class LogFramer {
  readonly #bytes: Uint8Array;
  readonly #header: LogHeader;
  readonly #kind: LogKind;
  readonly #limit: number | undefined;
  readonly #reader: ChunkReader;
  readonly #records: LogRecord[] = [];
  readonly #passedOver: LogChunk[] = [];
  #open: OpenRecord | undefined;
  #cleanEnd: CleanEnd | undefined;
  #size: number;

  constructor(bytes: Uint8Array, header: LogHeader, kind: LogKind, limit: number | undefined) {
    this.#bytes = bytes;
    this.#header = header;
    this.#kind = kind;
    this.#limit = limit;
    this.#size = header.end;
    this.#reader = new ChunkReader(bytes, header, Math.min(bytes.length, limit ?? bytes.length));
  }

  frame(): FramedLog {
    const end = this.#read();
    // Behind a limit nothing is read, and an end before it needs no promise to be corruption.
    const search = end.kind === "bad" && this.#limit === undefined;
    const chunks = search ? this.#reader.validChunks(end.offset) : [];
    return {
      number: this.#header.fileNumber,
      kind: this.#kind,
      length: this.#bytes.length,
      header: this.#header,
      headerProblem: undefined,
      unsupported: false,
      records: this.#records,
      passedOver: this.#passedOver,
      cleanEnd: this.#cleanEnd,
      size: this.#size,
      end,
      promise: greatestPromise(chunks, end.offset),
      tail: { offset: end.offset, chunks },
    };
  }

  #read(): LogEnd {
    let offset = this.#header.end;
    for (;;) {
      if (offset === this.#limit && this.#open === undefined)
        return { offset, kind: "limit", problem: undefined, problemOffset: offset };
      const blockEnd = this.#reader.blockEnd(offset);
      if (blockEnd - offset < CHUNK_HEADER_SIZE) {
        const problem = this.#paddingProblem(offset, blockEnd);
        if (problem !== undefined) return this.#bad(offset, problem);
        offset = blockEnd;
      }
      const problem = this.#reader.problemAt(offset) ?? this.#add(this.#reader.chunkAt(offset));
      if (problem !== undefined) return this.#bad(offset, problem);
      offset = this.#reader.chunkEnd(offset);
      if (this.#cleanEnd) return { offset, kind: "cleanEnd", problem: undefined, problemOffset: offset };
    }
  }

  #bad(offset: number, problem: string): LogEnd {
    return { offset: this.#open?.offset ?? offset, kind: "bad", problem, problemOffset: offset };
  }

  #paddingProblem(offset: number, blockEnd: number): string | undefined {
    if (offset >= this.#reader.length) return "end of file";
    if (blockEnd > this.#reader.length) return "padding cut short";
    for (let i = offset; i < blockEnd; i++) if (this.#bytes[i] !== 0) return "padding is not zero";
    return undefined;
  }

  // Takes a chunk that verifies; returns why it is bad all the same.
  #add(chunk: LogChunk): string | undefined {
    const payload = this.#bytes.subarray(chunk.offset + CHUNK_HEADER_SIZE, chunk.end);
    if (chunk.type >= PASSED_OVER) {
      this.#passedOver.push(chunk);
      return undefined;
    }
    if (chunk.type === MIDDLE || chunk.type === LAST) {
      if (!this.#open) return "a record without its FIRST";
      this.#open.parts.push(payload);
      this.#open.syncedOffsets.push(chunk.syncedOffset);
      if (chunk.type === LAST) this.#endRecord(chunk.end);
      return undefined;
    }
    if (this.#open) return "a record without its LAST";
    if (chunk.type === CLEAN_END) return this.#endCleanly(chunk);
    this.#open = { offset: chunk.offset, parts: [payload], syncedOffsets: [chunk.syncedOffset] };
    if (chunk.type === FULL) this.#endRecord(chunk.end);
    return undefined;
  }

  #endRecord(end: number): void {
    const { offset, parts, syncedOffsets } = this.#open!;
    const payload = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    this.#records.push({ offset, end, payload, syncedOffset: syncedOffsets[0]!, syncedOffsets });
    this.#open = undefined;
    this.#size = end;
  }

  #endCleanly({ offset, end, syncedOffset }: LogChunk): string | undefined {
    if (this.#limit !== undefined) return "CLEAN END before the size that the successor names";
    const fields = decodeCleanEnd(this.#bytes.subarray(offset + CHUNK_HEADER_SIZE, end));
    if (fields === undefined) return "CLEAN END that is not 24 bytes of integers";
    this.#cleanEnd = { offset, end, syncedOffset, ...fields };
    return undefined;
  }
}

export interface CleanEndFields {
  readonly lastSequence: number;
  readonly manifestNumber: number;
  readonly manifestSize: number;
}

export function decodeCleanEnd(payload: Uint8Array): CleanEndFields | undefined {
  if (payload.length !== 24) return undefined;
  try {
    const source = new ByteSource(payload);
    return { lastSequence: source.u64(), manifestNumber: source.u64(), manifestSize: source.u64() };
  } catch (error) {
    if (error instanceof FormatProblem) return undefined;
    throw error;
  }
}

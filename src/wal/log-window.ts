import { assert } from "../common/assert.ts";
import { ioError } from "../common/errors.ts";
import type { FileHandle } from "../util/env.ts";
import { readFully } from "../util/file-io.ts";
import { BLOCK_BYTES_MAX, decodeHeader, type DecodedHeader, type LogHeader } from "./log-format.ts";

/** Read at a time: eight of the largest blocks, where the cost of the call no longer shows. */
const WINDOW_BYTES = 8 * BLOCK_BYTES_MAX;

/** The file of one log and what it should be. */
export interface LogSource {
  /** Stays the caller's. Bytes appended after the log was opened are not seen. */
  readonly file: FileHandle;
  /** The file's name inside the store directory, for errors. */
  readonly name: string;
  readonly number: number;
  readonly kind: LogHeader["kind"];
}

/**
 * A moving view of a file up to a fixed end.
 *
 * Invariants:
 *   - a window starts at a multiple of its size, so a block is never cut by one;
 *   - it has memory for no more than the file holds.
 */
export class LogWindow {
  readonly #file: FileHandle;
  readonly #name: string;
  #bytes: Uint8Array;
  #view: DataView;
  #start = 0;
  #length = 0;
  #end: number;

  /** `end` is at most the size of the file. */
  constructor(file: FileHandle, name: string, end: number) {
    this.#file = file;
    this.#name = name;
    this.#end = end;
    this.#bytes = new Uint8Array(Math.min(WINDOW_BYTES, end));
    this.#view = new DataView(this.#bytes.buffer);
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get view(): DataView {
    return this.#view;
  }

  /** Where in the file bytes[0] stands. */
  get start(): number {
    return this.#start;
  }

  /** How many of `bytes` are the file's. */
  get length(): number {
    return this.#length;
  }

  /** Nothing is read from here on; less than was asked for if the file turned out to be shorter. */
  get end(): number {
    return this.#end;
  }

  /** Moves to where `offset`, below the end, is inside; returns its index in `bytes`, which may be `length` if the file has shrunk. */
  load(offset: number): number {
    const index = offset - this.#start;
    if (index >= 0 && index < this.#length) return index;
    assert(offset >= 0 && offset < this.#end, "a window lies inside the file");
    const start = offset - (offset % WINDOW_BYTES);
    const wanted = Math.min(WINDOW_BYTES, this.#end - start);
    this.#start = start;
    this.#length = 0;
    this.#length = readOrThrow(this.#file, this.#bytes.subarray(0, wanted), start, this.#name);
    if (this.#length < wanted) this.#end = start + this.#length;
    return Math.min(offset - start, this.#length);
  }

  /** Gives the memory back. */
  drop(): void {
    this.#bytes = new Uint8Array(0);
    this.#view = new DataView(this.#bytes.buffer);
    this.#length = 0;
    this.#end = 0;
  }
}

/** The header of a file of `size` bytes. Throws FORMAT_UNSUPPORTED (decodeHeader says when) and IO_ERROR. */
export function readHeader({ file, name, number, kind }: LogSource, size: number): DecodedHeader {
  const window = new LogWindow(file, name, Math.min(size, BLOCK_BYTES_MAX));
  if (size > 0) window.load(0);
  return decodeHeader(window.bytes.subarray(0, window.length), name, kind, number);
}

/** Throws IO_ERROR. */
export function sizeOf({ file, name }: LogSource): number {
  try {
    return file.size();
  } catch (error) {
    throw ioError(error, `reading ${name}`);
  }
}

function readOrThrow(file: FileHandle, buffer: Uint8Array, position: number, name: string): number {
  try {
    return readFully(file, buffer, position);
  } catch (error) {
    throw ioError(error, `reading ${name}`);
  }
}

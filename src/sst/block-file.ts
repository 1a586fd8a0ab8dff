import { assert, AssertionError } from "../common/assert.ts";
import { CorruptionError, ioError } from "../common/errors.ts";
import { readFully } from "../util/file-io.ts";
import { checkCompression, checkTrailer, TRAILER_BYTES } from "./table-format.ts";

/** Where the bytes of a table come from: a file, or a pool that opens it again when it must. */
export interface TableSource {
  /** Reads up to buffer.length bytes at `position` into the start of `buffer`; returns how many (0 = end of file). May be short. */
  read(buffer: Uint8Array, position: number): number;
}

/** No value, filter or index is so large; one call reads no more, and sparse files say any size. */
const BLOCK_BYTES_MOST = 2 ** 31 - 1;

/**
 * The bytes of one table, block by block. Lengths are compared with the file's size before memory is taken for them.
 *
 * What cannot be read is an IO_ERROR with its cause; a file that ends early and a wrong checksum are a CorruptionError.
 */
export class BlockFile {
  readonly source: TableSource;
  /** The file's name inside the store directory. */
  readonly name: string;
  readonly size: number;
  /** Zero until the footer has been read. */
  tag = 0;

  constructor(source: TableSource, name: string, size: number) {
    this.source = source;
    this.name = name;
    this.size = size;
  }

  /** Exactly `length` bytes, in memory of their own. */
  read(offset: number, length: number): Uint8Array {
    this.#checkExtent(offset, length);
    const slow = Buffer.allocUnsafeSlow(length);
    // A plain Uint8Array, like those that callers pass for keys: mixed with Buffers, comparisons see two types.
    const bytes = new Uint8Array(slow.buffer, slow.byteOffset, length);
    this.#fill(bytes, offset);
    return bytes;
  }

  /** The block at `offset`, `length` bytes without its trailer. */
  readBlock(offset: number, length: number, verify: boolean): Uint8Array {
    assert(this.tag !== 0, "the tag is known before blocks are read");
    const bytes = this.read(offset, length + TRAILER_BYTES);
    if (verify) checkTrailer(bytes, length, this.tag, offset, this.name);
    else checkCompression(bytes[length]!, this.name);
    return new Uint8Array(bytes.buffer, 0, length);
  }

  /** Fills `target` with a block and its trailer, which is verified. When it throws, anything may stand there. */
  readInto(target: Uint8Array, offset: number): void {
    assert(this.tag !== 0, "the tag is known before blocks are read");
    this.#checkExtent(offset, target.length);
    this.#fill(target, offset);
    checkTrailer(target, target.length - TRAILER_BYTES, this.tag, offset, this.name);
  }

  /** Throws when the file goes on behind its size. */
  expectEnd(): void {
    if (this.#readFully(new Uint8Array(1), this.size) !== 0)
      throw new CorruptionError(this.name, this.size, "the file is longer than its table");
  }

  #checkExtent(offset: number, length: number): void {
    if (offset + length > this.size) throw new CorruptionError(this.name, offset, `${length} bytes beyond the end`);
    if (length > BLOCK_BYTES_MOST) throw new CorruptionError(this.name, offset, `a block of ${length} bytes`);
  }

  #fill(bytes: Uint8Array, offset: number): void {
    const count = this.#readFully(bytes, offset);
    if (count !== bytes.length)
      throw new CorruptionError(this.name, this.#endAtMost(offset + count), "the file ends early");
  }

  // Where a file ends that has no byte at `offset`: a source has no size to ask for, but bytes to look for.
  #endAtMost(offset: number): number {
    const byte = new Uint8Array(1);
    let low = 0;
    let high = offset;
    while (low < high) {
      const middle = low + Math.floor((high - low) / 2);
      if (this.#readFully(byte, middle) === 1) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #readFully(bytes: Uint8Array, offset: number): number {
    try {
      return readFully(this.source, bytes, offset);
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      throw ioError(error, `reading ${this.name} at ${offset}`);
    }
  }
}

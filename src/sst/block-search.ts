// Finding data blocks in a table whose index cannot be read.
//
// A block does not say at its start how long it is, but it says so at its end: the position of its offsets and their
// count stand in its last 8 bytes and add up to its length. So every place of the file is taken for the end of a block,
// and what those 8 bytes say for its start. Nearly all are rejected by that start: layout, flags, an entry that starts
// where the prefix ends. What is left is checksummed with the table's tag, and the first that verifies is a block, since
// checksums are placed: blocks of other tables, inside values too, do not verify (crc32.ts). The search goes on behind it.
//
// Without a tag, the tag that a candidate implies (stored - crc - offset) is taken for the table's if two candidates at
// least imply it, and of several the one that covers most bytes: a table that lies in a value is smaller than its block.
//
// Bound: windows are read once, and candidates that do not verify may cost WASTE_FACTOR times the bytes searched, read
// and checksummed; bytes that are made to look like ends of long blocks exhaust that and end the search, never the day.

import type { KeyOrder } from "../common/comparator.ts";
import { crc32, placedChecksum } from "../common/crc32.ts";
import { badBytesProblem } from "../common/errors.ts";
import { BLOCK_BYTES_MIN, BLOCK_LAYOUT, BLOCK_TAIL_BYTES, FLAG_WIDE_OFFSETS } from "./block-builder.ts";
import { BlockCursor } from "./block-cursor.ts";
import type { BlockFile } from "./block-file.ts";
import { COMPRESSION_NONE, TRAILER_BYTES } from "./table-format.ts";

/** Bytes looked at in one piece: the cost of the call no longer shows. */
const WINDOW_BYTES = 1 << 20;
/** A healthy table wastes nothing, values full of blocks at most their size once or twice; beyond this it is on purpose. */
const WASTE_FACTOR = 8;
/** What one look at a place outside the window is counted as: a call of the system costs about this many bytes. */
const PEEK_BYTES = 512;
/** Small files may be searched without thrift. */
const WASTE_BYTES_MIN = 1 << 20;
/** Layout, flags, prefix length (5 bytes hold any length of 32 bits). */
const HEAD_BYTES = 7;
/** Suffix length, kind and sequence number, one byte each. */
const ENTRY_BYTES_MIN = 3;
/** So many candidates must agree about a tag that nothing else vouches for. */
const WITNESSES_LEAST = 2;

export interface FoundBlock {
  readonly offset: number;
  /** Without the trailer; it has been verified. */
  readonly bytes: Uint8Array;
}

interface Candidate {
  readonly offset: number;
  readonly length: number;
  /** The block and its trailer. */
  readonly bytes: Uint8Array;
}

export class BlockSearch {
  readonly #file: BlockFile;
  #waste: number;
  #exhausted = false;

  constructor(file: BlockFile) {
    this.#file = file;
    this.#waste = Math.max(WASTE_BYTES_MIN, WASTE_FACTOR * file.size);
  }

  /** The search ended early: too many bytes only looked like blocks. */
  get isExhausted(): boolean {
    return this.#exhausted;
  }

  /** The data blocks in [from, to) that verify with the file's tag, ascending. */
  *blocks(from: number, to: number): Generator<FoundBlock> {
    let lowest = from;
    for (const { offset, length, bytes } of this.#candidates(from, to, () => lowest)) {
      if (!this.#verifies(bytes, length, offset)) continue;
      this.#waste += length;
      lowest = offset + length + TRAILER_BYTES;
      yield { offset, bytes: new Uint8Array(bytes.buffer, bytes.byteOffset, length) };
    }
  }

  /** The tag that the data blocks in [0, to) agree about; undefined if they do not. */
  impliedTag(to: number, order: KeyOrder): number | undefined {
    const witnesses = new Map<number, { blocks: number; bytes: number }>();
    const cursor = new BlockCursor(order, this.#file.name);
    for (const { offset, length, bytes } of this.#candidates(0, to, () => 0)) {
      if (!isReadable(cursor, bytes.subarray(0, length))) continue;
      const tag = (storedChecksum(bytes, length) - placedChecksum(crc32(bytes, 0, length + 1), 0, offset)) >>> 0;
      const { blocks, bytes: before } = witnesses.get(tag) ?? { blocks: 0, bytes: 0 };
      witnesses.set(tag, { blocks: blocks + 1, bytes: before + length });
    }
    const agreed = [...witnesses].filter(([tag, { blocks }]) => tag !== 0 && blocks >= WITNESSES_LEAST);
    agreed.sort(([, a], [, b]) => b.bytes - a.bytes);
    return agreed[0]?.[0];
  }

  #verifies(bytes: Uint8Array, length: number, offset: number): boolean {
    const expected = placedChecksum(crc32(bytes, 0, length + 1), this.#file.tag, offset);
    return storedChecksum(bytes, length) === expected;
  }

  // Whatever looks like a data block between lowest(), which may rise, and `to`.
  *#candidates(from: number, to: number, lowest: () => number): Generator<Candidate> {
    const most = BLOCK_TAIL_BYTES + TRAILER_BYTES - 1;
    for (let start = from; start < to && !this.#exhausted; start += WINDOW_BYTES) {
      const bytes = this.#file.read(start, Math.min(WINDOW_BYTES + most, to - start));
      const last = Math.min(WINDOW_BYTES - 1, bytes.length - most - 1);
      for (let tail = 0; tail <= last && !this.#exhausted; tail++) {
        if (bytes[tail + BLOCK_TAIL_BYTES] !== COMPRESSION_NONE) continue;
        const offsetsAt = readU32(bytes, tail);
        const count = readU32(bytes, tail + 4);
        if (count === 0 || ENTRY_BYTES_MIN * count > offsetsAt) continue;
        for (const width of [2, 4]) {
          const length = offsetsAt + count * width + BLOCK_TAIL_BYTES;
          const offset = start + tail + BLOCK_TAIL_BYTES - length;
          if (length < BLOCK_BYTES_MIN || offset < lowest()) continue;
          if (!this.#startsBlock({ bytes, start }, offset, offsetsAt, width)) continue;
          if (!this.#spend(length)) return;
          yield { offset, length, bytes: this.#file.read(offset, length + TRAILER_BYTES) };
        }
      }
    }
  }

  // Whether a block with offsets of `width` bytes at `offsetsAt` may start at `offset`.
  #startsBlock(window: Window, offset: number, offsetsAt: number, width: number): boolean {
    const head = this.#peek(window, offset, HEAD_BYTES);
    if (head === undefined || head[0] !== BLOCK_LAYOUT) return false;
    if (head[1] !== (width === 4 ? FLAG_WIDE_OFFSETS : 0)) return false;
    const entriesAt = entriesStart(head);
    if (entriesAt >= offsetsAt) return false;
    const first = this.#peek(window, offset + offsetsAt, width);
    return first !== undefined && (width === 4 ? readU32(first, 0) : first[0]! | (first[1]! << 8)) === entriesAt;
  }

  #peek({ bytes, start }: Window, offset: number, length: number): Uint8Array | undefined {
    const at = offset - start;
    if (at >= 0 && at + length <= bytes.length) return bytes.subarray(at, at + length);
    return this.#spend(PEEK_BYTES) ? this.#file.read(offset, length) : undefined;
  }

  #spend(bytes: number): boolean {
    this.#waste -= bytes;
    this.#exhausted ||= this.#waste < 0;
    return !this.#exhausted;
  }
}

interface Window {
  readonly bytes: Uint8Array;
  /** Where in the file bytes[0] stands. */
  readonly start: number;
}

function isReadable(cursor: BlockCursor, block: Uint8Array): boolean {
  try {
    cursor.load(block, 0);
    for (let i = 0; i < cursor.count; i++) cursor.read(i);
    return true;
  } catch (error) {
    if (badBytesProblem(error) === undefined) throw error;
    return false;
  }
}

/** Where the entries of a block start that starts with `head`; Infinity for no head. */
function entriesStart(head: Uint8Array): number {
  let prefix = 0;
  for (let i = 2; i < head.length; i++) {
    prefix += (head[i]! & 0x7f) * 128 ** (i - 2);
    if (head[i]! < 128) return i + 1 + prefix;
  }
  return Infinity;
}

function storedChecksum(bytes: Uint8Array, length: number): number {
  return readU32(bytes, length + 1);
}

function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

// Single chunks: whether one stands at an offset, and the search for valid ones behind the place where a log ends.

import { crc32 } from "node:zlib";
import { BLOCK_SIZE_MAX, CHUNK_HEADER_SIZE, SHORTEST_HEADER, type LogHeader, type LogKind } from "./log-header.ts";
import { placedChecksum, placement, u32At, u64At } from "./placed-checksum.ts";

export interface LogChunk {
  readonly offset: number;
  readonly end: number;
  readonly type: number;
  readonly syncedOffset: number;
}

/** Something readable that says: the bytes before `syncedOffset` were durable when the chunk at `offset` was written. */
export interface LogPromise {
  readonly offset: number;
  readonly syncedOffset: number;
}

export const FULL = 1;
export const FIRST = 2;
export const MIDDLE = 3;
export const LAST = 4;
export const CLEAN_END = 17;
/** Types from here on are passed over. */
export const PASSED_OVER = 128;

/** Chunks of one file with a valid header; nothing at or behind `length` exists for it. */
export class ChunkReader {
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly #number: number;
  readonly #tag: number;
  readonly #blockSize: number;

  constructor(bytes: Uint8Array, header: LogHeader, length: number) {
    this.bytes = bytes;
    this.length = length;
    this.#number = header.fileNumber % 0x1_0000_0000;
    this.#tag = header.tag;
    this.#blockSize = header.blockSize;
  }

  blockEnd(offset: number): number {
    return offset - (offset % this.#blockSize) + this.#blockSize;
  }

  /** Why no valid chunk stands at an offset; undefined if one does. */
  problemAt(offset: number): string | undefined {
    const { bytes } = this;
    const end = Math.min(this.blockEnd(offset), this.length);
    if (end - offset < CHUNK_HEADER_SIZE) return offset >= this.length ? "end of file" : "cut short";
    if (u32At(bytes, offset + 7) !== this.#number) return "log number";
    if (!mayStand(bytes[offset + 6]!)) return "type";
    if (this.chunkEnd(offset) > end) return "reaches beyond its block or the file";
    if (u64At(bytes, offset + 11) > offset) return "synced offset beyond the chunk";
    if (u32At(bytes, offset) !== placedChecksum(bytes, offset + 4, this.chunkEnd(offset), this.#tag)) return "checksum";
    return undefined;
  }

  chunkEnd(offset: number): number {
    return offset + CHUNK_HEADER_SIZE + this.bytes[offset + 4]! + this.bytes[offset + 5]! * 0x100;
  }

  /** The chunk at an offset where there is no problem. */
  chunkAt(offset: number): LogChunk {
    return {
      offset,
      end: this.chunkEnd(offset),
      type: this.bytes[offset + 6]!,
      syncedOffset: u64At(this.bytes, offset + 11),
    };
  }

  /**
   * The valid chunks from `from` to the physical end, as "Tear or corruption" looks for them: every byte offset of its
   * block, then each later block along its chain, and byte by byte where that breaks.
   */
  validChunks(from: number): LogChunk[] {
    const found: LogChunk[] = [];
    this.#searchBytes(from, found);
    for (let block = this.blockEnd(from); block < this.length; block += this.#blockSize) {
      let offset = block;
      const end = block + this.#blockSize;
      while (end - offset >= CHUNK_HEADER_SIZE && this.problemAt(offset) === undefined) {
        const chunk = this.chunkAt(offset);
        found.push(chunk);
        offset = chunk.end;
      }
      if (end - offset >= CHUNK_HEADER_SIZE) this.#searchBytes(offset, found);
    }
    return found;
  }

  #searchBytes(from: number, found: LogChunk[]): void {
    const last = Math.min(this.blockEnd(from), this.length) - CHUNK_HEADER_SIZE;
    for (let offset = from; offset <= last; offset++) {
      if (u32At(this.bytes, offset + 7) === this.#number && this.problemAt(offset) === undefined)
        found.push(this.chunkAt(offset));
    }
  }
}

export function greatestPromise(chunks: readonly LogChunk[], beyond: number): LogPromise | undefined {
  let greatest: LogPromise | undefined;
  for (const { offset, syncedOffset } of chunks)
    if (syncedOffset > (greatest?.syncedOffset ?? beyond)) greatest = { offset, syncedOffset };
  return greatest;
}

/** What a file without a valid header of its own number promises beyond a header: then it is corrupt, else it holds nothing. */
export function headerlessPromise(bytes: Uint8Array, number: number, kind: LogKind): LogPromise | undefined {
  const low = number % 0x1_0000_0000;
  const found: LogChunk[] = [];
  for (let offset = 0; offset + CHUNK_HEADER_SIZE <= bytes.length; offset++) {
    if (u32At(bytes, offset + 7) !== low || !mayStand(bytes[offset + 6]!)) continue;
    const end = offset + CHUNK_HEADER_SIZE + bytes[offset + 4]! + bytes[offset + 5]! * 0x100;
    const blockEnd = offset - (offset % BLOCK_SIZE_MAX) + BLOCK_SIZE_MAX;
    if (end > Math.min(blockEnd, bytes.length)) continue;
    const syncedOffset = u64At(bytes, offset + 11);
    if (syncedOffset < SHORTEST_HEADER[kind] || syncedOffset > offset) continue;
    const tag = u32At(bytes, offset) - crc32(bytes.subarray(offset + 4, end)) - placement(0, offset + 4);
    if (tag % 0x1_0000_0000 !== 0) found.push({ offset, end, type: bytes[offset + 6]!, syncedOffset });
  }
  return greatestPromise(found, 0);
}

function mayStand(type: number): boolean {
  return (type >= FULL && type <= LAST) || type === CLEAN_END || type >= PASSED_OVER;
}

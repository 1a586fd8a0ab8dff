// Looking for chunks: what makes one valid, and where to look once the chain of chunks is broken.
//
// From the bad place on every byte offset of the rest of its block is tried, since nothing there tells where a chunk
// starts. Then each later block from its start, chunk by chunk; where that chain breaks, every byte offset of the rest
// of that block; to the end of the file. A byte offset is rejected by its log number, type, length and synced offset
// before a checksum is computed. Neither a chunk of another life of the file nor a copied one verifies (crc32.ts).

import { crc32, placedChecksum } from "../common/crc32.ts";
import { BLOCK_BYTES_MAX, CHUNK_HEADER_BYTES, headerBytesMin, isChunkType } from "./log-format.ts";
import type { LogWindow } from "./log-window.ts";

/** What all chunks of one log have in common. */
export interface ChunkIdentity {
  readonly logNumber: number;
  readonly tag: number;
  readonly blockSize: number;
}

/** A synced offset and the chunk that carries it. */
export interface LogPromise {
  readonly at: number;
  readonly syncedOffset: number;
}

/**
 * Why the chunk at bytes[at …) is not valid; undefined if it is. `end` is where its block ends in `bytes`, or the log if
 * that is sooner; `offset` is its place in the file.
 */
export function chunkProblem(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  offset: number,
  logNumber: number,
  tag: number,
): string | undefined {
  if (at + CHUNK_HEADER_BYTES > end) return at === end ? "the log ends here" : "the log ends within a chunk";
  const type = bytes[at + 6]!;
  const found = view.getUint32(at + 7, true);
  if (type === 0 && found === 0 && view.getUint32(at, true) === 0) return "zeros where a chunk should start";
  if (found !== logNumber) return `a chunk of log ${found}`;
  if (!isChunkType(type)) return `chunk type ${type}`;
  const chunkEnd = at + CHUNK_HEADER_BYTES + view.getUint16(at + 4, true);
  if (chunkEnd > end) return "a chunk reaches beyond its block or the end of the log";
  if (chunkSyncedOffset(view, at) > offset) return "a synced offset beyond its own chunk";
  const checksum = placedChecksum(crc32(bytes, at + 4, chunkEnd), tag, offset + 4);
  return view.getUint32(at, true) === checksum ? undefined : "chunk checksum";
}

/** Inexact above 2^53, where it is greater than any offset. */
export function chunkSyncedOffset(view: DataView, at: number): number {
  return view.getUint32(at + 15, true) * 0x1_0000_0000 + view.getUint32(at + 11, true);
}

/** Where the block of the byte at `index`, loaded, ends in the window. */
export function blockEnd(window: LogWindow, index: number, blockSize: number): number {
  return Math.min(window.length, index - (index % blockSize) + blockSize);
}

/**
 * Where a chunk at `position`, inside the window's end, starts: there, or in the next block behind padding. -1 if that
 * padding is not zero or not all there.
 */
export function skipPadding(window: LogWindow, position: number, blockSize: number): number {
  const at = window.load(position);
  const left = blockSize - (at % blockSize);
  if (left >= CHUNK_HEADER_BYTES) return position;
  if (at + left > window.length) return -1;
  for (let i = at; i < at + left; i++) if (window.bytes[i] !== 0) return -1;
  return position + left;
}

/** The offset of the first valid chunk from `from` on that `accept` takes, looking as the header of this file says. */
export function findChunk(
  window: LogWindow,
  from: number,
  identity: ChunkIdentity,
  accept: (view: DataView, index: number, offset: number) => boolean,
): number | undefined {
  let offset = from;
  let chained = false;
  while (offset < window.end) {
    const index = window.load(offset);
    const end = blockEnd(window, index, identity.blockSize);
    if (index >= end) return undefined;
    const { start } = window;
    const from = chained ? followChain(window, index, end, identity, accept) : index;
    const found = searchBytes(window, from, end, identity, accept);
    if (found !== undefined) return start + found;
    offset = start + end;
    chained = true;
  }
  return undefined;
}

// The index where the chain of chunks from `index` on breaks, or of the first that `accept` takes.
function followChain(
  window: LogWindow,
  index: number,
  end: number,
  { logNumber, tag }: ChunkIdentity,
  accept: (view: DataView, index: number, offset: number) => boolean,
): number {
  const { bytes, view, start } = window;
  let at = index;
  while (chunkProblem(bytes, view, at, end, start + at, logNumber, tag) === undefined) {
    if (accept(view, at, start + at)) return at;
    at += CHUNK_HEADER_BYTES + view.getUint16(at + 4, true);
  }
  return at;
}

function searchBytes(
  window: LogWindow,
  index: number,
  end: number,
  { logNumber, tag }: ChunkIdentity,
  accept: (view: DataView, index: number, offset: number) => boolean,
): number | undefined {
  const { bytes, view, start } = window;
  const byte0 = logNumber & 0xff;
  const byte1 = (logNumber >>> 8) & 0xff;
  for (let at = index; at <= end - CHUNK_HEADER_BYTES; at++) {
    // The two low bytes reject all but one offset in 65,536 before anything is called.
    if (bytes[at + 7] !== byte0 || bytes[at + 8] !== byte1) continue;
    if (chunkProblem(bytes, view, at, end, start + at, logNumber, tag) !== undefined) continue;
    if (accept(view, at, start + at)) return at;
  }
  return undefined;
}

/** The first chunk from `offset` on whose synced offset reaches beyond `offset`. */
export function findPromise(window: LogWindow, offset: number, identity: ChunkIdentity): LogPromise | undefined {
  let syncedOffset = 0;
  const at = findChunk(window, offset, identity, (view, index) => {
    syncedOffset = chunkSyncedOffset(view, index);
    return syncedOffset > offset;
  });
  return at === undefined ? undefined : { at, syncedOffset };
}

/**
 * The first chunk of log `logNumber` that promises more than a header, in a file whose own header is not one.
 *
 * Tag and block size are unknown. So a chunk counts if log number, type, length and a synced offset between the end of
 * the shortest header and its own start fit and the tag that its checksum implies is one (not 0), and not `strangeTag`;
 * blocks are taken for the largest: where smaller ones end, larger ones may go on, but a chunk that fits in a smaller one
 * fits in these.
 */
export function findHeaderlessPromise(
  window: LogWindow,
  kind: "wal" | "manifest",
  logNumber: number,
  strangeTag: number | undefined,
): LogPromise | undefined {
  const headerEnd = headerBytesMin(kind);
  for (let offset = headerEnd; offset < window.end;) {
    const index = window.load(offset);
    const end = blockEnd(window, index, BLOCK_BYTES_MAX);
    if (index >= end) return undefined;
    for (let at = index; at <= end - CHUNK_HEADER_BYTES; at++) {
      const tag = impliedTag(window.bytes, window.view, at, end, window.start + at, logNumber, headerEnd);
      if (tag === NO_TAG || tag === strangeTag) continue;
      return { at: window.start + at, syncedOffset: chunkSyncedOffset(window.view, at) };
    }
    offset = window.start + end;
  }
  return undefined;
}

const NO_TAG = 0;

function impliedTag(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  offset: number,
  logNumber: number,
  headerEnd: number,
): number {
  if (bytes[at + 7] !== (logNumber & 0xff) || view.getUint32(at + 7, true) !== logNumber) return NO_TAG;
  const type = bytes[at + 6]!;
  if (!isChunkType(type)) return NO_TAG;
  const chunkEnd = at + CHUNK_HEADER_BYTES + view.getUint16(at + 4, true);
  if (chunkEnd > end) return NO_TAG;
  const syncedOffset = chunkSyncedOffset(view, at);
  if (syncedOffset < headerEnd || syncedOffset > offset) return NO_TAG;
  // A tag is added to the checksum, mod 2^32.
  return (view.getUint32(at, true) - placedChecksum(crc32(bytes, at + 4, chunkEnd), NO_TAG, offset + 4)) >>> 0;
}

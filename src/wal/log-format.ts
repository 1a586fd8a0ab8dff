// A log: records one behind the other, in chunks that never cross a block. The write-ahead log and the manifest are both
// logs; what a record holds is for those who write it.
//
//   block 0                                  block 1                             block 2
//   | FILE HEADER | FULL | FULL | FIRST.... | MIDDLE........................... | LAST.. | FULL | CLEAN END |
//
// A block has a power of two of bytes, 512 to 32,768; the header says how many. A record is one FULL chunk, or a FIRST,
// any number of MIDDLE and a LAST. A chunk that would start in the last 18 bytes of a block starts in the next block, and
// the bytes between are zero; with exactly 19 bytes left a record that is not empty starts with an empty FIRST.
//
//   offset  size  field of a chunk
//        0     4  checksum of the bytes from 4 to the end of the chunk: crc32, bound to the file's tag and to the place
//                 of byte 4 in the file (crc32.ts); the tag is 0 for FILE HEADER, which is what tells the tag
//        4     2  payload length
//        6     1  type; with bit 7 a reader that does not know it skips the chunk
//        7     4  log number, its low 32 bits
//       11     8  synced offset: every byte before it had been made durable, by a call that had returned, when this chunk
//                 was written; so it is never greater than the offset of the chunk itself
//       19     …  payload
//
//   type        payload
//     1 FULL, 2 FIRST, 3 MIDDLE, 4 LAST
//    16 FILE    4 magic "TKVW" (write-ahead log) or "TKVM" (manifest) | u32 format version | u64 incompatible bits |
//       HEADER  u64 compatible bits | u32 tag, not 0 | u32 block size | 16 database id | u64 file number | varint length,
//               comparator name (1 to 255 bytes); a write-ahead log also: u64 predecessor (0 = none) | u64 its size |
//               u64 last sequence number before this log
//    17 CLEAN   u64 last sequence number | u64 manifest number | u64 manifest size
//       END
//   146 FILLER  zeros to the end of the block, where CLEAN END, which is one chunk, has no room (bit 7: others skip it)
//
// The size of a log is the end of its last record, or of the header if there is none: padding, FILLER, CLEAN END and what
// an earlier life of the file left behind do not count.

import { assert } from "../common/assert.ts";
import { ByteReader } from "../common/byte-reader.ts";
import { ByteWriter } from "../common/byte-writer.ts";
import { copyBytes, toBytes } from "../common/bytes.ts";
import { crc32, placedChecksum } from "../common/crc32.ts";
import { DATABASE_ID_BYTES } from "../common/database-id.ts";
import { CorruptionError, TinyKVError, invalidArgument } from "../common/errors.ts";
import { COMPARATOR_NAME_BYTES_MAX } from "../common/limits.ts";

/** What the first chunk of a log says. */
export interface LogHeader {
  /** Which of the two it is, by its magic: TKVW or TKVM. */
  readonly kind: "wal" | "manifest";
  /** A random u32, not 0, drawn for this life of the file. */
  readonly tag: number;
  /** Bytes; a power of two from 512 to 32,768. */
  readonly blockSize: number;
  /** 16 bytes. */
  readonly databaseId: Uint8Array;
  readonly fileNumber: number;
  /** 1 to 255 bytes of UTF-8. */
  readonly comparatorName: string;
  /** The log before this one, of a smaller number, and the end of its last record; of a write-ahead log only. */
  readonly predecessor?: { readonly number: number; readonly size: number };
  /** The last sequence number issued before this log; 0 in a manifest. */
  readonly lastSequence: number;
}

/** What close() says last, in the log and in the manifest. */
export interface CleanEnd {
  readonly lastSequence: number;
  readonly manifestNumber: number;
  readonly manifestSize: number;
}

export const ChunkType = {
  full: 1,
  first: 2,
  middle: 3,
  last: 4,
  fileHeader: 16,
  cleanEnd: 17,
  filler: 146,
} as const;

/** A chunk of a type that is not in the table may be skipped if this bit is set. */
const SKIPPABLE = 0x80;

/** Checksum, length, type, log number, synced offset. */
export const CHUNK_HEADER_BYTES = 19;
/** The smallest block must hold the longest file header (encodeHeader asserts it). */
export const BLOCK_BYTES_MIN = 512;
/** The payload length has two bytes, and a reader looks at whole blocks. */
export const BLOCK_BYTES_MAX = 32_768;
/** Three integers. */
export const CLEAN_END_BYTES = 24;

const FORMAT_VERSION = 1;
const MAGIC = { wal: Buffer.from("TKVW"), manifest: Buffer.from("TKVM") } as const;
/** All of the header's payload before the comparator's name, and what a write-ahead log has behind it. */
const HEADER_FIXED_BYTES = 4 + 4 + 8 + 8 + 4 + 4 + DATABASE_ID_BYTES + 8;
const HEADER_WAL_BYTES = 24;

/** No header ends before this offset: with a name of one byte it ends here. */
export function headerBytesMin(kind: LogHeader["kind"]): number {
  return CHUNK_HEADER_BYTES + HEADER_FIXED_BYTES + 2 + (kind === "wal" ? HEADER_WAL_BYTES : 0);
}

/** What fills the low 32 bits of each chunk's log number. */
export function chunkLogNumber(fileNumber: number): number {
  return fileNumber % 0x1_0000_0000;
}

/** A type that may stand behind the file header. */
export function isChunkType(type: number): boolean {
  return (type >= ChunkType.full && type <= ChunkType.last) || type === ChunkType.cleanEnd || type >= SKIPPABLE;
}

export function isBlockSize(size: number): boolean {
  return size >= BLOCK_BYTES_MIN && size <= BLOCK_BYTES_MAX && (size & (size - 1)) === 0;
}

/** Completes the chunk whose payload of `length` bytes stands at bytes[at + 19 …) and whose place in the file is `offset`. */
export function sealChunk(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  length: number,
  type: number,
  logNumber: number,
  syncedOffset: number,
  tag: number,
  offset: number,
): void {
  view.setUint16(at + 4, length, true);
  bytes[at + 6] = type;
  view.setUint32(at + 7, logNumber, true);
  view.setUint32(at + 11, syncedOffset % 0x1_0000_0000, true);
  view.setUint32(at + 15, Math.floor(syncedOffset / 0x1_0000_0000), true);
  const crc = crc32(bytes, at + 4, at + CHUNK_HEADER_BYTES + length);
  view.setUint32(at, placedChecksum(crc, tag, offset + 4), true);
}

/** The file header as its chunk. Throws INVALID_ARGUMENT for a comparator name that is not 1 to 255 bytes long. */
export function encodeHeader(header: LogHeader): Uint8Array {
  const name = toBytes(header.comparatorName, "a comparator's name");
  if (name.length < 1 || name.length > COMPARATOR_NAME_BYTES_MAX)
    throw invalidArgument(`a comparator's name has 1 to ${COMPARATOR_NAME_BYTES_MAX} bytes, not ${name.length}`);
  assertHeader(header);
  const writer = new ByteWriter(BLOCK_BYTES_MIN);
  writer.bytes(new Uint8Array(CHUNK_HEADER_BYTES)).bytes(MAGIC[header.kind]).u32(FORMAT_VERSION).u64(0).u64(0);
  writer.u32(header.tag).u32(header.blockSize).bytes(header.databaseId).u64(header.fileNumber).lengthPrefixed(name);
  if (header.kind === "wal")
    writer
      .u64(header.predecessor?.number ?? 0)
      .u64(header.predecessor?.size ?? 0)
      .u64(header.lastSequence);
  const bytes = writer.finish();
  assert(bytes.length <= BLOCK_BYTES_MIN, "the file header fits the smallest block");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = bytes.length - CHUNK_HEADER_BYTES;
  sealChunk(bytes, view, 0, length, ChunkType.fileHeader, chunkLogNumber(header.fileNumber), 0, 0, 0);
  return bytes;
}

function assertHeader({ kind, tag, blockSize, databaseId, fileNumber, predecessor, lastSequence }: LogHeader): void {
  assert(Number.isInteger(tag) && tag > 0 && tag <= 0xffff_ffff, "a tag is a u32 and not 0");
  assert(isBlockSize(blockSize), "a block size is a power of two from 512 to 32,768");
  assert(databaseId.length === DATABASE_ID_BYTES, "a database id has 16 bytes");
  assert(fileNumber > 0, "file numbers start at 1");
  assert(kind === "wal" || (!predecessor && lastSequence === 0), "a manifest names no log and no sequence number");
  assert(!predecessor || (predecessor.number > 0 && predecessor.number < fileNumber), "file numbers of logs ascend");
}

/** A header and the offset behind its chunk, or why there is none. */
export type DecodedHeader =
  | { readonly header: LogHeader; readonly end: number; readonly problem?: undefined }
  | { readonly header?: undefined; readonly problem: string };

/**
 * The header of log `number` from the file's first bytes: its first block, or all of a shorter file.
 *
 * Throws only FORMAT_UNSUPPORTED: for a chunk that verifies, of this kind and number, that a newer version wrote or that
 * has an incompatible bit.
 */
export function decodeHeader(bytes: Uint8Array, name: string, kind: LogHeader["kind"], number: number): DecodedHeader {
  const end = headerChunkEnd(bytes, chunkLogNumber(number));
  if (typeof end === "string") return { problem: end };
  const reader = new ByteReader(bytes.subarray(CHUNK_HEADER_BYTES, end), name, CHUNK_HEADER_BYTES);
  try {
    if (!MAGIC[kind].equals(reader.bytes(4))) return { problem: `not the magic of a ${kind} file` };
    const extended = checkVersion(reader, name);
    const header = readHeader(reader, kind);
    if (header.fileNumber !== number) return { problem: `header of file ${header.fileNumber}` };
    // A compatible bit that is not known here may stand for fields behind those that are.
    if (!extended) reader.expectEnd();
    if (end > header.blockSize) throw reader.corruption("header longer than a block");
    return { header, end };
  } catch (error) {
    if (error instanceof CorruptionError) return { problem: error.problem };
    throw error;
  }
}

// The end of a chunk of type FILE HEADER that verifies, or what is wrong.
function headerChunkEnd(bytes: Uint8Array, logNumber: number): number | string {
  if (bytes.length < CHUNK_HEADER_BYTES) return "the file ends within its header";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = CHUNK_HEADER_BYTES + view.getUint16(4, true);
  if (bytes[6] !== ChunkType.fileHeader) return "no file header";
  if (end > bytes.length || end > BLOCK_BYTES_MAX) return "the file header reaches beyond its block or the file";
  if (view.getUint32(7, true) !== logNumber) return `file header of log ${view.getUint32(7, true)}`;
  if (view.getUint32(0, true) !== placedChecksum(crc32(bytes, 4, end), 0, 4)) return "file header checksum";
  if (view.getUint32(11, true) !== 0 || view.getUint32(15, true) !== 0) return "nothing is synced before a file header";
  return end;
}

/** Reads version and feature bits; true if there are compatible bits, all of which are unknown here. */
function checkVersion(reader: ByteReader, name: string): boolean {
  const version = reader.u32();
  const incompatible = [reader.u32(), reader.u32()] as const;
  const compatible = [reader.u32(), reader.u32()] as const;
  if (version === 0) throw reader.corruption("format version 0");
  if (version > FORMAT_VERSION)
    throw new TinyKVError(
      "TINYKV_FORMAT_UNSUPPORTED",
      `${name} has format version ${version}, newer than ${FORMAT_VERSION}`,
    );
  if (incompatible[0] !== 0 || incompatible[1] !== 0)
    throw new TinyKVError("TINYKV_FORMAT_UNSUPPORTED", `${name} needs a feature that this version does not know`);
  return compatible[0] !== 0 || compatible[1] !== 0;
}

function readHeader(reader: ByteReader, kind: LogHeader["kind"]): LogHeader {
  const tag = reader.u32();
  if (tag === 0) throw reader.corruption("tag 0");
  const blockSize = reader.u32();
  if (!isBlockSize(blockSize)) throw reader.corruption(`block size ${blockSize}`);
  const databaseId = copyBytes(reader.bytes(DATABASE_ID_BYTES));
  const fileNumber = reader.u64();
  const name = reader.lengthPrefixed();
  const comparatorName = Buffer.from(name).toString("utf8");
  if (name.length < 1 || name.length > COMPARATOR_NAME_BYTES_MAX) throw reader.corruption("comparator name length");
  // Two names must not become one string, or a store would open with a comparator that did not make it.
  if (!Buffer.from(comparatorName, "utf8").equals(name)) throw reader.corruption("comparator name is not UTF-8");
  const shared = { kind, tag, blockSize, databaseId, fileNumber, comparatorName };
  if (kind === "manifest") return { ...shared, lastSequence: 0 };
  const predecessor = { number: reader.u64(), size: reader.u64() };
  // Numbers ascend, so a chain of predecessors ends.
  if (predecessor.number >= fileNumber) throw reader.corruption(`predecessor ${predecessor.number}`);
  return { ...shared, ...(predecessor.number > 0 && { predecessor }), lastSequence: reader.u64() };
}

/** The payload of CLEAN END; throws CorruptionError, with offsets from `base` on. */
export function decodeCleanEnd(payload: Uint8Array, name: string, base: number): CleanEnd {
  const reader = new ByteReader(payload, name, base);
  const end = { lastSequence: reader.u64(), manifestNumber: reader.u64(), manifestSize: reader.u64() };
  reader.expectEnd();
  return end;
}

export function encodeCleanEnd({ lastSequence, manifestNumber, manifestSize }: CleanEnd): Uint8Array {
  return new ByteWriter(CLEAN_END_BYTES).u64(lastSequence).u64(manifestNumber).u64(manifestSize).finish();
}

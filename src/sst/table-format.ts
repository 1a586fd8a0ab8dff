// A sorted table (NNNNNN.sst): written once, never changed. Entries ascend in the order of internal keys.
//
//   [data block]*  [range-delete block]?  [filter block]?  [index block]+  [properties block]  [metaindex block]  [footer 72]
//
// Every block is followed by a trailer of 5 bytes, and blocks lie side by side from offset 0 to the footer:
//
//   u8 compression (0 = none; others reserved) | u32 checksum of the block and the compression byte
//
// That checksum, like the footer's, is placed (crc32.ts) with the table's tag and the offset where the block starts.
// What is inside a block: data block-builder.ts, range deletes range-deletes.ts, filter bloom-filter.ts, index
// index-block.ts, properties properties.ts, and the metaindex, which names the blocks that there is one of:
//
//   varint count | {lp name | varint offset | varint length}*      names: "rangeDeletes"?, "filter"?, "index", "properties"
//
// "index" is the last index block, the top. A name that a reader does not know is passed over: a table that cannot be
// understood without such a block says so by an incompatible bit in the footer, the one structure at a known place:
//
//   offset  size  field
//        0     1  checksum type      1 = CRC-32, placed
//        1     3  zero
//        4     4  format version
//        8     8  incompatible bits  an unknown one: the table cannot be read
//       16     8  compatible bits    an unknown one: the table can be read
//       24     8  metaindex offset
//       32     4  metaindex length
//       36     4  tag                random, never zero, drawn for this life of the file
//       40     8  file size
//       48     8  file number
//       56     4  checksum           of the 72 bytes of the footer with this field zero
//       60     4  zero
//       64     8  "TinyKVst"
//
// Integers are little-endian; lp(x) is a varint length and the bytes; a varint has at most 8 bytes.

import { assert } from "../common/assert.ts";
import { ByteReader } from "../common/byte-reader.ts";
import { ByteWriter } from "../common/byte-writer.ts";
import { copyBytes } from "../common/bytes.ts";
import { crc32, placedChecksum } from "../common/crc32.ts";
import { CorruptionError, TinyKVError } from "../common/errors.ts";
import type { InternalKey } from "../common/internal-key.ts";

/** Who a table is, decided before its first byte is written. */
export interface TableIdentity {
  readonly fileNumber: number;
  readonly databaseId: Uint8Array;
  /** A non-zero u32 that every checksum of the file is placed with. */
  readonly tag: number;
  /** Orders the tables of level 0: a greater epoch is newer. */
  readonly epoch: number;
  /** Milliseconds since 1970. */
  readonly creationTime: number;
  readonly comparatorName: string;
}

/** A table by its number and the tag of its life. */
export interface TableReference {
  readonly number: number;
  readonly tag: number;
}

/** What repair needs to know about a table when there is no manifest: whom it replaced. */
export interface TableProvenance {
  /** The tables that the job read. */
  readonly inputs: readonly TableReference[];
  /** Obsolete tables that were still in the directory. */
  readonly obsolete: readonly TableReference[];
  /** The log number that the job's edit sets (a flush) or found (a compaction). */
  readonly logNumber: number;
  /** Of a table that a repair wrote: the logs that it read. Until one of them or of `inputs` is gone it was not finished. */
  readonly repairedLogs?: readonly number[];
}

export interface TableProperties extends TableIdentity {
  /** Puts and deletes; range deletes are counted apart. */
  readonly entries: number;
  readonly deletes: number;
  readonly rangeDeletes: number;
  /** Bytes of user keys and of values (ends of range deletes count as values). */
  readonly rawKeyBytes: number;
  readonly rawValueBytes: number;
  readonly leastSequence: number;
  readonly greatestSequence: number;
  /** Bounds of entries and range deletes together; where a range delete ends last, (its end, SEQUENCE_MAX, deleteRange), exclusive. */
  readonly smallest: InternalKey;
  readonly largest: InternalKey;
  /** The algorithm of the filter (bloom-filter.ts); 0 = no filter. */
  readonly filterId: number;
  readonly dataBlocks: number;
  readonly provenance: TableProvenance;
}

/** Where a block lies; the length is without the trailer. */
export interface BlockHandle {
  readonly offset: number;
  readonly length: number;
}

export interface Footer {
  readonly metaindex: BlockHandle;
  readonly tag: number;
  readonly size: number;
  readonly number: number;
}

export const FOOTER_BYTES = 72;
/** One compression byte and one checksum. */
export const TRAILER_BYTES = 5;
export const COMPRESSION_NONE = 0;

/** The names of the metaindex. */
export const BlockName = {
  rangeDeletes: "rangeDeletes",
  filter: "filter",
  index: "index",
  properties: "properties",
} as const;

const MAGIC = new TextEncoder().encode("TinyKVst");
const FORMAT_VERSION = 1;
const CHECKSUM_TYPE_CRC32 = 1;
const FOOTER_CHECKSUM_AT = 56;

/** For bytes that are intact but ask for more than this version knows. */
export function formatUnsupported(file: string, problem: string): TinyKVError {
  return new TinyKVError("TINYKV_FORMAT_UNSUPPORTED", `${file}: ${problem}`);
}

export function encodeFooter(footer: Footer): Uint8Array {
  assert(footer.tag !== 0, "a tag is never zero");
  const writer = new ByteWriter(FOOTER_BYTES);
  writer.u32(CHECKSUM_TYPE_CRC32).u32(FORMAT_VERSION).u64(0).u64(0);
  writer.u64(footer.metaindex.offset).u32(footer.metaindex.length).u32(footer.tag);
  writer.u64(footer.size).u64(footer.number).u32(0).u32(0).bytes(MAGIC);
  const crc = crc32(writer.finish());
  writer.patchU32(FOOTER_CHECKSUM_AT, placedChecksum(crc, footer.tag, footer.size - FOOTER_BYTES));
  return writer.finish();
}

/** The footer found at `offset`, the last 72 bytes of the file. */
export function decodeFooter(bytes: Uint8Array, offset: number, file: string): Footer {
  assert(bytes.length === FOOTER_BYTES, "a footer has 72 bytes");
  const reader = new ByteReader(bytes, file, offset);
  checkFooterBytes(bytes, reader, offset, file);
  reader.bytes(24);
  const metaindex = { offset: reader.u64(), length: reader.u32() };
  const tag = reader.u32();
  const size = reader.u64();
  const number = reader.u64();
  if (tag === 0) throw reader.corruption("tag zero", 36);
  if (size !== offset + FOOTER_BYTES) throw reader.corruption(`footer of a file of ${size} bytes`, 40);
  if (metaindex.offset + metaindex.length + TRAILER_BYTES !== offset)
    throw reader.corruption("the metaindex does not end at the footer", 24);
  return { metaindex, tag, size, number };
}

// The checksum comes before everything it covers: a flipped bit must not pass for a newer version.
function checkFooterBytes(bytes: Uint8Array, reader: ByteReader, offset: number, file: string): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (MAGIC.some((byte, i) => bytes[64 + i] !== byte)) throw reader.corruption("not a TinyKV table", 64);
  const zeroed = copyBytes(bytes);
  zeroed.fill(0, FOOTER_CHECKSUM_AT, FOOTER_CHECKSUM_AT + 4);
  const expected = placedChecksum(crc32(zeroed), view.getUint32(36, true), offset);
  if (view.getUint32(FOOTER_CHECKSUM_AT, true) !== expected)
    throw reader.corruption("footer checksum", FOOTER_CHECKSUM_AT);
  if (bytes[0] !== CHECKSUM_TYPE_CRC32) throw formatUnsupported(file, `checksum type ${bytes[0]}`);
  const version = view.getUint32(4, true);
  if (version !== FORMAT_VERSION) throw formatUnsupported(file, `table format version ${version}`);
  if (view.getUint32(8, true) !== 0 || view.getUint32(12, true) !== 0)
    throw formatUnsupported(file, "an incompatible feature");
  if (view.getUint32(0, true) !== CHECKSUM_TYPE_CRC32 || view.getUint32(60, true) !== 0)
    throw reader.corruption("reserved bytes are not zero", 0);
}

export function encodeMetaindex(blocks: ReadonlyMap<string, BlockHandle>): Uint8Array {
  const writer = new ByteWriter().varint(blocks.size);
  for (const [name, handle] of blocks)
    writer.lengthPrefixed(Buffer.from(name, "latin1")).varint(handle.offset).varint(handle.length);
  return writer.finish();
}

/** Every handle lies before the metaindex, which starts at `offset`. */
export function decodeMetaindex(bytes: Uint8Array, offset: number, file: string): Map<string, BlockHandle> {
  const reader = new ByteReader(bytes, file, offset);
  const blocks = new Map<string, BlockHandle>();
  const count = reader.varint();
  for (let i = 0; i < count; i++) {
    const name = Buffer.from(reader.lengthPrefixed()).toString("latin1");
    if (blocks.has(name)) throw reader.corruption(`two blocks named ${name}`);
    const handle = { offset: reader.varint(), length: reader.varint() };
    if (handle.offset + handle.length + TRAILER_BYTES > offset)
      throw reader.corruption(`block ${name} beyond the metaindex`);
    blocks.set(name, handle);
  }
  reader.expectEnd();
  return blocks;
}

/**
 * Writes the trailer of the block in bytes[0, length) behind it, in place.
 * `offset` is where the block starts in the file.
 */
export function putTrailer(bytes: Uint8Array, length: number, tag: number, offset: number): void {
  bytes[length] = COMPRESSION_NONE;
  putStoredChecksum(bytes, length + 1, placedChecksum(crc32(bytes, 0, length + 1), tag, offset));
}

/** Four little-endian bytes. */
export function putStoredChecksum(bytes: Uint8Array, at: number, checksum: number): void {
  bytes[at] = checksum & 0xff;
  bytes[at + 1] = (checksum >>> 8) & 0xff;
  bytes[at + 2] = (checksum >>> 16) & 0xff;
  bytes[at + 3] = checksum >>> 24;
}

/** Throws unless bytes[0, length) and the trailer behind them are what was written at `offset`. */
export function checkTrailer(bytes: Uint8Array, length: number, tag: number, offset: number, file: string): void {
  const at = length + 1;
  const stored = (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
  if (stored !== placedChecksum(crc32(bytes, 0, at), tag, offset))
    throw new CorruptionError(file, offset, "block checksum");
  checkCompression(bytes[length]!, file);
}

export function checkCompression(compression: number, file: string): void {
  if (compression !== COMPRESSION_NONE) throw formatUnsupported(file, `compression ${compression}`);
}

// CRC-32 (IEEE 802.3, reflected polynomial 0xEDB88320), and the form in which it is stored.
//
//   stored = (crc32(bytes) + tag + low32(offset) + high32(offset)) mod 2^32
//
// `tag` is drawn at random for each life of a file and `offset` is where the checksummed bytes start: a block or chunk
// that was copied, swapped or left over from an earlier life of the file does not verify.

import { crc32 as nativeCrc32 } from "node:zlib";

/** Below this many bytes the table loop is faster than the call into zlib; measured by bench/micro. */
const NATIVE_FROM_BYTES = 192;

const TABLE = makeTables();

/** The CRC-32 of bytes[start, end), continuing from `seed` (the CRC of what came before). */
export function crc32(bytes: Uint8Array, start = 0, end: number = bytes.length, seed = 0): number {
  return end - start < NATIVE_FROM_BYTES ? tableCrc32(bytes, start, end, seed) : zlibCrc32(bytes, start, end, seed);
}

/** A CRC as it is stored: bound to its file's life and to its place. */
export function placedChecksum(crc: number, tag: number, offset: number): number {
  return (crc + tag + (offset % 0x1_0000_0000) + Math.floor(offset / 0x1_0000_0000)) >>> 0;
}

function zlibCrc32(bytes: Uint8Array, start: number, end: number, seed: number): number {
  return nativeCrc32(bytes.subarray(start, end), seed);
}

// Slicing by four (Kounavis and Berry, "A Systematic Approach to Building High Performance Software-based CRC
// Generators", 2005): four table look-ups a round, independent of each other.
function tableCrc32(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let crc = ~seed;
  let i = start;
  for (const last = end - 4; i <= last; i += 4) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    crc =
      TABLE[768 + (crc & 0xff)]! ^
      TABLE[512 + ((crc >>> 8) & 0xff)]! ^
      TABLE[256 + ((crc >>> 16) & 0xff)]! ^
      TABLE[crc >>> 24]!;
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[i]!) & 0xff]!;
  return ~crc >>> 0;
}

function makeTables(): Int32Array {
  const table = new Int32Array(4 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    table[byte] = crc;
  }
  for (let i = 256; i < table.length; i++) {
    const before = table[i - 256]!;
    table[i] = (before >>> 8) ^ table[before & 0xff]!;
  }
  return table;
}

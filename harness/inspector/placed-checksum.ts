import { crc32 } from "node:zlib";

const TWO_32 = 0x1_0000_0000;

/** What tag and place add to a plain CRC-32; mod 2^32 is the caller's. */
export function placement(tag: number, offset: number): number {
  return tag + (offset % TWO_32) + Math.floor(offset / TWO_32);
}

/** The checksum that is stored for the bytes from `start` to `end` of a file with this tag. */
export function placedChecksum(bytes: Uint8Array, start: number, end: number, tag: number): number {
  return (crc32(bytes.subarray(start, end)) + placement(tag, start)) >>> 0;
}

export function u32At(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)) >>> 0;
}

/** Possibly above 2^53-1, and then not exact. */
export function u64At(bytes: Uint8Array, offset: number): number {
  return u32At(bytes, offset) + u32At(bytes, offset + 4) * TWO_32;
}

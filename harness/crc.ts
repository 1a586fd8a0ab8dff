// CRC-32 (IEEE 802.3) of keys and values: most are so short that the call into zlib costs more than the sum.

import { crc32 } from "node:zlib";
import { type Key, keyBytes } from "./keys.ts";

/** From this many bytes on zlib is faster, its call included. */
const NATIVE_BYTES_MIN = 192;

const POLYNOMIAL = 0xedb88320;

/** TABLES[k * 256 + b]: what a byte b leaves of itself when k more bytes have followed it. */
const TABLES = makeTables();

/** Of bytes[start..], behind what has the CRC `seed`. */
export function crcOfBytes(bytes: Uint8Array, start: number, seed: number): number {
  return bytes.length - start < NATIVE_BYTES_MIN ? tableCrc(bytes, start, seed) : crc32(bytes.subarray(start), seed);
}

/** Of a key's bytes. */
export function crcOfKey(key: Key): number {
  if (key.length >= NATIVE_BYTES_MIN) return crc32(keyBytes(key));
  let crc = ~0;
  for (let i = 0; i < key.length; i++) crc = (crc >>> 8) ^ TABLES[(crc ^ key.charCodeAt(i)) & 0xff]!;
  return ~crc >>> 0;
}

// Four bytes a round ("slicing by 4": Kounavis and Berry, 2005).
function tableCrc(bytes: Uint8Array, start: number, seed: number): number {
  let crc = ~seed;
  let at = start;
  for (const last = bytes.length - 4; at <= last; at += 4) {
    const a = crc ^ bytes[at]!;
    const b = (crc >>> 8) ^ bytes[at + 1]!;
    const c = (crc >>> 16) ^ bytes[at + 2]!;
    const d = (crc >>> 24) ^ bytes[at + 3]!;
    crc = TABLES[768 + (a & 0xff)]! ^ TABLES[512 + (b & 0xff)]! ^ TABLES[256 + (c & 0xff)]! ^ TABLES[d & 0xff]!;
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ TABLES[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc >>> 0;
}

function makeTables(): Int32Array {
  const tables = new Int32Array(4 * 256);
  for (let i = 0; i < tables.length; i++) {
    let rest = i < 256 ? i : tables[i - 256]!;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ POLYNOMIAL : rest >>> 1;
    tables[i] = rest;
  }
  return tables;
}

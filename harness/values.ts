// Self-describing values: a value read back proves who wrote it, and when.
//
// In an op log a value is (incarnation, id, length). It expands, for its key, to
//
//   offset  size  field
//        0     4  checksum      crc32 of the key, then bytes 4..end
//        4     4  length        of the whole value
//        8     6  id            of the write, never issued twice in one directory
//       14     2  incarnation   how often the store had crashed when it was written (modulo 2^16)
//       16     4  key length    ┐ only where both fit
//       20     k  key           ┘
//        …        filler        a stream seeded by key, id and incarnation
//
// Integers are little-endian. A value shorter than 16 bytes is the first bytes of a hash of (key, id): it can be
// recognised, not read.

import { crc32 } from "node:zlib";
import { type Key, keyBytes, keyOf } from "./keys.ts";

/** A value by who wrote it. Two of different ids are different bytes, short ones (below 16 bytes) most likely. */
export interface ValueRef {
  readonly incarnation: number;
  readonly id: number;
  readonly length: number;
}

/** What a value says of itself. */
export interface Written extends ValueRef {
  readonly key: Key;
}

/** From this length on a value names its writer. */
export const SELF_DESCRIBING_BYTES_MIN = 16;

const KEY_AT = SELF_DESCRIBING_BYTES_MIN + 4;

/** The bytes of the value `ref` under `key`. */
export function expandValue(key: Key, ref: ValueRef): Buffer {
  if (ref.length < SELF_DESCRIBING_BYTES_MIN) return shortValue(hashText(key, 0), ref.id, ref.length);
  const name = keyBytes(key);
  const value = Buffer.allocUnsafe(ref.length);
  value.writeUInt32LE(ref.length, 4);
  value.writeUIntLE(ref.id, 8, 6);
  value.writeUInt16LE(ref.incarnation % 0x1_0000, 14);
  let filled = SELF_DESCRIBING_BYTES_MIN;
  if (ref.length >= KEY_AT + name.length) {
    value.writeUInt32LE(name.length, filled);
    value.set(name, KEY_AT);
    filled = KEY_AT + name.length;
  }
  const seedOfKey = crc32(name);
  fill(value, filled, mix(seedOfKey ^ mix(ref.id | 0) ^ ref.incarnation));
  value.writeUInt32LE(crc32(value.subarray(4), seedOfKey), 0);
  return value;
}

/**
 * Who wrote `value`, believed only if the checksum holds for `key`, or for the key that stands in the value itself (then
 * a value under the wrong key names the right one). Undefined for anything else, short values among them.
 */
export function parseValue(value: Uint8Array, key?: Key): Written | undefined {
  if (value.length < SELF_DESCRIBING_BYTES_MIN) return undefined;
  const view = Buffer.from(value.buffer, value.byteOffset, value.length);
  if (view.readUInt32LE(4) !== value.length) return undefined;
  const ref = { incarnation: view.readUInt16LE(14), id: view.readUIntLE(8, 6), length: value.length };
  if (key !== undefined && checksumHolds(view, keyBytes(key))) return { key, ...ref };
  const inside = embeddedKey(view);
  return inside !== undefined && checksumHolds(view, inside) ? { key: keyOf(inside), ...ref } : undefined;
}

/** Whether `value` is the bytes of `ref` under `key`. */
export function isValueOf(value: Uint8Array, key: Key, ref: ValueRef): boolean {
  if (value.length !== ref.length) return false;
  if (ref.length < SELF_DESCRIBING_BYTES_MIN) return expandValue(key, ref).equals(value);
  const written = parseValue(value, key);
  return (
    written !== undefined &&
    written.key === key &&
    written.id === ref.id &&
    written.incarnation === ref.incarnation % 0x1_0000
  );
}

function checksumHolds(value: Buffer, key: Uint8Array): boolean {
  return value.readUInt32LE(0) === crc32(value.subarray(4), crc32(key));
}

function embeddedKey(value: Buffer): Buffer | undefined {
  if (value.length < KEY_AT) return undefined;
  const length = value.readUInt32LE(SELF_DESCRIBING_BYTES_MIN);
  return length <= value.length - KEY_AT ? value.subarray(KEY_AT, KEY_AT + length) : undefined;
}

function shortValue(keyHash: number, id: number, length: number): Buffer {
  const value = Buffer.allocUnsafe(SELF_DESCRIBING_BYTES_MIN);
  let word = mix(keyHash ^ mix(id | 0) ^ Math.floor(id / 0x1_0000_0000));
  for (let at = 0; at < SELF_DESCRIBING_BYTES_MIN; at += 4) {
    value.writeInt32LE(word, at);
    word = mix(word + 0x9e3779b9);
  }
  return value.subarray(0, length);
}

// xorshift32 (Marsaglia, "Xorshift RNGs", 2003), four bytes a step.
function fill(value: Buffer, start: number, seed: number): void {
  let x = seed || 0x9e3779b9;
  let at = start;
  for (const last = value.length - 4; at <= last; at += 4) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    value[at] = x;
    value[at + 1] = x >>> 8;
    value[at + 2] = x >>> 16;
    value[at + 3] = x >>> 24;
  }
  for (; at < value.length; at++) value[at] = x = x >>> 3;
}

/** The finaliser of MurmurHash3 (Appleby): every bit of the result depends on every bit of `word`. Signed. */
export function mix(word: number): number {
  let x = word | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}

/** A 32-bit hash (signed) of a string of bytes: FNV-1a, mixed. Different seeds give independent hashes. */
export function hashText(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mix(hash + Math.imul(seed, 0x9e3779b9));
}

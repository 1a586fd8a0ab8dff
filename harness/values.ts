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

import { crcOfBytes, crcOfKey } from "./crc.ts";
import { type Key, keyOf } from "./keys.ts";

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

const LENGTH_AT = 4;
const ID_AT = 8;
const INCARNATION_AT = 14;
const KEY_AT = SELF_DESCRIBING_BYTES_MIN + 4;

/** The one short value that is being looked at. */
const SHORT = new Uint8Array(SELF_DESCRIBING_BYTES_MIN);

/** Filler is made here, a word at a time, and copied from here: a store of four single bytes takes three times as long. */
const FILLER_WORDS = new Int32Array(1024);
const FILLER = Buffer.from(FILLER_WORDS.buffer);
/** Up to so many words a loop takes less than the call that it saves. */
const COPY_LOOP_WORDS_MAX = 16;
const IS_BIG_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 0;

/** Below it a sum of the bytes is as quick as a comparison; above it what is kept would be too much. */
const KEPT_BYTES_MIN = 96;
const KEPT_BYTES_MAX = 4 << 10;

/** Values that were looked at lately, by the lowest bits of their ids. */
const KEPT: (KeptValue | undefined)[] = Array.from({ length: 2048 }, () => undefined);

interface KeptValue {
  readonly key: Key;
  readonly ref: ValueRef;
  /** Made when the value is looked at again. */
  bytes: Buffer | undefined;
}

/** The bytes of the value `ref` under `key`. */
export function expandValue(key: Key, ref: ValueRef): Buffer {
  const value = Buffer.allocUnsafe(ref.length);
  if (ref.length < SELF_DESCRIBING_BYTES_MIN) {
    value.set(shortValue(key, ref).subarray(0, ref.length));
    return value;
  }
  value.writeUInt32LE(ref.length, LENGTH_AT);
  value.writeUIntLE(ref.id, ID_AT, 6);
  value.writeUInt16LE(ref.incarnation % 0x1_0000, INCARNATION_AT);
  let filled = SELF_DESCRIBING_BYTES_MIN;
  if (ref.length >= KEY_AT + key.length) {
    value.writeUInt32LE(key.length, filled);
    value.write(key, KEY_AT, "latin1");
    filled = KEY_AT + key.length;
  }
  const seedOfKey = crcOfKey(key);
  fill(value, filled, mix(seedOfKey ^ mix(ref.id | 0) ^ ref.incarnation));
  value.writeUInt32LE(crcOfBytes(value, LENGTH_AT, seedOfKey), 0);
  return value;
}

/**
 * Who wrote `value`, believed only if the checksum holds for `key`, or for the key that stands in the value itself (then
 * a value under the wrong key names the right one). Undefined for anything else, short values among them.
 */
export function parseValue(value: Uint8Array, key?: Key): Written | undefined {
  if (value.length < SELF_DESCRIBING_BYTES_MIN || uint32(value, LENGTH_AT) !== value.length) return undefined;
  const owner = key !== undefined && checksumHolds(value, key) ? key : ownerInside(value);
  if (owner === undefined) return undefined;
  return { key: owner, incarnation: uint16(value, INCARNATION_AT), id: idOf(value), length: value.length };
}

/** Whether `value` is the bytes of `ref` under `key`. */
export function isValueOf(value: Uint8Array, key: Key, ref: ValueRef): boolean {
  const { length } = ref;
  if (value.length !== length) return false;
  if (length < SELF_DESCRIBING_BYTES_MIN) return startsWith(shortValue(key, ref), value);
  const kept = length < KEPT_BYTES_MIN || length > KEPT_BYTES_MAX ? undefined : keptBytes(key, ref);
  if (kept) return kept.equals(value);
  return (
    uint32(value, LENGTH_AT) === length &&
    idOf(value) === ref.id &&
    uint16(value, INCARNATION_AT) === ref.incarnation % 0x1_0000 &&
    checksumHolds(value, key)
  );
}

// The bytes of a value that is looked at for the second time or more, while nothing else has taken its place.
function keptBytes(key: Key, ref: ValueRef): Buffer | undefined {
  const at = ref.id & (KEPT.length - 1);
  const kept = KEPT[at];
  if (kept && kept.ref === ref && kept.key === key) return (kept.bytes ??= expandValue(key, ref));
  KEPT[at] = { key, ref, bytes: undefined };
  return undefined;
}

function checksumHolds(value: Uint8Array, key: Key): boolean {
  return uint32(value, 0) === crcOfBytes(value, LENGTH_AT, crcOfKey(key));
}

// The key that stands in the value, if the checksum holds for it.
function ownerInside(value: Uint8Array): Key | undefined {
  if (value.length < KEY_AT) return undefined;
  const length = uint32(value, SELF_DESCRIBING_BYTES_MIN);
  if (length > value.length - KEY_AT) return undefined;
  const key = keyOf(value.subarray(KEY_AT, KEY_AT + length));
  return checksumHolds(value, key) ? key : undefined;
}

function idOf(value: Uint8Array): number {
  return uint32(value, ID_AT) + uint16(value, ID_AT + 4) * 0x1_0000_0000;
}

function uint16(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

function uint32(bytes: Uint8Array, at: number): number {
  return (uint16(bytes, at) | (uint16(bytes, at + 2) << 16)) >>> 0;
}

/** What short values of `ref` begin with, at their greatest length; overwritten by the next call. */
export function shortValue(key: Key, { id }: ValueRef): Uint8Array {
  let word = mix(hashText(key, 0) ^ mix(id | 0) ^ Math.floor(id / 0x1_0000_0000));
  for (let at = 0; at < SELF_DESCRIBING_BYTES_MIN; at += 4) {
    SHORT[at] = word;
    SHORT[at + 1] = word >>> 8;
    SHORT[at + 2] = word >>> 16;
    SHORT[at + 3] = word >>> 24;
    word = mix(word + 0x9e3779b9);
  }
  return SHORT;
}

function startsWith(whole: Uint8Array, start: Uint8Array): boolean {
  for (let i = 0; i < start.length; i++) if (start[i] !== whole[i]) return false;
  return true;
}

// xorshift32 (Marsaglia, "Xorshift RNGs", 2003), four bytes a step, little-endian.
function fill(value: Buffer, start: number, seed: number): void {
  let x = seed || 0x9e3779b9;
  let at = start;
  for (let left = (value.length - start) >> 2; left > 0;) {
    const words = Math.min(left, FILLER_WORDS.length);
    for (let i = 0; i < words; i++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      FILLER_WORDS[i] = x;
    }
    if (IS_BIG_ENDIAN) FILLER.subarray(0, 4 * words).swap32();
    if (words > COPY_LOOP_WORDS_MAX) FILLER.copy(value, at, 0, 4 * words);
    else for (let i = 0; i < 4 * words; i++) value[at + i] = FILLER[i]!;
    at += 4 * words;
    left -= words;
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

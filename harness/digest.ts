// The digest of a state: the sum, modulo 2^32 in each of two lanes, of one hash for each (key, value) of it. Sums commute,
// so a write changes the digest by what it puts in and takes out, and the digest of every prefix of a history is known
// without building it. Sixty-four bits: states that differ have equal digests once in 10^19.

import type { Key } from "./keys.ts";
import { hashText, mix, SELF_DESCRIBING_BYTES_MIN, shortValue, type ValueRef } from "./values.ts";

/** Two lanes of 32 bits, signed. */
export interface Digest {
  low: number;
  high: number;
}

/** The hashes of a key, worked out once. */
export interface KeyHashes {
  readonly low: number;
  readonly high: number;
}

const LANES = [0x2545f491, 0x6c8e9cf5] as const;

export function emptyDigest(): Digest {
  return { low: 0, high: 0 };
}

export function sameDigest(a: Digest, b: Digest): boolean {
  return a.low === b.low && a.high === b.high;
}

export function hashKey(key: Key): KeyHashes {
  return { low: hashText(key, LANES[0]), high: hashText(key, LANES[1]) };
}

/** Adds the entry (`sign` 1) to a digest, or takes it out (-1). */
export function addValue(digest: Digest, key: Key, hashes: KeyHashes, ref: ValueRef, sign: 1 | -1): void {
  if (ref.length < SELF_DESCRIBING_BYTES_MIN) {
    addBytes(digest, hashes, shortValue(key, ref), ref.length, sign);
    return;
  }
  const incarnation = ref.incarnation % 0x1_0000;
  const writer = Math.imul(ref.id | 0, 0x9e3779b1) ^ Math.floor(ref.id / 0x1_0000_0000);
  const size = Math.imul(ref.length, 0x85ebca77) ^ Math.imul(incarnation, 0xc2b2ae3d);
  digest.low = (digest.low + sign * mix(mix(hashes.low ^ writer) + size)) | 0;
  digest.high = (digest.high + sign * mix(mix(hashes.high + writer) ^ size)) | 0;
}

/** The same for an entry whose value, the first `length` bytes, is too short to name its writer: they count. */
export function addBytes(digest: Digest, hashes: KeyHashes, bytes: Uint8Array, length: number, sign: 1 | -1): void {
  let low = hashes.low ^ length;
  let high = hashes.high + length;
  for (let i = 0; i < length; i++) {
    low = mix(low + bytes[i]!);
    high = mix(high ^ bytes[i]!);
  }
  digest.low = (digest.low + sign * mix(low)) | 0;
  digest.high = (digest.high + sign * mix(high)) | 0;
}

// Random values for the encoders, small ones mostly: what is valid, and at the edges of it.

import { bytewise } from "tinykv";
import { KeyOrder, Kind, SEQUENCE_MAX, type InternalKey } from "tinykv/formats";
import type { Random } from "tinykv/harness";

export const BYTEWISE: KeyOrder = new KeyOrder(bytewise);
/** An order that shares nothing with that of bytes, without separators. */
export const REVERSE: KeyOrder = new KeyOrder({ name: "fuzz.reverse", compare: (a, b) => bytewise.compare(b, a) });

export const DATABASE_ID: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);
/** Of every table and log that is fuzzed: any number but 0, with bytes that all differ. */
export const TAG = 0x89ab_cdef;

export function bytesOf(random: Random, most: number): Uint8Array {
  const length = random.int(most + 1);
  const bytes = new Uint8Array(length);
  // Few different bytes: keys share prefixes, and meet.
  for (let i = 0; i < length; i++) bytes[i] = random.chance(1, 8) ? random.int(256) : 0x61 + random.int(4);
  return bytes;
}

/** Any integer that a field can hold, of all sizes. */
export function integerOf(random: Random): number {
  switch (random.int(4)) {
    case 0:
      return random.int(128);
    case 1:
      return random.int(2 ** 16);
    case 2:
      return random.int(2 ** 32);
    default:
      return random.chance(1, 4) ? SEQUENCE_MAX : random.int(2 ** 21) * 2 ** 32 + random.int(2 ** 32);
  }
}

export function internalKeyOf(random: Random): InternalKey {
  return { key: bytesOf(random, 12), sequence: integerOf(random), kind: random.pick([Kind.put, Kind.delete]) };
}

/** User keys in strictly ascending order. */
export function ascendingKeys(random: Random, most: number): Uint8Array[] {
  const keys = Array.from({ length: random.between(1, most) }, () => bytesOf(random, 10));
  keys.sort((a, b) => BYTEWISE.compare(a, b));
  return keys.filter((key, i) => i === 0 || BYTEWISE.compare(keys[i - 1]!, key) < 0);
}

export interface Entry extends InternalKey {
  readonly value: Uint8Array;
}

/** Entries in strictly ascending order, some of them versions of one key. */
export function ascendingEntries(random: Random, most: number, sequenceMost: number = SEQUENCE_MAX): Entry[] {
  return ascendingKeys(random, most).flatMap((key) => {
    const sequence = Math.min(sequenceMost, integerOf(random));
    const newest = entryOf(random, key, sequence);
    return random.chance(1, 4) && sequence > 0 ? [newest, entryOf(random, key, sequence - 1)] : [newest];
  });
}

function entryOf(random: Random, key: Uint8Array, sequence: number): Entry {
  if (random.chance(1, 4)) return { key, sequence, kind: Kind.delete, value: new Uint8Array(0) };
  return { key, sequence, kind: Kind.put, value: bytesOf(random, 20) };
}

// Heads: for a block in the cache, of each entry the four bytes of its key behind the block's prefix (key-heads.ts), side
// by side behind the block in the same memory. They are never on disk.
//
//   block | trailer | u8 state | u32 big-endian head of each entry
//
// A binary search over the entries themselves misses the processor's caches at every step, some 0.2 µs each in a cache
// of many megabytes; the heads of a block are two or three lines next to each other. They are made when a block is
// sought in for the second time: a block that a scan reads, or one look-up, never pays for them.

import { Kind } from "../common/internal-key.ts";

export const HEAD_BYTES = 4;

export const HeadsState = { unsought: 0, soughtOnce: 1, made: 2, impossible: 3 } as const;

/** Blocks of one table hold about as many entries each; those with more than so many times the mean go without heads. */
const MEAN_FACTOR = 1.25;

/** The room behind a block of a table, whose blocks have so many entries on average. */
export function headsRoom(entriesPerBlock: number): number {
  return 1 + HEAD_BYTES * Math.ceil(entriesPerBlock * MEAN_FACTOR);
}

export function readHead(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/**
 * Makes the heads at `at` of a block with `count` entries, which end before `entriesEnd`; false when there is no room
 * or an entry is not sound, which is then for the ordinary search to find out and to say.
 */
export function makeHeads(
  bytes: Uint8Array,
  at: number,
  count: number,
  entriesEnd: number,
  offset: (index: number) => number,
): boolean {
  bytes[at] = HeadsState.impossible;
  if (at + 1 + HEAD_BYTES * count > bytes.length) return false;
  for (let entry = 0, to = at + 1; entry < count; entry++, to += HEAD_BYTES) {
    let from = offset(entry);
    const suffixLength = bytes[from]!;
    // Behind the end a byte is undefined, which ends these loops, and the check follows.
    while (bytes[from++]! >= 128);
    const kind = bytes[from++];
    while (bytes[from++]! >= 128);
    if (kind === Kind.put) while (bytes[from++]! >= 128);
    const length = suffixLength < HEAD_BYTES ? suffixLength : HEAD_BYTES;
    if (from + length > entriesEnd) return false;
    for (let i = 0; i < HEAD_BYTES; i++) bytes[to + i] = i < length ? bytes[from + i]! : 0;
  }
  bytes[at] = HeadsState.made;
  return true;
}

// The directory of a cached data block: what a search needs of the block, side by side in memory, in native words. It is
// never on disk.
//
//   word 0 where the block starts in the segment's bytes | 1 its length | 2 entries | 3 bytes of the common prefix |
//   4 start of the entries, 5 of the offsets, from the block's start | 6 bits: wide offsets, sought before, filled |
//   7, 8 where the block is in its file, low and high | words that hold a copy of the prefix | n heads | n offsets of entries, two in a word
//
// A binary search over the entries themselves misses the processor's caches at every step, some 0.2 µs each in a cache of
// many megabytes; a directory is a few neighbouring lines. Heads (key-heads.ts) have their top bit flipped, so that they
// order as signed numbers. They and the offsets are filled in when a block is sought in for the second time: a block that
// a scan reads, or one look-up, never pays for them. Blocks with wide offsets, with a long prefix and under a custom
// comparator have the first nine words only.

import { Kind } from "../common/internal-key.ts";
import { headOf } from "../common/key-heads.ts";
import type { BlockLayout } from "./block-layout.ts";

export const DIRECTORY_BLOCK_AT = 0;
export const DIRECTORY_BLOCK_LENGTH = 1;
export const DIRECTORY_COUNT = 2;
export const DIRECTORY_PREFIX = 3;
export const DIRECTORY_ENTRIES_AT = 4;
export const DIRECTORY_OFFSETS_AT = 5;
const DIRECTORY_STATE = 6;
const DIRECTORY_BASE = 7;
const DIRECTORY_HEADER_WORDS = 9;

/** In place of where the heads are. */
export const NO_HEADS = -1;
const WORD_BYTES = 4;

/** Offsets in the block are u32. */
const STATE_WIDE = 1;
/** There is room behind the header. */
const STATE_ROOM = 2;
const STATE_SOUGHT = 4;
const STATE_FILLED = 8;

/** A longer prefix is not copied: it alone would be more than what the search saves. */
const PREFIX_MOST = 64;

/** Two views of one memory. */
export interface Memory {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
}

/** Words that the directory of a block takes. */
export function directoryWordsFor({ count, prefixLength, wide, isBytewise }: BlockLayout): number {
  return hasRoom(prefixLength, wide, isBytewise) ? roomyWords(count, prefixLength) : DIRECTORY_HEADER_WORDS;
}

/** The same of a directory that exists. */
export function directoryWords(words: Int32Array, at: number): number {
  if ((words[at + DIRECTORY_STATE]! & STATE_ROOM) === 0) return DIRECTORY_HEADER_WORDS;
  return roomyWords(words[at + DIRECTORY_COUNT]!, words[at + DIRECTORY_PREFIX]!);
}

/** Writes the directory at word `at`, heads and offsets left out, of a block that is at `base` in its file. */
export function writeDirectory({ words, bytes }: Memory, at: number, layout: BlockLayout, base: number): void {
  const { start, length, count, prefixLength, entriesAt, offsetsAt, wide, isBytewise } = layout;
  words[at + DIRECTORY_BLOCK_AT] = start;
  words[at + DIRECTORY_BLOCK_LENGTH] = length;
  words[at + DIRECTORY_COUNT] = count;
  words[at + DIRECTORY_PREFIX] = prefixLength;
  words[at + DIRECTORY_ENTRIES_AT] = entriesAt;
  words[at + DIRECTORY_OFFSETS_AT] = offsetsAt;
  words[at + DIRECTORY_BASE] = base | 0;
  words[at + DIRECTORY_BASE + 1] = Math.floor(base / 2 ** 32);
  const roomy = hasRoom(prefixLength, wide, isBytewise);
  words[at + DIRECTORY_STATE] = (wide ? STATE_WIDE : 0) | (roomy ? STATE_ROOM : 0);
  if (!roomy) return;
  const prefixAt = start + entriesAt - prefixLength;
  bytes.copyWithin((at + DIRECTORY_HEADER_WORDS) * WORD_BYTES, prefixAt, prefixAt + prefixLength);
}

/** Where the block is in its file. */
export function directoryBase(words: Int32Array, at: number): number {
  return (words[at + DIRECTORY_BASE]! >>> 0) + words[at + DIRECTORY_BASE + 1]! * 2 ** 32;
}

export function hasWideOffsets(words: Int32Array, at: number): boolean {
  return (words[at + DIRECTORY_STATE]! & STATE_WIDE) !== 0;
}

/** Where, among the bytes, the block's prefix is or a copy of it. */
export function prefixPlace(words: Int32Array, at: number): number {
  if ((words[at + DIRECTORY_STATE]! & STATE_ROOM) !== 0) return (at + DIRECTORY_HEADER_WORDS) * WORD_BYTES;
  return words[at + DIRECTORY_BLOCK_AT]! + words[at + DIRECTORY_ENTRIES_AT]! - words[at + DIRECTORY_PREFIX]!;
}

/** The word that the heads start at; NO_HEADS while there are none. */
export function headsPlace(words: Int32Array, at: number): number {
  if ((words[at + DIRECTORY_STATE]! & STATE_FILLED) === 0) return NO_HEADS;
  return headsAt(at, words[at + DIRECTORY_PREFIX]!);
}

/** The same for a search, the second of which in a block fills in the heads. */
export function soughtHeads(memory: Memory, at: number): number {
  const { words } = memory;
  const state = words[at + DIRECTORY_STATE]!;
  if ((state & STATE_ROOM) === 0) return NO_HEADS;
  words[at + DIRECTORY_STATE] = state | STATE_SOUGHT;
  if ((state & STATE_SOUGHT) !== 0 && (state & STATE_FILLED) === 0) fillDirectory(memory, at);
  return headsPlace(words, at);
}

function headsAt(at: number, prefixLength: number): number {
  return at + DIRECTORY_HEADER_WORDS + ((prefixLength + 3) >> 2);
}

/** A head as the directory keeps it. */
export function signedHead(bytes: Uint8Array, start: number, end: number): number {
  return headOf(bytes, start, end) ^ 0x8000_0000;
}

/** Entry `index` of `count`, from the block's start; `heads` is where the heads start. */
export function directoryOffset(words: Int32Array, heads: number, count: number, index: number): number {
  return (words[heads + count + (index >> 1)]! >>> ((index & 1) << 4)) & 0xffff;
}

// An entry that is not sound is for the ordinary search to find out and to say: then nothing counts as filled.
function fillDirectory({ words, bytes }: Memory, at: number): void {
  const start = words[at + DIRECTORY_BLOCK_AT]!;
  const count = words[at + DIRECTORY_COUNT]!;
  const heads = headsAt(at, words[at + DIRECTORY_PREFIX]!);
  const entriesAt = start + words[at + DIRECTORY_ENTRIES_AT]!;
  const offsetsAt = start + words[at + DIRECTORY_OFFSETS_AT]!;
  words.fill(0, heads + count, heads + count + ((count + 1) >> 1));
  for (let index = 0; index < count; index++) {
    const slot = offsetsAt + 2 * index;
    const offset = bytes[slot]! | (bytes[slot + 1]! << 8);
    let from = start + offset;
    if (from < entriesAt || from >= offsetsAt) return;
    let suffixLength = bytes[from]! & 0x7f;
    // What stands behind the block, or nothing, ends these loops, and the check follows.
    for (let scale = 128; bytes[from++]! >= 128; scale *= 128) suffixLength += (bytes[from]! & 0x7f) * scale;
    const kind = bytes[from++];
    while (bytes[from++]! >= 128);
    if (kind === Kind.put) while (bytes[from++]! >= 128);
    if (from + suffixLength > offsetsAt) return;
    words[heads + index] = signedHead(bytes, from, from + suffixLength);
    words[heads + count + (index >> 1)]! |= offset << ((index & 1) << 4);
  }
  words[at + DIRECTORY_STATE]! |= STATE_FILLED;
}

function hasRoom(prefixLength: number, wide: boolean, isBytewise: boolean): boolean {
  return isBytewise && !wide && prefixLength <= PREFIX_MOST;
}

function roomyWords(count: number, prefixLength: number): number {
  return headsAt(0, prefixLength) + count + ((count + 1) >> 1);
}

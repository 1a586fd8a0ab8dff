// A piece of the block cache's memory that many blocks share. Blocks grow from the low end, the directories that searches
// go by (block-directory.ts) from the high end: those of a segment lie close together, and a look-up that finds them in the
// processor's caches touches memory only for the entry it wants.
//
//   block | block | block →      free      ← directory | directory | directory
//
// A segment is filled once, front to back. To be filled again it is compacted in place: blocks that were used since the
// last time slide down, their directories up, the others are forgotten. Nothing is freed in between, so there are no gaps
// to be managed; what a closed table leaves is lost until then, or until the segment is empty.
//
// Memory is used again: whoever keeps a block for longer than one look-up takes a copy (BlockCursor.own).

import { assert } from "../common/assert.ts";
import { untransferable } from "../util/untransferable.ts";
import { directoryWords, DIRECTORY_BLOCK_AT, DIRECTORY_BLOCK_LENGTH } from "./block-directory.ts";

const WORD_BYTES = 4;

/** Of a segment that is compacted at most this share stays: each block read makes room by moving no more than three. */
export const KEPT_SHARE_MOST = 0.75;

/** One table's places for its data blocks, numbered from 0. */
export class BlockSlots {
  readonly count: number;
  /** Two numbers a slot: the segment that the block is in (0 = none), and where its directory is there, in words. */
  readonly places: Int32Array;
  /** 1 = used since the segment was last compacted. */
  readonly referenced: Uint8Array;

  constructor(count: number) {
    this.count = count;
    this.places = new Int32Array(2 * count);
    this.referenced = new Uint8Array(count);
  }

  get byteLength(): number {
    return this.places.byteLength + this.referenced.byteLength;
  }

  /** The number of the segment; 0 = none. */
  home(slot: number): number {
    return this.places[2 * slot]!;
  }

  directory(slot: number): number {
    return this.places[2 * slot + 1]!;
  }

  set(slot: number, home: number, directory: number): void {
    this.places[2 * slot] = home;
    this.places[2 * slot + 1] = directory;
    this.referenced[slot] = 0;
  }

  clear(slot: number): void {
    this.places[2 * slot] = 0;
  }
}

/**
 * Invariants:
 *   - a slot that names this segment, and a place in it, has its block here; all other memory is free or forgotten;
 *   - the columns of residents stand in the order of their blocks' addresses; a slot that has moved on is skipped;
 *   - liveBytes is what blocks and directories of the residents take.
 */
export class CacheSegment {
  /** What slots call it, from 1. */
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  /** Bytes from here on are free, up to the directories. */
  #low = 0;
  /** The lowest word of the directories. */
  #high: number;
  #liveBytes = 0;
  #owners: BlockSlots[] = [];
  #slots: number[] = [];

  constructor(number: number, byteLength: number) {
    const memory = untransferable(new ArrayBuffer(byteLength));
    this.number = number;
    this.bytes = new Uint8Array(memory);
    this.words = new Int32Array(memory);
    this.#high = this.words.length;
  }

  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** Where the next block goes. */
  get low(): number {
    return this.#low;
  }

  get freeBytes(): number {
    return this.#high * WORD_BYTES - this.#low;
  }

  /** Keeps the block of `length` bytes that was put at `low`; returns the word from which on its directory is to be written. */
  add(owner: BlockSlots, slot: number, length: number, words: number): number {
    const bytes = length + words * WORD_BYTES;
    assert(bytes <= this.freeBytes, "a block and its directory fit");
    this.#low += length;
    this.#high -= words;
    this.#liveBytes += bytes;
    this.#owners.push(owner);
    this.#slots.push(slot);
    owner.set(slot, this.number, this.#high);
    return this.#high;
  }

  /** The block in `slot` is forgotten. */
  remove(owner: BlockSlots, slot: number): void {
    this.#liveBytes -= this.#bytesOf(owner.directory(slot));
    owner.clear(slot);
    if (this.#liveBytes === 0) this.#clear();
  }

  /** Forgets all blocks; returns how many there were. */
  empty(): number {
    let count = 0;
    this.#forResidents((owner, slot) => {
      owner.clear(slot);
      count++;
    });
    this.#clear();
    return count;
  }

  /** Whether more than half of it was used since it was last compacted, or asked; asking clears that. */
  wasUsed(): boolean {
    let used = 0;
    this.#forResidents((owner, slot) => {
      if (owner.referenced[slot] === 1) used += this.#bytesOf(owner.directory(slot));
      owner.referenced[slot] = 0;
    });
    return used > this.bytes.length / 2;
  }

  /** Keeps what was used, as far as KEPT_SHARE_MOST goes, and nothing else; returns how many blocks are gone. */
  compact(): number {
    const owners = this.#owners.splice(0);
    const slots = this.#slots.splice(0);
    this.#clear();
    for (let i = 0; i < slots.length; i++) {
      const owner = owners[i]!;
      const slot = slots[i]!;
      if (owner.home(slot) !== this.number) continue;
      const place = owner.directory(slot);
      const isKept =
        owner.referenced[slot] === 1 && this.#usedBytes + this.#bytesOf(place) <= this.bytes.length * KEPT_SHARE_MOST;
      if (isKept) this.#move(owner, slot, place);
      else owner.clear(slot);
    }
    return slots.length - this.#slots.length;
  }

  // Ascending blocks go down and descending directories up, so what is written over has been moved or forgotten.
  #move(owner: BlockSlots, slot: number, place: number): void {
    const { bytes, words } = this;
    const at = words[place + DIRECTORY_BLOCK_AT]!;
    const length = words[place + DIRECTORY_BLOCK_LENGTH]!;
    const count = directoryWords(words, place);
    const low = this.#low;
    bytes.copyWithin(low, at, at + length);
    const high = this.add(owner, slot, length, count);
    words.copyWithin(high, place, place + count);
    words[high + DIRECTORY_BLOCK_AT] = low;
  }

  get #usedBytes(): number {
    return this.bytes.length - this.freeBytes;
  }

  #forResidents(visit: (owner: BlockSlots, slot: number) => void): void {
    for (let i = 0; i < this.#slots.length; i++) {
      const owner = this.#owners[i]!;
      const slot = this.#slots[i]!;
      if (owner.home(slot) === this.number) visit(owner, slot);
    }
  }

  #bytesOf(place: number): number {
    return this.words[place + DIRECTORY_BLOCK_LENGTH]! + directoryWords(this.words, place) * WORD_BYTES;
  }

  #clear(): void {
    this.#low = 0;
    this.#high = this.words.length;
    this.#liveBytes = 0;
    this.#owners.length = this.#slots.length = 0;
  }
}

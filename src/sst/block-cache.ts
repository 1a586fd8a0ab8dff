// The block cache: what was read from tables and verified, bounded in bytes, shared by all tables of a store.
//
// Data blocks lie in segments (cache-segment.ts), some dozens in a full cache, which hold bytes and nothing else: for the
// garbage collector the cache is those segments, and a hit touches a slot of the table, a flag and the block's directory.
// What does not fit there, blocks of large values and the decoded partitions of large indexes, are items of their own.
//
// Eviction is second chance, or CLOCK: segments and items stand in one queue in the order in which they came. Whose turn it
// is goes, or gets another round if it was used since its last turn: an item whole, a segment block by block, by being
// compacted and filled again.

import { AssertionError } from "../common/assert.ts";
import { CacheSegment, KEPT_SHARE_MOST, type BlockSlots } from "./cache-segment.ts";

export { BlockSlots } from "./cache-segment.ts";

/** What an item takes beside its bytes: the objects of an ArrayBuffer and its view, the allocator's part, the queue. */
const ITEM_OVERHEAD_BYTES = 256;

/** So many at least, so that a segment is a small part of the cache: what is compacted at once, and lost to a half-filled one. */
const SEGMENTS_LEAST = 8;
/** Larger ones would save nothing, and moving this much takes a third of a millisecond. */
const SEGMENT_BYTES_MOST = 1 << 20;
/** A block of more than this part of a segment is an item: so much a compacted segment has room for, and less is lost at its end. */
const BLOCKS_LEAST = 1 / (1 - KEPT_SHARE_MOST);

/** One table's cached things of one type, by number: those that are not in segments. */
export class CacheItems<T> {
  readonly bySlot: Map<number, CacheItem<T>> = new Map<number, CacheItem<T>>();
}

interface CacheItem<T> {
  readonly owner: CacheItems<T>;
  readonly slot: number;
  readonly value: T;
  readonly charge: number;
  /** Used since its last turn. */
  referenced: boolean;
}

/**
 * Invariants:
 *   - memoryBytes, what segments take, full or not, and what items are charged, never exceeds the capacity;
 *   - bytes, what is in them, never exceeds memoryBytes;
 *   - an item is in the queue exactly when its owner has it; a segment, when #segments has it.
 */
export class BlockCache {
  readonly capacity: number;
  readonly #segmentBytes: number;
  /** By number; 0 is never used. */
  readonly #segments: (CacheSegment | undefined)[] = [undefined];
  readonly #queue = new Set<CacheSegment | CacheItem<unknown>>();
  /** The segment that is being filled. */
  #current: CacheSegment | undefined;
  #memoryBytes = 0;
  #itemBytes = 0;
  #hits = 0;
  #misses = 0;
  #evictions = 0;

  /** `capacityBytes` 0 caches nothing. */
  constructor(capacityBytes: number) {
    this.capacity = capacityBytes;
    this.#segmentBytes = Math.min(SEGMENT_BYTES_MOST, Math.floor(capacityBytes / SEGMENTS_LEAST)) & ~3;
  }

  /** Bytes of what is held. */
  get bytes(): number {
    let bytes = this.#itemBytes;
    for (const segment of this.#segments) bytes += segment?.liveBytes ?? 0;
    return bytes;
  }

  /** Bytes taken to hold it. */
  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  get hits(): number {
    return this.#hits;
  }

  get misses(): number {
    return this.#misses;
  }

  /** Blocks that made room for others; those of closed tables do not count. */
  get evictions(): number {
    return this.#evictions;
  }

  /** The segment that a slot which is not 0 names. Asking counts as a hit. */
  segment(number: number): CacheSegment {
    this.#hits++;
    return this.#segments[number]!;
  }

  /** The item in a slot. Asking counts as a hit or as a miss. */
  item<T>(owner: CacheItems<T>, slot: number): T | undefined {
    const item = owner.bySlot.get(slot);
    if (item === undefined) {
      this.#misses++;
      return undefined;
    }
    this.#hits++;
    item.referenced = true;
    return item.value;
  }

  /**
   * A segment with `bytes` bytes free at its `low` for a block to be read into and added; what lay there may be gone.
   * Undefined when a block of this size is to be an item.
   */
  room(bytes: number): CacheSegment | undefined {
    if (bytes * BLOCKS_LEAST > this.#segmentBytes) return undefined;
    if (this.#current === undefined || this.#current.freeBytes < bytes) this.#current = this.#nextSegment();
    return this.#current;
  }

  /** Nothing more goes into this segment. */
  close(segment: CacheSegment): void {
    if (this.#current === segment) this.#current = undefined;
  }

  /** Keeps `value`, which holds `bytes` bytes, if there can be room and the slot is empty: a comparator may have been quicker. */
  insert<T>(owner: CacheItems<T>, slot: number, value: T, bytes: number): void {
    const charge = bytes + ITEM_OVERHEAD_BYTES;
    if (charge > this.capacity || owner.bySlot.has(slot)) return;
    while (this.#memoryBytes + charge > this.capacity) this.#giveWay();
    // Read once, by a scan say, it goes at its next turn; only a hit earns it another round.
    const item = { owner, slot, value, charge, referenced: false };
    owner.bySlot.set(slot, item);
    this.#queue.add(item);
    this.#memoryBytes += charge;
    this.#itemBytes += charge;
  }

  /** Forgets all items of a table. */
  drop<T>(owner: CacheItems<T>): void {
    for (const item of owner.bySlot.values()) this.#remove(item);
  }

  /** Forgets all blocks of a table. */
  dropBlocks(owner: BlockSlots): void {
    for (let slot = 0; slot < owner.count; slot++) {
      const home = owner.home(slot);
      if (home !== 0) this.#segments[home]!.remove(owner, slot);
    }
  }

  // One whose blocks are all gone, a new one, or the one whose turn it is, with what was used in it.
  #nextSegment(): CacheSegment {
    for (const segment of this.#segments) if (segment?.liveBytes === 0) return segment;
    for (;;) {
      if (this.#memoryBytes + this.#segmentBytes <= this.capacity) return this.#newSegment();
      const oldest = this.#takeOldest();
      if (!(oldest instanceof CacheSegment)) this.#evictUnused(oldest);
      else {
        this.#queue.add(oldest);
        this.#evictions += oldest.compact();
        return oldest;
      }
    }
  }

  #newSegment(): CacheSegment {
    const free = this.#segments.indexOf(undefined, 1);
    const number = free === -1 ? this.#segments.length : free;
    const segment = new CacheSegment(number, this.#segmentBytes);
    this.#segments[number] = segment;
    this.#queue.add(segment);
    this.#memoryBytes += this.#segmentBytes;
    return segment;
  }

  // Makes room for an item.
  #giveWay(): void {
    const oldest = this.#takeOldest();
    if (!(oldest instanceof CacheSegment)) this.#evictUnused(oldest);
    else if (oldest.wasUsed()) this.#queue.add(oldest);
    else {
      this.#evictions += oldest.empty();
      this.#segments[oldest.number] = undefined;
      this.#memoryBytes -= this.#segmentBytes;
      this.close(oldest);
    }
  }

  #takeOldest(): CacheSegment | CacheItem<unknown> {
    for (const oldest of this.#queue) {
      this.#queue.delete(oldest);
      return oldest;
    }
    throw new AssertionError("a full cache holds something");
  }

  #evictUnused(item: CacheItem<unknown>): void {
    if (item.referenced) {
      item.referenced = false;
      this.#queue.add(item);
      return;
    }
    this.#remove(item);
    this.#evictions++;
  }

  #remove(item: CacheItem<unknown>): void {
    item.owner.bySlot.delete(item.slot);
    this.#queue.delete(item);
    this.#memoryBytes -= item.charge;
    this.#itemBytes -= item.charge;
  }
}

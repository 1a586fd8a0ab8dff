// The block cache: what was read from tables and verified, bounded in bytes, shared by all tables of a store.
//
// Eviction is CLOCK: a flag a block, set by a hit and cleared by the hand that passes over it; a block whose flag is
// clear when the hand comes goes. A table keeps its blocks in slots of its own, so a hit is an array access and a flag,
// without a map and without touching the cache's lists. The ring knows for each block whose slot it is in.

import { assert } from "../common/assert.ts";

/**
 * What a cached block takes beside its bytes: the objects of an ArrayBuffer and its view, the allocator's part, slot and
 * ring. Charged so that a cache of very small blocks keeps within its bound too.
 */
const ITEM_OVERHEAD_BYTES = 256;

/** One table's places for cached blocks of one type, numbered from 0. */
export class CacheSlots<T> {
  readonly items: (T | undefined)[];
  /** 1 = used since the hand last passed. */
  readonly referenced: Uint8Array;
  /** Where in the ring; only for slots that hold something. */
  readonly positions: Int32Array;

  constructor(count: number) {
    this.items = Array.from<undefined>({ length: count });
    this.referenced = new Uint8Array(count);
    this.positions = new Int32Array(count);
  }

  /** Memory that the slots themselves take, empty. */
  get byteLength(): number {
    return this.items.length * (8 + 1 + 4);
  }
}

/**
 * Invariants:
 *   - bytes is the sum of the charges of the ring and never exceeds the capacity;
 *   - a slot holds something exactly when the ring has it, at the slot's position.
 */
export class BlockCache {
  readonly capacity: number;
  #bytes = 0;
  #hits = 0;
  #misses = 0;
  #evictions = 0;
  // The ring, dense: three columns.
  readonly #owners: CacheSlots<unknown>[] = [];
  readonly #slots: number[] = [];
  readonly #charges: number[] = [];
  #hand = 0;

  /** `capacityBytes` 0 caches nothing. */
  constructor(capacityBytes: number) {
    this.capacity = capacityBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Blocks held. */
  get count(): number {
    return this.#slots.length;
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

  get<T>(owner: CacheSlots<T>, slot: number): T | undefined {
    const item = owner.items[slot];
    if (item === undefined) {
      this.#misses++;
      return undefined;
    }
    this.#hits++;
    owner.referenced[slot] = 1;
    return item;
  }

  /** Keeps `item`, which holds `bytes` bytes, if there can be room; the slot is empty. */
  insert<T>(owner: CacheSlots<T>, slot: number, item: T, bytes: number): void {
    assert(owner.items[slot] === undefined, "a slot is filled once");
    const charge = bytes + ITEM_OVERHEAD_BYTES;
    if (charge > this.capacity) return;
    let freed = this.#slots.length;
    while (this.#bytes + charge > this.capacity) freed = this.#evict();
    const last = this.#slots.length;
    // The place that became free last is just behind the hand, which comes to it after a whole round. Its filler, the
    // last of the ring, goes back to the end.
    if (freed < last) this.#place(last, this.#owners[freed]!, this.#slots[freed]!, this.#charges[freed]!);
    owner.items[slot] = item;
    // A block read once, by a scan say, goes at the hand's next visit; only a hit earns it another round.
    owner.referenced[slot] = 0;
    this.#place(Math.min(freed, last), owner, slot, charge);
    this.#bytes += charge;
  }

  /** Forgets everything in a table's slots. */
  drop<T>(owner: CacheSlots<T>): void {
    const items = owner.items;
    for (let slot = 0; slot < items.length; slot++) {
      if (items[slot] !== undefined) this.#remove(owner.positions[slot]!);
    }
  }

  // Returns the place in the ring that became free.
  #evict(): number {
    for (;;) {
      if (this.#hand >= this.#slots.length) this.#hand = 0;
      const owner = this.#owners[this.#hand]!;
      const slot = this.#slots[this.#hand]!;
      if (owner.referenced[slot] === 0) break;
      owner.referenced[slot] = 0;
      this.#hand++;
    }
    this.#remove(this.#hand);
    this.#evictions++;
    return this.#hand++;
  }

  // The last of the ring fills the place.
  #remove(position: number): void {
    const owner = this.#owners[position]!;
    owner.items[this.#slots[position]!] = undefined;
    this.#bytes -= this.#charges[position]!;
    const lastOwner = this.#owners.pop()!;
    const lastSlot = this.#slots.pop()!;
    const lastCharge = this.#charges.pop()!;
    if (position < this.#slots.length) this.#place(position, lastOwner, lastSlot, lastCharge);
  }

  #place(position: number, owner: CacheSlots<unknown>, slot: number, charge: number): void {
    this.#owners[position] = owner;
    this.#slots[position] = slot;
    this.#charges[position] = charge;
    owner.positions[slot] = position;
  }
}

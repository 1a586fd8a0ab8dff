// The memtable: the newest entries of a store, sorted, in one block of shared memory (arena.ts, skip-list.ts).

import { assert } from "../common/assert.ts";
import { commonPrefixLength, copyBytes, EMPTY } from "../common/bytes.ts";
import type { KeyOrder } from "../common/comparator.ts";
import type { InternalCursor } from "../common/cursor.ts";
import { Kind, SEQUENCE_MAX } from "../common/internal-key.ts";
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from "../common/limits.ts";
import { PRESENT, TOMBSTONE, type Lookup, type Wanted } from "../common/lookup.ts";
import { Arena, DELETES, ENTRIES, GREATEST, LEAST, PREFIX_BYTES_MAX } from "./arena.ts";
import { Inserter, type Place } from "./inserter.ts";
import { takeValue, MemtableCursor } from "./memtable-cursor.ts";
import {
  BRANCHING,
  HEAD,
  HEAD_WORDS,
  HEIGHT_MAX,
  KeyWords,
  NODE_BYTES_MAX,
  NONE,
  type Target,
  findAtOrAfter,
  findBefore,
  hasKey,
  isBeforeTarget,
  keyLength,
  kindOf,
  makeTarget,
  nextOf,
  sequenceOf,
  valueLength,
} from "./skip-list.ts";

/** Nodes that an estimate looks at on one level: enough for an error of about a tenth, few enough for some 0.1 ms. */
const SAMPLE_NODES = 256;

export interface MemtableOptions {
  readonly order: KeyOrder;
  /** Bytes of nodes, keys and values. */
  readonly capacity: number;
  /** Decides the heights of towers, nothing else. */
  readonly seed: number;
  /** What most keys are expected to begin with; makes them cheaper to tell apart, nothing else. */
  readonly prefix?: Uint8Array;
}

/**
 * Entries (key, sequence number, kind, value), sorted as internal keys, in shared memory.
 *
 * Each thread has a Memtable object of its own over the same buffer; any number of them may insert and read at once.
 * Entries are never changed or removed. What one thread's insert returned from is visible to every later read of that
 * thread, and of any other thread that learned of it.
 */
export class Memtable {
  readonly capacity: number;
  readonly #order: KeyOrder;
  readonly #arena: Arena;
  readonly #inserter: Inserter;

  /** Throws INVALID_ARGUMENT if the memory cannot be reserved. (The second argument is for the functions below.) */
  constructor(
    options: MemtableOptions,
    arena: Arena = Arena.reserve(options.capacity, HEAD_WORDS, options.prefix ?? EMPTY),
  ) {
    this.capacity = arena.capacity;
    this.#order = options.order;
    this.#arena = arena;
    this.#inserter = new Inserter(arena, options.order, options.seed);
  }

  /**
   * An empty memtable in so many bytes of new memory, or in the memory of one that nobody, in no thread, reads or inserts
   * into any more. Throws INVALID_ARGUMENT if the memory cannot be reserved.
   */
  static make(options: MemtableOptions, memory: SharedArrayBuffer | number): Memtable {
    return new Memtable(options, Arena.reserve(options.capacity, HEAD_WORDS, options.prefix ?? EMPTY, memory));
  }

  /** The bytes of memory that a capacity needs. Throws INVALID_ARGUMENT for one that no memtable can have. */
  static memoryFor(capacity: number): number {
    return Arena.memoryFor(capacity, HEAD_WORDS);
  }

  /** The memtable in `buffer`, made by another thread with the same order. Each thread takes a seed of its own. */
  static attach(buffer: SharedArrayBuffer, order: KeyOrder, seed: number): Memtable {
    const arena = new Arena(buffer);
    return new Memtable({ order, capacity: arena.capacity, seed }, arena);
  }

  /** What another thread froze, to be read alone. */
  static attachFrozen(buffer: SharedArrayBuffer, order: KeyOrder): Memtable {
    const arena = new Arena(buffer, false);
    return new Memtable({ order, capacity: arena.capacity, seed: 1 }, arena);
  }

  /** What `attach` takes. Ask for it only to share it: searches are some tenths slower from then on. */
  get buffer(): SharedArrayBuffer {
    return this.#arena.buffer;
  }

  /** The same for a memtable that nobody inserts into any more: who only reads it costs the searches nothing. */
  get frozenBuffer(): SharedArrayBuffer {
    return this.#arena.frozenBuffer;
  }

  /** False when its memory serves another memtable: what was read since may be of that one. */
  get isAlive(): boolean {
    return this.#arena.isAlive;
  }

  /** A capacity certain to hold so many entries with keys and values of so many bytes together. */
  static bytesFor(entries: number, keyAndValueBytes: number): number {
    return entries * NODE_BYTES_MAX + keyAndValueBytes;
  }

  /** Whether that much is certain to fit, as long as nobody else inserts. */
  fits(entries: number, keyAndValueBytes: number): boolean {
    return this.#arena.used + Memtable.bytesFor(entries, keyAndValueBytes) <= this.capacity;
  }

  /**
   * Copies an entry in; false, with nothing changed, if it does not fit. (key, sequence) must be new.
   *
   * What a custom comparator throws passes through, and the entry is absent (or, if threads raced for its place, absent
   * with its space lost).
   */
  insert(kind: Kind, sequence: number, key: Uint8Array, value: Uint8Array): boolean {
    const whole = { bytes: value, start: 0, end: value.length };
    return this.insertPlaces(kind, sequence, { bytes: key, start: 0, end: key.length }, whole);
  }

  /** insert(), of a key and a value that stand among other bytes. */
  insertPlaces(kind: Kind, sequence: number, key: Place, value: Place): boolean {
    const keyLength = key.end - key.start;
    const valueLength = value.end - value.start;
    assert(kind === Kind.put || (kind === Kind.delete && valueLength === 0), "an entry is a put or a bare delete");
    assert(Number.isInteger(sequence) && sequence >= 0 && sequence <= SEQUENCE_MAX, "a sequence number is below 2^53");
    assert(keyLength <= KEY_BYTES_MAX && valueLength <= VALUE_BYTES_MAX, "key and value are within the limits");
    return this.#inserter.insert(kind, sequence, key, value);
  }

  /** The newest version of `key` with a number up to `sequence`; its value as a copy. */
  get(key: Uint8Array, sequence: number, wanted: Wanted = "value"): Lookup {
    if (nextOf(this.#arena.words, HEAD, 0) === NONE) return undefined;
    const target = makeTarget(this.#arena, this.#order, key, sequence);
    const node = findAtOrAfter(this.#arena, this.#order, target);
    if (node === NONE || !hasKey(this.#arena, this.#order, node, target)) return undefined;
    if (kindOf(this.#arena.words, node) === Kind.delete) return TOMBSTONE;
    return wanted === "value" ? takeValue(this.#arena, node) : PRESENT;
  }

  /** Makes the comparisons of an insertion and nothing else, so that a comparator that throws does it now. */
  findOnly(key: Uint8Array): void {
    findBefore(this.#arena, this.#order, makeTarget(this.#arena, this.#order, key, SEQUENCE_MAX));
  }

  cursor(): InternalCursor {
    return new MemtableCursor(this.#arena, this.#order);
  }

  get entries(): number {
    return Atomics.load(this.#arena.counters, ENTRIES);
  }

  get deletes(): number {
    return Atomics.load(this.#arena.counters, DELETES);
  }

  /** Bytes of nodes, keys and values: what counts against the capacity. */
  get bytesUsed(): number {
    return this.#arena.used;
  }

  /** The sum of the lengths of all keys and values. */
  get dataBytes(): number {
    return this.#arena.dataBytes;
  }

  /** What all keys begin with, or as much of it as is worth knowing: for the next memtable. */
  get commonPrefix(): Uint8Array {
    const cursor = this.cursor();
    cursor.first();
    if (!cursor.valid || !this.#order.isBytewise) return EMPTY;
    const first = cursor.key;
    cursor.last();
    return copyBytes(first.subarray(0, Math.min(PREFIX_BYTES_MAX, commonPrefixLength(first, cursor.key))));
  }

  /** 0 when empty. */
  get leastSequence(): number {
    return this.#sequenceIn(LEAST);
  }

  /** 0 when empty. */
  get greatestSequence(): number {
    return this.#sequenceIn(GREATEST);
  }

  /** About how many bytes of keys and values are in [from, to); `undefined` is no bound. */
  approximateBytes(from: Uint8Array | undefined, to: Uint8Array | undefined): number {
    if (from === undefined && to === undefined) return this.dataBytes;
    // It has to outlast the searches for `from`.
    const end = to && makeTarget(this.#arena, this.#order, to, SEQUENCE_MAX, 0, to.length, new KeyWords());
    // Each level is a sample of the one below; the first whose part of the range is small enough is weighed.
    let bytes = 0;
    for (let level = 0, weight = 1; level < HEIGHT_MAX; level++, weight *= BRANCHING) {
      const sample = this.#weighLevel(level, this.#lastBefore(from, level), end);
      bytes = sample.bytes * weight;
      if (sample.complete) break;
    }
    return Math.min(bytes, this.dataBytes);
  }

  #sequenceIn(slot: number): number {
    const node = Atomics.load(this.#arena.counters, slot);
    return node === NONE ? 0 : sequenceOf(this.#arena.words, node);
  }

  // The last node on `level` before all versions of `key`; the head if there is none.
  #lastBefore(key: Uint8Array | undefined, level: number): number {
    if (key === undefined) return HEAD;
    const arena = this.#arena;
    const target = makeTarget(arena, this.#order, key, SEQUENCE_MAX);
    let node = HEAD;
    for (let at = HEIGHT_MAX - 1; at >= level;) {
      const next = nextOf(arena.words, node, at);
      if (next !== NONE && isBeforeTarget(arena, this.#order, next, target)) node = next;
      else at--;
    }
    return node;
  }

  // The bytes of the nodes on `level` behind `node` and before `end`; not complete if there are too many of them.
  #weighLevel(level: number, node: number, end: Target | undefined): { bytes: number; complete: boolean } {
    const arena = this.#arena;
    const words = arena.words;
    let bytes = 0;
    let next = nextOf(words, node, level);
    for (let nodes = 0; next !== NONE; nodes++) {
      if (end && !isBeforeTarget(arena, this.#order, next, end)) break;
      if (nodes === SAMPLE_NODES) return { bytes, complete: false };
      bytes += keyLength(words, next) + valueLength(words, next);
      next = nextOf(words, next, level);
    }
    return { bytes, complete: true };
  }
}

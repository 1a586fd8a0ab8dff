import { assert } from "../common/assert.ts";
import { bufferView, EMPTY, putRange } from "../common/bytes.ts";
import type { KeyOrder } from "../common/comparator.ts";
import type { InternalCursor } from "../common/cursor.ts";
import type { Kind } from "../common/internal-key.ts";
import type { Arena } from "./arena.ts";
import {
  HEAD,
  NONE,
  findAtOrAfter,
  findBefore,
  findLast,
  keyLength,
  keyStart,
  kindOf,
  makeTarget,
  nextOf,
  sequenceOf,
  targetOfNode,
  valueLength,
  valueStart,
} from "./skip-list.ts";

/**
 * Walks a memtable, also while others insert: it meets each entry that was there when it passed the place.
 *
 * `key` and `value` are views of shared memory that stay as they are; under a custom comparator `key` is a plain copy.
 */
export class MemtableCursor implements InternalCursor {
  readonly #arena: Arena;
  readonly #order: KeyOrder;
  #node = NONE;
  // Made when first asked for: a merging cursor compares one key many times.
  #key: Uint8Array | undefined;

  constructor(arena: Arena, order: KeyOrder) {
    this.#arena = arena;
    this.#order = order;
  }

  get valid(): boolean {
    return this.#node !== NONE;
  }

  get key(): Uint8Array {
    return (this.#key ??= this.#readKey());
  }

  get sequence(): number {
    return sequenceOf(this.#arena.words, this.#entry());
  }

  get kind(): Kind {
    return kindOf(this.#arena.words, this.#entry());
  }

  get value(): Uint8Array {
    return readValue(this.#arena, this.#entry());
  }

  takeValue(): Buffer {
    return takeValue(this.#arena, this.#entry());
  }

  first(): void {
    this.#moveTo(nextOf(this.#arena.words, HEAD, 0));
  }

  last(): void {
    this.#moveTo(findLast(this.#arena));
  }

  seek(key: Uint8Array, sequence: number): void {
    this.#moveTo(NONE);
    this.#moveTo(findAtOrAfter(this.#arena, this.#order, makeTarget(this.#arena, this.#order, key, sequence)));
  }

  seekForPrev(key: Uint8Array, sequence: number): void {
    this.#moveTo(NONE);
    // At or before a number is before the next smaller one.
    this.#moveTo(findBefore(this.#arena, this.#order, makeTarget(this.#arena, this.#order, key, sequence - 1)));
  }

  next(): void {
    this.#moveTo(nextOf(this.#arena.words, this.#entry(), 0));
  }

  prev(): void {
    const target = targetOfNode(this.#arena, this.#order, this.#entry());
    this.#moveTo(NONE);
    this.#moveTo(findBefore(this.#arena, this.#order, target));
  }

  #moveTo(node: number): void {
    assert(this.#arena.isAlive, "the memory of a memtable is its own while a cursor reads it");
    this.#node = node;
    this.#key = undefined;
  }

  #entry(): number {
    assert(this.#node !== NONE, "the cursor is valid");
    return this.#node;
  }

  #readKey(): Uint8Array {
    const { words, bytes } = this.#arena;
    const node = this.#entry();
    const start = keyStart(node);
    const end = start + keyLength(words, node);
    return this.#order.isBytewise ? bytes.subarray(start, end) : bytes.slice(start, end);
  }
}

/** The value of a node, as a view. */
export function takeValue({ words, bytes }: Arena, node: number): Buffer {
  const start = valueStart(words, node);
  const copy = Buffer.allocUnsafe(valueLength(words, node));
  putRange(copy, 0, bytes, start, start + copy.length);
  return copy;
}

export function readValue(arena: Arena, node: number): Uint8Array {
  const { words, bytes } = arena;
  const length = valueLength(words, node);
  return length === 0 ? EMPTY : bufferView(arena.memory, bytes.byteOffset + valueStart(words, node), length);
}

// Cursors for tests: over an array, as strict about the contract of cursor.ts as a cursor may be, and a faulty one.

import { assert } from "../common/assert.ts";
import { EMPTY } from "../common/bytes.ts";
import type { KeyOrder } from "../common/comparator.ts";
import type { InternalCursor } from "../common/cursor.ts";
import { compareInternalKeys, Kind, KIND_MAX, type InternalKey } from "../common/internal-key.ts";

export interface Entry extends InternalKey {
  readonly value: Uint8Array;
}

/** "key#sequence,put=value" or "key#sequence,delete". */
export function parseEntry(text: string): Entry {
  const match = /^([^#]*)#(\d+),(?:put=(.*)|delete)$/.exec(text);
  assert(match !== null, `an entry: ${text}`);
  const [, key, sequence, value] = match;
  const kind = value === undefined ? Kind.delete : Kind.put;
  return { key: Buffer.from(key!), sequence: Number(sequence), kind, value: Buffer.from(value ?? "") };
}

export function entryText({ key, sequence, kind, value }: Entry): string {
  const what = kind === Kind.put ? `put=${Buffer.from(value).toString()}` : "delete";
  return `${Buffer.from(key).toString()}#${sequence},${what}`;
}

/** The entry that a cursor stands on, as text. */
export function cursorText(cursor: InternalCursor): string {
  return cursor.valid ? entryText(cursor) : ".";
}

export function sortEntries(order: KeyOrder, entries: readonly Entry[]): Entry[] {
  return entries.toSorted((a, b) => compareInternalKeys(order, a, b));
}

/**
 * Over entries in internal-key order. Stepping or reading while not valid is an assertion failure, and what was given
 * out before a move is overwritten by it, so that whoever still looks at it is found out.
 */
export class ArrayCursor implements InternalCursor {
  readonly #order: KeyOrder;
  readonly #entries: readonly Entry[];
  #at = -1;
  #key: Uint8Array = EMPTY;
  #value: Uint8Array = EMPTY;

  constructor(order: KeyOrder, entries: readonly Entry[]) {
    this.#order = order;
    this.#entries = entries;
  }

  get valid(): boolean {
    return this.#at >= 0;
  }

  get key(): Uint8Array {
    this.#entry();
    return this.#key;
  }

  get sequence(): number {
    return this.#entry().sequence;
  }

  get kind(): Kind {
    return this.#entry().kind;
  }

  get value(): Uint8Array {
    this.#entry();
    return this.#value;
  }

  takeValue(): Buffer {
    return Buffer.from(this.value);
  }

  first(): void {
    this.#moveTo(0);
  }

  last(): void {
    this.#moveTo(this.#entries.length - 1);
  }

  seek(key: Uint8Array, sequence: number): void {
    const target = { key, sequence, kind: KIND_MAX as Kind };
    const at = this.#entries.findIndex((entry) => compareInternalKeys(this.#order, entry, target) >= 0);
    this.#moveTo(at);
  }

  seekForPrev(key: Uint8Array, sequence: number): void {
    const target = { key, sequence, kind: 0 as Kind };
    this.#moveTo(this.#entries.findLastIndex((entry) => compareInternalKeys(this.#order, entry, target) <= 0));
  }

  next(): void {
    this.#entry();
    this.#moveTo(this.#at + 1);
  }

  prev(): void {
    this.#entry();
    this.#moveTo(this.#at - 1);
  }

  #entry(): Entry {
    assert(this.#at >= 0, "stepped or read only while valid");
    return this.#entries[this.#at]!;
  }

  #moveTo(at: number): void {
    this.#key.fill(0xee);
    this.#value.fill(0xee);
    const entry = this.#entries[at];
    this.#at = entry ? at : -1;
    this.#key = entry ? Uint8Array.from(entry.key) : EMPTY;
    this.#value = entry ? Uint8Array.from(entry.value) : EMPTY;
  }
}

/** When to fail: at the move that brings `movesLeft` to 0, once. Shared by the children of one merge. */
export interface Fuse {
  movesLeft: number;
}

export class InjectedError extends Error {}

/** A cursor whose moves fail as its fuse says; a failed move leaves it not valid, a later seek works again. */
export class FaultyCursor implements InternalCursor {
  readonly #inner: InternalCursor;
  readonly #fuse: Fuse;
  #failed = false;

  constructor(inner: InternalCursor, fuse: Fuse) {
    this.#inner = inner;
    this.#fuse = fuse;
  }

  get valid(): boolean {
    return !this.#failed && this.#inner.valid;
  }

  get key(): Uint8Array {
    return this.#entry().key;
  }

  get sequence(): number {
    return this.#entry().sequence;
  }

  get kind(): Kind {
    return this.#entry().kind;
  }

  get value(): Uint8Array {
    return this.#entry().value;
  }

  takeValue(): Buffer {
    return this.#entry().takeValue();
  }

  first(): void {
    this.#failed = false;
    this.#burn();
    this.#inner.first();
  }

  last(): void {
    this.#failed = false;
    this.#burn();
    this.#inner.last();
  }

  seek(key: Uint8Array, sequence: number): void {
    this.#failed = false;
    this.#burn();
    this.#inner.seek(key, sequence);
  }

  seekForPrev(key: Uint8Array, sequence: number): void {
    this.#failed = false;
    this.#burn();
    this.#inner.seekForPrev(key, sequence);
  }

  next(): void {
    this.#entry();
    this.#burn();
    this.#inner.next();
  }

  prev(): void {
    this.#entry();
    this.#burn();
    this.#inner.prev();
  }

  #entry(): InternalCursor {
    assert(!this.#failed, "stepped or read only while valid");
    return this.#inner;
  }

  #burn(): void {
    if (--this.#fuse.movesLeft !== 0) return;
    this.#failed = true;
    throw new InjectedError("injected");
  }
}

/** Tables of entries for a level cursor, cut from a sorted list behind the given positions. */
export interface ArrayTable {
  readonly smallest: Entry;
  readonly largest: Entry;
  readonly entries: readonly Entry[];
}

export function arrayTables(entries: readonly Entry[], cuts: readonly number[]): ArrayTable[] {
  const edges = [0, ...cuts.toSorted((a, b) => a - b), entries.length];
  const parts = edges.slice(1).map((end, i) => entries.slice(edges[i], end));
  return parts
    .filter((part) => part.length > 0)
    .map((part) => ({ smallest: part[0]!, largest: part.at(-1)!, entries: part }));
}

// The memtable's reference in tests: an array, sorted by a comparison that shares no code with src/.

import { KeyOrder, bytewise } from "../../common/comparator.ts";
import type { InternalCursor } from "../../common/cursor.ts";
import { Kind } from "../../common/internal-key.ts";
import { Prng } from "../../util/prng.ts";
import { Memtable } from "../memtable.ts";

export interface Entry {
  readonly kind: Kind;
  readonly sequence: number;
  readonly key: Buffer;
  readonly value: Buffer;
}

export const ORDER: KeyOrder = new KeyOrder(bytewise);

export function put(key: string | Buffer, sequence: number, value: string | Buffer = `${sequence}`): Entry {
  return { kind: Kind.put, sequence, key: Buffer.from(key), value: Buffer.from(value) };
}

export function del(key: string | Buffer, sequence: number): Entry {
  return { kind: Kind.delete, sequence, key: Buffer.from(key), value: Buffer.alloc(0) };
}

export function compareEntries(a: Pick<Entry, "key" | "sequence">, b: Pick<Entry, "key" | "sequence">): number {
  return Buffer.compare(a.key, b.key) || b.sequence - a.sequence;
}

export function sorted(entries: readonly Entry[]): Entry[] {
  return [...entries].sort(compareEntries);
}

/** A memtable with these entries, inserted in this order. */
export function fill(entries: readonly Entry[], order: KeyOrder = ORDER, seed = 1, prefix?: Uint8Array): Memtable {
  const bytes = entries.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
  const capacity = Memtable.bytesFor(entries.length, bytes);
  const memtable = new Memtable({ order, capacity, seed, ...(prefix && { prefix }) });
  for (const { kind, sequence, key, value } of entries) {
    if (!memtable.insert(kind, sequence, key, value)) throw new Error("bytesFor was too small");
  }
  return memtable;
}

/** The entry a cursor stands on, copied; undefined when not valid. */
export function current(cursor: InternalCursor): Entry | undefined {
  if (!cursor.valid) return undefined;
  const { kind, sequence, key, value } = cursor;
  return { kind, sequence, key: Buffer.from(key), value: Buffer.from(value) };
}

export function forward(memtable: Memtable): Entry[] {
  const entries: Entry[] = [];
  const cursor = memtable.cursor();
  for (cursor.first(); cursor.valid; cursor.next()) entries.push(current(cursor)!);
  return entries;
}

export function backward(memtable: Memtable): Entry[] {
  const entries: Entry[] = [];
  const cursor = memtable.cursor();
  for (cursor.last(); cursor.valid; cursor.prev()) entries.push(current(cursor)!);
  return entries;
}

/** Entries with few distinct short keys, many of them prefixes of each other or equal, sequence numbers from 1 shuffled. */
export function randomEntries(seed: number, count: number): Entry[] {
  const prng = new Prng(seed * 7919 + 1);
  const alphabet = [0x00, 0x01, 0x61, 0x7f, 0x80, 0xff];
  const entries: Entry[] = [];
  for (let sequence = 1; sequence <= count; sequence++) {
    const key = Buffer.alloc(prng.next() % 7);
    for (let i = 0; i < key.length; i++) key[i] = alphabet[prng.next() % alphabet.length]!;
    const isDelete = prng.next() % 4 === 0;
    entries.push(isDelete ? del(key, sequence) : put(key, sequence, Buffer.alloc(prng.next() % 50, sequence & 0xff)));
  }
  for (let i = entries.length - 1; i > 0; i--) {
    const j = prng.next() % (i + 1);
    [entries[i], entries[j]] = [entries[j]!, entries[i]!];
  }
  return entries;
}

const COUNTERS_BYTES = 64;
const HEAD_BYTES = 12 * 4;

/**
 * The memory that entries touched, found without the arena's counters: all but the longest run of zeros, which is the gap
 * between nodes and values. Exact when the last key ends, and the last value begins, with something else than zeros.
 */
export function touchedBytes(memtable: Memtable): number {
  const all = new Uint8Array(memtable.buffer).subarray(COUNTERS_BYTES + HEAD_BYTES);
  let gap = 0;
  for (let i = 0, zeros = 0; i < all.length; i++) {
    zeros = all[i] === 0 ? zeros + 1 : 0;
    gap = Math.max(gap, zeros);
  }
  return all.length - gap;
}

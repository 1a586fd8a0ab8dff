// What a version knows of a table without opening it, and the stretch of user keys that tables span.
//
// A table that ends with a range delete covers keys up to the end of that range, but not the end itself. Its `largest`
// is then (end, SEQUENCE_MAX, deleteRange), an open end, and the next table of the level may begin with that very key.

import type { KeyOrder } from "../common/comparator.ts";
import { Kind, SEQUENCE_MAX, type InternalKey } from "../common/internal-key.ts";

export interface TableMeta {
  /** Names the file; unique in a version. */
  readonly number: number;
  /** Bytes of the file. */
  readonly size: number;
  /** The u32 of this life of the file; every checksum in it depends on it. */
  readonly tag: number;
  /** Which flush its newest content came from: in level 0 the greater epoch is the newer table. */
  readonly epoch: number;
  readonly smallest: InternalKey;
  readonly largest: InternalKey;
  readonly leastSequence: number;
  readonly greatestSequence: number;
  /** Puts and deletes; range deletes are not counted. */
  readonly entries: number;
  readonly deletes: number;
}

/** User keys from `smallest` to `largest`, the latter included unless `openEnd`. */
export interface KeySpan {
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
  readonly openEnd: boolean;
}

/** Whether the user key of `largest` itself lies outside the table. */
export function hasOpenEnd({ largest }: TableMeta): boolean {
  return largest.kind === Kind.deleteRange && largest.sequence === SEQUENCE_MAX;
}

export function tableSpan(table: TableMeta): KeySpan {
  return { smallest: table.smallest.key, largest: table.largest.key, openEnd: hasOpenEnd(table) };
}

/** Whether every key of the table comes before `key`. */
export function endsBefore(order: KeyOrder, table: TableMeta, key: Uint8Array): boolean {
  const difference = order.compare(table.largest.key, key);
  return difference < 0 || (difference === 0 && hasOpenEnd(table));
}

/** Whether every key of the span comes before `key`. */
export function spanEndsBefore(order: KeyOrder, span: KeySpan, key: Uint8Array): boolean {
  const difference = order.compare(span.largest, key);
  return difference < 0 || (difference === 0 && span.openEnd);
}

export function spansOverlap(order: KeyOrder, a: KeySpan, b: KeySpan): boolean {
  return !spanEndsBefore(order, a, b.smallest) && !spanEndsBefore(order, b, a.smallest);
}

/** The least span that holds both. */
export function joinSpans(order: KeyOrder, a: KeySpan, b: KeySpan): KeySpan {
  const smallest = order.compare(a.smallest, b.smallest) <= 0 ? a.smallest : b.smallest;
  const difference = order.compare(a.largest, b.largest);
  const { largest } = difference >= 0 ? a : b;
  const openEnd = difference > 0 ? a.openEnd : difference < 0 ? b.openEnd : a.openEnd && b.openEnd;
  return { smallest, largest, openEnd };
}

/** The least span that holds all tables; undefined for none. */
export function spanOf(order: KeyOrder, tables: readonly TableMeta[]): KeySpan | undefined {
  let span: KeySpan | undefined;
  for (const table of tables) span = span ? joinSpans(order, span, tableSpan(table)) : tableSpan(table);
  return span;
}

export function sumSizes(tables: readonly TableMeta[]): number {
  let bytes = 0;
  for (const table of tables) bytes += table.size;
  return bytes;
}

// The range-delete block: the range deletes of a table, which lie beside its entries and not among them.
//
//   varint count | {lp start | lp end | varint sequence}*
//
// Each deletes the versions with a smaller sequence number of all keys in [start, end). They ascend by start, then by
// sequence number descending, then by end; start < end.

import { ByteReader } from "../common/byte-reader.ts";
import { ByteWriter } from "../common/byte-writer.ts";
import type { KeyOrder } from "../common/comparator.ts";
import { compareInternalKeys, Kind, SEQUENCE_MAX, type InternalKey } from "../common/internal-key.ts";

/** Deletes what is older than `sequence` in [start, end). */
export interface RangeDelete {
  readonly start: Uint8Array;
  readonly end: Uint8Array;
  readonly sequence: number;
}

export function compareRangeDeletes(order: KeyOrder, a: RangeDelete, b: RangeDelete): number {
  return order.compare(a.start, b.start) || b.sequence - a.sequence || order.compare(a.end, b.end);
}

/** Of at least one range delete, in any order. */
export function encodeRangeDeletes(ranges: readonly RangeDelete[], order: KeyOrder): Uint8Array {
  const writer = new ByteWriter().varint(ranges.length);
  for (const range of [...ranges].sort((a, b) => compareRangeDeletes(order, a, b)))
    writer.lengthPrefixed(range.start).lengthPrefixed(range.end).varint(range.sequence);
  return writer.finish();
}

/** The keys are views of `bytes`. */
export function decodeRangeDeletes(bytes: Uint8Array, offset: number, file: string, order: KeyOrder): RangeDelete[] {
  const reader = new ByteReader(bytes, file, offset);
  const count = reader.varint();
  const ranges: RangeDelete[] = [];
  for (let i = 0; i < count; i++) {
    const range = { start: reader.lengthPrefixed(), end: reader.lengthPrefixed(), sequence: reader.varint() };
    if (order.compare(range.start, range.end) >= 0) throw reader.corruption("a range that deletes nothing");
    const before = ranges.at(-1);
    if (before !== undefined && compareRangeDeletes(order, before, range) >= 0)
      throw reader.corruption("range deletes do not ascend");
    ranges.push(range);
  }
  if (count === 0) throw reader.corruption("an empty range-delete block");
  reader.expectEnd();
  return ranges;
}

/** The least and the greatest key of a table; undefined for a table of nothing. */
export interface Bounds {
  readonly smallest: InternalKey | undefined;
  readonly largest: InternalKey | undefined;
}

/**
 * The bounds of entries, widened by range deletes. The end of a range is not deleted: as a bound it is (end,
 * SEQUENCE_MAX, deleteRange), which comes before every entry of that key.
 */
export function widenBounds(entries: Bounds, ranges: readonly RangeDelete[], order: KeyOrder): Bounds {
  let { smallest, largest } = entries;
  for (const { start, end, sequence } of ranges) {
    const low: InternalKey = { key: start, sequence, kind: Kind.deleteRange };
    const high: InternalKey = { key: end, sequence: SEQUENCE_MAX, kind: Kind.deleteRange };
    if (smallest === undefined || compareInternalKeys(order, low, smallest) < 0) smallest = low;
    if (largest === undefined || compareInternalKeys(order, high, largest) > 0) largest = high;
  }
  return { smallest, largest };
}

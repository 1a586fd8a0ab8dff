// Blocks of range deletes: chapter "Range deletes" of docs/formats.md.

import { keyOf, type Key } from "../keys.ts";
import { ByteSource, FormatProblem } from "./byte-source.ts";
import type { BlockBounds } from "./data-block.ts";

/** Deletes the versions with a smaller sequence number of all keys in [start, end). */
export interface RangeDelete {
  readonly start: Key;
  readonly end: Key;
  readonly sequence: number;
}

/** Throws FormatProblem. That they ascend is for those to say who know the comparator. */
export function readRangeDeletes(bytes: Uint8Array, { offset, length }: BlockBounds): RangeDelete[] {
  const source = new ByteSource(bytes, offset, offset + length);
  const deletes: RangeDelete[] = [];
  for (let count = source.varint(); count > 0; count--)
    deletes.push({ start: keyOf(source.lp()), end: keyOf(source.lp()), sequence: source.varint() });
  source.demandEnd();
  if (deletes.length === 0) throw new FormatProblem(offset, "a block without range deletes");
  return deletes;
}

/** Under the bytewise comparator: start, then sequence number descending, then end. */
export function compareRangeDeletes(a: RangeDelete, b: RangeDelete): number {
  if (a.start !== b.start) return a.start < b.start ? -1 : 1;
  if (a.sequence !== b.sequence) return b.sequence - a.sequence;
  return a.end === b.end ? 0 : a.end < b.end ? -1 : 1;
}

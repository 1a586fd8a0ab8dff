// The blocks of sorted tables, without their trailers.

import { keyBytes, type Key } from "../../keys.ts";
import { ALGORITHM_BLOCKED, bitsOf, LINE_SIZE } from "../bloom-filter.ts";
import { KIND_DELETE_RANGE, type InternalKey } from "../edit-framing.ts";
import type { RangeDelete } from "../range-deletes.ts";
import type { FileReference, IndexEntry, TableProperties } from "../table-framing.ts";
import { internalKey, lp, tagged, u16, u32, u8, varint } from "./fields.ts";

/** A version to be written. */
export interface PlannedVersion extends InternalKey {
  /** Of a put. */
  readonly value?: Uint8Array;
}

/** `prefixed`: what all keys begin with is written once. */
export function encodeDataBlock(versions: readonly PlannedVersion[], prefixed: boolean): Buffer {
  const prefix = prefixed ? commonPrefix(versions.map(({ key }) => key)) : "";
  const parts = [u8(1), u8(0), lp(keyBytes(prefix))];
  let at = 2 + parts[2]!.length;
  const starts: number[] = [];
  for (const { key, kind, sequence, value } of versions) {
    const suffix = keyBytes(key.slice(prefix.length));
    const length = value ? [varint(value.length)] : [];
    const entry = Buffer.concat([
      varint(suffix.length),
      u8(kind),
      varint(sequence),
      ...length,
      suffix,
      value ?? u8(0).subarray(1),
    ]);
    starts.push(at);
    parts.push(entry);
    at += entry.length;
  }
  const isWide = (starts.at(-1) ?? 0) > 0xffff;
  if (isWide) parts[1] = u8(1);
  return Buffer.concat([...parts, ...starts.map(isWide ? u32 : u16), u32(at), u32(starts.length)]);
}

export function commonPrefix(keys: readonly Key[]): Key {
  const [first = ""] = keys;
  let length = first.length;
  for (const key of keys) while (!key.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length);
}

export function encodeIndex(entries: readonly IndexEntry[], level: 0 | 1): Buffer {
  const parts = entries.map(({ separator: { key, kind, sequence }, offset, length, first }) =>
    Buffer.concat([
      lp(keyBytes(key)),
      u8(kind),
      ...(kind === KIND_DELETE_RANGE ? [] : [varint(sequence)]),
      varint(offset),
      varint(length),
      ...(level === 1 ? [varint(first)] : []),
    ]),
  );
  return Buffer.concat([u8(2), u8(level), varint(entries.length), ...parts]);
}

export function encodeFilter(keys: readonly Key[], bitsPerKey: number): Buffer {
  const probes = Math.min(22, Math.max(1, Math.round(bitsPerKey * 0.69)));
  const count = Math.max(1, Math.ceil((keys.length * bitsPerKey) / (8 * LINE_SIZE)));
  const lines = Buffer.alloc(count * LINE_SIZE);
  for (const key of keys) {
    const { line, bits } = bitsOf(key, probes, count);
    for (const bit of bits) lines[line * LINE_SIZE + (bit >> 3)]! |= 1 << (bit & 7);
  }
  return Buffer.concat([u8(ALGORITHM_BLOCKED), u8(probes), u16(0), u32(count), lines]);
}

export function encodeRangeDeletes(deletes: readonly RangeDelete[]): Buffer {
  const parts = deletes.map(({ start, end, sequence }) =>
    Buffer.concat([lp(keyBytes(start)), lp(keyBytes(end)), varint(sequence)]),
  );
  return Buffer.concat([varint(deletes.length), ...parts]);
}

export function encodeProperties(properties: TableProperties): Buffer {
  const references = (files: readonly FileReference[]): Buffer =>
    Buffer.concat([varint(files.length), ...files.flatMap(({ number, tag }) => [varint(number), varint(tag)])]);
  const values = [
    Buffer.from(properties.databaseId, "hex"),
    varint(properties.fileNumber),
    varint(properties.tag),
    varint(properties.epoch),
    varint(properties.creationTime),
    Buffer.from(properties.comparatorName),
    varint(properties.entries),
    varint(properties.deletes),
    varint(properties.rangeDeletes),
    varint(properties.rawKeyBytes),
    varint(properties.rawValueBytes),
    varint(properties.leastSequence),
    varint(properties.greatestSequence),
    internalKey(properties.smallest),
    internalKey(properties.largest),
    varint(properties.filter),
    varint(properties.dataBlocks),
    references(properties.inputs),
    references(properties.obsolete),
    varint(properties.logNumber),
  ];
  const known = values.map((value, i) => tagged(2 * (i + 1), value));
  return Buffer.concat([...known, ...properties.unknown.map(({ tag, bytes }) => tagged(tag, bytes))]);
}

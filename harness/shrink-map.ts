// Keys and values of operations, changed wherever they stand.

import type { Key } from "./keys.ts";
import { type Change, isWrite, type Op } from "./op.ts";
import type { ValueRef } from "./values.ts";

/** Fields of operations and changes that hold one key. */
const KEY_FIELDS = ["key", "from", "to", "gt", "gte", "lt", "lte", "prefix", "lower", "upper"] as const;

/** Every key and bound of a log, once, ascending. */
export function keysOf(ops: readonly Op[]): Key[] {
  const keys = new Set<Key>();
  mapKeys(ops, (key) => {
    keys.add(key);
    return key;
  });
  return [...keys].sort((a, b) => (a < b ? -1 : 1));
}

/** The same operations with other keys and bounds. */
export function mapKeys(ops: readonly Op[], map: (key: Key) => Key): Op[] {
  return ops.map((op): Op => {
    const mapped = mapFields(op, map);
    if ("changes" in mapped) return { ...mapped, changes: mapped.changes.map((change) => mapFields(change, map)) };
    return mapped.kind === "getMany" ? { ...mapped, keys: mapped.keys.map(map) } : mapped;
  });
}

/** The same operations with other values. */
export function mapValues(ops: readonly Op[], map: (value: ValueRef) => ValueRef): Op[] {
  const ofChange = (change: Change): Change =>
    change.kind === "put" ? { ...change, value: map(change.value) } : change;
  return ops.map((op): Op => {
    if (!isWrite(op)) return op;
    if ("changes" in op) return { ...op, changes: op.changes.map(ofChange) };
    return "value" in op ? { ...op, value: map(op.value) } : op;
  });
}

function mapFields<T extends Op | Change>(fields: T, map: (key: Key) => Key): T {
  const mapped: Record<string, unknown> = {};
  for (const field of KEY_FIELDS) {
    const key = (fields as Partial<Record<string, unknown>>)[field];
    if (typeof key === "string") mapped[field] = map(key);
  }
  return { ...fields, ...mapped };
}

// Goals of shrinking that concern what is written: fewer changes, no sync, small keys and values.

import { type Change, changesOf, isWrite, type Op } from "./op.ts";
import { keysOf, mapKeys, mapValues } from "./shrink-map.ts";
import type { Shrinker } from "./shrink-state.ts";
import { SELF_DESCRIBING_BYTES_MIN, type ValueRef } from "./values.ts";

/** Fewer changes in each batch; of one change a plain write is made. */
export async function smallerBatches(shrinker: Shrinker): Promise<void> {
  for (const { id } of shrinker.ops.filter((op) => "changes" in op)) {
    const { length } = changesIn(shrinker, id);
    for (let size = Math.ceil(length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let start = 0; start < changesIn(shrinker, id).length;) {
        const changes = changesIn(shrinker, id);
        const fewer = [...changes.slice(0, start), ...changes.slice(start + size)];
        if (fewer.length === 0 || !(await replace(shrinker, id, fewer))) start += size;
      }
    }
    const changes = changesIn(shrinker, id);
    const op = shrinker.ops.find((other) => other.id === id);
    if (op?.kind === "batch" && changes.length === 1) {
      const plain: Op = { id, sync: op.sync, ...changes[0]! };
      await shrinker.try(shrinker.ops.map((other) => (other.id === id ? plain : other)));
    }
  }
}

/** No write asks for durability: all at once, then one by one. */
export async function withoutSync(shrinker: Shrinker): Promise<void> {
  const synced = shrinker.ops.filter((op) => isWrite(op) && op.sync);
  if (synced.length === 0) return;
  const without = (op: Op): Op => (isWrite(op) && op.sync ? { ...op, sync: false } : op);
  if ((await shrinker.try(shrinker.ops.map(without))) || synced.length === 1) return;
  for (const { id } of synced) await shrinker.try(shrinker.ops.map((op) => (op.id === id ? without(op) : op)));
}

/** k0, k1 … in place of the keys, in their order: all at once, then one by one. */
export async function smallerKeys(shrinker: Shrinker): Promise<void> {
  const names = shortNames(keysOf(shrinker.ops));
  if ([...names].every(([key, name]) => key === name)) return;
  if (await shrinker.try(mapKeys(shrinker.ops, (key) => names.get(key)!))) return;
  for (const [key, name] of names) {
    if (name.length >= key.length) continue;
    const rename = (other: string): string => (other === key ? name : other);
    const renamed = keysOf(shrinker.ops).map(rename);
    // Two keys that become one, or change places, are another story.
    const keepsOrder = renamed.every((other, i) => i === 0 || renamed[i - 1]! < other);
    if (keepsOrder) await shrinker.try(mapKeys(shrinker.ops, rename));
  }
}

/** Values of 16 bytes, which still name their writer, then of one; where that is too small, by halves. */
export async function smallerValues(shrinker: Shrinker): Promise<void> {
  for (const length of [SELF_DESCRIBING_BYTES_MIN, 1]) {
    const cut = (value: ValueRef): ValueRef => (value.length > length ? { ...value, length } : value);
    await tryValues(shrinker, cut);
  }
  for (const { id } of valuesIn(shrinker)) {
    for (const length of [SELF_DESCRIBING_BYTES_MIN, 1]) await tryLength(shrinker, id, length);
    for (;;) {
      const half = (valuesIn(shrinker).find((value) => value.id === id)?.length ?? 0) >> 1;
      if (half <= SELF_DESCRIBING_BYTES_MIN || !(await tryLength(shrinker, id, half))) break;
    }
  }
}

async function tryLength(shrinker: Shrinker, id: number, length: number): Promise<boolean> {
  return tryValues(shrinker, (value) => (value.id === id && value.length > length ? { ...value, length } : value));
}

async function tryValues(shrinker: Shrinker, change: (value: ValueRef) => ValueRef): Promise<boolean> {
  let changed = false;
  const ops = mapValues(shrinker.ops, (value) => {
    const next = change(value);
    if (next !== value) changed = true;
    return next;
  });
  return changed && shrinker.try(ops);
}

function valuesIn(shrinker: Shrinker): ValueRef[] {
  const values: ValueRef[] = [];
  mapValues(shrinker.ops, (value) => {
    values.push(value);
    return value;
  });
  return values;
}

function changesIn(shrinker: Shrinker, id: number): readonly Change[] {
  const op = shrinker.ops.find((other) => other.id === id);
  return op && isWrite(op) ? changesOf(op) : [];
}

async function replace(shrinker: Shrinker, id: number, changes: readonly Change[]): Promise<boolean> {
  return shrinker.try(shrinker.ops.map((op) => (op.id === id && "changes" in op ? { ...op, changes } : op)));
}

// As many digits for each: that is their order.
function shortNames(keys: readonly string[]): Map<string, string> {
  const digits = String(Math.max(0, keys.length - 1)).length;
  return new Map(keys.map((key, i) => [key, `k${String(i).padStart(digits, "0")}`]));
}

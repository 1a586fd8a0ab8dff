// The life of a read: memtables newest first → level 0 by epoch, newest first → one table a level below. The first layer
// that knows the key answers, be it with a value or a tombstone. A layer that cannot be read throws: it is never skipped.

import type { InternalCursor } from "../common/cursor.ts";
import { CorruptionError } from "../common/errors.ts";
import { TOMBSTONE, type Lookup, type Wanted } from "../common/lookup.ts";
import type { ReadFlags } from "../sst/table-reader.ts";
import { LevelCursor } from "./level-cursor.ts";
import { MergingCursor } from "./merging-cursor.ts";
import type { StoreContext } from "./store-context.ts";
import type { Readable } from "./store.ts";
import type { TableMeta } from "./table-meta.ts";
import type { Version } from "./version.ts";

/** A copy of the value of `key` at `sequence`, or anything when only its presence is wanted; undefined when there is none. */
export function lookUp(
  store: Readable,
  key: Uint8Array,
  sequence: number,
  flags: ReadFlags,
  wanted: Wanted,
): Buffer | undefined {
  store.counters.gets++;
  const found = lookUpLayers(store, key, sequence, flags, wanted);
  if (found === undefined || found === TOMBSTONE) return undefined;
  store.counters.found++;
  return found;
}

function lookUpLayers(store: Readable, key: Uint8Array, sequence: number, flags: ReadFlags, wanted: Wanted): Lookup {
  const memtables = store.memtables();
  for (let i = 0; i < memtables.length; i++) {
    const found = memtables[i]!.get(key, sequence, wanted);
    if (found !== undefined) return found;
  }
  const version = store.pins.current;
  const newest = version.levels[0]!;
  for (let i = 0; i < newest.length; i++) {
    const table = newest[i]!;
    if (!covers(version, table, key)) continue;
    store.counters.tablesAsked++;
    const found = store.tables.reader(table).get(key, sequence, flags, wanted);
    if (found !== undefined) return found;
  }
  const levels = version.sortedLevels;
  for (let i = 0; i < levels.length; i++) {
    const table = version.tableFor(levels[i]!, key);
    if (!table) continue;
    store.counters.tablesAsked++;
    const found = store.tables.reader(table).get(key, sequence, flags, wanted);
    if (found !== undefined) return found;
  }
  return undefined;
}

function covers(version: Version, table: TableMeta, key: Uint8Array): boolean {
  const { order } = version;
  return order.compare(key, table.smallest.key) >= 0 && order.compare(key, table.largest.key) <= 0;
}

/** Tells listeners of damage that a read met; any other error is the caller's alone. */
export function tellCorruption({ events }: StoreContext, error: unknown): void {
  if (!(error instanceof CorruptionError)) return;
  events.emit("corruption", { file: error.file, offset: error.offset, problem: error.problem });
  events.deliver();
}

/** Every entry of the memtables and of `version`, in internal-key order. */
export function mergedCursor(store: Readable, version: Version, flags: ReadFlags): InternalCursor {
  const { order } = version;
  const open = (table: TableMeta, spare?: InternalCursor): InternalCursor =>
    store.tables.reader(table).cursor(flags, spare);
  // What comes into an empty memtable from now on is newer than anything the cursor is to see.
  const filled = store.memtables().filter((memtable) => memtable.entries > 0);
  const children: InternalCursor[] = filled.map((memtable) => memtable.cursor());
  for (const table of version.levels[0] ?? []) children.push(open(table));
  for (const level of version.sortedLevels) children.push(new LevelCursor(order, version.levels[level]!, open));
  return children.length === 1 ? children[0]! : new MergingCursor(order, children);
}

/** Bytes that the keys in [from, to) take on disk and in memory, to within a block a table. */
export function approximateBytes(store: Readable, from: Uint8Array, to: Uint8Array): number {
  const version = store.pins.current;
  if (version.order.compare(from, to) >= 0) return 0;
  let bytes = store.memtables().reduce((sum, memtable) => sum + memtable.approximateBytes(from, to), 0);
  for (let level = 0; level < version.numLevels; level++) {
    for (const table of version.overlapping(level, from, to)) {
      const reader = store.tables.reader(table);
      bytes += Math.max(0, reader.approximateOffset(to) - reader.approximateOffset(from));
    }
  }
  return bytes;
}

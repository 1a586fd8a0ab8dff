// Operations as calls of an engine: keys and values as bytes.

import type { Capability } from "./capabilities.ts";
import type { EngineChange, EngineRange, EngineStore } from "./engine.ts";
import { keyBytes } from "./keys.ts";
import type { Model } from "./model.ts";
import { type AsyncWriteOp, type Change, type ScanOptions, type SyncWriteOp } from "./op.ts";
import { expandValue } from "./values.ts";

/** Executes a write with the call that it stands for. */
export function executeWrite(store: EngineStore, op: SyncWriteOp): void {
  if (op.kind === "batch") store.batch(op.changes.map(toEngine), op.sync);
  else if (op.kind === "put") store.put(keyBytes(op.key), expandValue(op.key, op.value), op.sync);
  else if (op.kind === "delete") store.delete(keyBytes(op.key), op.sync);
  else store.deleteRange(keyBytes(op.from), keyBytes(op.to), op.sync);
}

/** Calls an asynchronous write; what the call itself throws is a rejection. */
export async function executeAsync(store: EngineStore, op: AsyncWriteOp): Promise<void> {
  if (op.kind === "writeAsync") await store.batchAsync(op.changes.map(toEngine), op.sync);
  else if (op.kind === "deleteAsync") await store.deleteAsync(keyBytes(op.key), op.sync);
  else await store.putAsync(keyBytes(op.key), expandValue(op.key, op.value), op.sync);
}

/** A full forward scan, as the oracle wants it. */
export function* entriesOf(store: EngineStore): Generator<readonly [Buffer, Buffer]> {
  for (const [key, value] of store.scan({})) yield [key!, value!];
}

/** All that a store holds; of an engine without scans every key that the history had is asked for. */
export function* recoveredFrom(
  store: EngineStore,
  capabilities: ReadonlySet<Capability>,
  history: Model,
): Generator<readonly [Buffer, Buffer]> {
  if (capabilities.has("scan")) {
    yield* entriesOf(store);
    return;
  }
  for (const key of history.allKeys()) {
    const bytes = keyBytes(key);
    const value = store.get(bytes);
    if (value !== undefined) yield [bytes, value];
  }
}

/** A change as an engine takes it. */
export function toEngine(change: Change): EngineChange {
  if (change.kind === "put")
    return { kind: "put", key: keyBytes(change.key), value: expandValue(change.key, change.value) };
  if (change.kind === "delete") return { kind: "delete", key: keyBytes(change.key) };
  return { kind: "deleteRange", from: keyBytes(change.from), to: keyBytes(change.to) };
}

/** A scan's bounds as an engine takes them. */
export function toRange(options: ScanOptions): EngineRange {
  const { gt, gte, lt, lte, prefix, reverse, limit, only } = options;
  return {
    ...(gt !== undefined && { gt: keyBytes(gt) }),
    ...(gte !== undefined && { gte: keyBytes(gte) }),
    ...(lt !== undefined && { lt: keyBytes(lt) }),
    ...(lte !== undefined && { lte: keyBytes(lte) }),
    ...(prefix !== undefined && { prefix: keyBytes(prefix) }),
    ...(reverse !== undefined && { reverse }),
    ...(limit !== undefined && { limit }),
    ...(only === "keys" && { values: false }),
    ...(only === "values" && { keys: false }),
  };
}

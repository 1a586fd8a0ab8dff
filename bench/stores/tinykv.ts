import { open, WriteBatch, type Cursor, type Database, type Options } from "tinykv";
import {
  touch,
  type BenchStore,
  type Calls,
  type Pending,
  type ScanRange,
  type StallReport,
  type StoreSettings,
  type StoreShape,
} from "./store.ts";

/** Polling for the end of background work that a thread of its own does. */
const DRAIN_POLL_MILLISECONDS = 5;

/** Our own engine. */
export class TinyKVStore implements BenchStore {
  readonly version: string;
  readonly syncs = true;
  readonly calls: Calls = {
    put: "put",
    batch: "write(WriteBatch)",
    get: "get",
    scan: "iterate, for-of",
    seek: "cursor().seek",
    delete: "delete",
    cursor: "cursor().next, key and value",
    compact: "compactRange",
  };
  readonly #db: Database;
  readonly #write: { sync: boolean };
  readonly #batch = new WriteBatch();
  readonly #stalls = { count: 0, longestMilliseconds: 0, totalMilliseconds: 0 };
  readonly #causes: Record<string, number> = {};
  #cursor: Cursor | undefined;

  constructor({ directory, cacheBytes, durable, writeBufferBytes, options }: StoreSettings, version: string) {
    this.version = version;
    this.#write = { sync: durable };
    this.#db = open(directory, {
      sync: durable,
      blockCacheSize: cacheBytes,
      ...(writeBufferBytes !== undefined && { writeBufferSize: writeBufferBytes }),
      ...(options as Options),
      listeners: { stallEnd: ({ cause, milliseconds }) => this.#stalled(cause, milliseconds) },
    });
  }

  putConcurrently(key: Buffer, value: Buffer): Promise<unknown> {
    return this.#db.putAsync(key, value, this.#write);
  }

  put(key: Buffer, value: Buffer): Pending {
    this.#db.put(key, value, this.#write);
    return undefined;
  }

  delete(key: Buffer): Pending {
    this.#db.delete(key, this.#write);
    return undefined;
  }

  batch(keys: readonly Buffer[], values: readonly Buffer[]): Pending {
    const batch = this.#batch;
    batch.clear();
    for (let i = 0; i < keys.length; i++) batch.put(keys[i]!, values[i]!);
    this.#db.write(batch, this.#write);
    return undefined;
  }

  get(key: Buffer): number {
    const value = this.#db.get(key);
    return value === undefined ? -1 : value.length;
  }

  scan({ from, reverse, limit }: ScanRange): number {
    const bound = from && (reverse ? { lte: from } : { gte: from });
    let entries = 0;
    for (const [key, value] of this.#db.iterate({ ...bound, reverse, limit })) {
      touch(key, value);
      entries++;
    }
    return entries;
  }

  scanByCursor(limit: number): number {
    const cursor = this.#db.cursor();
    let entries = 0;
    for (cursor.first(); cursor.valid && entries < limit; cursor.next()) {
      touch(cursor.key, cursor.value);
      entries++;
    }
    cursor.close();
    return entries;
  }

  // One cursor for all seeks, as the other engines keep one iterator; workloads that seek do not write.
  seek(key: Buffer): number {
    const cursor = (this.#cursor ??= this.#db.cursor());
    cursor.seek(key);
    if (!cursor.valid) return 0;
    touch(cursor.key, cursor.value);
    return 1;
  }

  async settle(): Promise<void> {}

  async drain(): Promise<void> {
    for (;;) {
      while (this.#db.runBackgroundStep());
      if (this.#db.backgroundJobs().length === 0) return;
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MILLISECONDS));
    }
  }

  async compact(): Promise<void> {
    this.#db.compactRange();
  }

  shape(): StoreShape {
    const { levels, io } = this.#db.stats();
    const stalls: StallReport = { ...this.#stalls, causes: this.#causes };
    return {
      levelTables: levels.map(({ tables }) => tables),
      levelBytes: levels.map(({ bytes }) => bytes),
      stalls,
      engineWrittenBytes: io.writeBytes,
    };
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  #stalled(cause: string, milliseconds: number): void {
    this.#stalls.count++;
    this.#stalls.totalMilliseconds += milliseconds;
    this.#stalls.longestMilliseconds = Math.max(this.#stalls.longestMilliseconds, milliseconds);
    this.#causes[cause] = (this.#causes[cause] ?? 0) + 1;
  }
}

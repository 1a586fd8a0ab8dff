import type { LoadedPeer } from "tinykv/harness";
import {
  touch,
  type BenchStore,
  type Calls,
  type Eventually,
  type Pending,
  type ScanRange,
  type StoreSettings,
  type StoreShape,
} from "./store.ts";

/** As much of the package's class as is used. */
interface ClassicLevel {
  open(): Promise<void>;
  put(key: Buffer, value: Buffer, options: { sync: boolean }): Promise<void>;
  del(key: Buffer, options: { sync: boolean }): Promise<void>;
  batch(operations: readonly Operation[], options: { sync: boolean }): Promise<void>;
  getSync(key: Buffer): Buffer | undefined;
  iterator(options: Record<string, unknown>): Iterator;
  compactRange(start: Buffer, end: Buffer): Promise<void>;
  getProperty(name: string): string;
  close(): Promise<void>;
}

interface Operation {
  readonly type: "put";
  readonly key: Buffer;
  readonly value: Buffer;
}

interface Iterator {
  seek(key: Buffer): void;
  next(): Promise<[Buffer, Buffer] | undefined>;
  nextv(size: number): Promise<[Buffer, Buffer][]>;
  close(): Promise<void>;
}

type Constructor = new (directory: string, options: Record<string, unknown>) => ClassicLevel;

/** Entries a nextv(): what the package's own fast paths take. */
const SCAN_ENTRIES = 1000;
/** A read-ahead large enough for a whole nextv() of 10 KiB values; the default of 16 KiB cuts it short. */
const SCAN_BYTES = 16 << 20;
/** LevelDB's levels. */
const LEVELS = 7;

/** LevelDB by classic-level: getSync, awaited put, batch of an array, nextv. */
export class ClassicLevelStore implements BenchStore {
  readonly version: string;
  readonly syncs = true;
  readonly calls: Calls = {
    put: "await put",
    batch: "await batch([…])",
    get: "getSync",
    scan: `iterator, await nextv(${SCAN_ENTRIES})`,
    seek: "iterator.seek, await next",
    delete: "await del",
    compact: "await compactRange",
  };
  readonly #db: ClassicLevel;
  readonly #write: { sync: boolean };
  #seeker: Iterator | undefined;

  private constructor(db: ClassicLevel, version: string, durable: boolean) {
    this.#db = db;
    this.version = version;
    this.#write = { sync: durable };
  }

  static async open(peer: LoadedPeer, settings: StoreSettings): Promise<ClassicLevelStore> {
    const { ClassicLevel } = peer.exports as { ClassicLevel: Constructor };
    const db = new ClassicLevel(settings.directory, {
      keyEncoding: "buffer",
      valueEncoding: "buffer",
      compression: false,
      cacheSize: settings.cacheBytes,
      ...(settings.writeBufferBytes !== undefined && { writeBufferSize: settings.writeBufferBytes }),
    });
    await db.open();
    return new ClassicLevelStore(db, peer.version, settings.durable);
  }

  put(key: Buffer, value: Buffer): Pending {
    return this.#db.put(key, value, this.#write);
  }

  putConcurrently(key: Buffer, value: Buffer): Promise<unknown> {
    return this.#db.put(key, value, this.#write);
  }

  delete(key: Buffer): Pending {
    return this.#db.del(key, this.#write);
  }

  batch(keys: readonly Buffer[], values: readonly Buffer[]): Pending {
    const operations = keys.map((key, i): Operation => ({ type: "put", key, value: values[i]! }));
    return this.#db.batch(operations, this.#write);
  }

  get(key: Buffer): number {
    const value = this.#db.getSync(key);
    return value === undefined ? -1 : value.length;
  }

  async scan({ from, reverse, limit }: ScanRange): Promise<number> {
    const bound = from && (reverse ? { lte: from } : { gte: from });
    const iterator = this.#db.iterator({ ...bound, reverse, limit, highWaterMarkBytes: SCAN_BYTES });
    let count = 0;
    for (;;) {
      const entries = await iterator.nextv(Math.min(SCAN_ENTRIES, limit));
      if (entries.length === 0) break;
      for (const [key, value] of entries) touch(key, value);
      count += entries.length;
    }
    await iterator.close();
    return count;
  }

  seek(key: Buffer): Eventually<number> {
    const seeker = (this.#seeker ??= this.#db.iterator({}));
    seeker.seek(key);
    return seeker.next().then((entry) => {
      if (!entry) return 0;
      touch(entry[0], entry[1]);
      return 1;
    });
  }

  async settle(): Promise<void> {}

  async compact(): Promise<void> {
    await this.#db.compactRange(Buffer.alloc(0), Buffer.alloc(32, 0xff));
  }

  shape(): StoreShape {
    const tables = Array.from({ length: LEVELS }, (_, level) =>
      Number(this.#db.getProperty(`leveldb.num-files-at-level${level}`)),
    );
    return { levelTables: tables };
  }

  async close(): Promise<void> {
    await this.#seeker?.close();
    await this.#db.close();
  }
}

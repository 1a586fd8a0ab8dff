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
interface RocksDb {
  ready(): Promise<void>;
  get(key: Buffer): Promise<Buffer | null>;
  put(key: Buffer, value: Buffer): Promise<void>;
  delete(key: Buffer): Promise<void>;
  write(options: { capacity: number; autoDestroy: boolean }): WriteBatch;
  iterator(range: Record<string, unknown>): AsyncIterable<{ key: Buffer; value: Buffer }>;
  compactRange(): Promise<void>;
  close(): Promise<void>;
}

interface WriteBatch {
  tryPut(key: Buffer, value: Buffer): void;
  flush(): Promise<void>;
}

type Constructor = new (directory: string, options: Record<string, unknown>) => RocksDb;

/** Entries fetched at once: more than the default of 8, which makes a scan one of context switches. */
const SCAN_ENTRIES = 1000;

/** RocksDB by rocksdb-native: promises alone. Its block cache is the package's own: it has no option for the size. */
export class RocksDbNativeStore implements BenchStore {
  readonly version: string;
  readonly syncs = false;
  readonly calls: Calls = {
    put: "await put",
    batch: "write batch: tryPut, await flush",
    get: "await get",
    scan: `iterator, capacity ${SCAN_ENTRIES}, for-await`,
    seek: "iterator, limit 1",
    delete: "await delete",
    compact: "await compactRange",
  };
  readonly #db: RocksDb;

  private constructor(db: RocksDb, version: string) {
    this.#db = db;
    this.version = version;
  }

  static async open(peer: LoadedPeer, settings: StoreSettings): Promise<RocksDbNativeStore> {
    const RocksDb = peer.exports as Constructor;
    const writeBuffer = settings.writeBufferBytes !== undefined && { writeBufferSize: settings.writeBufferBytes };
    const db = new RocksDb(settings.directory, { ...writeBuffer });
    await db.ready();
    return new RocksDbNativeStore(db, peer.version);
  }

  put(key: Buffer, value: Buffer): Pending {
    return this.#db.put(key, value);
  }

  delete(key: Buffer): Pending {
    return this.#db.delete(key);
  }

  batch(keys: readonly Buffer[], values: readonly Buffer[]): Pending {
    const batch = this.#db.write({ capacity: keys.length, autoDestroy: true });
    for (let i = 0; i < keys.length; i++) batch.tryPut(keys[i]!, values[i]!);
    return batch.flush();
  }

  async get(key: Buffer): Promise<number> {
    const value = await this.#db.get(key);
    return value ? value.length : -1;
  }

  async scan({ from, reverse, limit }: ScanRange): Promise<number> {
    const bound = from && (reverse ? { lte: from } : { gte: from });
    const capacity = Math.min(SCAN_ENTRIES, limit);
    let entries = 0;
    for await (const { key, value } of this.#db.iterator({ ...bound, reverse, limit, capacity })) {
      touch(key, value);
      entries++;
    }
    return entries;
  }

  seek(key: Buffer): Eventually<number> {
    return this.scan({ from: key, reverse: false, limit: 1 });
  }

  async settle(): Promise<void> {}

  async compact(): Promise<void> {
    await this.#db.compactRange();
  }

  shape(): StoreShape {
    return {};
  }

  async close(): Promise<void> {
    await this.#db.close();
  }
}

import type { LoadedPeer } from "tinykv/harness";
import {
  touch,
  type BenchStore,
  type Calls,
  type Pending,
  type ScanRange,
  type StoreSettings,
  type StoreShape,
} from "./store.ts";

/** As much of the package's database as is used. */
interface Lmdb {
  put(key: Buffer, value: Buffer): Promise<boolean>;
  putSync(key: Buffer, value: Buffer): void;
  remove(key: Buffer): Promise<boolean>;
  removeSync(key: Buffer): boolean;
  getBinary(key: Buffer): Buffer | undefined;
  getRange(options: Record<string, unknown>): Iterable<{ key: Buffer; value: Buffer }>;
  transactionSync(action: () => void): void;
  readonly committed: Promise<boolean>;
  close(): Promise<void>;
}

/** Writes in the queue before the loop waits: what lmdb's documentation means writes to be used like. */
const QUEUE = 1000;

/** LMDB by lmdb: a queue of asynchronous puts, one transaction a batch, getBinary, getRange. */
export class LmdbStore implements BenchStore {
  readonly version: string;
  readonly syncs = true;
  readonly calls: Calls;
  readonly #db: Lmdb;
  /** Writes under way before the loop waits; 0: each is a transaction of its own, done when the call returns. */
  readonly #queue: number;
  #queued = 0;

  private constructor(db: Lmdb, version: string, { durable, readsOwnWrites }: StoreSettings) {
    this.#db = db;
    this.version = version;
    this.#queue = readsOwnWrites ? 0 : durable ? 1 : QUEUE;
    const puts = ["putSync", "await put"][this.#queue];
    this.calls = {
      put: puts ?? `put, awaited every ${QUEUE}: a write is not accepted when the call returns`,
      batch: "transactionSync of putSync",
      get: "getBinary",
      scan: "getRange, for-of",
      seek: "getRange, limit 1",
      delete: ["removeSync", "await remove"][this.#queue] ?? `remove, awaited every ${QUEUE}`,
    };
  }

  static async open(peer: LoadedPeer, settings: StoreSettings): Promise<LmdbStore> {
    const { open } = peer.exports as { open(options: Record<string, unknown>): Lmdb };
    const db = open({
      path: settings.directory,
      noSubdir: false,
      encoding: "binary",
      keyEncoding: "binary",
      cache: false,
      compression: false,
      overlappingSync: false,
      noSync: !settings.durable,
    });
    return new LmdbStore(db, peer.version, settings);
  }

  put(key: Buffer, value: Buffer): Pending {
    if (this.#queue === 0) {
      this.#db.putSync(key, value);
      return undefined;
    }
    const committed = this.#db.put(key, value);
    return ++this.#queued % this.#queue === 0 ? committed : undefined;
  }

  putConcurrently(key: Buffer, value: Buffer): Promise<unknown> {
    return this.#db.put(key, value);
  }

  delete(key: Buffer): Pending {
    if (this.#queue === 0) {
      this.#db.removeSync(key);
      return undefined;
    }
    const committed = this.#db.remove(key);
    return ++this.#queued % this.#queue === 0 ? committed : undefined;
  }

  batch(keys: readonly Buffer[], values: readonly Buffer[]): Pending {
    this.#db.transactionSync(() => {
      for (let i = 0; i < keys.length; i++) this.#db.putSync(keys[i]!, values[i]!);
    });
    return undefined;
  }

  get(key: Buffer): number {
    const value = this.#db.getBinary(key);
    return value === undefined ? -1 : value.length;
  }

  scan({ from, reverse, limit }: ScanRange): number {
    const start = from && { start: from };
    let entries = 0;
    for (const { key, value } of this.#db.getRange({ ...start, reverse, limit })) {
      touch(key, value);
      entries++;
    }
    return entries;
  }

  seek(key: Buffer): number {
    return this.scan({ from: key, reverse: false, limit: 1 });
  }

  async settle(): Promise<void> {
    await this.#db.committed;
  }

  shape(): StoreShape {
    return {};
  }

  async close(): Promise<void> {
    await this.#db.close();
  }
}

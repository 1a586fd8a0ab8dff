import { join } from "node:path";
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

interface Row {
  readonly k: Buffer;
  readonly v: Buffer;
}

/** As much of the package's classes as is used. */
interface Statement {
  run(...parameters: unknown[]): unknown;
  get(...parameters: unknown[]): Row | undefined;
  iterate(...parameters: unknown[]): Iterable<Row>;
}

interface Sqlite {
  pragma(source: string): unknown;
  exec(source: string): unknown;
  prepare(source: string): Statement;
  transaction<T extends unknown[]>(action: (...parameters: T) => void): (...parameters: T) => void;
  close(): void;
}

type Constructor = new (file: string) => Sqlite;

/** Before and behind every key: blobs compare as bytes. */
const FIRST = Buffer.alloc(0);
const LAST = Buffer.alloc(32, 0xff);

/** SQLite by better-sqlite3: one table without row numbers, prepared statements, a transaction a batch. */
export class BetterSqlite3Store implements BenchStore {
  readonly version: string;
  readonly syncs = true;
  readonly calls: Calls = {
    put: "INSERT OR REPLACE, prepared",
    batch: "one transaction of INSERT OR REPLACE",
    get: "SELECT, prepared",
    scan: "SELECT … ORDER BY, iterate",
    seek: "SELECT … LIMIT 1, get",
    delete: "DELETE, prepared",
    compact: "VACUUM",
  };
  readonly #db: Sqlite;
  readonly #put: Statement;
  readonly #delete: Statement;
  readonly #get: Statement;
  readonly #forward: Statement;
  readonly #backward: Statement;
  readonly #batch: (keys: readonly Buffer[], values: readonly Buffer[]) => void;

  constructor(peer: LoadedPeer, { directory, cacheBytes, durable }: StoreSettings) {
    this.version = peer.version;
    const Sqlite = peer.exports as Constructor;
    const db = new Sqlite(join(directory, "bench.sqlite"));
    db.pragma("journal_mode = WAL");
    db.pragma(`synchronous = ${durable ? "FULL" : "OFF"}`);
    db.pragma(`cache_size = ${-Math.max(1, cacheBytes >> 10)}`);
    db.exec("CREATE TABLE IF NOT EXISTS entries (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID");
    this.#db = db;
    this.#put = db.prepare("INSERT OR REPLACE INTO entries VALUES (?, ?)");
    this.#delete = db.prepare("DELETE FROM entries WHERE k = ?");
    this.#get = db.prepare("SELECT v FROM entries WHERE k = ?");
    this.#forward = db.prepare("SELECT k, v FROM entries WHERE k >= ? ORDER BY k LIMIT ?");
    this.#backward = db.prepare("SELECT k, v FROM entries WHERE k <= ? ORDER BY k DESC LIMIT ?");
    this.#batch = db.transaction((keys: readonly Buffer[], values: readonly Buffer[]) => {
      for (let i = 0; i < keys.length; i++) this.#put.run(keys[i], values[i]);
    });
  }

  put(key: Buffer, value: Buffer): Pending {
    this.#put.run(key, value);
    return undefined;
  }

  delete(key: Buffer): Pending {
    this.#delete.run(key);
    return undefined;
  }

  batch(keys: readonly Buffer[], values: readonly Buffer[]): Pending {
    this.#batch(keys, values);
    return undefined;
  }

  get(key: Buffer): number {
    const row = this.#get.get(key);
    return row === undefined ? -1 : row.v.length;
  }

  scan({ from, reverse, limit }: ScanRange): number {
    const statement = reverse ? this.#backward : this.#forward;
    let entries = 0;
    for (const { k, v } of statement.iterate(from ?? (reverse ? LAST : FIRST), limit)) {
      touch(k, v);
      entries++;
    }
    return entries;
  }

  seek(key: Buffer): number {
    const row = this.#forward.get(key, 1);
    if (!row) return 0;
    touch(row.k, row.v);
    return 1;
  }

  async settle(): Promise<void> {}

  async compact(): Promise<void> {
    this.#db.exec("VACUUM");
  }

  shape(): StoreShape {
    return {};
  }

  async close(): Promise<void> {
    this.#db.close();
  }
}

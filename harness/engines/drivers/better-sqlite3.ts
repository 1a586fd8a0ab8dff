import { closeSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { dirname, join } from "node:path";
import type { LoadedPeer } from "../peers.ts";
import type { DrivenEngine, DrivenSnapshot, DrivenStore, DriverRange } from "./serve.ts";

interface Row {
  readonly k: Buffer;
  readonly v: Buffer;
}

/** As much of the package's classes as is used. */
interface Statement {
  run(...parameters: unknown[]): unknown;
  get(...parameters: unknown[]): Row | undefined;
  all(...parameters: unknown[]): Row[];
}

interface Sqlite {
  pragma(source: string): unknown;
  exec(source: string): unknown;
  prepare(source: string): Statement;
  transaction<T extends unknown[]>(action: (...parameters: T) => void): (...parameters: T) => void;
  close(): void;
}

type Constructor = new (file: string, options?: object) => Sqlite;

/** SQLite's own word for no limit. */
const NO_LIMIT = -1;

/**
 * SQLite by better-sqlite3: one table, write-ahead log; synced writes with synchronous = FULL, others with NORMAL, which syncs
 * nothing but around a checkpoint. OFF would not do that either, and so risk what was synced before.
 */
export function betterSqlite3({ exports }: LoadedPeer): DrivenEngine {
  const Sqlite = exports as Constructor;
  return {
    capabilities: ["batch", "scan", "reverse", "snapshot", "flush", "compact"],
    durability: { sync: "power", noSync: "kill" },
    open(directory): DrivenStore {
      makeDirectory(directory);
      const file = join(directory, "store.sqlite");
      const db = new Sqlite(file);
      db.pragma("journal_mode = WAL");
      db.exec("CREATE TABLE IF NOT EXISTS entries (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID");
      return drive(db, () => new Sqlite(file, { readonly: true }));
    },
  };
}

/** SQLite makes files, not their directory: that is ours to make, and to make durable. */
function makeDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true });
  const parent = openSync(dirname(directory), "r");
  fsyncSync(parent);
  closeSync(parent);
}

class SqliteSnapshot implements DrivenSnapshot {
  readonly reader: Sqlite;

  constructor(reader: Sqlite) {
    this.reader = reader;
    // The first read of a transaction is what fixes what it sees.
    reader.exec("BEGIN");
    reader.prepare("SELECT k, v FROM entries LIMIT 1").get();
  }

  close(): void {
    this.reader.exec("COMMIT");
    this.reader.close();
  }
}

function drive(db: Sqlite, reader: () => Sqlite): DrivenStore {
  const put = db.prepare("INSERT OR REPLACE INTO entries VALUES (?, ?)");
  const remove = db.prepare("DELETE FROM entries WHERE k = ?");
  const at = (snapshot: DrivenSnapshot | undefined): Sqlite =>
    snapshot instanceof SqliteSnapshot ? snapshot.reader : db;
  const synced = (sync: boolean, write: () => void): void => {
    db.pragma(`synchronous = ${sync ? "FULL" : "NORMAL"}`);
    write();
  };
  return {
    put: (key, value, sync) => synced(sync, () => put.run(key, value)),
    delete: (key, sync) => synced(sync, () => remove.run(key)),
    batch: (changes, sync) =>
      synced(
        sync,
        db.transaction(() => {
          for (const change of changes) {
            if (change.kind === "put") put.run(change.key, change.value);
            else remove.run(change.key);
          }
        }),
      ),
    get: (key, snapshot) => at(snapshot).prepare("SELECT k, v FROM entries WHERE k = ?").get(key)?.v,
    scan: (range, snapshot) => scan(at(snapshot), range),
    snapshot: () => new SqliteSnapshot(reader()),
    flush: () => void db.pragma("wal_checkpoint(TRUNCATE)"),
    compact: () => void db.exec("VACUUM"),
    close: () => db.close(),
  };
}

function scan(db: Sqlite, { gte, gt, lt, lte, reverse, limit }: DriverRange): [Buffer, Buffer][] {
  const conditions: string[] = [];
  const keys: Buffer[] = [];
  for (const [operator, key] of [
    [">=", gte],
    [">", gt],
    ["<", lt],
    ["<=", lte],
  ] as const) {
    if (!key) continue;
    conditions.push(`k ${operator} ?`);
    keys.push(key);
  }
  const where = conditions.length > 0 ? `WHERE ${conditions.join(" AND ")}` : "";
  const order = reverse ? "DESC" : "ASC";
  const statement = db.prepare(`SELECT k, v FROM entries ${where} ORDER BY k ${order} LIMIT ?`);
  return statement.all(...keys, Number.isFinite(limit) ? limit : NO_LIMIT).map(({ k, v }) => [k, v]);
}

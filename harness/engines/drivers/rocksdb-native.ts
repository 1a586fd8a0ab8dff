import type { LoadedPeer } from "../peers.ts";
import type { DrivenEngine, DrivenSnapshot, DrivenStore, DriverRange } from "./serve.ts";

/** As much of the package's class as is used. */
interface RocksDb {
  ready(): Promise<void>;
  get(key: Buffer): Promise<Buffer | undefined>;
  put(key: Buffer, value: Buffer): Promise<void>;
  delete(key: Buffer): Promise<void>;
  write(options: { capacity: number; autoDestroy: boolean }): WriteBatch;
  iterator(range: object): AsyncIterable<{ key: Buffer; value: Buffer }>;
  /** A view of the same store at one moment, with the same calls. */
  snapshot(): RocksDb;
  flush(): Promise<void>;
  compactRange(): Promise<void>;
  close(): Promise<void>;
}

interface WriteBatch {
  tryPut(key: Buffer, value: Buffer): void;
  tryDelete(key: Buffer): void;
  flush(): Promise<void>;
}

type Constructor = new (directory: string, options: object) => RocksDb;

/** RocksDB by rocksdb-native, which has no synced write: both kinds claim what survives a kill. */
export function rocksdbNative({ exports }: LoadedPeer): DrivenEngine {
  const RocksDb = exports as Constructor;
  return {
    capabilities: ["batch", "scan", "reverse", "snapshot", "flush", "compact"],
    durability: { sync: "kill", noSync: "kill" },
    async open(directory, options): Promise<DrivenStore> {
      const db = new RocksDb(directory, { ...options });
      await db.ready();
      return drive(db);
    },
  };
}

class RocksSnapshot implements DrivenSnapshot {
  readonly view: RocksDb;

  constructor(view: RocksDb) {
    this.view = view;
  }

  close(): Promise<void> {
    return this.view.close();
  }
}

function drive(db: RocksDb): DrivenStore {
  const at = (snapshot: DrivenSnapshot | undefined): RocksDb =>
    snapshot instanceof RocksSnapshot ? snapshot.view : db;
  return {
    put: (key, value) => db.put(key, value),
    delete: (key) => db.delete(key),
    async batch(changes): Promise<void> {
      // The package hangs on a batch of nothing.
      if (changes.length === 0) return;
      const batch = db.write({ capacity: changes.length, autoDestroy: true });
      for (const change of changes) {
        if (change.kind === "put") batch.tryPut(change.key, change.value);
        else batch.tryDelete(change.key);
      }
      await batch.flush();
    },
    get: async (key, snapshot) => (await at(snapshot).get(key)) ?? undefined,
    scan: (range, snapshot) => collect(at(snapshot), range),
    snapshot: () => new RocksSnapshot(db.snapshot()),
    flush: () => db.flush(),
    compact: () => db.compactRange(),
    close: () => db.close(),
  };
}

async function collect(db: RocksDb, { limit, ...range }: DriverRange): Promise<[Buffer, Buffer][]> {
  const entries: [Buffer, Buffer][] = [];
  if (limit === 0) return entries;
  for await (const { key, value } of db.iterator({ ...range, ...(Number.isFinite(limit) && { limit }) }))
    entries.push([key, value]);
  return entries;
}

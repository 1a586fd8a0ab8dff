import { UNSUPPORTED } from "../../unsupported.ts";
import type { LoadedPeer } from "../peers.ts";
import { DriverError } from "../stdio/protocol.ts";
import type { DrivenEngine, DrivenSnapshot, DrivenStore, DriverRange } from "./serve.ts";

/** As much of the package's database as is used. */
interface Lmdb {
  put(key: Buffer, value: Buffer): Promise<boolean>;
  remove(key: Buffer): Promise<boolean>;
  putSync(key: Buffer, value: Buffer): void;
  removeSync(key: Buffer): boolean;
  transaction<T>(action: () => T): Promise<T>;
  getBinary(key: Buffer, options: object): Buffer | undefined;
  getRange(options: object): { readonly asArray: readonly { key: Buffer; value: Buffer }[] };
  useReadTransaction(): LmdbTransaction;
  readonly flushed: Promise<unknown>;
  close(): Promise<void>;
}

interface LmdbTransaction {
  done(): void;
}

/** LMDB's limit with the package's pages of 4 KiB; an empty key it refuses too. */
const KEY_BYTES_MOST = 1978;

/**
 * LMDB by lmdb. Its commits are synced before their promise resolves (overlappingSync off), whatever is asked; of a write
 * without sync the protocol can claim no more than that it survives a kill.
 */
export function lmdb({ exports }: LoadedPeer): DrivenEngine {
  const { open } = exports as { open(options: object): Lmdb };
  return {
    capabilities: ["batch", "scan", "reverse", "snapshot"],
    durability: { sync: "power", noSync: "kill" },
    open: (directory, options): DrivenStore =>
      drive(
        open({
          ...options,
          path: directory,
          noSubdir: false,
          encoding: "binary",
          keyEncoding: "binary",
          cache: false,
          compression: false,
          overlappingSync: false,
        }),
      ),
  };
}

class LmdbSnapshot implements DrivenSnapshot {
  readonly transaction: LmdbTransaction;

  constructor(transaction: LmdbTransaction) {
    this.transaction = transaction;
  }

  close(): void {
    this.transaction.done();
  }
}

function drive(db: Lmdb): DrivenStore {
  return {
    put: async (key, value) => void (await db.put(fitting(key), value)),
    delete: async (key) => void (await db.remove(fitting(key))),
    async batch(changes): Promise<void> {
      for (const { key } of changes) fitting(key);
      await db.transaction(() => {
        for (const change of changes) {
          if (change.kind === "put") db.putSync(change.key, change.value);
          else db.removeSync(change.key);
        }
      });
    },
    get: (key, snapshot) => db.getBinary(fitting(key), at(snapshot)),
    scan: (range, snapshot) =>
      db.getRange({ ...bounds(range), ...at(snapshot) }).asArray.map(({ key, value }) => [key, value] as const),
    snapshot: () => new LmdbSnapshot(db.useReadTransaction()),
    close: () => db.close(),
  };
}

function at(snapshot: DrivenSnapshot | undefined): object {
  return snapshot instanceof LmdbSnapshot ? { transaction: snapshot.transaction } : {};
}

function fitting(key: Buffer): Buffer {
  if (key.length > 0 && key.length <= KEY_BYTES_MOST) return key;
  throw new DriverError(UNSUPPORTED, `LMDB takes keys of 1 to ${KEY_BYTES_MOST} bytes, not of ${key.length}`);
}

// A range of the package starts at `start`, which it includes, and ends before `end`; backwards the same way round.
function bounds({ gte, gt, lt, lte, reverse, limit }: DriverRange): object {
  const first = reverse ? (lte ?? lt) : (gte ?? gt);
  const last = reverse ? (gte ?? gt) : (lte ?? lt);
  for (const key of [first, last]) if (key) fitting(key);
  return {
    ...(first && { start: first, exclusiveStart: reverse ? lt !== undefined && !lte : gt !== undefined && !gte }),
    ...(last && { end: last, inclusiveEnd: reverse ? gte !== undefined : lte !== undefined }),
    reverse,
    ...(Number.isFinite(limit) && { limit }),
  };
}

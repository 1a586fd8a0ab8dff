import { UNSUPPORTED } from "../../unsupported.ts";
import type { LoadedPeer } from "../peers.ts";
import { DriverError } from "../stdio/protocol.ts";
import type { DrivenEngine, DrivenSnapshot, DrivenStore, DriverChange, DriverRange } from "./serve.ts";

/** As much of the package's class as is used. */
interface ClassicLevel {
  open(): Promise<void>;
  put(key: Buffer, value: Buffer, options: { sync: boolean }): Promise<void>;
  del(key: Buffer, options: { sync: boolean }): Promise<void>;
  batch(operations: readonly Operation[], options: { sync: boolean }): Promise<void>;
  get(key: Buffer, options: object): Promise<Buffer | undefined>;
  iterator(options: object): { all(): Promise<[Buffer, Buffer][]> };
  snapshot(): DrivenSnapshot;
  compactRange(start: Buffer, end: Buffer): Promise<void>;
  close(): Promise<void>;
}

type Operation =
  | { readonly type: "put"; readonly key: Buffer; readonly value: Buffer }
  | { readonly type: "del"; readonly key: Buffer };

type Constructor = new (directory: string, options: object) => ClassicLevel;

/** Behind every key that a workload makes. */
const LAST = Buffer.alloc(32, 0xff);

/** LevelDB by classic-level. A put without sync is handed to the kernel before it resolves, one with sync is in its log. */
export function classicLevel({ exports }: LoadedPeer): DrivenEngine {
  const { ClassicLevel } = exports as { ClassicLevel: Constructor };
  return {
    capabilities: ["batch", "scan", "reverse", "snapshot", "compact"],
    durability: { sync: "power", noSync: "kill" },
    async open(directory, options): Promise<DrivenStore> {
      const db = new ClassicLevel(directory, { ...options, keyEncoding: "buffer", valueEncoding: "buffer" });
      await db.open().catch((error: unknown) => {
        // The package says "failed to open", and why only in the cause.
        throw error instanceof Error && error.cause instanceof Error ? error.cause : error;
      });
      return drive(db);
    },
  };
}

function drive(db: ClassicLevel): DrivenStore {
  return {
    put: (key, value, sync) => db.put(key, value, { sync }),
    delete: (key, sync) => db.del(key, { sync }),
    batch: (changes, sync) => db.batch(changes.map(toOperation), { sync }),
    get: (key, snapshot) => db.get(key, { snapshot }),
    scan: (range, snapshot) => db.iterator({ ...bounds(range), snapshot }).all(),
    snapshot: () => db.snapshot(),
    compact: () => db.compactRange(Buffer.alloc(0), LAST),
    close: () => db.close(),
  };
}

function toOperation(change: DriverChange): Operation {
  const { key } = change;
  return change.kind === "put" ? { type: "put", key, value: change.value } : { type: "del", key };
}

// The package takes -1 for "no limit", and an upper bound that is an empty key for none at all.
function bounds({ limit, ...range }: DriverRange): object {
  if (range.lt?.length === 0 || range.lte?.length === 0)
    throw new DriverError(UNSUPPORTED, "an empty key as upper bound");
  return { ...range, limit: Number.isFinite(limit) ? limit : -1 };
}

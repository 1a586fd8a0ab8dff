import type { Memtable } from "../memtable/memtable.ts";
import type { LogSet } from "./log-set.ts";
import type { MemtableHold } from "./memtable-memory.ts";
import type { Memtables } from "./memtables.ts";
import type { ObsoleteFiles } from "./obsolete-files.ts";
import type { Snapshots } from "./snapshots.ts";
import type { Counters } from "./counters.ts";
import type { StoreContext } from "./store-context.ts";
import type { TableCache } from "./table-cache.ts";
import type { VersionPins } from "./version-pins.ts";
import type { VersionSet } from "./version-set.ts";

/** A log or manifest, and where its last record ends. */
export interface LogExtent {
  readonly number: number;
  readonly size: number;
}

/** What reads need: the same for a store open for writing and a read-only one. */
export interface Readable {
  readonly context: StoreContext;
  readonly tables: TableCache;
  readonly snapshots: Snapshots;
  readonly counters: Counters;
  readonly pins: VersionPins;
  /** The greatest visible sequence number. */
  lastSequence(): number;
  /** Newest first. */
  memtables(): readonly Memtable[];
  /** Keeps them readable until the hold is released: for whoever reads them in more than one go. */
  holdMemtables(): MemtableHold;
  /** The manifest and the logs that hold this state, ascending; what verify() reads. */
  manifest(): LogExtent;
  logs(): readonly LogExtent[];
  /** A read-only store's writer has changed the manifest since: the files of this state may be gone from the directory. */
  hasMovedOn(): boolean;
}

/** The parts of a store that is open for writing. Each part owns its state; this is only how they find each other. */
export interface Store {
  readonly context: StoreContext;
  readonly versions: VersionSet;
  readonly memtables: Memtables;
  readonly logs: LogSet;
  readonly tables: TableCache;
  readonly obsolete: ObsoleteFiles;
  readonly snapshots: Snapshots;
  readonly counters: Counters;
}

export function readableOf(store: Store): Readable {
  const { context, tables, snapshots, counters, versions, memtables, logs } = store;
  return {
    context,
    tables,
    snapshots,
    counters,
    pins: versions.pins,
    lastSequence: () => versions.lastSequence,
    memtables: () => memtables.newestFirst(),
    holdMemtables: () => memtables.hold(),
    manifest: () => versions.manifest,
    hasMovedOn: () => false,
    logs: () => [...logs.closed, { number: logs.number, size: logs.current.size }],
  };
}

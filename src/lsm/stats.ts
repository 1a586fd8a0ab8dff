import type { Memtable } from "../memtable/memtable.ts";
import type { Background } from "./background.ts";
import type { StallCause } from "./events.ts";
import type { JobDescription } from "./job-description.ts";
import { levelTargets } from "./level-targets.ts";
import type { Readable, Store } from "./store.ts";

export interface LevelStats {
  readonly level: number;
  readonly tables: number;
  readonly bytes: number;
  readonly entries: number;
  readonly tombstones: number;
  /** Bytes over target; 1 and more: a compaction is due. */
  readonly score: number;
  /** Bytes that compactions into this level (flushes, for level 0) have read and written in this session. */
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly compactions: number;
}

export interface StallStats {
  /** Writes that had to stop, and for how long together. */
  readonly count: number;
  readonly milliseconds: number;
  /** Writes that were held back by up to a millisecond each, and by how much together. */
  readonly delays: number;
  readonly delayMilliseconds: number;
  readonly lastCause: StallCause | undefined;
  readonly lastJob: number | undefined;
}

/** What an open store can say of itself; counters are of this session. Sizes in bytes. */
export interface Stats {
  readonly levels: readonly LevelStats[];
  readonly lastSequence: number;
  readonly memtables: { readonly count: number; readonly entries: number; readonly bytes: number };
  readonly logs: {
    readonly count: number;
    readonly bytes: number;
    readonly waiting: boolean;
    readonly current: number;
  };
  readonly manifest: { readonly number: number; readonly bytes: number };
  readonly writes: {
    readonly batches: number;
    readonly entries: number;
    readonly bytes: number;
    readonly syncs: number;
  };
  readonly reads: { readonly gets: number; readonly found: number; readonly tablesAsked: number };
  /** Bytes written to logs and tables over bytes put; tables asked over gets; table bytes over live bytes. 0 before any. */
  readonly writeAmplification: number;
  readonly readAmplification: number;
  readonly spaceAmplification: number;
  readonly cache: {
    readonly bytes: number;
    readonly capacity: number;
    readonly hits: number;
    readonly misses: number;
    readonly evictions: number;
  };
  readonly openFiles: number;
  readonly indexAndFilterBytes: number;
  readonly flushes: number;
  readonly compactions: number;
  readonly entriesDropped: number;
  readonly failedJobs: number;
  readonly stalls: StallStats;
  readonly tombstones: number;
  readonly snapshots: number;
  readonly cursors: number;
  readonly jobs: readonly JobDescription[];
  /** Bytes of the logs that recovery left out. */
  readonly lostBytes: number;
  readonly io: {
    readonly reads: number;
    readonly readBytes: number;
    readonly writes: number;
    readonly writeBytes: number;
    readonly syncs: number;
    readonly directorySyncs: number;
  };
}

export function collectStats(readable: Readable, writer: { store: Store; background: Background } | undefined): Stats {
  const { context, tables, snapshots, counters, pins } = readable;
  const levels = levelStats(readable);
  const tableBytesWritten = levels.reduce((sum, level) => sum + level.writtenBytes, 0);
  const deepest = levels.reduce((most, level) => Math.max(most, level.bytes), 0);
  const { reads, readBytes, writes, writeBytes, syncs, directorySyncs } = context.env.counters;
  const { blocks } = tables;
  const memtables = readable.memtables();
  const sum = (of: (memtable: Memtable) => number): number =>
    memtables.reduce((total, memtable) => total + of(memtable), 0);
  const manifest = readable.manifest();
  return {
    levels,
    lastSequence: readable.lastSequence(),
    memtables: {
      count: memtables.length,
      entries: sum((table) => table.entries),
      bytes: sum((table) => table.bytesUsed),
    },
    logs: logStats(readable, writer?.store),
    manifest: { number: manifest.number, bytes: manifest.size },
    writes: { batches: counters.batches, entries: counters.entries, bytes: counters.bytes, syncs: counters.syncs },
    reads: { gets: counters.gets, found: counters.found, tablesAsked: counters.tablesAsked },
    writeAmplification: ratio(counters.logBytes + tableBytesWritten, counters.bytes),
    readAmplification: ratio(counters.tablesAsked, counters.gets),
    spaceAmplification: ratio(pins.current.totalBytes, deepest),
    cache: {
      bytes: blocks.bytes,
      capacity: blocks.capacity,
      hits: blocks.hits,
      misses: blocks.misses,
      evictions: blocks.evictions,
    },
    openFiles: tables.openFiles,
    indexAndFilterBytes: tables.memoryBytes,
    flushes: counters.flushes,
    compactions: counters.compactions,
    entriesDropped: counters.entriesDropped,
    failedJobs: counters.failedJobs,
    stalls: { ...counters.stalls },
    tombstones: levels.reduce((total, level) => total + level.tombstones, 0),
    snapshots: snapshots.count,
    cursors: counters.cursors,
    jobs: writer?.background.jobs() ?? [],
    lostBytes: counters.lostBytes,
    io: { reads, readBytes, writes, writeBytes, syncs, directorySyncs },
  };
}

function logStats(readable: Readable, store: Store | undefined): Stats["logs"] {
  const logs = readable.logs();
  const bytes = logs.reduce((sum, log) => sum + log.size, 0);
  return { count: logs.length, bytes, waiting: store?.logs.waiting !== undefined, current: logs.at(-1)?.number ?? 0 };
}

function levelStats({ pins, context, counters }: Readable): LevelStats[] {
  const version = pins.current;
  const { scores } = levelTargets(version, context.options);
  return version.levels.map((tables, level) => ({
    level,
    tables: tables.length,
    bytes: version.levelBytes(level),
    entries: tables.reduce((sum, table) => sum + table.entries, 0),
    tombstones: tables.reduce((sum, table) => sum + table.deletes, 0),
    score: scores[level] ?? 0,
    ...counters.level(level),
  }));
}

function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b;
}

// Options as the user gives them, and as the engine uses them. Each default and each limit stands here and nowhere else;
// a value out of range throws, nothing is clipped.

import { bytewise, type Comparator } from "../common/comparator.ts";
import { invalidArgument } from "../common/errors.ts";
import { COMPARATOR_NAME_BYTES_MAX } from "../common/limits.ts";
import type { Env } from "../util/env.ts";
import { nodeEnv } from "../util/node-env.ts";
import type { Listeners } from "./events.ts";
import type { Logger } from "./logger.ts";

/** What a recovery does with a damaged write-ahead log; docs/guarantees.md tells them apart. */
export type WalRecoveryMode = "pointInTime" | "absolute" | "skipCorrupted";

/**
 * Who moves flushes and compactions: a worker thread, each write a bounded part of them, or only runBackgroundStep().
 * "thread" becomes "inline", and the logger is told why, where Env has no worker or a comparator no module.
 */
export type BackgroundMode = "thread" | "inline" | "manual";

/** All options of open(); sizes in bytes. Everything but `comparator` and a smaller `numLevels` may change between two opens. */
export interface Options {
  /** Create the store when the directory holds none. Default true. */
  readonly createIfMissing?: boolean;
  /** Refuse (EXISTS) when there is a store already. Default false. */
  readonly errorIfExists?: boolean;
  /** Take no lock, change no byte, refuse every write (READ_ONLY). Default false. */
  readonly readOnly?: boolean;
  /** The order of keys. Default bytewise. */
  readonly comparator?: Comparator;
  /** Writes that do not say otherwise survive power loss once they return. Default true. */
  readonly sync?: boolean;
  /** Default "pointInTime". */
  readonly walRecoveryMode?: WalRecoveryMode;
  /** Reuse the file of a retired log for the next one: cheaper syncs. Default true. */
  readonly walRecycle?: boolean;
  /** Default "thread". */
  readonly background?: BackgroundMode;
  /** Check every invariant as it goes: slow. Default false. */
  readonly paranoid?: boolean;
  /** A write that would have to wait for a flush or compaction throws STALLED instead. Default false. */
  readonly noSlowdown?: boolean;
  /** The memory of one memtable. */
  readonly writeBufferSize?: number;
  /** Memtables at most: the one written to and those waiting for their flush. */
  readonly maxWriteBufferNumber?: number;
  /** Live logs beyond this many bytes force a flush of the oldest memtable. */
  readonly maxTotalWalSize?: number;
  /** The size at which a data block is closed. */
  readonly blockSize?: number;
  /** The block of a log: a power of two. */
  readonly logBlockSize?: number;
  /** An index beyond this size gets two levels. */
  readonly indexBlockSize?: number;
  /** Memory for data blocks read from tables. */
  readonly blockCacheSize?: number;
  /** Bits of Bloom filter a key; 0 for no filter. */
  readonly bloomBitsPerKey?: number;
  /** Descriptors held open for tables. */
  readonly maxOpenFiles?: number;
  /** The size at which a compaction starts its next output. */
  readonly targetFileSize?: number;
  /** The most bytes that the first level below level 0 should hold. */
  readonly maxBytesForLevelBase?: number;
  /** How many times larger each level is than the one above. */
  readonly maxBytesForLevelMultiplier?: number;
  /** Levels, level 0 included. */
  readonly numLevels?: number;
  /** Tables in level 0 that make a compaction due, slow writes down, stop them. */
  readonly level0FileNumCompactionTrigger?: number;
  readonly level0SlowdownWrites?: number;
  readonly level0StopWrites?: number;
  /** Bytes of input that the compactions of a worker thread read a second, at least 65536; 0, the default, is no limit. */
  readonly compactionBytesPerSecond?: number;
  /** The manifest is written anew beyond the larger of this and four times its snapshot. */
  readonly maxManifestFileSize?: number;
  /** The world. Default: the operating system's. */
  readonly env?: Env;
  readonly logger?: Logger;
  /** Listeners for events that fire inside open(); later ones come by on(). */
  readonly listeners?: Listeners;
}

/** Options with every default filled in. */
export type ResolvedOptions = Required<Omit<Options, "logger" | "listeners">> & Pick<Options, "logger" | "listeners">;

const MIB = 1 << 20;

type Defaults = Omit<ResolvedOptions, "maxTotalWalSize" | "env" | "logger" | "listeners">;

/** The defaults; `maxTotalWalSize` follows from the write buffers when it is not given. */
export const DEFAULTS: Defaults = {
  createIfMissing: true,
  errorIfExists: false,
  readOnly: false,
  comparator: bytewise,
  sync: true,
  walRecoveryMode: "pointInTime",
  walRecycle: true,
  background: "thread",
  paranoid: false,
  noSlowdown: false,
  // Chosen by bench, docs/performance.md: a larger buffer makes fewer and larger tables of level 0, and the level below it
  // takes four of them, so less is compacted; what it costs is memory, and log to recover.
  writeBufferSize: 16 * MIB,
  maxWriteBufferNumber: 3,
  blockSize: 4 << 10,
  logBlockSize: 32 << 10,
  indexBlockSize: 256 << 10,
  blockCacheSize: 64 * MIB,
  bloomBitsPerKey: 10,
  maxOpenFiles: 500,
  targetFileSize: 8 * MIB,
  maxBytesForLevelBase: 64 * MIB,
  maxBytesForLevelMultiplier: 10,
  numLevels: 7,
  level0FileNumCompactionTrigger: 4,
  level0SlowdownWrites: 8,
  level0StopWrites: 12,
  compactionBytesPerSecond: 0,
  maxManifestFileSize: MIB,
};

/** Live logs may hold this many times the write buffers before the oldest is forced out. */
const WAL_BUFFERS = 4;

const NO_MOST = Number.MAX_SAFE_INTEGER;

// [option, least, most]
const LIMITS = [
  ["writeBufferSize", 2 << 10, 1 << 30],
  ["maxWriteBufferNumber", 1, 16],
  ["maxTotalWalSize", 1, NO_MOST],
  ["blockSize", 16, 64 * MIB],
  ["logBlockSize", 512, 32 << 10],
  ["indexBlockSize", 16, 64 * MIB],
  ["blockCacheSize", 0, NO_MOST],
  ["bloomBitsPerKey", 0, 32],
  ["maxOpenFiles", 1, NO_MOST],
  ["targetFileSize", 1, NO_MOST],
  ["maxBytesForLevelBase", 1, NO_MOST],
  ["maxBytesForLevelMultiplier", 2, 100],
  ["numLevels", 2, 12],
  ["level0FileNumCompactionTrigger", 1, NO_MOST],
  ["level0SlowdownWrites", 1, NO_MOST],
  ["level0StopWrites", 1, NO_MOST],
  ["compactionBytesPerSecond", 0, NO_MOST],
  ["maxManifestFileSize", 1, NO_MOST],
] as const;

/** Slower compactions than this would make a stopped write wait for minutes. */
const COMPACTION_RATE_LEAST = 64 << 10;

const BOOLEANS = [
  "createIfMissing",
  "errorIfExists",
  "readOnly",
  "sync",
  "walRecycle",
  "paranoid",
  "noSlowdown",
] as const;

const RECOVERY_MODES: readonly string[] = ["pointInTime", "absolute", "skipCorrupted"];
const BACKGROUND_MODES: readonly string[] = ["thread", "inline", "manual"];

const KNOWN: ReadonlySet<string> = new Set([...Object.keys(DEFAULTS), "maxTotalWalSize", "env", "logger", "listeners"]);

/** Fills in defaults and checks every value; throws INVALID_ARGUMENT naming the option, NOT_SUPPORTED for what this version lacks. */
export function resolveOptions(raw: Options): ResolvedOptions {
  for (const name of Object.keys(raw)) {
    if (!KNOWN.has(name)) throw invalidArgument(`unknown option ${name}`);
  }
  const given = Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== undefined)) as Options;
  const merged: ResolvedOptions = { ...DEFAULTS, maxTotalWalSize: NO_MOST, env: nodeEnv, ...given };
  checkNumbers(merged);
  checkChoices(merged);
  checkComparator(merged.comparator);
  const { writeBufferSize, maxWriteBufferNumber } = merged;
  return { ...merged, maxTotalWalSize: given.maxTotalWalSize ?? WAL_BUFFERS * writeBufferSize * maxWriteBufferNumber };
}

function checkNumbers(options: ResolvedOptions): void {
  for (const [name, least, most] of LIMITS) {
    const value: unknown = options[name];
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least || value > most) {
      const range = most === NO_MOST ? `at least ${least}` : `from ${least} to ${most}`;
      throw invalidArgument(`${name} must be an integer ${range}, not ${String(value)}`);
    }
  }
  if ((options.logBlockSize & (options.logBlockSize - 1)) !== 0)
    throw invalidArgument("logBlockSize must be a power of two");
  const { compactionBytesPerSecond: rate } = options;
  if (rate > 0 && rate < COMPACTION_RATE_LEAST)
    throw invalidArgument(`compactionBytesPerSecond must be 0 or at least ${COMPACTION_RATE_LEAST}, not ${rate}`);
}

function checkChoices(options: ResolvedOptions): void {
  for (const name of BOOLEANS) {
    if (typeof options[name] !== "boolean") throw invalidArgument(`${name} must be true or false`);
  }
  if (!RECOVERY_MODES.includes(options.walRecoveryMode)) {
    throw invalidArgument(`walRecoveryMode must be one of ${RECOVERY_MODES.join(", ")}`);
  }
  if (!BACKGROUND_MODES.includes(options.background)) {
    throw invalidArgument(`background must be one of ${BACKGROUND_MODES.join(", ")}`);
  }
}

function checkComparator(comparator: Comparator): void {
  if (typeof comparator?.compare !== "function") throw invalidArgument("comparator must have a compare function");
  const bytes = typeof comparator.name === "string" ? Buffer.byteLength(comparator.name) : 0;
  if (bytes < 1 || bytes > COMPARATOR_NAME_BYTES_MAX) {
    throw invalidArgument(`a comparator's name must have 1 to ${COMPARATOR_NAME_BYTES_MAX} bytes`);
  }
  // A worker thread that took a string for no module would order keys by their bytes.
  if (comparator.module !== undefined && !(comparator.module instanceof URL))
    throw invalidArgument("a comparator's module must be a URL");
}

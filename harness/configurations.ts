// The configurations that every campaign draws from, under names that logs and reports use.
//
// Most of them are `small` with one thing changed: buffers and files so small that a few hundred writes already rotate
// logs, flush and compact. A cache or a memtable that never fills hides every bug behind it.
//
// What a thread does when is chance, so only `default` and the `thread` ones have one, and only on an Env with a worker.

import { Random } from "./workloads/random.ts";

/** The options of open() that a configuration may set: the plain ones (env, comparator, logger belong to the runner). */
export interface StoreOptions {
  readonly sync?: boolean;
  readonly walRecoveryMode?: "pointInTime" | "absolute" | "skipCorrupted";
  readonly walRecycle?: boolean;
  readonly background?: "inline" | "manual" | "thread";
  readonly paranoid?: boolean;
  readonly noSlowdown?: boolean;
  readonly writeBufferSize?: number;
  readonly maxWriteBufferNumber?: number;
  readonly maxTotalWalSize?: number;
  readonly blockSize?: number;
  readonly logBlockSize?: number;
  readonly indexBlockSize?: number;
  readonly blockCacheSize?: number;
  readonly bloomBitsPerKey?: number;
  readonly maxOpenFiles?: number;
  readonly targetFileSize?: number;
  readonly maxBytesForLevelBase?: number;
  readonly maxBytesForLevelMultiplier?: number;
  readonly numLevels?: number;
  readonly level0FileNumCompactionTrigger?: number;
  readonly level0SlowdownWrites?: number;
  readonly level0StopWrites?: number;
  readonly maxManifestFileSize?: number;
  readonly compactionBytesPerSecond?: number;
}

export interface Configuration {
  /** What parseConfiguration() gives this configuration for. */
  readonly name: string;
  readonly options: StoreOptions;
  /** "memory": the store lives in a MemoryEnv; "default": wherever the campaign puts it. */
  readonly env: "default" | "memory";
  /** Listeners for every event, and stats() asked for as the run goes. */
  readonly watched: boolean;
}

/** A configuration that does not exist, an option that is unknown, a value that is none. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
}

/** What open() takes when `numLevels` is not given. */
const LEVELS_DEFAULT = 7;
/** The same for `blockSize`, in bytes. */
const BLOCK_SIZE_DEFAULT = 4 << 10;

const SMALL: StoreOptions = {
  background: "inline",
  writeBufferSize: 16 << 10,
  blockSize: 1 << 10,
  blockCacheSize: 32 << 10,
  maxOpenFiles: 16,
  targetFileSize: 16 << 10,
  maxBytesForLevelBase: 64 << 10,
  maxBytesForLevelMultiplier: 4,
  maxManifestFileSize: 4 << 10,
};

/** Every numeric option (but the rate, where the least is none) at the least that open() takes. They must all work together. */
const LEAST: StoreOptions = {
  background: "inline",
  writeBufferSize: 2 << 10,
  maxWriteBufferNumber: 1,
  maxTotalWalSize: 1,
  blockSize: 16,
  logBlockSize: 512,
  indexBlockSize: 16,
  blockCacheSize: 0,
  bloomBitsPerKey: 0,
  maxOpenFiles: 1,
  targetFileSize: 1,
  maxBytesForLevelBase: 1,
  maxBytesForLevelMultiplier: 2,
  numLevels: 2,
  level0FileNumCompactionTrigger: 1,
  level0SlowdownWrites: 1,
  level0StopWrites: 1,
  maxManifestFileSize: 1,
};

/** Every named configuration, in the order that `--configs M` takes them. */
export const CONFIGURATIONS: readonly Configuration[] = [
  named("default", {}),
  named("small", SMALL),
  named("least", LEAST),
  { ...named("memory", SMALL), env: "memory" },
  named("recycle-off", { ...SMALL, walRecycle: false }),
  named("open-files-1", { ...SMALL, maxOpenFiles: 1 }),
  named("buffers-1", { ...SMALL, maxWriteBufferNumber: 1 }),
  named("buffers-4", { ...SMALL, maxWriteBufferNumber: 4 }),
  named("manifest-1", { ...SMALL, maxManifestFileSize: 1 }),
  named("log-512", { ...SMALL, logBlockSize: 512 }),
  named("index-64", { ...SMALL, indexBlockSize: 64 }),
  named("block-1mib", { ...SMALL, blockSize: 1 << 20 }),
  named("cache-0", { ...SMALL, blockCacheSize: 0 }),
  named("bloom-0", { ...SMALL, bloomBitsPerKey: 0 }),
  named("paranoid", { ...SMALL, paranoid: true }),
  { ...named("listeners", SMALL), watched: true },
  named("manual", { ...SMALL, background: "manual" }),
  named("inline", SMALL),
  named("thread", { ...SMALL, background: "thread" }),
  named("thread-least", { ...LEAST, background: "thread" }),
  named("thread-rate", { ...SMALL, background: "thread", compactionBytesPerSecond: 4 << 20 }),
  named("write-2kib", { ...SMALL, writeBufferSize: 2 << 10 }),
  named("write-1mib", { ...SMALL, writeBufferSize: 1 << 20 }),
  named("logs-64kib", { ...SMALL, maxTotalWalSize: 64 << 10 }),
  named("block-16", { ...SMALL, blockSize: 16 }),
  named("cache-64mib", { ...SMALL, blockCacheSize: 64 << 20 }),
  named("bloom-32", { ...SMALL, bloomBitsPerKey: 32 }),
  named("files-4kib", { ...SMALL, targetFileSize: 4 << 10 }),
  named("files-1mib", { ...SMALL, targetFileSize: 1 << 20 }),
  named("levels-2", { ...SMALL, numLevels: 2 }),
  named("levels-12", { ...SMALL, numLevels: 12, maxBytesForLevelBase: 8 << 10, maxBytesForLevelMultiplier: 2 }),
  named("trigger-1", { ...SMALL, level0FileNumCompactionTrigger: 1 }),
  named("trigger-16", { ...SMALL, level0FileNumCompactionTrigger: 16 }),
  named("synced", { ...SMALL, sync: true }),
];

/** What each option may be set to in text: a number, true or false, or one of these words. */
const OPTION_VALUES: Readonly<Record<keyof StoreOptions, "number" | "boolean" | readonly string[]>> = {
  sync: "boolean",
  walRecoveryMode: ["pointInTime", "absolute", "skipCorrupted"],
  walRecycle: "boolean",
  background: ["inline", "manual", "thread"],
  paranoid: "boolean",
  noSlowdown: "boolean",
  writeBufferSize: "number",
  maxWriteBufferNumber: "number",
  maxTotalWalSize: "number",
  blockSize: "number",
  logBlockSize: "number",
  indexBlockSize: "number",
  blockCacheSize: "number",
  bloomBitsPerKey: "number",
  maxOpenFiles: "number",
  targetFileSize: "number",
  maxBytesForLevelBase: "number",
  maxBytesForLevelMultiplier: "number",
  numLevels: "number",
  level0FileNumCompactionTrigger: "number",
  level0SlowdownWrites: "number",
  level0StopWrites: "number",
  maxManifestFileSize: "number",
  compactionBytesPerSecond: "number",
};

/** The configuration of that name; throws ConfigurationError. */
export function configurationNamed(name: string): Configuration {
  const found = CONFIGURATIONS.find((configuration) => configuration.name === name);
  if (found) return found;
  const names = CONFIGURATIONS.map((configuration) => configuration.name).join(", ");
  throw new ConfigurationError(`no configuration is named ${name}; there are ${names}`);
}

/**
 * `NAME`, or options in the form `k=v,…` on top of `default`, or `NAME,k=v,…`. Throws ConfigurationError for what is not
 * known; whether a number is in range is for open() to say.
 */
export function parseConfiguration(text: string): Configuration {
  const known = parsed.get(text);
  if (known) return known;
  const configuration = parseText(text);
  if (parsed.size >= PARSED_MAX) parsed.clear();
  parsed.set(text, configuration);
  return configuration;
}

/** Campaigns open thousands of stores a second under a few configurations. */
const PARSED_MAX = 1000;
const parsed = new Map<string, Configuration>();

function parseText(text: string): Configuration {
  const words = text.split(",");
  const base = words[0]!.includes("=") ? configurationNamed("default") : configurationNamed(words.shift()!);
  if (words.length === 0) return base;
  const options = Object.fromEntries(words.map(parseOption)) as StoreOptions;
  return { ...base, name: text, options: { ...base.options, ...options } };
}

/** A configuration drawn from `seed`: each option at its default or at one of a few values, small ones mostly. */
export function randomConfiguration(seed: string): Configuration {
  const random = new Random(`configuration:${seed}`);
  const words: string[] = [];
  for (const [option, values] of RANDOM_VALUES) if (random.chance(1, 2)) words.push(`${option}=${random.pick(values)}`);
  return parseConfiguration(["small", ...words].join(","));
}

/**
 * The configuration for a reopen in a run whose store has had `levels` levels so far: numLevels never shrinks, since a
 * store refuses fewer levels than it uses.
 */
export function withLevels(configuration: Configuration, levels: number): Configuration {
  if (levelsOf(configuration) >= levels) return configuration;
  return { ...configuration, options: { ...configuration.options, numLevels: levels } };
}

/** The levels that a store opened with this configuration has. */
export function levelsOf(configuration: Configuration): number {
  return configuration.options.numLevels ?? LEVELS_DEFAULT;
}

/** The size that its data blocks aim at, in bytes. */
export function blockSizeOf(configuration: Configuration): number {
  return configuration.options.blockSize ?? BLOCK_SIZE_DEFAULT;
}

const RANDOM_VALUES: readonly (readonly [keyof StoreOptions, readonly (number | string)[]])[] = [
  ["walRecycle", ["true", "false"]],
  ["background", ["inline", "manual"]],
  ["paranoid", ["true", "false"]],
  ["writeBufferSize", [2 << 10, 4 << 10, 64 << 10]],
  ["maxWriteBufferNumber", [1, 2, 4, 16]],
  ["maxTotalWalSize", [1, 32 << 10]],
  ["blockSize", [16, 64, 300, 4 << 10, 1 << 20]],
  ["logBlockSize", [512, 1 << 10, 4 << 10]],
  ["indexBlockSize", [16, 64, 1 << 10]],
  ["blockCacheSize", [0, 1, 4 << 10, 1 << 20]],
  ["bloomBitsPerKey", [0, 1, 4, 32]],
  ["maxOpenFiles", [1, 2, 5]],
  ["targetFileSize", [1, 2 << 10, 128 << 10]],
  ["maxBytesForLevelBase", [1, 8 << 10, 256 << 10]],
  ["maxBytesForLevelMultiplier", [2, 3, 10]],
  ["numLevels", [2, 3, 5, 12]],
  ["level0FileNumCompactionTrigger", [1, 2, 8]],
  ["maxManifestFileSize", [1, 100, 1 << 20]],
];

function named(name: string, options: StoreOptions): Configuration {
  return { name, options, env: "default", watched: false };
}

function parseOption(word: string): [string, number | boolean | string] {
  const equals = word.indexOf("=");
  const name = word.slice(0, Math.max(equals, 0));
  const text = word.slice(equals + 1);
  if (!Object.hasOwn(OPTION_VALUES, name)) throw new ConfigurationError(`unknown option in ${JSON.stringify(word)}`);
  const values = OPTION_VALUES[name as keyof StoreOptions];
  if (values === "number") {
    if (!/^[0-9]{1,15}$/.test(text))
      throw new ConfigurationError(`${name} must be a number, not ${JSON.stringify(text)}`);
    return [name, Number(text)];
  }
  const words = values === "boolean" ? ["true", "false"] : values;
  if (!words.includes(text)) throw new ConfigurationError(`${name} must be one of ${words.join(", ")}`);
  return [name, values === "boolean" ? text === "true" : text];
}

import {
  open,
  destroy,
  WriteBatch,
  type Database,
  type EventName,
  type Listeners,
  type Options,
  type Snapshot,
} from "tinykv";
import { MemoryEnv, NodeEnv, type Env } from "tinykv/env";
import type { Capability } from "../capabilities.ts";
import { levelsOf, parseConfiguration, withLevels } from "../configurations.ts";
import type { Engine, EngineChange, EngineRange, EngineSnapshot, EngineStore } from "../engine.ts";
import { TINYKV_DURABILITY, type Durability } from "../oracle.ts";
import { mergedProblems, settledProblems } from "../shape.ts";
import { inspectDirectory } from "./directory-check.ts";
import { LastNumbers } from "./last-numbers.ts";

const CAPABILITIES: readonly Capability[] = [
  "batch",
  "scan",
  "reverse",
  "snapshot",
  "sync",
  "flush",
  "compact",
  "cursor",
  "async",
  "step",
  "checkpoint",
  "verify",
  "readOnly",
  "resume",
];

const EVENTS: readonly EventName[] = [
  "flushBegin",
  "flushEnd",
  "compactionBegin",
  "compactionEnd",
  "tableCreated",
  "tableDeleted",
  "logCreated",
  "logDeleted",
  "manifestCreated",
  "stallBegin",
  "stallEnd",
  "backgroundError",
  "corruption",
  "walRecovered",
];

/** stats() is asked for every so many writes under a watched configuration. */
const STATS_WRITES = 64;

export interface TinyKVEngineOptions {
  /** In place of the operating system; a configuration that asks for memory still gets its own. */
  readonly env?: Env;
  /** More options for every open: listeners of a campaign. */
  readonly options?: Options;
}

/** Our own engine. Stores in memory live as long as this value. */
export class TinyKVEngine implements Engine {
  readonly name = "tinykv";
  readonly capabilities: ReadonlySet<Capability> = new Set(CAPABILITIES);
  readonly durability: Durability = TINYKV_DURABILITY;
  readonly #memory = new MemoryEnv();
  readonly #env: Env;
  readonly #options: Options;
  /** The levels that each store has had: a store refuses fewer than it uses. */
  readonly #levels = new Map<string, number>();
  #inMemory = false;
  /** A store of this run began at an edge, and may run out of sequence numbers under every later configuration too. */
  #fromEdge = false;

  constructor({ env, options }: TinyKVEngineOptions = {}) {
    this.#env = env ?? new NodeEnv();
    this.#options = options ?? {};
  }

  open(
    directory: string,
    config: string,
    mode: { readonly readOnly?: boolean; readonly create?: boolean } = {},
  ): EngineStore {
    const { readOnly = false, create = true } = mode;
    const wanted = parseConfiguration(config);
    if (wanted.env === "memory") this.#inMemory = true;
    if (wanted.start) this.#fromEdge = true;
    const configuration = withLevels(wanted, this.#levels.get(directory) ?? 0);
    if (!readOnly) this.#levels.set(directory, levelsOf(configuration));
    const env = this.#envNow();
    const db = open(directory, {
      ...(configuration.options as Options),
      ...this.#options,
      ...(configuration.watched && { listeners: watchers() }),
      env,
      readOnly,
      createIfMissing: create,
    });
    return new TinyKVStore(db, env, {
      watched: configuration.watched,
      copied: (copy) => this.#levels.set(copy, levelsOf(configuration)),
      ...(this.#fromEdge && { last: new LastNumbers(db) }),
    });
  }

  destroy(directory: string): void {
    destroy(directory, { env: this.#envNow() });
  }

  // A run that began in memory stays there: a reopen under another configuration finds its store.
  #envNow(): Env {
    return this.#inMemory ? this.#memory : this.#env;
  }
}

function watchers(): Listeners {
  return Object.fromEntries(EVENTS.map((name) => [name, () => undefined]));
}

interface StoreWatchers {
  readonly watched: boolean;
  /** Told of each checkpoint. */
  readonly copied: (directory: string) => void;
  readonly last?: LastNumbers;
}

class TinyKVStore implements EngineStore {
  readonly #db: Database;
  readonly #env: Env;
  readonly #watched: boolean;
  readonly #copied: (directory: string) => void;
  /** Of a store that may run out of sequence numbers. */
  readonly #last: LastNumbers | undefined;
  #writes = 0;

  constructor(db: Database, env: Env, { watched, copied, last }: StoreWatchers) {
    this.#db = db;
    this.#env = env;
    this.#watched = watched;
    this.#copied = copied;
    this.#last = last;
  }

  put(key: Buffer, value: Buffer, sync: boolean): void {
    this.#write(1, () => this.#db.put(key, value, { sync }));
  }

  delete(key: Buffer, sync: boolean): void {
    this.#write(1, () => this.#db.delete(key, { sync }));
  }

  deleteRange(): void {
    throw noDeleteRange();
  }

  batch(changes: readonly EngineChange[], sync: boolean): void {
    this.#write(changes.length, () => this.#db.write(batchOf(changes), { sync }));
  }

  putAsync(key: Buffer, value: Buffer, sync: boolean): Promise<void> {
    return this.#writeAsync(1, () => this.#db.putAsync(key, value, { sync }));
  }

  deleteAsync(key: Buffer, sync: boolean): Promise<void> {
    return this.#writeAsync(1, () => this.#db.deleteAsync(key, { sync }));
  }

  batchAsync(changes: readonly EngineChange[], sync: boolean): Promise<void> {
    return this.#writeAsync(changes.length, () => this.#db.writeAsync(batchOf(changes), { sync }));
  }

  get(key: Buffer, snapshot?: EngineSnapshot): Buffer | undefined {
    return this.#db.get(key, snapshot && { snapshot: snapshot as Snapshot });
  }

  getMany(keys: readonly Buffer[]): (Buffer | undefined)[] {
    return this.#db.getMany(keys);
  }

  has(key: Buffer): boolean {
    return this.#db.has(key);
  }

  scan(range: EngineRange, snapshot?: EngineSnapshot): Iterable<readonly [Buffer | undefined, Buffer | undefined]> {
    return this.#db.iterate({ ...range, ...(snapshot && { snapshot: snapshot as Snapshot }) });
  }

  snapshot(): EngineSnapshot {
    return this.#db.snapshot();
  }

  cursor(options: { snapshot?: EngineSnapshot; lower?: Buffer; upper?: Buffer }): ReturnType<Database["cursor"]> {
    const { snapshot, ...bounds } = options;
    return this.#db.cursor({ ...bounds, ...(snapshot && { snapshot: snapshot as Snapshot }) });
  }

  flush(): void {
    this.#db.flush();
  }

  compactRange(from?: Buffer, to?: Buffer): void {
    this.#db.compactRange(from, to);
  }

  sync(): void {
    this.#db.sync();
  }

  step(job?: number): void {
    const jobs = this.#db.backgroundJobs();
    if (jobs.length > 0) this.#db.runBackgroundStep(job === undefined ? undefined : jobs[job % jobs.length]!.id);
  }

  checkpoint(directory: string): void {
    this.#db.checkpoint(directory);
    this.#copied(directory);
  }

  verify(): string[] {
    return this.#db.verify().problems.map(({ file, offset, problem }) => `${file} at ${offset}: ${problem}`);
  }

  resume(): void {
    this.#db.resume();
  }

  replayedRecords(): number {
    return this.#db.recovery.records;
  }

  complaint(): string | undefined {
    return this.#db.lastError && String(this.#db.lastError);
  }

  settle(): string[] {
    return [...settledProblems(this.#db), ...mergedProblems(this.#db)];
  }

  inspect(): string[] {
    return inspectDirectory(this.#env, this.#db);
  }

  close(): void {
    this.#db.close();
  }

  #write(count: number, call: () => void): void {
    if (this.#last) this.#last.write(count, call);
    else call();
    this.#wrote();
  }

  #writeAsync(count: number, call: () => Promise<void>): Promise<void> {
    const done = this.#last ? this.#last.writeAsync(count, call) : call();
    this.#wrote();
    return done;
  }

  #wrote(): void {
    if (this.#watched && ++this.#writes % STATS_WRITES === 0) this.#db.stats();
  }
}

function batchOf(changes: readonly EngineChange[]): WriteBatch {
  const batch = new WriteBatch();
  for (const change of changes) {
    if (change.kind === "put") batch.put(change.key, change.value);
    else if (change.kind === "delete") batch.delete(change.key);
    else throw noDeleteRange();
  }
  return batch;
}

function noDeleteRange(): Error {
  return new Error("the engine has no deleteRange");
}

import { EMPTY, toBytes, type BytesLike } from "../common/bytes.ts";
import { TinyKVError, invalidArgument } from "../common/errors.ts";
import { KEY_BYTES_MAX } from "../common/limits.ts";
import type { Wanted } from "../common/lookup.ts";
import { isAbsolute, resolve as resolvePath } from "node:path";
import { WriteBatch } from "../memtable/write-batch.ts";
import { DEFAULT_FLAGS, type ReadFlags } from "../sst/table-blocks.ts";
import { makeCheckpoint } from "./checkpoint.ts";
import { closeStore } from "./close.ts";
import { CursorPins, type Pin } from "./cursor-pins.ts";
import { Cursor, type CursorOptions } from "./cursor.ts";
import type { EventName, Listener } from "./events.ts";
import { findVersions, type FoundVersion } from "./find.ts";
import { Iteration, resolveLimit, resolveRange, type IterateOptions } from "./iterate.ts";
import type { JobDescription } from "./job-description.ts";
import type { RecoveryReport } from "./log-recovery.ts";
import { openReadOnly } from "./open-read-only.ts";
import { beginOpening, openForWriting, type OpenStore } from "./open-store.ts";
import { resolveOptions, type Options, type ResolvedOptions } from "./options.ts";
import { approximateBytes, lookUp, mergedCursor, tellCorruption } from "./read-path.ts";
import { resume } from "./resume.ts";
import type { Snapshot } from "./snapshots.ts";
import { collectStats, type Stats } from "./stats.ts";
import { readableOf, type Readable } from "./store.ts";
import { verifyStore, type VerifyProgress, type VerifyReport } from "./verify.ts";
import { VisibleCursor, type VisibleBounds } from "./visible-cursor.ts";

export interface ReadOptions {
  /** Read as of this moment. Default: now. */
  readonly snapshot?: Snapshot;
  /** Keep blocks that are read in the block cache. Default true. */
  readonly fillCache?: boolean;
  /** Verify the checksums of blocks that are read from disk. Default true; what was not verified is not cached. */
  readonly verifyChecksums?: boolean;
}

/** What a read without options gets: known by identity, so that the common case makes no objects. */
const NO_READ_OPTIONS: ReadOptions = {};

export interface WriteOptions {
  /** Durable against power loss when the call returns. Default: the store's `sync` option. */
  readonly sync?: boolean;
}

/**
 * Opens a store, creating it if there is none (see Options).
 *
 * Throws INVALID_ARGUMENT, EXISTS, DOES_NOT_EXIST, LOCKED, COMPARATOR_MISMATCH, FORMAT_UNSUPPORTED, CORRUPTION: then no
 * byte of the store has changed. IO_ERROR, NO_SPACE: new files may have been left, nothing is altered or removed.
 */
export function open(path: string, options: Options = {}): Database {
  if (typeof path !== "string" || path === "") throw invalidArgument("path must be a non-empty string");
  const absolute = isAbsolute(path) ? path : resolvePath(path);
  const opening = beginOpening(absolute, resolveOptions(options));
  try {
    if (opening.options.readOnly) {
      const { readable, recovery } = openReadOnly(opening);
      return new Database(readable, recovery, undefined);
    }
    const opened = openForWriting(opening);
    return new Database(readableOf(opened.store), opened.recovery, opened);
  } finally {
    opening.events.deliver();
  }
}

/**
 * An ordered map from keys to values, durable in a directory. All calls are synchronous; every call but close() throws
 * CLOSED once it is closed, every change throws READ_ONLY on a read-only store and BACKGROUND_ERROR after a failure that
 * only resume() or a reopen can mend. Keys have up to 1 MiB, values up to 512 MiB; both may be empty. Results are copies.
 */
export class Database implements Disposable {
  readonly path: string;
  readonly options: ResolvedOptions;
  /** What open() found in the write-ahead logs. */
  readonly recovery: RecoveryReport;
  readonly #readable: Readable;
  readonly #writer: OpenStore | undefined;
  readonly #pins: CursorPins;
  readonly #single = new WriteBatch();
  #open = true;

  /** @internal Made by open(). */
  constructor(readable: Readable, recovery: RecoveryReport, writer: OpenStore | undefined) {
    this.path = readable.context.path;
    this.options = readable.context.options;
    this.recovery = recovery;
    this.#readable = readable;
    this.#writer = writer;
    this.#pins = new CursorPins(readable, () => writer?.store.obsolete.collect());
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** The last failure of a write or a background job; undefined while all is well. */
  get lastError(): TinyKVError | undefined {
    return this.#readable.context.health.lastError;
  }

  /** A copy of the value; undefined if there is none. Throws CORRUPTION or IO_ERROR rather than guess. */
  get(key: BytesLike, options: ReadOptions = NO_READ_OPTIONS): Buffer | undefined {
    return this.#lookUp(key, options, "value");
  }

  getMany(keys: readonly BytesLike[], options: ReadOptions = NO_READ_OPTIONS): (Buffer | undefined)[] {
    return keys.map((key) => this.get(key, options));
  }

  has(key: BytesLike, options: ReadOptions = NO_READ_OPTIONS): boolean {
    return this.#lookUp(key, options, "presence") !== undefined;
  }

  put(key: BytesLike, value: BytesLike, options: WriteOptions = {}): void {
    const writer = this.#writable();
    this.#write(writer, this.#cleared().put(key, value), options);
  }

  delete(key: BytesLike, options: WriteOptions = {}): void {
    const writer = this.#writable();
    this.#write(writer, this.#cleared().delete(key), options);
  }

  /** Applies all operations of a batch, or none; the batch stays the caller's. */
  write(batch: WriteBatch, options: WriteOptions = {}): void {
    this.#write(this.#writable(), checkedBatch(batch), options);
  }

  /**
   * put(), for many callers at once: calls of one turn of the event loop, and those that come while a sync is under way,
   * share one write and one sync. Resolves when the entry is visible and, with `sync`, durable; calls take effect in their
   * order, synchronous ones included. Key and value are copied before it returns. Rejects with what put() would throw.
   */
  putAsync(key: BytesLike, value: BytesLike, options: WriteOptions = {}): Promise<void> {
    return this.#writeAsync(() => this.#cleared().put(key, value), options);
  }

  /** delete(), as putAsync() is put(). */
  deleteAsync(key: BytesLike, options: WriteOptions = {}): Promise<void> {
    return this.#writeAsync(() => this.#cleared().delete(key), options);
  }

  /** write(), as putAsync() is put(); the batch may be changed as soon as it returns. */
  writeAsync(batch: WriteBatch, options: WriteOptions = {}): Promise<void> {
    return this.#writeAsync(() => checkedBatch(batch), options);
  }

  /** One pass over a range; see Iteration. Throws INVALID_ARGUMENT for bounds that exclude each other. */
  iterate(options: IterateOptions = {}): Iteration {
    const store = this.#use();
    const { order } = store.context;
    const range = resolveRange(options, order);
    const limit = resolveLimit(options.limit);
    const { reverse = false, keys = true, values = true, fillCache = true } = options;
    const sequence = this.#sequence(options.snapshot);
    const { pin, entries } = this.#pinned(sequence, range.bounds, { fillCache, keepsBlocks: values });
    return new Iteration({ pin, order, entries, range, reverse, limit, keys, values });
  }

  cursor({ snapshot, lower, upper }: CursorOptions = {}): Cursor {
    this.#use();
    const bounds = {
      ...(lower !== undefined && { lower: Buffer.from(toBytes(lower, "lower")) }),
      ...(upper !== undefined && { upper: Buffer.from(toBytes(upper, "upper")) }),
    };
    const sequence = this.#sequence(snapshot);
    const { pin, entries } = this.#pinned(sequence, bounds, {});
    return new Cursor(pin, entries);
  }

  /** The state of now, for later reads; close it, since it keeps old versions from being dropped. */
  snapshot(): Snapshot {
    const store = this.#use();
    return store.snapshots.take(store.lastSequence());
  }

  /** Memtables to tables in level 0, durable when it returns. Throws what the flush failed with. */
  flush(): void {
    this.#changeAlone(flushAll);
  }

  /**
   * Merges everything that overlaps [from, to] (absent: unbounded) into one level, dropping what nobody can see.
   * `progress` is told of the bytes merged so far, and of how many there are.
   */
  compactRange(
    from?: BytesLike,
    to?: BytesLike,
    progress: (done: number, total: number) => void = () => undefined,
  ): void {
    const lower = from === undefined ? undefined : toBytes(from, "from");
    const upper = to === undefined ? undefined : toBytes(to, "to");
    this.#changeAlone((writer) => {
      const { background, store } = writer;
      if (lower && upper && store.context.order.compare(lower, upper) > 0) return;
      flushAll(writer);
      background.compactRange(lower, upper, progress);
      store.context.health.refuseIfFailed();
    });
  }

  /** Everything acknowledged so far becomes durable. */
  sync(): void {
    this.#changeAlone(({ store }) => {
      store.context.health.refuseIfFailed();
      store.logs.makeDurable();
    });
  }

  /** Writes a store of its own to a directory that does not exist yet; durable when it returns. */
  checkpoint(directory: string): void {
    if (typeof directory !== "string" || directory === "")
      throw invalidArgument("directory must be a non-empty string");
    const absolute = isAbsolute(directory) ? directory : resolvePath(directory);
    this.#changeAlone(({ store }) => makeCheckpoint(store, absolute));
  }

  /** Reads every file from disk and checks it whole; reports bad bytes, never throws for them. */
  verify(progress?: VerifyProgress): VerifyReport {
    const report = verifyStore(this.#use(), progress);
    for (const problem of report.problems) this.#readable.context.events.emit("corruption", problem);
    this.#readable.context.events.deliver();
    return report;
  }

  /** Bytes that the keys in [from, to) take, on disk and in memory, to within a block a table. */
  approximateSize(from: BytesLike, to: BytesLike): number {
    return approximateBytes(this.#use(), toBytes(from, "from"), toBytes(to, "to"));
  }

  stats(): Stats {
    return collectStats(this.#use(), this.#writer);
  }

  /** Every version of a key that is still anywhere, newest layer first. */
  find(key: BytesLike): FoundVersion[] {
    return findVersions(this.#use(), checkedKey(key));
  }

  /** Running and due jobs. */
  backgroundJobs(): JobDescription[] {
    this.#use();
    return this.#writer?.background.jobs() ?? [];
  }

  /** Moves one job by one step; false when nothing is left to do. */
  runBackgroundStep(id?: number): boolean {
    return this.#change(({ background }) => background.step(id));
  }

  /** Mends what can be mended after a failed write or job; BACKGROUND_ERROR if only a reopen can. */
  resume(): void {
    this.#changeAlone(({ store, background, writePath }) => resume(store, background, writePath.issued));
  }

  on<Name extends EventName>(event: Name, listener: Listener<Name>): this {
    this.#readable.context.events.on(event, listener);
    return this;
  }

  off<Name extends EventName>(event: Name, listener: Listener<Name>): this {
    this.#readable.context.events.off(event, listener);
    return this;
  }

  /** Ends all cursors and snapshots and gives up descriptors and LOCK. Twice is nothing. */
  close(): void {
    if (!this.#open) return;
    this.#refuseComparator();
    this.#open = false;
    this.#pins.closeAll();
    this.#readable.snapshots.closeAll();
    try {
      if (this.#writer) closeStore(this.#writer);
    } finally {
      this.#readable.tables.close();
      this.#readable.context.events.deliver();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #lookUp(key: BytesLike, options: ReadOptions, wanted: Wanted): Buffer | undefined {
    const store = this.#use();
    const bytes = checkedKey(key);
    const sequence = this.#sequence(options.snapshot);
    const flags = options === NO_READ_OPTIONS ? DEFAULT_FLAGS : readFlags(options);
    try {
      return lookUp(store, bytes, sequence, flags, wanted);
    } catch (error) {
      tellCorruption(store.context, error);
      throw error;
    }
  }

  /** The entries of now, held until the pin is released; nothing is held when it throws. */
  #pinned(sequence: number, bounds: VisibleBounds, flags: ReadFlags): { pin: Pin; entries: VisibleCursor } {
    const { context } = this.#readable;
    const pin = this.#pins.take();
    try {
      const merged = mergedCursor(this.#readable, pin.version, flags);
      return { pin, entries: new VisibleCursor(context.order, merged, sequence, bounds) };
    } catch (error) {
      pin.release();
      throw error;
    }
  }

  #write({ writePath, groups }: OpenStore, batch: WriteBatch, { sync = this.options.sync }: WriteOptions): void {
    try {
      if (groups.isIdle) writePath.write(batch, sync);
      else groups.writeNow(batch, sync);
    } finally {
      this.#readable.context.events.deliver();
    }
  }

  // The group's own promise: an async function would make two more for each write.
  #writeAsync(makeBatch: () => WriteBatch, { sync = this.options.sync }: WriteOptions): Promise<void> {
    try {
      return this.#change(({ groups }) => groups.write(makeBatch(), sync));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #cleared(): WriteBatch {
    this.#single.clear();
    return this.#single;
  }

  /** Runs a change when no asynchronous write waits or is under way any more. */
  #changeAlone<T>(change: (writer: OpenStore) => T): T {
    return this.#change((writer) => {
      writer.groups.complete();
      return change(writer);
    });
  }

  /** Runs a change; what happened is told to listeners when it is over, however it ended. */
  #change<T>(change: (writer: OpenStore) => T): T {
    const writer = this.#writable();
    try {
      return change(writer);
    } finally {
      this.#readable.context.events.deliver();
    }
  }

  #writable(): OpenStore {
    this.#use();
    if (!this.#writer) throw new TinyKVError("TINYKV_READ_ONLY", "the store is open read-only");
    this.#refuseComparator();
    return this.#writer;
  }

  #refuseComparator(): void {
    if (this.#readable.context.order.isAsked)
      throw invalidArgument("a comparator does not write to its store, nor close it");
  }

  #use(): Readable {
    if (!this.#open) throw new TinyKVError("TINYKV_CLOSED", "the store is closed");
    return this.#readable;
  }

  #sequence(snapshot: Snapshot | undefined): number {
    return snapshot === undefined ? this.#readable.lastSequence() : this.#readable.snapshots.sequenceOf(snapshot);
  }
}

function readFlags({ fillCache = true, verifyChecksums = true }: ReadOptions): ReadFlags {
  return { fillCache, verifyChecksums };
}

function checkedBatch(batch: WriteBatch): WriteBatch {
  if (!(batch instanceof WriteBatch)) throw invalidArgument("batch must be a WriteBatch");
  return batch;
}

function checkedKey(key: BytesLike): Uint8Array {
  const bytes = toBytes(key, "key");
  if (bytes.length > KEY_BYTES_MAX)
    throw invalidArgument(`a key has at most ${KEY_BYTES_MAX} bytes, not ${bytes.length}`);
  return bytes.length === 0 ? EMPTY : bytes;
}

function flushAll({ writePath, background, store }: OpenStore): void {
  const { memtables, context } = store;
  context.health.refuseIfFailed();
  if (memtables.active.entries > 0) writePath.rotate();
  while (memtables.waiting.length > 0) {
    const ran = background.runOne("flush");
    context.health.refuseIfFailed();
    if (typeof ran === "object") throw ran;
  }
}

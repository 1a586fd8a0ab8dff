// The write-ahead logs of one session: the one written to, those that unflushed memtables still need, and at most one
// retired log whose file waits to become the next one.
//
//   rotate:  old log fsynced, its directory entry too → new file created or the waiting one renamed → header written
//   first durable acknowledgement in a log:  fsync file → fsync directory
//
// A sync off the event loop goes through a second descriptor of the log: the kernel reports a write-back error once to each
// descriptor, so neither kind of sync takes the other's error away.
//
// A header says of its predecessor where its last record ends. The predecessor was durable up to there before the header
// was written, so what a header says is true in every crash image.

import { assert } from "../common/assert.ts";
import type { FileHandle } from "../util/env.ts";
import { LogWriter } from "../wal/log-writer.ts";
import { logName } from "./file-names.ts";
import type { ObsoleteFiles } from "./obsolete-files.ts";
import { closeUnneeded, drawTag, joinPath, runAll, type StoreContext } from "./store-context.ts";

/** By so much a log that is synced often is made longer at a time: thousands of small records. */
const GROWTH_BYTES_MAX: number = 1 << 20;

/** A log that is no longer written to. */
export interface ClosedLog {
  readonly number: number;
  /** Where its last record ends. */
  readonly size: number;
  /** Written by this session: only such a file may be used again. */
  readonly ours: boolean;
}

export class LogSet {
  readonly #context: StoreContext;
  readonly #obsolete: ObsoleteFiles;
  readonly #newNumber: () => number;
  #closed: ClosedLog[];
  #current: LogWriter | undefined;
  #name = "";
  /** The second descriptor of the current log, once there was use for it. */
  #syncer: FileHandle | undefined;
  #directoryDurable = false;
  #waiting: number | undefined;
  /** Logs whose header could not be written: they may claim to be the newest, so they go only when resume() is through. */
  #failed: number[] = [];

  /** `kept` are logs of earlier sessions that memtables still need, ascending. */
  constructor(context: StoreContext, obsolete: ObsoleteFiles, kept: readonly ClosedLog[], newNumber: () => number) {
    this.#context = context;
    this.#obsolete = obsolete;
    this.#closed = [...kept];
    this.#newNumber = newNumber;
  }

  get current(): LogWriter {
    assert(this.#current !== undefined, "an open store has a log");
    return this.#current;
  }

  get number(): number {
    return this.current.header.fileNumber;
  }

  /** The file name of the current log. */
  get name(): string {
    return this.#name;
  }

  get closed(): readonly ClosedLog[] {
    return this.#closed;
  }

  get waiting(): number | undefined {
    return this.#waiting;
  }

  /** Bytes of all logs that a recovery would read. */
  get liveBytes(): number {
    let bytes = this.#current?.size ?? 0;
    for (const { size } of this.#closed) bytes += size;
    return bytes;
  }

  /** The first log of a session: `number` was promised to the manifest before the file exists. */
  createFirst(number: number, lastSequence: number): void {
    const predecessor = this.#closed.at(-1);
    this.#begin(number, predecessor, lastSequence);
    const { env, path, health } = this.#context;
    health.sync(() => env.syncDirectory(path, "open.directory"));
    this.#directoryDurable = true;
  }

  /** One record, handed to the kernel when this returns. After an error the log is never appended to again. */
  append(payload: Uint8Array): void {
    this.#context.health.orFail(() => this.current.append(payload));
  }

  /** A record each, handed to the kernel by one write. */
  appendAll(payloads: readonly Uint8Array[]): void {
    this.#context.health.orFail(() => this.current.appendAll(payloads));
  }

  /** Everything appended so far becomes durable. */
  makeDurable(): void {
    const log = this.current;
    if (log.syncedOffset < log.size) {
      this.#growAhead();
      this.#context.health.sync(() => log.sync("log.write"));
    }
    this.#makeNameDurable();
  }

  /** Opens the second descriptor; false if the system does not give one: then makeDurable() has to do. */
  canSyncAside(): boolean {
    const { env, path, events } = this.#context;
    try {
      this.#syncer ??= env.open(joinPath(path, logName(this.number)), "rw");
      return true;
    } catch (error) {
      events.log("warn", `no second descriptor for the log: ${String(error)}`);
      return false;
    }
  }

  /**
   * Makes durable, off the event loop, what was appended before the call. When it has succeeded, and the log is still the
   * current one, `endSync` with the size that the log had at the call.
   */
  async beginSync(): Promise<void> {
    assert(this.#syncer !== undefined, "there is a second descriptor");
    this.#growAhead();
    try {
      await this.#syncer.syncAsync("log.group");
    } catch (error) {
      throw this.#context.health.failForGood(error);
    }
  }

  endSync(size: number): void {
    this.current.noteSynced(size);
    this.#makeNameDurable();
  }

  // Nobody depends on it: a failure costs time alone.
  #growAhead(): void {
    const { options, events } = this.#context;
    try {
      this.current.growAhead(Math.min(GROWTH_BYTES_MAX, options.writeBufferSize));
    } catch (error) {
      events.log("warn", `the log could not be made longer in advance: ${String(error)}`);
    }
  }

  #makeNameDurable(): void {
    if (this.#directoryDurable) return;
    const { env, path, health } = this.#context;
    health.sync(() => env.syncDirectory(path, "log.directory"));
    this.#directoryDurable = true;
  }

  /**
   * Goes on in a new log. If its file cannot be opened nothing was written and the old log stays in use; if its header
   * cannot be written the store has failed.
   */
  rotate(lastSequence: number): void {
    const { env, path, health } = this.#context;
    const old = this.current;
    if (old.syncedOffset < old.size) health.sync(() => old.sync("rotate.old-log"));
    if (!this.#directoryDurable) {
      health.sync(() => env.syncDirectory(path, "rotate.old-directory"));
      this.#directoryDurable = true;
    }
    const predecessor = { number: old.header.fileNumber, size: old.size, ours: true };
    this.#begin(this.#newNumber(), predecessor, lastSequence);
    this.#closed.push(predecessor);
    this.#leave(old);
  }

  /** After resume() wrote everything else anew: a log without a predecessor; the old ones are dead. */
  restart(number: number, lastSequence: number): void {
    const dead = [...this.#closed.map((log) => log.number), this.number, ...this.#failed];
    const old = this.current;
    this.#begin(number, undefined, lastSequence);
    this.#leave(old);
    this.#closed = [];
    this.#failed = [];
    for (const log of dead) this.#obsolete.condemn("log", log);
  }

  /** Logs below `number` are needed no more: one may wait to be used again, the others go. */
  retire(number: number): void {
    const dead = this.#closed.filter((log) => log.number < number);
    this.#closed = this.#closed.filter((log) => log.number >= number);
    for (const log of dead) {
      if (log.ours && this.#waiting === undefined && this.#context.options.walRecycle) this.#waiting = log.number;
      else this.#obsolete.condemn("log", log.number);
    }
  }

  /** The waiting log goes too. */
  dropWaiting(): void {
    if (this.#waiting !== undefined) this.#obsolete.condemn("log", this.#waiting);
    this.#waiting = undefined;
  }

  /** CLEAN END, the last thing a session says in its log. */
  closeCleanly(end: { lastSequence: number; manifestNumber: number; manifestSize: number }): void {
    const { env, path, health } = this.#context;
    const log = this.current;
    if (log.syncedOffset < log.size) health.sync(() => log.sync("close.log"));
    if (!this.#directoryDurable) health.sync(() => env.syncDirectory(path, "close.directory"));
    this.#directoryDurable = true;
    log.appendCleanEnd(end);
    health.sync(() => log.sync("close.log-end"));
  }

  close(): void {
    runAll([() => this.#current?.close(), () => this.#syncer?.close()]);
  }

  #leave(old: LogWriter): void {
    closeUnneeded(this.#context, old);
    if (this.#syncer) closeUnneeded(this.#context, this.#syncer);
    this.#syncer = undefined;
  }

  #begin(number: number, predecessor: ClosedLog | undefined, lastSequence: number): void {
    const { env, options, databaseId, health, events } = this.#context;
    const recycled = this.#waiting !== undefined;
    const file = this.#openNext(number);
    try {
      this.#current = LogWriter.create(file, {
        kind: "wal",
        tag: drawTag(env),
        blockSize: options.logBlockSize,
        databaseId,
        fileNumber: number,
        comparatorName: options.comparator.name,
        ...(predecessor && { predecessor: { number: predecessor.number, size: predecessor.size } }),
        lastSequence,
      });
    } catch (error) {
      closeUnneeded(this.#context, file);
      this.#failed.push(number);
      throw health.fail(error);
    }
    this.#directoryDurable = false;
    this.#name = logName(number);
    events.emit("logCreated", { file: this.#name, recycled });
  }

  #openNext(number: number): FileHandle {
    const { env, path } = this.#context;
    const target = joinPath(path, logName(number));
    const waiting = this.#waiting;
    this.#waiting = undefined;
    try {
      if (waiting === undefined) return env.open(target, "wx");
      env.rename(joinPath(path, logName(waiting)), target);
      return env.open(target, "rw");
    } catch (error) {
      // Whatever was left behind, under either name, holds nothing and goes.
      this.#obsolete.condemn("log", number);
      if (waiting !== undefined) this.#obsolete.condemn("log", waiting);
      this.#obsolete.collect();
      throw error;
    }
  }
}

// The engine's view of an Env: every failure is a TinyKVError that says what was being done to which file, and every
// call that returned is counted.

import { basename } from "node:path";
import { ioError } from "../common/errors.ts";
import type { Barrier, Env, FileHandle, FileStat, Lock, OpenMode } from "./env.ts";

/** Calls that returned, and the bytes they moved. */
export interface IoCounters {
  reads: number;
  readBytes: number;
  writes: number;
  writeBytes: number;
  /** Of files, those off the event loop included. */
  syncs: number;
  directorySyncs: number;
  opens: number;
  unlinks: number;
  renames: number;
}

/**
 * Wraps any Env.
 *
 * What the wrapped one throws becomes a TinyKVError with that error as its `cause` (errors.ts, ioError): NO_SPACE or
 * IO_ERROR, with a message like "write 000012.log: EIO: i/o error". A TinyKVError passes as it is.
 */
export class CheckedEnv implements Env {
  readonly counters: IoCounters = {
    reads: 0,
    readBytes: 0,
    writes: 0,
    writeBytes: 0,
    syncs: 0,
    directorySyncs: 0,
    opens: 0,
    unlinks: 0,
    renames: 0,
  };
  readonly worker: URL | undefined;
  readonly #env: Env;
  readonly #open = new Set<CheckedFile>();

  constructor(env: Env) {
    this.#env = env;
    this.worker = env.worker;
  }

  /** Adds what another thread counted for this one. */
  count(more: IoCounters): void {
    for (const name of Object.keys(this.counters) as (keyof IoCounters)[]) this.counters[name] += more[name];
  }

  /** Files opened here and not closed yet. */
  get openFiles(): number {
    return this.#open.size;
  }

  open(path: string, mode: OpenMode): FileHandle {
    const name = basename(path);
    const file = checked("open", name, () => this.#env.open(path, mode));
    this.counters.opens++;
    const checkedFile = new CheckedFile(file, name, this.counters, this.#open);
    this.#open.add(checkedFile);
    return checkedFile;
  }

  readDirectory(path: string): string[] {
    return checked("read directory", path, () => this.#env.readDirectory(path));
  }

  makeDirectory(path: string): void {
    checked("make directory", path, () => this.#env.makeDirectory(path));
  }

  removeDirectory(path: string): void {
    checked("remove directory", path, () => this.#env.removeDirectory(path));
  }

  stat(path: string): FileStat {
    return checked("stat", basename(path), () => this.#env.stat(path));
  }

  rename(from: string, to: string): void {
    checked("rename", `${basename(from)} to ${basename(to)}`, () => this.#env.rename(from, to));
    this.counters.renames++;
  }

  link(from: string, to: string): void {
    checked("link", `${basename(from)} to ${basename(to)}`, () => this.#env.link(from, to));
  }

  unlink(path: string): void {
    checked("unlink", basename(path), () => this.#env.unlink(path));
    this.counters.unlinks++;
  }

  syncDirectory(path: string, barrier: Barrier): void {
    checked("sync directory", path, () => this.#env.syncDirectory(path, barrier));
    this.counters.directorySyncs++;
  }

  lock(path: string): Lock {
    const name = basename(path);
    const lock = checked("lock", path, () => this.#env.lock(path));
    return { release: () => checked("release", name, () => lock.release()) };
  }

  now(): number {
    return checked("read", "the clock", () => this.#env.now());
  }

  sleep(milliseconds: number): void {
    checked("sleep", `${milliseconds} ms`, () => this.#env.sleep(milliseconds));
  }

  randomBytes(count: number): Uint8Array {
    return checked("draw", `${count} random bytes`, () => this.#env.randomBytes(count));
  }
}

// Each method has its own try: a closure for every read and write would be garbage on the hottest paths.
class CheckedFile implements FileHandle {
  readonly #file: FileHandle;
  readonly #name: string;
  readonly #counters: IoCounters;
  readonly #open: Set<CheckedFile>;

  constructor(file: FileHandle, name: string, counters: IoCounters, open: Set<CheckedFile>) {
    this.#file = file;
    this.#name = name;
    this.#counters = counters;
    this.#open = open;
  }

  read(buffer: Uint8Array, position: number): number {
    let count: number;
    try {
      count = this.#file.read(buffer, position);
    } catch (error) {
      throw ioError(error, `read ${this.#name}`);
    }
    this.#counters.reads++;
    this.#counters.readBytes += count;
    return count;
  }

  write(buffer: Uint8Array, position: number): number {
    let count: number;
    try {
      count = this.#file.write(buffer, position);
    } catch (error) {
      throw ioError(error, `write ${this.#name}`);
    }
    this.#counters.writes++;
    this.#counters.writeBytes += count;
    return count;
  }

  sync(barrier: Barrier): void {
    try {
      this.#file.sync(barrier);
    } catch (error) {
      throw ioError(error, `sync ${this.#name}`);
    }
    this.#counters.syncs++;
  }

  async syncAsync(barrier: Barrier): Promise<void> {
    try {
      await this.#file.syncAsync(barrier);
    } catch (error) {
      throw ioError(error, `sync ${this.#name}`);
    }
    this.#counters.syncs++;
  }

  truncate(size: number): void {
    checked("truncate", this.#name, () => this.#file.truncate(size));
  }

  size(): number {
    return checked("size of", this.#name, () => this.#file.size());
  }

  close(): void {
    this.#open.delete(this); // also when it fails: the system has taken the descriptor back, whatever it says
    checked("close", this.#name, () => this.#file.close());
  }
}

function checked<T>(action: string, name: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw ioError(error, `${action} ${name}`);
  }
}

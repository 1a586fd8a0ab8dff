// An Env whose asynchronous syncs end when it is told so: the event loop of a disk, in the hands of an op log ("settle").

import { posix } from "node:path";
import type { Barrier, Env, FileHandle, FileStat, Lock, OpenMode } from "tinykv/env";
import type { FaultyWorld } from "../runner-faults.ts";
import { errnoError } from "./errno-error.ts";

interface Held {
  readonly path: string;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Holds every syncAsync until settle() or settleAll(). What had been written when it was called is synced below at once, by
 * an ordinary sync: whoever asks cannot tell, and no order depends on a thread. As a world it fails syncs that are settled
 * so, and nothing else.
 */
export class HeldSyncs implements Env, FaultyWorld {
  readonly worker?: URL;
  readonly #env: Env;
  #held: Held[] = [];
  #failures = 0;
  /** Directories in which a sync has failed since somebody took the lock. */
  readonly #stopped = new Set<string>();

  constructor(env: Env) {
    this.#env = env;
    if (env.worker) this.worker = env.worker;
  }

  /** Syncs under way. */
  get held(): number {
    return this.#held.length;
  }

  /** Ends the nth sync under way, modulo their number; false if there is none. */
  settle(nth: number, outcome: "ok" | "fail"): boolean {
    const [held] = this.#held.splice(nth % Math.max(1, this.#held.length), 1);
    if (!held) return false;
    if (outcome === "ok") held.resolve();
    else {
      this.#failures++;
      this.#stopped.add(posix.dirname(held.path));
      held.reject(errnoError("EIO", "fdatasync"));
    }
    return true;
  }

  /** Lets every sync under way succeed; false if there is none. */
  settleAll(): boolean {
    const held = this.#held;
    this.#held = [];
    for (const { resolve } of held) resolve();
    return held.length > 0;
  }

  get injected(): number {
    return this.#failures;
  }

  get mustStop(): boolean {
    return this.#stopped.size > 0;
  }

  aside<T>(action: () => T): T {
    return action();
  }

  heal(): void {
    // Nothing fails but what is settled so.
  }

  open(path: string, mode: OpenMode): FileHandle {
    return new HeldFile(this, this.#env.open(path, mode), path);
  }

  readDirectory(path: string): string[] {
    return this.#env.readDirectory(path);
  }

  makeDirectory(path: string): void {
    this.#env.makeDirectory(path);
  }

  removeDirectory(path: string): void {
    this.#env.removeDirectory(path);
  }

  stat(path: string): FileStat {
    return this.#env.stat(path);
  }

  rename(from: string, to: string): void {
    this.#env.rename(from, to);
  }

  link(from: string, to: string): void {
    this.#env.link(from, to);
  }

  unlink(path: string): void {
    this.#env.unlink(path);
  }

  syncDirectory(path: string, barrier: Barrier): void {
    this.#env.syncDirectory(path, barrier);
  }

  lock(path: string): Lock {
    const lock = this.#env.lock(path);
    this.#stopped.delete(posix.dirname(path));
    return lock;
  }

  now(): number {
    return this.#env.now();
  }

  sleep(milliseconds: number): void {
    this.#env.sleep(milliseconds);
  }

  randomBytes(count: number): Uint8Array {
    return this.#env.randomBytes(count);
  }

  /** Resolves or rejects when it is settled. */
  hold(path: string): Promise<void> {
    return new Promise((resolve, reject) => this.#held.push({ path, resolve, reject }));
  }
}

class HeldFile implements FileHandle {
  readonly #syncs: HeldSyncs;
  readonly #file: FileHandle;
  readonly #path: string;

  constructor(syncs: HeldSyncs, file: FileHandle, path: string) {
    this.#syncs = syncs;
    this.#file = file;
    this.#path = path;
  }

  read(buffer: Uint8Array, position: number): number {
    return this.#file.read(buffer, position);
  }

  write(buffer: Uint8Array, position: number): number {
    return this.#file.write(buffer, position);
  }

  sync(barrier: Barrier): void {
    this.#file.sync(barrier);
  }

  async syncAsync(barrier: Barrier): Promise<void> {
    this.#file.sync(barrier);
    await this.#syncs.hold(this.#path);
  }

  truncate(size: number): void {
    this.#file.truncate(size);
  }

  size(): number {
    return this.#file.size();
  }

  close(): void {
    this.#file.close();
  }
}

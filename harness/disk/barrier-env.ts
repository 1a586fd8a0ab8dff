// An Env on which syncs may be left out or come late: what an engine would be that had forgotten them.

import type { Barrier, Env, FileHandle, FileStat, Lock, OpenMode } from "tinykv/env";

/** "skip": the call returns and nothing was synced. "defer": it returns, and the sync comes just before the next call. */
export type SyncPolicy = "do" | "skip" | "defer";

export class BarrierEnv implements Env {
  readonly #env: Env;
  readonly #policy: (barrier: Barrier) => SyncPolicy;
  #deferred: (() => void)[] = [];

  constructor(env: Env, policy: (barrier: Barrier) => SyncPolicy) {
    this.#env = env;
    this.#policy = policy;
  }

  open(path: string, mode: OpenMode): FileHandle {
    return new BarrierFile(this, this.caughtUp().open(path, mode));
  }

  readDirectory(path: string): string[] {
    return this.caughtUp().readDirectory(path);
  }

  makeDirectory(path: string): void {
    this.caughtUp().makeDirectory(path);
  }

  removeDirectory(path: string): void {
    this.caughtUp().removeDirectory(path);
  }

  stat(path: string): FileStat {
    return this.caughtUp().stat(path);
  }

  rename(from: string, to: string): void {
    this.caughtUp().rename(from, to);
  }

  link(from: string, to: string): void {
    this.caughtUp().link(from, to);
  }

  unlink(path: string): void {
    this.caughtUp().unlink(path);
  }

  syncDirectory(path: string, barrier: Barrier): void {
    this.caughtUp();
    this.sync(barrier, () => this.#env.syncDirectory(path, barrier));
  }

  lock(path: string): Lock {
    return this.caughtUp().lock(path);
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

  /** What becomes of a sync that is asked for now. */
  ask(barrier: Barrier): SyncPolicy {
    return this.#policy(barrier);
  }

  /** The same of an asynchronous one. */
  askAsync(barrier: Barrier): SyncPolicy {
    return this.ask(barrier);
  }

  /** Carries out a sync as the policy says. */
  sync(barrier: Barrier, sync: () => void): void {
    const policy = this.ask(barrier);
    if (policy === "do") sync();
    else if (policy === "defer") this.#deferred.push(sync);
  }

  /** The Env below, once what was deferred has been done. */
  caughtUp(): Env {
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const sync of deferred) sync();
    return this.#env;
  }
}

class BarrierFile implements FileHandle {
  readonly #env: BarrierEnv;
  readonly #file: FileHandle;

  constructor(env: BarrierEnv, file: FileHandle) {
    this.#env = env;
    this.#file = file;
  }

  read(buffer: Uint8Array, position: number): number {
    this.#env.caughtUp();
    return this.#file.read(buffer, position);
  }

  write(buffer: Uint8Array, position: number): number {
    this.#env.caughtUp();
    return this.#file.write(buffer, position);
  }

  sync(barrier: Barrier): void {
    this.#env.caughtUp();
    this.#env.sync(barrier, () => this.#file.sync(barrier));
  }

  async syncAsync(barrier: Barrier): Promise<void> {
    this.#env.caughtUp();
    const policy = this.#env.askAsync(barrier);
    if (policy === "skip") return;
    const done = this.#file.syncAsync(barrier);
    // Late: under way, and nobody waits for it or learns how it ends.
    if (policy === "do") await done;
    else done.catch(() => undefined);
  }

  truncate(size: number): void {
    this.#env.caughtUp();
    this.#file.truncate(size);
  }

  size(): number {
    this.#env.caughtUp();
    return this.#file.size();
  }

  close(): void {
    this.#env.caughtUp();
    this.#file.close();
  }
}

import type { Barrier, Env, FileHandle, FileStat, Lock, OpenMode } from "tinykv/env";
import { DEATH_MOMENTS, RecordKind, writeRecord, type DeathMoment } from "./records.ts";

/** When to end the process: at the nth call (from 0) that changes the disk. */
export interface KillPoint {
  readonly nth: number;
  readonly when: DeathMoment;
}

/** The environment data in which a worker thread finds its own kill point. */
export const WORKER_POINT = "tinykv-kill-point";

/** Env that ends its own process with SIGKILL at one call: before it, in the middle of a write, or after it. */
export class KillEnv implements Env {
  readonly worker: URL | undefined;
  readonly #env: Env;
  #point: KillPoint | undefined;
  #calls = 0;

  /** Background threads start from `worker`, if there is one. */
  constructor(env: Env, worker?: URL) {
    this.#env = env;
    this.worker = worker;
  }

  /** Calls are counted from here on. */
  arm(point: KillPoint | undefined): void {
    this.#point = point;
    this.#calls = 0;
  }

  open(path: string, mode: OpenMode): FileHandle {
    const file = mode === "wx" ? this.around(() => this.#env.open(path, mode)) : this.#env.open(path, mode);
    return new KillFile(this, file);
  }

  readDirectory(path: string): string[] {
    return this.#env.readDirectory(path);
  }

  makeDirectory(path: string): void {
    this.around(() => this.#env.makeDirectory(path));
  }

  removeDirectory(path: string): void {
    this.around(() => this.#env.removeDirectory(path));
  }

  stat(path: string): FileStat {
    return this.#env.stat(path);
  }

  rename(from: string, to: string): void {
    this.around(() => this.#env.rename(from, to));
  }

  link(from: string, to: string): void {
    this.around(() => this.#env.link(from, to));
  }

  unlink(path: string): void {
    this.around(() => this.#env.unlink(path));
  }

  syncDirectory(path: string, barrier: Barrier): void {
    this.around(() => this.#env.syncDirectory(path, barrier));
  }

  lock(path: string): Lock {
    return this.#env.lock(path);
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

  /** Runs a call, or dies at it; `half` does part of it, and a call that has no parts is not begun. */
  around<T>(call: () => T, half?: () => void): T {
    const point = this.#point;
    if (!point || this.#calls++ !== point.nth) return call();
    const when = point.when === "middle" && !half ? "before" : point.when;
    if (when === "middle") half!();
    if (when === "after") call();
    return die(when);
  }
}

class KillFile implements FileHandle {
  readonly #env: KillEnv;
  readonly #file: FileHandle;

  constructor(env: KillEnv, file: FileHandle) {
    this.#env = env;
    this.#file = file;
  }

  read(buffer: Uint8Array, position: number): number {
    return this.#file.read(buffer, position);
  }

  write(buffer: Uint8Array, position: number): number {
    const half = buffer.subarray(0, buffer.length >> 1);
    return this.#env.around(
      () => this.#file.write(buffer, position),
      () => this.#file.write(half, position),
    );
  }

  sync(barrier: Barrier): void {
    this.#env.around(() => this.#file.sync(barrier));
  }

  syncAsync(barrier: Barrier): Promise<void> {
    return this.#env.around(() => this.#file.syncAsync(barrier));
  }

  truncate(size: number): void {
    this.#env.around(() => this.#file.truncate(size));
  }

  size(): number {
    return this.#file.size();
  }

  close(): void {
    this.#file.close();
  }
}

function die(when: DeathMoment): never {
  writeRecord(RecordKind.dying, DEATH_MOMENTS.indexOf(when));
  process.kill(process.pid, "SIGKILL");
  // The signal is delivered before the system call returns; this is for the compiler.
  throw new Error("still alive after SIGKILL");
}

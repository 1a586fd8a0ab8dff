import { randomFillSync } from "node:crypto";
import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeSync,
  type Stats,
} from "node:fs";
import type { Barrier, Env, FileHandle, FileStat, Lock, OpenMode } from "./env.ts";
import { systemError } from "./system-error.ts";
import { lockFile } from "./lock-file.ts";

// A name in a store that is a symbolic link is refused (ELOOP), so that nobody's file outside is read or written; a
// FIFO there must not make open wait for its other end. Windows has neither flag.
const SAFE = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

const FLAGS: Record<OpenMode, number> = {
  r: constants.O_RDONLY | SAFE,
  rw: constants.O_RDWR | SAFE,
  wx: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | SAFE,
};

/** Tables and logs have tags of a few bytes, and a call into the system takes microseconds for any number of them. */
const RANDOM_POOL_BYTES = 1 << 10;

/** The real file system, through node:fs alone: each call is one system call, on the calling thread. */
export class NodeEnv implements Env {
  /** Undefined for sources that run untranslated: threads start from built files. */
  readonly worker: URL | undefined = import.meta.url.endsWith(".js")
    ? new URL("../lsm/thread/worker-main.js", import.meta.url)
    : undefined;

  /** Random bytes that nobody was given yet: #random[#randomUsed ..]. */
  readonly #random = new Uint8Array(RANDOM_POOL_BYTES);
  #randomUsed = RANDOM_POOL_BYTES;

  open(path: string, mode: OpenMode): FileHandle {
    return new NodeFile(openSync(path, FLAGS[mode]));
  }

  readDirectory(path: string): string[] {
    return readdirSync(path);
  }

  makeDirectory(path: string): void {
    mkdirSync(path);
  }

  removeDirectory(path: string): void {
    rmdirSync(path);
  }

  stat(path: string): FileStat {
    const stats = lstatSync(path);
    return { size: stats.size, inode: stats.ino, kind: kindOf(stats) };
  }

  rename(from: string, to: string): void {
    renameSync(from, to);
  }

  link(from: string, to: string): void {
    linkSync(from, to);
  }

  unlink(path: string): void {
    unlinkSync(path);
  }

  syncDirectory(path: string, _barrier: Barrier): void {
    if (process.platform === "win32") return; // no directory can be opened there; NTFS keeps names in its journal
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  lock(path: string): Lock {
    return lockFile(path);
  }

  now(): number {
    return Date.now();
  }

  sleep(milliseconds: number): void {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds); // nobody wakes it
  }

  randomBytes(count: number): Uint8Array {
    if (count > RANDOM_POOL_BYTES) return randomFillSync(new Uint8Array(count));
    if (this.#randomUsed + count > RANDOM_POOL_BYTES) {
      randomFillSync(this.#random);
      this.#randomUsed = 0;
    }
    this.#randomUsed += count;
    return this.#random.slice(this.#randomUsed - count, this.#randomUsed);
  }
}

export const nodeEnv: NodeEnv = new NodeEnv();

/**
 * A descriptor.
 *
 * Invariants:
 *   - once closed, no call reaches the kernel: the number may already be another file's;
 *   - while a syncAsync is under way in its thread, the number stays taken: close() waits for its callback.
 */
class NodeFile implements FileHandle {
  readonly #fd: number;
  #closed = false;
  #syncsUnderWay = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  read(buffer: Uint8Array, position: number): number {
    this.#demandOpen("read");
    return readSync(this.#fd, buffer, 0, buffer.length, position);
  }

  write(buffer: Uint8Array, position: number): number {
    this.#demandOpen("write");
    return writeSync(this.#fd, buffer, 0, buffer.length, position);
  }

  sync(_barrier: Barrier): void {
    this.#demandOpen("fdatasync");
    fdatasyncSync(this.#fd);
  }

  async syncAsync(_barrier: Barrier): Promise<void> {
    this.#demandOpen("fdatasync");
    this.#syncsUnderWay++;
    await new Promise<void>((resolve, reject) => {
      fdatasync(this.#fd, (error) => {
        this.#syncsUnderWay--;
        const closeError = this.#closed && this.#syncsUnderWay === 0 ? this.#closeNow() : undefined;
        if (error ?? closeError) reject(error ?? closeError!);
        else resolve();
      });
    });
  }

  truncate(size: number): void {
    this.#demandOpen("ftruncate");
    ftruncateSync(this.#fd, size);
  }

  size(): number {
    this.#demandOpen("fstat");
    return fstatSync(this.#fd).size;
  }

  close(): void {
    this.#demandOpen("close");
    this.#closed = true;
    if (this.#syncsUnderWay === 0) closeSync(this.#fd);
  }

  #closeNow(): Error | undefined {
    try {
      closeSync(this.#fd);
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }

  #demandOpen(call: string): void {
    if (this.#closed) throw systemError("EBADF", call);
  }
}

function kindOf(stats: Stats): FileStat["kind"] {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "directory";
  return stats.isSymbolicLink() ? "symlink" : "other";
}

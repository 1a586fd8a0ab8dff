import type { Barrier, Env, FileHandle, FileStat, Lock, OpenMode } from "tinykv/env";
import { errnoError } from "tinykv/harness";

/** What a file costs beside its bytes: its place in the directory and its inode, in the unit of a disk. */
const FILE_BYTES = 512;

/** A file while it has a name or a descriptor. */
interface Extent {
  bytes: number;
  names: number;
  handles: number;
}

/**
 * An Env on a disk of so many bytes. A write takes what fits, as the kernel does: a short count, and ENOSPC for the next
 * one. Bytes come back when a file has lost its last name and its last descriptor.
 */
export class CapacityEnv implements Env {
  /** Calls that failed for want of space. */
  refusals = 0;
  used = 0;
  /** Every value that `used` has had, in order: the sizes of a disk at which a call is the last to succeed. */
  readonly levels: number[] = [];
  /** The space that root keeps for itself is open to the harness. */
  isLifted = false;
  #capacity: number;
  readonly #env: Env;
  readonly #extents = new Map<string, Extent>();

  constructor(env: Env, capacity: number) {
    this.#env = env;
    this.#capacity = capacity;
  }

  /** There is space for everything from now on. */
  heal(): void {
    this.#capacity = Number.POSITIVE_INFINITY;
  }

  open(path: string, mode: OpenMode): FileHandle {
    if (mode === "wx") {
      if (!this.exists(path)) this.#demand(FILE_BYTES, "open", path);
      const file = this.#env.open(path, mode);
      return this.#file(file, this.#create(path), path);
    }
    return this.#file(this.#env.open(path, mode), this.#extents.get(path) ?? this.#create(path), path);
  }

  makeDirectory(path: string): void {
    this.#demand(FILE_BYTES, "mkdir", path);
    this.#env.makeDirectory(path);
    this.#take(FILE_BYTES);
  }

  removeDirectory(path: string): void {
    this.#env.removeDirectory(path);
    this.#take(-FILE_BYTES);
  }

  rename(from: string, to: string): void {
    this.#env.rename(from, to);
    const moved = [...this.#extents].filter(([path]) => path === from || path.startsWith(`${from}/`));
    for (const [path, extent] of moved) {
      this.#extents.delete(path);
      const target = to + path.slice(from.length);
      const replaced = this.#extents.get(target);
      this.#extents.set(target, extent);
      if (replaced) this.#drop(replaced, "names");
    }
  }

  link(from: string, to: string): void {
    this.#env.link(from, to);
    const extent = this.#extents.get(from);
    if (!extent) return;
    extent.names++;
    this.#extents.set(to, extent);
  }

  unlink(path: string): void {
    this.#env.unlink(path);
    const extent = this.#extents.get(path);
    this.#extents.delete(path);
    if (extent) this.#drop(extent, "names");
  }

  lock(path: string): Lock {
    if (!this.exists(path)) this.#demand(FILE_BYTES, "lock", path);
    const lock = this.#env.lock(path);
    if (!this.#extents.has(path)) this.#create(path);
    return lock;
  }

  readDirectory(path: string): string[] {
    return this.#env.readDirectory(path);
  }

  stat(path: string): FileStat {
    return this.#env.stat(path);
  }

  syncDirectory(path: string, barrier: Barrier): void {
    this.#env.syncDirectory(path, barrier);
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

  private exists(path: string): boolean {
    return this.#extents.has(path);
  }

  #create(path: string): Extent {
    const extent = { bytes: FILE_BYTES, names: 1, handles: 0 };
    this.#extents.set(path, extent);
    this.#take(FILE_BYTES);
    return extent;
  }

  #demand(bytes: number, syscall: string, path: string): void {
    if (this.isLifted || this.used + bytes <= this.#capacity) return;
    this.refusals++;
    throw errnoError("ENOSPC", syscall, path);
  }

  #take(bytes: number): void {
    this.used += bytes;
    this.levels.push(this.used);
  }

  #drop(extent: Extent, what: "names" | "handles"): void {
    extent[what]--;
    if (extent.names === 0 && extent.handles === 0) this.#take(-extent.bytes);
  }

  #file(file: FileHandle, extent: Extent, path: string): FileHandle {
    extent.handles++;
    let open = true;
    return {
      read: (buffer, position) => file.read(buffer, position),
      write: (buffer, position) => {
        const grows = Math.max(0, position + buffer.length - (extent.bytes - FILE_BYTES));
        const missing = this.isLifted ? 0 : Math.max(0, this.used + grows - this.#capacity);
        if (missing >= buffer.length && missing > 0) this.#demand(grows, "write", path);
        const count = file.write(missing > 0 ? buffer.subarray(0, buffer.length - missing) : buffer, position);
        const bytes = Math.max(extent.bytes, position + count + FILE_BYTES);
        this.#take(bytes - extent.bytes);
        extent.bytes = bytes;
        return count;
      },
      sync: (barrier) => file.sync(barrier),
      syncAsync: (barrier) => file.syncAsync(barrier),
      truncate: (size) => file.truncate(size),
      size: () => file.size(),
      close: () => {
        file.close();
        if (open) this.#drop(extent, "handles");
        open = false;
      },
    };
  }
}

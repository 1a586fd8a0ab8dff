// Files and directories of MemoryEnv. An inode lives as long as a name or a FileHandle refers to it, as on a disk.

import type { Barrier, FileHandle, OpenMode } from "./env.ts";
import { systemError } from "./system-error.ts";

/** The first allocation of a file; one page, since most files of a test store are smaller. */
const CAPACITY_MIN = 4096;

/**
 * The bytes of one file, in a buffer that doubles: an append costs what it appends.
 *
 * Invariant: bytes of the buffer at `size` and beyond are zero, so growing needs no clearing.
 */
export class MemoryFile {
  readonly kind = "file" as const;
  readonly inode: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #size = 0;

  constructor(inode: number) {
    this.inode = inode;
  }

  get size(): number {
    return this.#size;
  }

  read(buffer: Uint8Array, position: number): number {
    if (position >= this.#size) return 0;
    const end = Math.min(this.#size, position + buffer.length);
    buffer.set(this.#bytes.subarray(position, end));
    return end - position;
  }

  write(buffer: Uint8Array, position: number): number {
    if (buffer.length === 0) return 0; // extends nothing, as pwrite
    const end = position + buffer.length;
    this.#reserve(end);
    this.#bytes.set(buffer, position);
    this.#size = Math.max(this.#size, end);
    return buffer.length;
  }

  truncate(size: number): void {
    if (size < this.#size) this.#bytes.fill(0, size, this.#size);
    else this.#reserve(size);
    this.#size = size;
  }

  #reserve(capacity: number): void {
    if (capacity <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(capacity, CAPACITY_MIN, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = grown;
  }
}

export class MemoryDirectory {
  readonly kind = "directory" as const;
  readonly inode: number;
  readonly names: Map<string, MemoryFile | MemoryDirectory> = new Map();

  constructor(inode: number) {
    this.inode = inode;
  }
}

/** One open descriptor of a MemoryFile. With `shortCounts` a call moves about half of what it was asked to. */
export class MemoryFileHandle implements FileHandle {
  readonly #file: MemoryFile;
  readonly #mode: OpenMode;
  readonly #shortCounts: boolean;
  #closed = false;

  constructor(file: MemoryFile, mode: OpenMode, shortCounts: boolean) {
    this.#file = file;
    this.#mode = mode;
    this.#shortCounts = shortCounts;
  }

  read(buffer: Uint8Array, position: number): number {
    this.#demandOpen("read");
    return this.#file.read(this.#shorten(buffer), demandOffset(position, "read"));
  }

  write(buffer: Uint8Array, position: number): number {
    this.#demandOpen("write");
    if (this.#mode === "r") throw systemError("EBADF", "write");
    return this.#file.write(this.#shorten(buffer), demandOffset(position, "write"));
  }

  sync(_barrier: Barrier): void {
    this.#demandOpen("fdatasync");
  }

  async syncAsync(_barrier: Barrier): Promise<void> {
    this.#demandOpen("fdatasync");
  }

  truncate(size: number): void {
    this.#demandOpen("ftruncate");
    if (this.#mode === "r") throw systemError("EINVAL", "ftruncate");
    this.#file.truncate(demandOffset(size, "ftruncate"));
  }

  size(): number {
    this.#demandOpen("fstat");
    return this.#file.size;
  }

  close(): void {
    this.#demandOpen("close");
    this.#closed = true;
  }

  #demandOpen(call: string): void {
    if (this.#closed) throw systemError("EBADF", call);
  }

  // At least one byte of any that were asked for, or the loops would never end.
  #shorten(buffer: Uint8Array): Uint8Array {
    return this.#shortCounts ? buffer.subarray(0, Math.ceil(buffer.length / 2)) : buffer;
  }
}

function demandOffset(value: number, call: string): number {
  if (!Number.isSafeInteger(value) || value < 0) throw systemError("EINVAL", call);
  return value;
}

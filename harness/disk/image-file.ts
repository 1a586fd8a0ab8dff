// Files and directories of ImageEnv. An inode lives as long as a name or an open file refers to it, as on a disk.

import type { Barrier, FileHandle, OpenMode } from "tinykv/env";
import { errnoError } from "./errno-error.ts";
import type { ContentStore, FileContent } from "./image.ts";

/** The least buffer of a file that is written: Node cuts it from a page it has already, and a small log fits. */
const CAPACITY_MIN = 1024;

/** The bytes of one file: borrowed until the first write, then its own, in a buffer that doubles. */
export class ImageFile {
  readonly kind = "file" as const;
  readonly inode: number;
  /** What the file holds, as long as nothing has changed it. */
  #content: FileContent | undefined;
  /** Those at `size` and beyond mean nothing. */
  #bytes: Uint8Array;
  #size: number;
  #owned = false;

  constructor(inode: number, content?: FileContent) {
    this.inode = inode;
    this.#content = content;
    this.#bytes = content === undefined ? NO_BYTES : content.bytes;
    this.#size = content === undefined ? 0 : content.size;
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
    this.#own(end);
    if (position > this.#size) this.#bytes.fill(0, this.#size, position);
    this.#bytes.set(buffer, position);
    if (end > this.#size) this.#size = end;
    return buffer.length;
  }

  truncate(size: number): void {
    if (size === this.#size) return;
    this.#own(size);
    if (size > this.#size) this.#bytes.fill(0, this.#size, size);
    this.#size = size;
  }

  /** Borrows `bytes` in place of what the file held. */
  replace(bytes: Uint8Array): void {
    this.#content = undefined;
    this.#bytes = bytes;
    this.#size = bytes.length;
    this.#owned = false;
  }

  /** What the file holds now; no later write shows in it. */
  bytes(): Uint8Array {
    if (!this.#owned && this.#bytes.length === this.#size) return this.#bytes;
    return new Uint8Array(this.#bytes.subarray(0, this.#size)); // not slice: a Buffer's shares the memory
  }

  content(contents: ContentStore): FileContent {
    return this.#content ?? contents.of(new Uint8Array(this.#bytes.subarray(0, this.#size)));
  }

  #own(capacity: number): void {
    this.#content = undefined;
    if (this.#owned && capacity <= this.#bytes.length) return;
    const wanted = this.#owned ? Math.max(capacity, this.#bytes.length * 2) : Math.max(capacity, this.#size);
    const grown = Buffer.allocUnsafe(Math.max(wanted, CAPACITY_MIN));
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = grown;
    this.#owned = true;
  }
}

const NO_BYTES = new Uint8Array(0);

export class ImageDirectory {
  readonly kind = "directory" as const;
  readonly inode: number;
  /** Absolute; "" for the root, so that a name's path is always its directory's path, "/", and the name. */
  path: string;
  readonly names: Map<string, ImageFile | ImageDirectory> = new Map();

  constructor(inode: number, path: string) {
    this.inode = inode;
    this.path = path;
  }
}

/** One open descriptor of an ImageFile. With `shortCounts` a call moves about half of what it was asked to. */
export class ImageFileHandle implements FileHandle {
  readonly #file: ImageFile;
  readonly #mode: OpenMode;
  readonly #shortCounts: boolean;
  #closed = false;

  constructor(file: ImageFile, mode: OpenMode, shortCounts: boolean) {
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
    if (this.#mode === "r") throw errnoError("EBADF", "write");
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
    if (this.#mode === "r") throw errnoError("EINVAL", "ftruncate");
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
    if (this.#closed) throw errnoError("EBADF", call);
  }

  // At least one byte of any that were asked for, or the loops would never end.
  #shorten(buffer: Uint8Array): Uint8Array {
    return this.#shortCounts ? buffer.subarray(0, Math.ceil(buffer.length / 2)) : buffer;
  }
}

function demandOffset(value: number, call: string): number {
  if (!Number.isSafeInteger(value) || value < 0) throw errnoError("EINVAL", call);
  return value;
}

// Bytes as the file that a reader asks for.

import type { Env, FileHandle } from "tinykv/env";
import type { TableSource } from "tinykv/formats";

/** A source of a table over bytes. */
export function sourceOf(bytes: Uint8Array): TableSource {
  return { read: (buffer, position) => copyFrom(bytes, buffer, position) };
}

function copyFrom(bytes: Uint8Array, buffer: Uint8Array, position: number): number {
  if (position >= bytes.length) return 0;
  const count = Math.min(buffer.length, bytes.length - position);
  for (let i = 0; i < count; i++) buffer[i] = bytes[position + i]!;
  return count;
}

/** Called in a world in which nothing is written. */
function refused(): never {
  throw new Error("a decoder only reads");
}

/** A file for reading over bytes. */
export function fileOf(bytes: Uint8Array): FileHandle {
  return {
    read: (buffer, position) => copyFrom(bytes, buffer, position),
    size: () => bytes.length,
    close: () => undefined,
    write: refused,
    sync: refused,
    syncAsync: refused,
    truncate: refused,
  };
}

/** A world of one file: whatever is opened for reading is it. */
export function envOf(bytes: Uint8Array): Env {
  return {
    open: (_, mode) => (mode === "r" ? fileOf(bytes) : refused()),
    readDirectory: refused,
    makeDirectory: refused,
    removeDirectory: refused,
    stat: refused,
    rename: refused,
    link: refused,
    unlink: refused,
    syncDirectory: refused,
    lock: refused,
    now: refused,
    sleep: refused,
    randomBytes: refused,
  };
}

/** A file in memory for writing, which starts empty. */
export class GrowingFile implements FileHandle {
  #bytes: Uint8Array = new Uint8Array(1024);
  #size = 0;

  /** What was written: a copy. */
  get bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#size);
  }

  read(buffer: Uint8Array, position: number): number {
    return copyFrom(this.#bytes.subarray(0, this.#size), buffer, position);
  }

  write(buffer: Uint8Array, position: number): number {
    const end = position + buffer.length;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(buffer, position);
    this.#size = Math.max(this.#size, end);
    return buffer.length;
  }

  size(): number {
    return this.#size;
  }

  sync(): void {}
  async syncAsync(): Promise<void> {}
  truncate(): void {}
  close(): void {}
}

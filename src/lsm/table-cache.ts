// Tables being read. A reader (index and filter in memory) stays as long as its table is live; descriptors are dearer and
// come from a pool that holds at most maxOpenFiles of them and closes the least recently used.

import { errnoOf } from "../common/errors.ts";
import { readFully } from "../util/file-io.ts";
import type { FileHandle } from "../util/env.ts";
import { BlockCache } from "../sst/block-cache.ts";
import { TableReader } from "../sst/table-reader.ts";
import { tableName } from "./file-names.ts";
import { joinPath, runAll, type TableContext } from "./store-context.ts";
import type { TableMeta } from "./table-meta.ts";

export class TableCache {
  readonly blocks: BlockCache;
  readonly #context: TableContext;
  readonly #readers = new Map<number, TableReader>();
  // In order of use: a Map keeps insertion order, and a used descriptor is inserted again.
  readonly #open = new Map<number, FileHandle>();
  readonly #openMost: number;

  constructor(context: TableContext) {
    this.#context = context;
    this.blocks = new BlockCache(context.options.blockCacheSize);
    // A read-only store holds all its tables: the writer beside it may unlink them at any time.
    this.#openMost = context.options.readOnly ? Number.MAX_SAFE_INTEGER : context.options.maxOpenFiles;
  }

  get openFiles(): number {
    return this.#open.size;
  }

  /** Bytes of indexes and filters held. */
  get memoryBytes(): number {
    let bytes = 0;
    for (const reader of this.#readers.values()) bytes += reader.memoryBytes;
    return bytes;
  }

  reader(table: TableMeta): TableReader {
    let reader = this.#readers.get(table.number);
    if (!reader) {
      reader = TableReader.open({
        source: { read: (buffer, position) => this.read(table.number, buffer, position) },
        name: tableName(table.number),
        number: table.number,
        size: table.size,
        tag: table.tag,
        order: this.#context.order,
        cache: this.blocks,
        databaseId: this.#context.databaseId,
      });
      // A comparator may have read from the table while it was opened: one reader answers for the cached blocks.
      const other = this.#readers.get(table.number);
      if (other) {
        reader.close();
        return other;
      }
      this.#readers.set(table.number, reader);
    }
    return reader;
  }

  /** Reads from a table's file, past all caches. */
  read(number: number, buffer: Uint8Array, position: number): number {
    return readFully(this.#descriptor(number), buffer, position);
  }

  fileSize(number: number): number {
    return this.#descriptor(number).size();
  }

  /** The table is gone, or about to be. */
  forget(number: number): void {
    this.#readers.get(number)?.close();
    this.#readers.delete(number);
    const file = this.#open.get(number);
    this.#open.delete(number);
    file?.close();
  }

  close(): void {
    runAll([...this.#readers.keys(), ...this.#open.keys()].map((number) => () => this.forget(number)));
  }

  #descriptor(number: number): FileHandle {
    let file = this.#open.get(number);
    if (file) {
      if (this.#openMost !== Number.MAX_SAFE_INTEGER) {
        this.#open.delete(number);
        this.#open.set(number, file);
      }
      return file;
    }
    while (this.#open.size >= this.#openMost) this.#closeOldest();
    file = this.#openFile(joinPath(this.#context.path, tableName(number)));
    this.#open.set(number, file);
    return file;
  }

  // Out of descriptors: give back our own, one at a time, and try again; the error stands once none is left.
  #openFile(path: string): FileHandle {
    for (;;) {
      try {
        return this.#context.env.open(path, "r");
      } catch (error) {
        const errno = errnoOf(error);
        if ((errno !== "EMFILE" && errno !== "ENFILE") || this.#open.size === 0) throw error;
        this.#closeOldest();
      }
    }
  }

  #closeOldest(): void {
    const [number, file] = this.#open.entries().next().value!;
    this.#open.delete(number);
    file.close();
  }
}

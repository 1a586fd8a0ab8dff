// A disk as a crash leaves it: the files that have a name, and their bytes. Contents are interned, so an image is a short
// list of numbers and equal images have equal keys.

import { hash } from "node:crypto";
import { PAGE_BYTES } from "./page.ts";

/** The bytes of one file; two of one store of contents are equal exactly if they are the same object. */
export interface FileContent {
  /** Unique within its ContentStore. */
  readonly id: number;
  readonly size: number;
  /** Never changed by anyone. */
  readonly bytes: Uint8Array;
}

/** Absolute paths, ascending; directories before what they hold. */
export interface Image {
  readonly files: ReadonlyMap<string, FileContent>;
  readonly directories: readonly string[];
  /** Equal for equal images of one ContentStore. */
  readonly key: string;
}

/** Every content that a campaign has met, each once. */
export class ContentStore {
  readonly #byHash = new Map<string, FileContent>();
  readonly #byPages = new Map<string, FileContent>();
  readonly #pageIds = new WeakMap<Uint8Array, number>();
  readonly #pagesByHash = new Map<string, number>();
  readonly #trees = new Map<string, number>();
  #next = 0;

  /** The content with these bytes, which are kept: do not change them afterwards. */
  of(bytes: Uint8Array): FileContent {
    const key = contentHash(bytes);
    const known = this.#byHash.get(key);
    if (known) return known;
    const content = { id: this.#next++, size: bytes.length, bytes };
    this.#byHash.set(key, content);
    return content;
  }

  /** A file of whole pages (undefined: zeros), cut to its size. Pages are looked up by identity first, then by content. */
  ofPages(pages: readonly (Uint8Array | undefined)[], size: number): FileContent {
    let key = `${size}`;
    for (const page of pages) key += `,${page ? this.#pageId(page) : 0}`;
    const known = this.#byPages.get(key);
    if (known) return known;
    const bytes = new Uint8Array(size);
    pages.forEach((page, i) => {
      const start = i * PAGE_BYTES;
      if (page) bytes.set(page.subarray(0, Math.min(PAGE_BYTES, size - start)), start);
    });
    const content = this.of(bytes);
    this.#byPages.set(key, content);
    return content;
  }

  /** A number for a text, the same for the same. */
  treeId(text: string): number {
    const id = this.#trees.get(text) ?? this.#trees.size + 1;
    this.#trees.set(text, id);
    return id;
  }

  #pageId(page: Uint8Array): number {
    const known = this.#pageIds.get(page);
    if (known !== undefined) return known;
    const key = contentHash(page);
    const id = this.#pagesByHash.get(key) ?? this.#pagesByHash.size + 1;
    this.#pagesByHash.set(key, id);
    this.#pageIds.set(page, id);
    return id;
  }

  get count(): number {
    return this.#next;
  }
}

export function makeImage(files: Iterable<readonly [string, FileContent]>, directories: Iterable<string>): Image {
  const sorted = new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
  const folders = [...directories].sort();
  let key = folders.join("\n");
  for (const [path, { id }] of sorted) key += `\n${path}=${id}`;
  return { files: sorted, directories: folders, key };
}

/** Equal bytes have equal hashes; others do not, for all that anyone knows (SHA-1, cut to 96 bits: chance alone). */
export function contentHash(bytes: Uint8Array): string {
  return hash("sha1", bytes, "binary").slice(0, 12);
}

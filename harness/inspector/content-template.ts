// What one file contributes to a canonical image: a hash of all that stays, and in the order of the file what does not.
// Numbers, tags and ids mean nothing by themselves, only by which others they equal or, numbers, come before; so
// they are listed apart, and the image gives them names (canonical-image.ts).
//
// Renaming changes lengths: a tag's varint has one to five bytes. So what counts bytes of a manifest or of a whole table
// is renamed too: positions in a manifest to the record that ends there, sizes of tables to "what the file has".

import { createHash, type Hash } from "node:crypto";
import { contentHash } from "../disk/image.ts";

/** A size, to be compared with that of the file with this number. */
export interface SizeOf {
  readonly number: number;
  readonly size: number;
}

export interface Template {
  readonly hash: string;
  /** File numbers; 0 stands for none. */
  readonly numbers: readonly number[];
  readonly tags: readonly number[];
  readonly ids: readonly string[];
  readonly tableSizes: readonly SizeOf[];
  readonly manifestSizes: readonly SizeOf[];
  /** Of a table: the obsolete files that its properties list; tags beside numbers. */
  readonly obsoleteNumbers: readonly number[];
  readonly obsoleteTags: readonly number[];
  /** Of a manifest with a state. */
  readonly roots: ManifestRoots | undefined;
  /** A log without a header of its own number, of which nothing promises more: it holds nothing, whatever its bytes. */
  readonly hollow?: boolean;
}

/** Which files a manifest needs. */
export interface ManifestRoots {
  readonly tables: ReadonlySet<number>;
  /** Logs below it are not needed. */
  readonly logNumber: number;
  /** Where its header and its records end, each with its place in that order. */
  readonly boundaries: ReadonlyMap<number, number>;
}

const NONE: readonly never[] = [];

/** A file that contributes its bytes as they are, and `name`, if what they mean depends on that. */
export function rawTemplate(bytes: Uint8Array, name: string): Template {
  return constantTemplate(`raw ${name} ${contentHash(bytes)}`);
}

/** Nothing but words, and the numbers of files. */
export function constantTemplate(words: string, numbers: readonly number[] = NONE): Template {
  return {
    hash: contentHash(Buffer.from(words)),
    numbers,
    tags: NONE,
    ids: NONE,
    tableSizes: NONE,
    manifestSizes: NONE,
    obsoleteNumbers: NONE,
    obsoleteTags: NONE,
    roots: undefined,
  };
}

/** Zeros, or nothing at all: they mean the same under every name. */
export function zerosTemplate(length: number): Template {
  return constantTemplate(`zeros ${length}`);
}

export function allZeros(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Collects a template. Each part is hashed with its kind and length, so that no two lists of parts hash alike. */
export class TemplateBuilder {
  readonly #hash: Hash = createHash("sha1");
  readonly #numbers: number[] = [];
  readonly #tags: number[] = [];
  readonly #ids: string[] = [];
  readonly #tableSizes: SizeOf[] = [];
  readonly #manifestSizes: SizeOf[] = [];
  readonly #obsolete: { number: number; tag: number }[] = [];
  #text = "";
  roots: ManifestRoots | undefined;

  /** Words and plain numbers. */
  text(...words: readonly (string | number)[]): void {
    this.#text += `${words.join(" ")}\n`;
  }

  bytes(bytes: Uint8Array): void {
    this.#hash.update(`${this.#text}bytes ${bytes.length}\n`).update(bytes);
    this.#text = "";
  }

  number(number: number): void {
    this.#text += "#\n";
    this.#numbers.push(number);
  }

  tag(tag: number): void {
    this.#text += "$\n";
    this.#tags.push(tag);
  }

  id(id: string): void {
    this.#text += "@\n";
    this.#ids.push(id);
  }

  sizeOfTable(number: number, size: number): void {
    this.#text += "st\n";
    this.#tableSizes.push({ number, size });
  }

  sizeOfManifest(number: number, size: number): void {
    this.#text += "sm\n";
    this.#manifestSizes.push({ number, size });
  }

  obsolete(files: readonly { readonly number: number; readonly tag: number }[]): void {
    this.#obsolete.push(...files);
  }

  finish(): Template {
    return {
      hash: this.#hash.update(this.#text).digest("binary").slice(0, 12),
      numbers: this.#numbers,
      tags: this.#tags,
      ids: this.#ids,
      tableSizes: this.#tableSizes,
      manifestSizes: this.#manifestSizes,
      obsoleteNumbers: this.#obsolete.map(({ number }) => number),
      obsoleteTags: this.#obsolete.map(({ tag }) => tag),
      roots: this.roots,
    };
  }
}

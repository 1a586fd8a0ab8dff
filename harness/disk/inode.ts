// One file of the simulated disk: for each page and for the size every content since it was last durable.
//
//   versions[0]   what is durable        versions[last]   what a reader sees        between: what may also have reached
//                                                                                    the disk before a crash
//
// Pages are independent of each other and of the size. A page that was never written has no bytes (undefined): a crash
// may show zeros there, or what some dead file left on the disk.

import { PAGE_BYTES } from "./page.ts";
import type { Variant } from "./variant.ts";

export type PageBytes = Uint8Array | undefined;

const ZEROS = new Uint8Array(PAGE_BYTES);

/** The history of one page or of a size; `times` says when each version was written, 0 for the durable one. */
export interface Versions<T> {
  readonly values: T[];
  readonly times: number[];
  /** The newest version was marked clean by an fsync that failed: a later fsync has nothing to write. */
  lost: boolean;
}

interface KnownVariants {
  readonly stamp: number;
  readonly stale: Inode | undefined;
  readonly staleStamp: number | undefined;
  readonly list: readonly Variant[];
}

export class Inode {
  readonly id: number;
  /** The path it was last known under. */
  path: string;
  readonly pages: Versions<PageBytes>[] = [];
  readonly size: Versions<number>;
  /** Open descriptors. */
  handles = 0;
  /** Goes up with every change: what was worked out from the versions holds as long as it stays. */
  stamp = 0;
  /** Of file-variants.ts, with the stamp they belong to. */
  variants: Partial<Record<"every" | "some", KnownVariants>> = {};

  constructor(id: number, path: string) {
    this.id = id;
    this.path = path;
    this.size = only(0);
  }

  /** A file that is durable as it stands. */
  static durable(id: number, path: string, bytes: Uint8Array): Inode {
    const inode = new Inode(id, path);
    for (let at = 0; at < bytes.length; at += PAGE_BYTES) inode.pages.push(only<PageBytes>(wholePage(bytes, at)));
    inode.size.values[0] = bytes.length;
    return inode;
  }

  clone(): Inode {
    const copy = new Inode(this.id, this.path);
    for (const page of this.pages) copy.pages.push(cloneVersions(page));
    copy.size.values.splice(0, 1, ...this.size.values);
    copy.size.times.splice(0, 1, ...this.size.times);
    copy.size.lost = this.size.lost;
    copy.handles = this.handles;
    copy.stamp = this.stamp;
    copy.variants = this.variants;
    return copy;
  }

  get sizeNow(): number {
    return this.size.values.at(-1)!;
  }

  write(position: number, bytes: Uint8Array, time: number): void {
    if (bytes.length === 0) return; // extends nothing, as pwrite
    this.stamp++;
    const end = position + bytes.length;
    for (let page = Math.floor(position / PAGE_BYTES); page * PAGE_BYTES < end; page++) {
      const start = page * PAGE_BYTES;
      const next = this.#copyOf(page);
      const from = Math.max(0, start - position);
      next.set(bytes.subarray(from, start + PAGE_BYTES - position), Math.max(0, position - start));
      push<PageBytes>(this.#page(page), next, time);
    }
    if (end > this.sizeNow) push(this.size, end, time);
  }

  /** A version of every page that it cuts, and of the size. */
  truncate(size: number, time: number): void {
    this.stamp++;
    const now = this.sizeNow;
    for (let page = Math.floor(size / PAGE_BYTES); page < this.pages.length; page++) {
      const keep = Math.max(0, size - page * PAGE_BYTES);
      const next = this.#copyOf(page);
      next.fill(0, keep);
      push<PageBytes>(this.#page(page), next, time);
    }
    if (size !== now) push(this.size, size, time);
  }

  /**
   * What was written up to `until` is durable; what an earlier fsync failed to write is not. Pages inside the durable size
   * that nobody wrote are zeros for good.
   */
  synced(until: number): void {
    this.stamp++;
    for (const page of this.pages) settle(page, until);
    settle(this.size, until);
    for (let page = 0; page * PAGE_BYTES < this.size.values[0]!; page++) {
      const { values } = this.#page(page);
      if (values.length === 1) values[0] ??= ZEROS;
    }
  }

  /** What was written up to `until` stays readable, and no later fsync will write it. */
  syncFailed(until: number): void {
    this.stamp++;
    for (const page of this.pages) giveUp(page, until);
    giveUp(this.size, until);
  }

  #page(page: number): Versions<PageBytes> {
    while (this.pages.length <= page) this.pages.push(only<PageBytes>(undefined));
    return this.pages[page]!;
  }

  #copyOf(page: number): Uint8Array {
    const next = new Uint8Array(PAGE_BYTES);
    const now = this.pages[page]?.values.at(-1);
    if (now) next.set(now);
    return next;
  }
}

function only<T>(value: T): Versions<T> {
  return { values: [value], times: [0], lost: false };
}

function cloneVersions<T>({ values, times, lost }: Versions<T>): Versions<T> {
  return { values: [...values], times: [...times], lost };
}

function push<T>(versions: Versions<T>, value: T, time: number): void {
  versions.values.push(value);
  versions.times.push(time);
  versions.lost = false;
}

function settle<T>({ values, times, lost }: Versions<T>, until: number): void {
  if (lost) return;
  let newest = times.length - 1;
  while (newest > 0 && times[newest]! > until) newest--;
  values.splice(0, newest);
  times.splice(0, newest);
  times[0] = 0;
}

function giveUp<T>(versions: Versions<T>, until: number): void {
  const { times } = versions;
  if (times.length > 1 && times.at(-1)! <= until) versions.lost = true;
}

function wholePage(bytes: Uint8Array, at: number): Uint8Array {
  if (bytes.length - at >= PAGE_BYTES) return bytes.subarray(at, at + PAGE_BYTES);
  const page = new Uint8Array(PAGE_BYTES);
  page.set(bytes.subarray(at));
  return page;
}

// The distinct contents that a crash may leave of one file: pages and size vary independently, and what is equal counts
// once. Most files have one; the log that is being written has a few.

import type { Choice } from "./choice.ts";
import { ImageBuilder } from "./image-builder.ts";
import type { ContentStore, FileContent } from "./image.ts";
import type { Inode } from "./inode.ts";
import { PAGE_BYTES } from "./page.ts";
import { choicesOf } from "./page-choices.ts";
import { TORN_MAX, versionAt } from "./survivals.ts";
import type { Variant } from "./variant.ts";

/** Combinations of pages and sizes up to which all are made; above, those of systematic(). */
const COMBINATIONS_MAX = 512;
/** The same for a file among many. */
const COMBINATIONS_SOME = 12;

/** "every": all combinations, if they are not too many; "some": enough of them for one file among many. */
export type Extent = "every" | "some";

/** The durable content first, then what a reader sees, then the others. At most TORN_MAX pages are torn. */
export function variantsOf(
  inode: Inode,
  extent: Extent,
  { contents, stale }: { readonly contents: ContentStore; readonly stale: Inode | undefined },
): readonly Variant[] {
  const known = inode.variants[extent];
  const staleStamp = stale?.stamp;
  if (known?.stamp === inode.stamp && known.stale === stale && known.staleStamp === staleStamp) return known.list;
  const list = new VariantList(inode, contents, stale).make(extent);
  inode.variants = { ...inode.variants, [extent]: { stamp: inode.stamp, stale, staleStamp, list } };
  return list;
}

/** What a file held when the event of `time` had happened and nothing later. */
export function contentAt(inode: Inode, time: number, contents: ContentStore): FileContent {
  const pages = inode.pages.map(({ times }) => ({ version: versionAt(times, time) }));
  return new ImageBuilder(contents, undefined).contentOf(inode, pages, versionAt(inode.size.times, time));
}

/** Whether variantsOf() left some out. */
export function isCapped(inode: Inode): boolean {
  return combinationsOf(pageChoices(inode), inode.size.values.length) > COMBINATIONS_MAX;
}

function pageChoices(inode: Inode): readonly (readonly Choice[])[] {
  return inode.pages.map(({ times }, page) => choicesOf({ kind: "page", inode, page, times }));
}

function combinationsOf(pages: readonly (readonly Choice[])[], sizes: number): number {
  return pages.reduce((product, choices) => product * choices.length, sizes);
}

class VariantList {
  readonly #inode: Inode;
  readonly #contents: ContentStore;
  readonly #stale: Inode | undefined;
  readonly #variants = new Map<string, Variant>();
  readonly #newest: readonly Choice[];
  readonly #oldest: readonly Choice[];

  constructor(inode: Inode, contents: ContentStore, stale: Inode | undefined) {
    this.#inode = inode;
    this.#contents = contents;
    this.#stale = stale;
    this.#newest = inode.pages.map(({ times }) => ({ version: times.length - 1 }));
    this.#oldest = inode.pages.map(() => ({ version: 0 }));
  }

  make(extent: Extent): readonly Variant[] {
    const sizes = this.#inode.size.values.length;
    const oldest = this.#add(this.#oldest, 0);
    const newest = this.#add(this.#newest, sizes - 1);
    const pages = pageChoices(this.#inode);
    if (combinationsOf(pages, sizes) <= (extent === "every" ? COMBINATIONS_MAX : COMBINATIONS_SOME)) {
      for (let size = sizes - 1; size >= 0; size--) this.#everyChoice(pages, [], size, 0);
    } else this.#systematic(pages, sizes);
    const others = [...this.#variants.values()].filter((variant) => variant !== oldest && variant !== newest);
    return others.length === 0 && newest === oldest ? [oldest] : [oldest, newest, ...others];
  }

  #everyChoice(pages: readonly (readonly Choice[])[], chosen: readonly Choice[], size: number, torn: number): void {
    if (chosen.length === pages.length) {
      this.#add(chosen, size);
      return;
    }
    for (const choice of pages[chosen.length]!) {
      const tornNow = torn + (choice.torn === undefined ? 0 : 1);
      if (tornNow <= TORN_MAX) this.#everyChoice(pages, [...chosen, choice], size, tornNow);
    }
  }

  // As of each moment; each page or the size alone, and all but each; at the newest size each page torn.
  #systematic(pages: readonly (readonly Choice[])[], sizes: number): void {
    const { size } = this.#inode;
    const times = new Set(this.#inode.pages.flatMap((page) => page.times).concat(size.times));
    for (const time of times) {
      const then = this.#inode.pages.map((page) => ({ version: versionAt(page.times, time) }));
      this.#add(then, versionAt(size.times, time));
    }
    this.#add(this.#oldest, sizes - 1);
    this.#add(this.#newest, 0);
    pages.forEach((choices, page) => {
      if (choices.length === 1) return;
      this.#add(withOne(this.#oldest, page, this.#newest[page]!), 0);
      this.#add(withOne(this.#newest, page, { version: 0 }), sizes - 1);
      for (const choice of choices) {
        if (choice.torn !== undefined) this.#add(withOne(this.#newest, page, choice), sizes - 1);
      }
    });
  }

  // Gives the one that has zeros where nothing was written.
  #add(pages: readonly Choice[], size: number): Variant {
    const zeros = new ImageBuilder(this.#contents, undefined).contentOf(this.#inode, pages, size);
    if (!this.#stale || !this.#hasHole(pages, size)) return this.#put(zeros, pages, size, "either");
    const stale = new ImageBuilder(this.#contents, this.#stale).contentOf(this.#inode, pages, size);
    if (stale === zeros) return this.#put(zeros, pages, size, "either");
    const variant = this.#put(zeros, pages, size, "zeros");
    this.#put(stale, pages, size, "stale");
    return variant;
  }

  // Whether something shows that was never written.
  #hasHole(pages: readonly Choice[], size: number): boolean {
    const bytes = this.#inode.size.values[size]!;
    for (let page = 0; page * PAGE_BYTES < bytes; page++) {
      const choice = pages[page];
      const from = choice?.torn === undefined ? choice?.version : 0;
      if (from === undefined || this.#inode.pages[page]!.values[from] === undefined) return true;
    }
    return false;
  }

  #put(content: FileContent, pages: readonly Choice[], size: number, fill: Variant["fill"]): Variant {
    const key = `${content.id} ${fill}`;
    const known = this.#variants.get(key);
    if (known) return known;
    const torn = pages.filter((choice) => choice.torn !== undefined).length;
    const variant = { content, torn, pages, size, fill };
    this.#variants.set(key, variant);
    return variant;
  }
}

function withOne(pages: readonly Choice[], page: number, choice: Choice): readonly Choice[] {
  return pages.map((other, i) => (i === page ? choice : other));
}

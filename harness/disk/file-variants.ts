// The distinct contents that a crash may leave of one file: pages and size vary independently, and what is equal counts
// once. Most files have one; the log that is being written has a few.

import { ImageBuilder, type Choice, type Fill } from "./image-builder.ts";
import type { ContentStore } from "./image.ts";
import type { Inode } from "./inode.ts";
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
  if (known?.stamp === inode.stamp && known.stale === stale) return known.list;
  const list = new VariantList(inode, contents, stale).make(extent);
  inode.variants = { ...inode.variants, [extent]: { stamp: inode.stamp, stale, list } };
  return list;
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
  readonly #variants = new Map<number, Variant>();
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
    this.#add(this.#oldest, 0);
    this.#add(this.#newest, sizes - 1);
    const pages = pageChoices(this.#inode);
    if (combinationsOf(pages, sizes) <= (extent === "every" ? COMBINATIONS_MAX : COMBINATIONS_SOME)) {
      for (let size = sizes - 1; size >= 0; size--) this.#everyChoice(pages, [], size, 0);
    } else this.#systematic(pages, sizes);
    return [...this.#variants.values()];
  }

  #everyChoice(pages: readonly (readonly Choice[])[], chosen: readonly Choice[], size: number, torn: number): void {
    if (chosen.length === pages.length) return this.#add(chosen, size);
    for (const choice of pages[chosen.length]!) {
      const tornNow = torn + (choice.torn === undefined ? 0 : 1);
      if (tornNow <= TORN_MAX) this.#everyChoice(pages, [...chosen, choice], size, tornNow);
    }
  }

  // As of each moment; at the newest size the oldest pages, and each page torn.
  #systematic(pages: readonly (readonly Choice[])[], sizes: number): void {
    const { size } = this.#inode;
    const times = new Set(this.#inode.pages.flatMap((page) => page.times).concat(size.times));
    for (const time of times) {
      const then = this.#inode.pages.map((page) => ({ version: versionAt(page.times, time) }));
      this.#add(then, versionAt(size.times, time));
    }
    this.#add(this.#oldest, sizes - 1);
    pages.forEach((choices, page) => {
      for (const choice of choices) {
        if (choice.torn !== undefined) this.#add(withOne(this.#newest, page, choice), sizes - 1);
      }
    });
  }

  #add(pages: readonly Choice[], size: number): void {
    this.#addFilled(pages, size, "zeros");
    const hasHole = pages.some(({ version }, page) => this.#inode.pages[page]!.values[version] === undefined);
    if (hasHole && this.#stale) this.#addFilled(pages, size, "stale");
  }

  #addFilled(pages: readonly Choice[], size: number, fill: Fill): void {
    const builder = new ImageBuilder(this.#contents, fill === "stale" ? this.#stale : undefined);
    const content = builder.contentOf(this.#inode, pages, size);
    if (this.#variants.has(content.id)) return;
    const torn = pages.filter((choice) => choice.torn !== undefined).length;
    this.#variants.set(content.id, { content, torn, pages, size, stale: fill === "stale" });
  }
}

function withOne(pages: readonly Choice[], page: number, choice: Choice): readonly Choice[] {
  return pages.map((other, i) => (i === page ? choice : other));
}

// The images that a power cut may leave at one moment: combinations of what is pending.
//
//   up to 6 items   all combinations of their contents, at most two pages of an image torn
//   more            nothing; everything; everything up to each moment; all names but one, one name alone and with each
//                   file; each content of each file beside everything else new, beside all names new and the other files
//                   old, and beside everything else old; then a seeded sample
//
// Combinations are made by what is different in them: first the names, then, for the files that have one, their distinct
// contents (file-variants.ts). So an image costs a few additions until somebody wants its bytes.

import { Random } from "../workloads/random.ts";
import type { NameChange } from "./directory-node.ts";
import { contentAt, isCapped, type Extent } from "./file-variants.ts";
import type { Choice, Choices, Fill } from "./choice.ts";
import { type FileContent, type Image, makeImage } from "./image.ts";
import type { Inode } from "./inode.ts";
import type { Tree } from "./name-tree.ts";
import type { PendingItem } from "./pending-item.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";
import { TORN_MAX } from "./survivals.ts";
import type { Variant } from "./variant.ts";

/** Up to so many items every combination is tried … */
const ITEMS_ALL_MAX = 6;
/** … unless there are more than this: a page may have many contents. */
const COMBINATIONS_MAX = 1024;

/** One image, not yet made. */
export interface CrashImage {
  /** Equal for equal images of one ContentStore. */
  readonly key: string;
  readonly tree: Tree;
  /** contents()[i] stands under tree.paths[i]. */
  contents(): readonly FileContent[];
  image(): Image;
  /** How it came about: one choice for each of disk.pending(). */
  survival(): { readonly choices: Choices; readonly fill: Fill };
}

export interface CrashImagesOptions {
  /** Seeded combinations behind the systematic ones, where not all are tried. */
  readonly samples: number;
  readonly seed: string;
  /** Combinations were left out. */
  readonly onCapped: () => void;
}

/** Each image once. The disk must not change meanwhile. */
export function crashImages(disk: SimulatedDisk, options: CrashImagesOptions): readonly CrashImage[] {
  const items = disk.pending();
  const images = new CrashImageList(disk, items);
  const changes = disk.nameChanges();
  if (items.length <= ITEMS_ALL_MAX && images.every(changes)) return images.all;
  options.onCapped();
  images.systematic(changes);
  images.sample(changes, new Random(`crash:${options.seed}`), options.samples);
  return images.all;
}

class CrashImageList {
  readonly all: CrashImage[] = [];
  readonly #disk: SimulatedDisk;
  readonly #items: readonly PendingItem[];
  readonly #keys = new Set<string>();

  constructor(disk: SimulatedDisk, items: readonly PendingItem[]) {
    this.#disk = disk;
    this.#items = items;
  }

  /** All combinations; false, and none of them, if they are too many. */
  every(changes: readonly NameChange[]): boolean {
    if (this.#items.some((item) => item.kind !== "name" && isCapped(item.inode))) return false;
    const trees = new Set<Tree>();
    for (let mask = 0; mask < 1 << changes.length; mask++) {
      trees.add(this.#disk.tree(changes.filter((_, i) => (mask & (1 << i)) !== 0)));
    }
    const scenes = [...trees].map((tree) => this.#sceneOf(tree, "every"));
    const count = scenes.reduce((sum, scene) => sum + scene.combinations, 0);
    if (count > COMBINATIONS_MAX) return false;
    for (const scene of scenes) this.#combine(scene, []);
    return true;
  }

  systematic(changes: readonly NameChange[]): void {
    const none = this.#sceneOf(this.#disk.tree([]), "some");
    const all = this.#sceneOf(this.#disk.tree(changes), "some");
    this.#add(none, oldOf(none));
    this.#add(all, newOf(all));
    for (const time of new Set(this.#items.flatMap((item) => item.times))) {
      const scene = this.#sceneOf(this.#disk.tree(changes.filter((change) => change.time <= time)), "some");
      this.#add(scene, this.#asOf(scene, time));
    }
    // Names: all but one, only one, one together with one file.
    for (const one of changes) {
      const without = this.#sceneOf(this.#disk.tree(changes.filter((other) => other !== one)), "some");
      this.#add(without, newOf(without));
      const only = this.#sceneOf(this.#disk.tree([one]), "some");
      this.#add(only, oldOf(only));
      this.#add(only, newOf(only));
      only.varying.forEach((_, i) => this.#add(only, withOne(oldOf(only), i, newOf(only)[i]!)));
    }
    // Files: each of their contents beside everything else new, and beside everything else old.
    all.varying.forEach(({ variants }, i) => {
      for (const variant of variants) {
        this.#add(all, withOne(newOf(all), i, variant));
        this.#add(all, withOne(oldOf(all), i, variant));
      }
    });
    // And alone, without any name that is new.
    none.varying.forEach(({ variants }, i) => {
      for (const variant of variants) this.#add(none, withOne(oldOf(none), i, variant));
    });
  }

  sample(changes: readonly NameChange[], random: Random, count: number): void {
    for (let i = 0; i < count; i++) {
      const scene = this.#sceneOf(this.#disk.tree(changes.filter(() => random.chance(1, 2))), "some");
      const chosen: Variant[] = [];
      for (const { variants } of scene.varying)
        chosen.push(random.pick(variants.filter((one) => isLegal([...chosen, one]))));
      this.#add(scene, chosen);
    }
  }

  #combine(scene: Scene, chosen: readonly Variant[]): void {
    if (chosen.length === scene.varying.length) return this.#add(scene, chosen);
    for (const variant of scene.varying[chosen.length]!.variants) {
      const longer = [...chosen, variant];
      if (isLegal(longer)) this.#combine(scene, longer);
    }
  }

  // Every file as it was when the event of `time` had happened and nothing later.
  #asOf({ varying }: Scene, time: number): readonly Variant[] {
    return varying.map(({ inode, variants }) => {
      const content = contentAt(inode, time, this.#disk.contents);
      return variants.find((one) => one.content === content && one.fill !== "stale") ?? variants[1]!;
    });
  }

  #add(scene: Scene, chosen: readonly Variant[]): void {
    const { tree, ids, varying } = scene;
    if (!isLegal(chosen)) return;
    varying.forEach(({ places }, i) => places.forEach((place) => (ids[place] = chosen[i]!.content.id)));
    const key = `${tree.id}:${ids.join(",")}`;
    if (this.#keys.has(key)) return;
    this.#keys.add(key);
    this.all.push(new Combination(key, this.#items, scene, chosen));
  }

  #sceneOf(tree: Tree, extent: Extent): Scene {
    const varying = new Map<Inode, Varying>();
    const contents: FileContent[] = [];
    let combinations = 1;
    tree.inodes.forEach((inode, place) => {
      const variants = this.#disk.variants(inode, extent);
      contents.push(variants[0]!.content);
      if (variants.length < 2) return;
      const known = varying.get(inode);
      if (known) known.places.push(place);
      else varying.set(inode, { places: [place], inode, variants });
      if (!known) combinations *= variants.length;
    });
    return {
      tree,
      contents,
      ids: contents.map(({ id }) => id),
      varying: [...varying.values()],
      combinations,
    };
  }
}

/** The files of one tree, and those of them that may come out in several ways. */
interface Scene {
  readonly tree: Tree;
  readonly contents: readonly FileContent[];
  readonly ids: number[];
  readonly varying: readonly Varying[];
  readonly combinations: number;
}

interface Varying {
  /** Under each of its names it comes out the same. */
  readonly places: number[];
  readonly inode: Inode;
  readonly variants: readonly Variant[];
}

class Combination implements CrashImage {
  readonly key: string;
  readonly #items: readonly PendingItem[];
  readonly #scene: Scene;
  readonly #chosen: readonly Variant[];

  constructor(key: string, items: readonly PendingItem[], scene: Scene, chosen: readonly Variant[]) {
    this.key = key;
    this.#items = items;
    this.#scene = scene;
    this.#chosen = chosen;
  }

  get tree(): Tree {
    return this.#scene.tree;
  }

  contents(): readonly FileContent[] {
    const contents = this.#scene.contents.slice();
    this.#scene.varying.forEach(({ places }, i) =>
      places.forEach((place) => (contents[place] = this.#chosen[i]!.content)),
    );
    return contents;
  }

  image(): Image {
    const { paths, directories } = this.tree;
    const contents = this.contents();
    return makeImage(
      paths.map((path, i) => [path, contents[i]!] as const),
      directories,
    );
  }

  survival(): { choices: Choices; fill: Fill } {
    const { tree, varying } = this.#scene;
    const byInode = new Map(varying.map(({ inode }, i) => [inode, this.#chosen[i]!]));
    const choices = this.#items.map((item): Choice => {
      if (item.kind === "name") return { version: tree.happened.includes(item.change) ? 1 : 0 };
      const variant = byInode.get(item.inode);
      if (!variant) return { version: 0 };
      return item.kind === "size" ? { version: variant.size } : variant.pages[item.page]!;
    });
    return { choices, fill: this.#chosen.some(({ fill }) => fill === "stale") ? "stale" : "zeros" };
  }
}

function oldOf({ varying }: Scene): readonly Variant[] {
  return varying.map(({ variants }) => variants[0]!);
}

function newOf({ varying }: Scene): readonly Variant[] {
  return varying.map(({ variants }) => variants[1]!);
}

// In one image at most TORN_MAX pages are torn, and all that was never written shows zeros or all of it stale bytes.
function isLegal(chosen: readonly Variant[]): boolean {
  let torn = 0;
  let fill: Variant["fill"] = "either";
  for (const one of chosen) {
    torn += one.torn;
    if (one.fill === "either") continue;
    if (fill !== "either" && one.fill !== fill) return false;
    fill = one.fill;
  }
  return torn <= TORN_MAX;
}

function withOne(chosen: readonly Variant[], i: number, variant: Variant): readonly Variant[] {
  return chosen.map((other, j) => (j === i ? variant : other));
}

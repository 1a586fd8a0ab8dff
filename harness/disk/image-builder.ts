// Turns a choice for each pending item into an image. Pages are interned by content, files by their pages, so that a
// million images cost no more than what is different in them.

import type { Choice, Choices } from "./choice.ts";
import type { DirectoryNode, NameChange } from "./directory-node.ts";
import { type ContentStore, type FileContent, type Image, makeImage } from "./image.ts";
import { Inode, type PageBytes } from "./inode.ts";
import { PAGE_BYTES, SECTOR_BYTES } from "./page.ts";
import { below, treeOf } from "./name-tree.ts";
import type { PendingItem } from "./pending-item.ts";

export class ImageBuilder {
  readonly #contents: ContentStore;
  readonly #stale: Inode | undefined;

  /** `stale`: the file whose dead bytes show in pages that were never written. */
  constructor(contents: ContentStore, stale: Inode | undefined) {
    this.#contents = contents;
    this.#stale = stale;
  }

  afterPowerLoss(root: DirectoryNode, items: readonly PendingItem[], choices: Choices): Image {
    const pages = new Map<object, Choice>();
    const happened: NameChange[] = [];
    items.forEach((item, i) => {
      const choice = choices[i]!;
      if (item.kind === "page") pages.set(item.inode.pages[item.page]!, choice);
      else if (item.kind === "size") pages.set(item.inode.size, choice);
      else if (choice.version > 0) happened.push(item.change);
    });
    const tree = treeOf(root, happened, () => 0);
    const files = tree.inodes.map((inode, i) => {
      const chosen = inode.pages.map((page) => pages.get(page) ?? { version: 0 });
      return [tree.paths[i]!, this.contentOf(inode, chosen, pages.get(inode.size)?.version ?? 0)] as const;
    });
    return makeImage(files, tree.directories);
  }

  /** Everything that a reader sees. `oldBytes`: but for what a failed fsync left unwritten, which reads as it was durable. */
  afterKill(root: DirectoryNode, oldBytes: boolean): Image {
    const files: [string, FileContent][] = [];
    const directories: string[] = [];
    const walk = (directory: DirectoryNode, path: string): void => {
      directories.push(path);
      for (const [name, node] of directory.names) {
        const child = below(path, name);
        if (node instanceof Inode) files.push([child, this.#visible(node, oldBytes)]);
        else walk(node, child);
      }
    };
    walk(root, "/");
    return makeImage(files, directories);
  }

  /** A file by the choice for each of its pages and the version of its size. */
  contentOf(inode: Inode, pages: readonly Choice[], size: number): FileContent {
    // A dead log that has a name still has its own bytes, not those of a dead one.
    const stale = this.#stale === inode ? undefined : this.#stale;
    return this.#content(inode.size.values[size]!, (page) => {
      const unwritten = stale?.pages[page]?.values.at(-1);
      const versions = inode.pages[page];
      if (!versions) return unwritten;
      const { version, torn } = pages[page]!;
      const chosen = versions.values[version] ?? unwritten;
      return torn === undefined ? chosen : tear(versions.values[0] ?? unwritten, chosen, torn);
    });
  }

  #visible(inode: Inode, oldBytes: boolean): FileContent {
    const { size } = inode;
    return this.#content(oldBytes && size.lost ? size.values[0]! : inode.sizeNow, (page) => {
      const versions = inode.pages[page];
      return oldBytes && versions?.lost ? versions.values[0] : versions?.values.at(-1);
    });
  }

  #content(size: number, pageOf: (page: number) => PageBytes): FileContent {
    const pages: PageBytes[] = [];
    for (let page = 0; page * PAGE_BYTES < size; page++) pages.push(pageOf(page));
    return this.#contents.ofPages(pages, size);
  }
}

function tear(old: PageBytes, chosen: PageBytes, mask: number): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES);
  if (old) page.set(old);
  for (let sector = 0; sector * SECTOR_BYTES < PAGE_BYTES; sector++) {
    if ((mask & (1 << sector)) === 0) continue;
    const start = sector * SECTOR_BYTES;
    if (chosen) page.set(chosen.subarray(start, start + SECTOR_BYTES), start);
    else page.fill(0, start, start + SECTOR_BYTES);
  }
  return page;
}

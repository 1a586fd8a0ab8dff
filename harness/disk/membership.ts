// Whether a disk that was really found is one that the simulation allows: the same rules as those by which images are made,
// asked the other way round. Images are too many to be made and compared, but pages, sizes and names are independent, so
// each can be asked for itself; only the changes of names have to be tried together.

import type { NameChange } from "./directory-node.ts";
import type { Inode, PageBytes } from "./inode.ts";
import type { Tree } from "./name-tree.ts";
import { PAGE_BYTES, SECTOR_BYTES } from "./page.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";
import { TORN_MAX } from "./survivals.ts";

/** More pending changes of names than this are not tried in all combinations: see trees(). */
const NAMES_ALL_MAX = 12;

const ZEROS = new Uint8Array(PAGE_BYTES);

/**
 * Why a power cut now cannot leave exactly these files (absolute paths below `root`); undefined if it can. Directories count
 * as far as they hold files.
 */
export function whyImpossible(
  disk: SimulatedDisk,
  files: ReadonlyMap<string, Uint8Array>,
  root: string,
): string | undefined {
  const paths = [...files.keys()].sort().join("\n");
  let nearest: string | undefined;
  for (const tree of trees(disk)) {
    const below = tree.paths.flatMap((path, i) => (path.startsWith(`${root}/`) ? [i] : []));
    if (below.map((i) => tree.paths[i]).join("\n") !== paths) continue;
    const torn: Torn = { pages: 0 };
    const wrong = firstDefined(below, (i) => whyNotContent(tree.inodes[i]!, files.get(tree.paths[i]!)!, torn));
    if (wrong === undefined && torn.pages <= TORN_MAX) return undefined;
    nearest ??= wrong ?? `${torn.pages} pages are torn, possible are ${TORN_MAX}`;
  }
  return nearest ?? `no survival of names gives ${paths.replaceAll("\n", ", ") || "no file at all"}`;
}

// Of many changes: all before each of them, those without each one, and each alone.
function* trees(disk: SimulatedDisk): Generator<Tree> {
  const changes = disk.nameChanges();
  if (changes.length <= NAMES_ALL_MAX) {
    for (let mask = (1 << changes.length) - 1; mask >= 0; mask--)
      yield disk.tree(changes.filter((_, i) => (mask >> i) & 1));
    return;
  }
  const some = function* (): Generator<readonly NameChange[]> {
    for (let count = changes.length; count >= 0; count--) yield changes.slice(0, count);
    for (const left of changes) yield changes.filter((change) => change !== left);
    for (const one of changes) yield [one];
  };
  for (const happened of some()) yield disk.tree(happened);
}

/** Pages of an image that are mixtures. */
interface Torn {
  pages: number;
}

function whyNotContent(inode: Inode, bytes: Uint8Array, torn: Torn): string | undefined {
  const { size, pages, path } = inode;
  if (!size.values.includes(bytes.length))
    return `${path} is ${bytes.length} bytes long, possible are ${size.values.join(", ")}`;
  for (let page = 0; page * PAGE_BYTES < bytes.length; page++) {
    const real = bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
    const values = pages[page]?.values ?? [undefined];
    if (values.some((value) => isPage(real, value))) continue;
    torn.pages++;
    if (!isTorn(real, values))
      return `page ${page} of ${path} is none of its ${values.length} versions, nor a mixture of two`;
  }
  return undefined;
}

function isPage(real: Uint8Array, value: PageBytes): boolean {
  return Buffer.compare(real, (value ?? ZEROS).subarray(0, real.length)) === 0;
}

// Each sector is that of the durable page or that of one other version.
function isTorn(real: Uint8Array, values: readonly PageBytes[]): boolean {
  return values.slice(1).some((value) => {
    for (let start = 0; start < real.length; start += SECTOR_BYTES) {
      const sector = real.subarray(start, start + SECTOR_BYTES);
      const isOneOf = [values[0], value].some(
        (version) => Buffer.compare(sector, (version ?? ZEROS).subarray(start, start + sector.length)) === 0,
      );
      if (!isOneOf) return false;
    }
    return true;
  });
}

function firstDefined<T, R>(items: readonly T[], look: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = look(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

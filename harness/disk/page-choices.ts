// What may become of one pending item: any of its versions, and of a page mixtures of sectors, old and new.

import type { Choice } from "./choice.ts";
import type { PageBytes } from "./inode.ts";
import { PAGE_BYTES, SECTOR_BYTES } from "./page.ts";
import type { PendingItem } from "./pending-item.ts";

/** Up to so many sectors that differ, a torn page has every mixture of them; above, prefixes, suffixes and all but one. */
const SECTORS_ALL_MAX = 3;

const ZEROS = new Uint8Array(PAGE_BYTES);

// Every version; torn between the durable one and the newest, and an older one that differs from it in two sectors.
export function choicesOf(item: PendingItem): Choice[] {
  const choices: Choice[] = item.times.map((_, version) => ({ version }));
  if (item.kind !== "page") return choices;
  const versions = item.inode.pages[item.page]!.values;
  const newest = versions.length - 1;
  for (let version = newest; version > 0; version--) {
    const masks = tornMasks(versions[0], versions[version]);
    if (version < newest && masks.length > 2) continue;
    for (const torn of masks) choices.push({ version, torn });
  }
  return choices;
}

function tornMasks(old: PageBytes, next: PageBytes): number[] {
  const sectors = differingSectors(old, next);
  if (sectors.length < 2) return [];
  const bits = sectors.map((sector) => 1 << sector);
  const sum = (some: readonly number[]): number => some.reduce((mask, bit) => mask | bit, 0);
  const masks = new Set<number>();
  if (sectors.length <= SECTORS_ALL_MAX) {
    for (let choice = 1; choice < (1 << bits.length) - 1; choice++) {
      masks.add(sum(bits.filter((_, i) => (choice & (1 << i)) !== 0)));
    }
  } else {
    for (let i = 1; i < bits.length; i++) {
      masks.add(sum(bits.slice(0, i)));
      masks.add(sum(bits.slice(i)));
    }
    for (const bit of bits) masks.add(sum(bits) & ~bit);
  }
  return [...masks];
}

function differingSectors(old: PageBytes, next: PageBytes): number[] {
  const sectors: number[] = [];
  const [before, after] = [old ?? ZEROS, next ?? ZEROS];
  for (let start = 0; start < PAGE_BYTES; start += SECTOR_BYTES) {
    const end = start + SECTOR_BYTES;
    if (Buffer.compare(before.subarray(start, end), after.subarray(start, end)) !== 0)
      sectors.push(start / SECTOR_BYTES);
  }
  return sectors;
}

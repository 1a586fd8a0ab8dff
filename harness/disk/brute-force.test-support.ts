// The model by brute force: of each pending item every version, of each page every mixture of sectors, old and new. Knows
// of no shortcut and says how many images there are.

import { expect } from "vitest";
import type { Choice, Fill } from "./choice.ts";
import { PAGE_BYTES, SECTOR_BYTES } from "./page.ts";
import type { PendingItem } from "./pending-item.ts";
import { cutImages, type Scene } from "./scene.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";

/** Torn pages of an image, at most: the model's own number. */
const TORN_MOST = 2;

/** A power cut now may leave these images, in any order, and no other; brute force finds as many. */
export function expectCut(scene: Scene, images: readonly string[]): void {
  expect(scene.powerCut()).toEqual([...images].sort());
  expect(new Set(cutImages(scene.disk).map((image) => image.image().key))).toEqual(everyImage(scene.disk));
}

/** The keys of all images that the model allows. */
export function everyImage(disk: SimulatedDisk): Set<string> {
  const keys = new Set<string>();
  const items = disk.pending();
  const all = items.map(everyChoice);
  const extend = (chosen: readonly Choice[], torn: number): void => {
    if (chosen.length < items.length) {
      for (const choice of all[chosen.length]!) {
        const tornNow = torn + (choice.torn === undefined ? 0 : 1);
        if (tornNow <= TORN_MOST) extend([...chosen, choice], tornNow);
      }
      return;
    }
    for (const fill of ["zeros", "stale"] satisfies Fill[]) keys.add(disk.image(items, chosen, fill).key);
  };
  extend([], 0);
  return keys;
}

function everyChoice(item: PendingItem): Choice[] {
  const choices: Choice[] = item.times.map((_, version) => ({ version }));
  if (item.kind !== "page") return choices;
  const { values } = item.inode.pages[item.page]!;
  for (let version = 1; version < values.length; version++) {
    const sectors = differingSectors(values[0] ?? ZEROS, values[version] ?? ZEROS);
    for (let choice = 1; choice < (1 << sectors.length) - 1; choice++) {
      const torn = sectors.reduce((mask, sector, i) => mask | ((choice >> i) & 1 ? 1 << sector : 0), 0);
      choices.push({ version, torn });
    }
  }
  return choices;
}

const ZEROS = new Uint8Array(PAGE_BYTES);

function differingSectors(old: Uint8Array, next: Uint8Array): number[] {
  const sectors: number[] = [];
  for (let sector = 0; sector * SECTOR_BYTES < PAGE_BYTES; sector++) {
    const start = sector * SECTOR_BYTES;
    if (old.subarray(start, start + SECTOR_BYTES).some((byte, i) => byte !== next[start + i])) sectors.push(sector);
  }
  return sectors;
}

// What a canonical image keeps of numbers, tags and ids: their order and which of them are equal, one at a time.

import { expect, test } from "vitest";
import { Canonicalizer } from "./canonical-image.ts";
import { crafted, type Crafted } from "./crafted.test-support.ts";
import { bytesOf, changed, MemoryStore, namesWith, ROOT, SMALL } from "./stores.test-support.ts";
import { frameTable } from "./table-framing.ts";

const canonicalizer = new Canonicalizer();

function expectKeys(a: Crafted, b: Crafted, equal: boolean): void {
  for (const orphans of ["whole", "counted"] as const) {
    const [x, y] = [a, b].map((fields) => canonicalizer.keyOf(crafted(fields), ROOT, orphans));
    expect([orphans, x === y]).toEqual([orphans, equal]);
  }
}

test("numbers keep their order and which are equal, and nothing else", () => {
  expectKeys({ manifest: 1, logNumber: 2, next: 50 }, { manifest: 7, logNumber: 300, next: 301 }, true);
  expectKeys({ manifest: 1, logNumber: 2, next: 50 }, { manifest: 1, logNumber: 2, next: 2 }, false);
  expectKeys({ manifest: 9, logNumber: 20, next: 50 }, { manifest: 9, logNumber: 20, next: 15 }, false);
  expectKeys({ tables: [{ number: 3 }, { number: 4 }] }, { tables: [{ number: 30 }, { number: 40 }] }, true);
  expectKeys({ tables: [{ number: 3 }, { number: 4 }] }, { tables: [{ number: 4 }, { number: 3 }] }, false);
});

test("tags keep which are equal", () => {
  const tags = (a: number, b: number): Crafted => ({
    tables: [
      { number: 3, tag: a },
      { number: 4, tag: b },
    ],
  });
  expectKeys(tags(5, 6), tags(2 ** 32 - 1, 1), true);
  expectKeys(tags(5, 6), tags(5, 5), false);
  expectKeys(tags(0, 6), tags(5, 6), false);
});

test("ids keep which are equal", () => {
  const [a, b] = ["ab", "cd"].map((byte) => byte.repeat(16)) as [string, string];
  expectKeys({ recordId: a }, { recordId: b }, true);
  expectKeys({ recordId: a }, {}, false);
});

test("sizes of tables: which are those of their files", () => {
  const sized = (size: number, length: number): Crafted => ({
    tables: [{ number: 3, size }],
    files: { "000003.sst": new Uint8Array(length) },
  });
  expectKeys(sized(100, 100), sized(99, 100), false);
  expectKeys(sized(99, 100), sized(98, 100), false);
  expectKeys(sized(100, 100), sized(100, 99), false);
});

test("synced offsets stay, and the size in a CLEAN END that names the manifest", () => {
  expectKeys({ syncedOffset: 0 }, { syncedOffset: 77 }, false);
  expectKeys({ logEnd: [1, 1, 150] }, { logEnd: [1, 1, 151] }, false);
  expectKeys({ logEnd: [1, 1, 150] }, { logEnd: [2, 1, 150] }, false);
  expectKeys({ logEnd: [1, 1, 150] }, { logEnd: [1, 2, 150] }, false);
});

test("obsolete tables that a recovery found in the directory are counted with the orphans", () => {
  const image = (orphans: number): ReturnType<typeof crafted> => {
    const crashed = new MemoryStore();
    crashed.open().put("a", "b");
    const files = Object.fromEntries(
      Array.from({ length: orphans }, (_, i) => [`00030${i}.sst`, new Uint8Array(orphans)]),
    );
    const store = MemoryStore.of(changed(crashed.image(), files));
    store.open(SMALL);
    return store.image();
  };
  const images = [0, 1, 2, 3, 4].map(image);
  expect(
    images.map((image) => frameTable(bytesOf(image, namesWith(image, ".sst")[0]!)).properties!.obsolete.length),
  ).toEqual([0, 1, 2, 3, 4]);
  const whole = new Set(images.map((image) => canonicalizer.keyOf(image, ROOT, "whole")));
  const counted = images.map((image) => canonicalizer.keyOf(image, ROOT, "counted"));
  expect([whole.size, new Set(counted).size, new Set(counted.slice(2)).size]).toEqual([5, 3, 1]);
});

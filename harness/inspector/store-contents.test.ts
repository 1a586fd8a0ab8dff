// The stores of released formats that lie in src/lsm/fixtures, as the inspector reads them: a decoder that reads a field
// otherwise than it did changes a golden. UPDATE_GOLDENS=1 writes them anew.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { ContentStore, makeImage, type Image } from "../disk/image.ts";
import { Random } from "../workloads/random.ts";
import { keyOf } from "../keys.ts";
import { storeText } from "./golden.test-support.ts";
import { storeProblemTexts } from "./store-judge.ts";
import { readStoreContents, visibleEntries } from "./store-contents.ts";
import { MemoryStore, ROOT, SMALL } from "./stores.test-support.ts";

function fixture(name: string): Image {
  const directory = fileURLToPath(new URL(`../../src/lsm/fixtures/${name}/`, import.meta.url));
  const contents = new ContentStore();
  return makeImage(
    readdirSync(directory).map((file) => [`${ROOT}/${file}`, contents.of(readFileSync(`${directory}${file}`))]),
    ["/d", ROOT],
  );
}

function expectGolden(name: string, actual: string): void {
  const file = fileURLToPath(new URL(`testdata/${name}.txt`, import.meta.url));
  if (process.env["UPDATE_GOLDENS"] === "1") writeFileSync(file, actual);
  expect(actual).toBe(readFileSync(file, "utf8"));
}

test.each(["v1", "v1-killed"])("every field of a store of format version 1 is read as ever: %s", (name) => {
  expectGolden(name, storeText(readStoreContents(fixture(name), ROOT)));
});

test("the cleanly closed one has nothing wrong with it, and the killed one what a kill leaves", () => {
  expect(storeProblemTexts(fixture("v1"), ROOT, { open: false })).toEqual([]);
  expect(storeProblemTexts(fixture("v1-killed"), ROOT, { open: true })).toEqual([]);
});

test("what the inspector reads out of the files is what the engine serves from them", () => {
  for (const [i, options] of [SMALL, { ...SMALL, blockSize: 16 }, { ...SMALL, logBlockSize: 4096 }].entries()) {
    const random = new Random(`contents:${i}`);
    const store = new MemoryStore();
    for (let session = 0; session < 3; session++) {
      const db = store.open(options);
      for (let n = 0; n < 150; n++) {
        const key = `k${random.int(60)}`;
        if (random.chance(1, 4)) db.delete(key);
        else db.put(key, `${n}`.repeat(1 + random.int(40)));
        if (random.chance(1, 20)) db.runBackgroundStep();
        if (random.chance(1, 40)) db.flush();
        if (random.chance(1, 80)) db.compactRange();
        if (n % 10 > 0) continue;
        const image = store.image();
        expect(storeProblemTexts(image, ROOT, { open: true }).filter((text) => !text.includes("is not live"))).toEqual(
          [],
        );
        const served = [...db.iterate()].map(([k, v]) => [keyOf(k), v.toString("latin1")]);
        const read = visibleEntries(readStoreContents(image, ROOT));
        expect(read.map(([k, v]) => [k, Buffer.from(v).toString("latin1")])).toEqual(served);
      }
      db.close();
    }
    expect(storeProblemTexts(store.image(), ROOT, { open: false })).toEqual([]);
  }
});

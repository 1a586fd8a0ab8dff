// Stores that the inspector's own encoder writes: two decoders and one encoder that know nothing of each other.

import { expect, test } from "vitest";
import { keyOf } from "../keys.ts";
import { randomStore } from "./encode/random-store.ts";
import { encodeStore } from "./encode/store-encoder.ts";
import { readStoreContents, visibleEntries } from "./store-contents.ts";
import { storeProblemTexts } from "./store-judge.ts";
import { ROOT } from "./stores.test-support.ts";
import { imageOfFiles, openFiles, verdictOf, type StoreFiles } from "./stores-encoded.test-support.ts";

const SEEDS = Array.from({ length: 120 }, (_, i) => `${i}`);

function visible(files: StoreFiles): [string, string][] {
  const entries = visibleEntries(readStoreContents(imageOfFiles(files), ROOT));
  return entries.map(([key, value]) => [key, Buffer.from(value).toString("latin1")]);
}

test("an encoded store is sound to the inspector and to verify(), and the engine serves what the inspector reads", () => {
  for (const seed of SEEDS) {
    const plan = randomStore(seed);
    const files = encodeStore(plan);
    expect([seed, storeProblemTexts(imageOfFiles(files), ROOT, { open: !plan.closed })]).toEqual([seed, []]);
    for (const readOnly of [true, false]) {
      expect([seed, verdictOf(files, { readOnly })]).toMatchObject([seed, { ok: true, problems: [] }]);
      const db = openFiles(files, { readOnly });
      expect([seed, db.recovery]).toMatchObject([seed, { clean: plan.closed, tornBytes: 0 }]);
      const served = [...db.iterate()].map(([key, value]) => [keyOf(key), value.toString("latin1")]);
      expect([seed, served]).toEqual([seed, visible(files)]);
      db.close();
    }
  }
});

test("among encoded stores is every shape that the format has", () => {
  const counts: Record<string, number> = {};
  const count = (shape: string, isThere: boolean): void =>
    void (counts[shape] = (counts[shape] ?? 0) + Number(isThere));
  for (const seed of SEEDS) {
    const plan = randomStore(seed);
    const store = readStoreContents(imageOfFiles(encodeStore(plan)), ROOT);
    const { manifest, logs, tables } = store;
    count("closed", plan.closed);
    count("killed", !plan.closed);
    count("edits behind the snapshot", manifest.edits.length > 1);
    count("compaction cursors", store.state.cursors.size > 0);
    count("level 0 of several tables", tables.filter(({ entry }) => entry.level === 0).length > 1);
    count("a deeper level of several tables", new Set(tables.map(({ entry }) => entry.level)).size < tables.length);
    count("chain of logs", logs.length > 1);
    count(
      "record of several chunks",
      logs.some(({ log }) => log.records.some((record) => record.syncedOffsets.length > 1)),
    );
    count(
      "FILLER",
      [manifest.log, ...logs.map(({ log }) => log)].some(({ passedOver }) => passedOver.length > 0),
    );
    count(
      "index of two levels",
      tables.some(({ table }) => table.blocks.some(({ role }) => role === "indexPartition")),
    );
    count(
      "no filter",
      tables.some(({ table }) => table.properties!.filter === 0),
    );
    count(
      "block of one large entry",
      tables.some(({ versions }) => versions.some(({ value }) => (value?.length ?? 0) > 256)),
    );
    count(
      "several versions of a key",
      tables.some(({ versions }) => versions.some(({ key }, i) => versions[i + 1]?.key === key)),
    );
    count(
      "empty key",
      tables.some(({ versions }) => versions[0]!.key === ""),
    );
    count(
      "nothing in the logs",
      logs.every(({ operations }) => operations.length === 0),
    );
  }
  expect(Object.entries(counts).filter(([, times]) => times < 3)).toEqual([]);
});

test("the same seed gives the same files, and another seed others", () => {
  for (const seed of SEEDS.slice(0, 10)) {
    expect(encodeStore(randomStore(seed))).toEqual(encodeStore(randomStore(seed)));
    expect(encodeStore(randomStore(seed))).not.toEqual(encodeStore(randomStore(`${seed}'`)));
  }
});

test("a store may end at any number, and hold nothing that is visible", () => {
  for (const lastSequence of [2 ** 32 - 2, 2 ** 53 - 2]) {
    for (const seed of SEEDS.slice(0, 20)) {
      const files = encodeStore(
        randomStore(seed, { lastSequence, nextFileNumber: 999_999, hidden: true, closed: true }),
      );
      const store = readStoreContents(imageOfFiles(files), ROOT);
      expect(storeProblemTexts(imageOfFiles(files), ROOT, { open: false })).toEqual([]);
      expect(store.state.nextFileNumber).toBe(999_999);
      expect(store.logs.at(-1)!.log.cleanEnd!.lastSequence).toBe(lastSequence);
      expect(visibleEntries(store)).toEqual([]);
      expect(store.tables.length).toBeGreaterThan(0);
      expect(verdictOf(files, { readOnly: true })).toMatchObject({ problems: [] });
    }
  }
});

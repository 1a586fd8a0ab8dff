import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { KeyOrder } from "../common/comparator.ts";
import { KIND_MAX } from "../common/internal-key.ts";
import { BlockBuilder } from "./block-builder.ts";
import { BlockCursor } from "./block-cursor.ts";
import { directoryWords, directoryWordsFor, headsPlace, NO_HEADS, writeDirectory } from "./block-directory.ts";
import { BlockSlots, CacheSegment } from "./cache-segment.ts";
import { bytesOf, bytewiseOrder, put, reverseOrder, show, sorted, type Entry } from "./test-tables.ts";

const SEGMENT_BYTES = 1 << 20;
const HEADER_WORDS = 9;

function encode(entries: readonly Entry[], order: KeyOrder = bytewiseOrder): Uint8Array {
  const builder = new BlockBuilder(order);
  for (const { key, sequence, kind, value } of entries) builder.add(key, sequence, kind, value);
  const { bytes, length } = builder.finish();
  return bytes.slice(0, length);
}

/** A segment with this block behind others, and the word of its directory. */
function cached(block: Uint8Array, order: KeyOrder = bytewiseOrder, base = 0): { segment: CacheSegment; at: number } {
  const segment = new CacheSegment(1, SEGMENT_BYTES);
  segment.add(new BlockSlots(1), 0, 101, HEADER_WORDS);
  const { bytes, low } = segment;
  bytes.set(block, low);
  const layout = new BlockCursor(order, "t.sst").load(bytes, base, low, block.length);
  const at = segment.add(new BlockSlots(1), 0, block.length, directoryWordsFor(layout));
  writeDirectory(segment, at, layout, base);
  expect(directoryWords(segment.words, at)).toBe(directoryWordsFor(layout));
  return { segment, at };
}

function loadCached({ segment, at }: ReturnType<typeof cached>, order: KeyOrder = bytewiseOrder): BlockCursor {
  const cursor = new BlockCursor(order, "t.sst");
  cursor.loadCached(segment, at);
  return cursor;
}

function list(cursor: BlockCursor): string[] {
  return Array.from({ length: cursor.count }, (_, i) => {
    cursor.read(i);
    return show(cursor);
  });
}

// Few different bytes, zeros among them: heads are often equal, and often those of keys that end inside them.
const key = fc
  .array(fc.constantFrom(0, 1, 0x61, 0xff), { maxLength: 7 })
  .map((bytes) => Uint8Array.from([0x6b, ...bytes]));

test("a search by heads leads where a search of the entries leads", () => {
  fc.assert(
    fc.property(fc.array(key, { minLength: 1, maxLength: 60 }), fc.array(key, { minLength: 1 }), (keys, targets) => {
      const entries = sorted(keys.map((each, i) => put(each, i + 1, "v".repeat(i % 3))));
      const block = encode(entries);
      const plain = new BlockCursor(bytewiseOrder, "t.sst");
      plain.load(block, 0);
      const place = cached(block);
      const cursor = loadCached(place);
      for (const target of [targets[0]!, targets[0]!, ...targets, ...keys, new Uint8Array(0)]) {
        for (const sequence of [0, 5, 100]) {
          expect(cursor.seek(target, sequence, KIND_MAX)).toBe(plain.seek(target, sequence, KIND_MAX));
        }
      }
      expect(headsPlace(place.segment.words, place.at)).not.toBe(NO_HEADS);
      expect(list(cursor)).toEqual(entries.map(show));
    }),
  );
});

test("a block gets its heads when it is sought in for the second time", () => {
  const entries = Array.from({ length: 21 }, (_, i) => put(`key${String(i).padStart(2, "0")}`, 1, "v"));
  const place = cached(encode(entries));
  const filled = [0, 1, 2].map(() => {
    expect(loadCached(place).seek(entries[7]!.key, 1, KIND_MAX)).toBe(7);
    return headsPlace(place.segment.words, place.at) !== NO_HEADS;
  });
  expect(filled).toEqual([false, true, true]);
});

test("blocks with wide offsets, with long prefixes and under a custom order are read without heads", () => {
  const wide = [put("a", 1, "v".repeat(70_000)), put("b", 1, "w"), put("c", 1, "x")];
  const long = ["a", "b", "c"].map((end) => put("p".repeat(65) + end, 1, end));
  const plain = ["c", "b", "a"].map((name) => put(name, 1, name));
  for (const [entries, order] of [
    [wide, bytewiseOrder],
    [long, bytewiseOrder],
    [plain, reverseOrder],
  ] as const) {
    const place = cached(encode(entries, order), order);
    expect(directoryWords(place.segment.words, place.at)).toBe(HEADER_WORDS);
    for (let round = 0; round < 3; round++) {
      const cursor = loadCached(place, order);
      entries.forEach((entry, i) => expect(cursor.seek(entry.key, 1, KIND_MAX)).toBe(i));
      expect(list(cursor)).toEqual(entries.map(show));
    }
  }
});

test("an own copy stays as it was, whatever becomes of the cache's memory", () => {
  const entries = Array.from({ length: 40 }, (_, i) => put(`key${String(i).padStart(2, "0")}`, 1, `v${i}`));
  const place = cached(encode(entries));
  const cursor = loadCached(place);
  for (let round = 0; round < 3; round++) cursor.seek(bytesOf("key11"), 1, KIND_MAX);
  const at = cursor.seek(bytesOf("key17"), 1, KIND_MAX);
  cursor.own();
  place.segment.bytes.fill(0xee);
  cursor.read(at);
  expect(show(cursor)).toBe(show(entries[17]!));
  expect(cursor.seek(bytesOf("key23"), 1, KIND_MAX)).toBe(23);
  expect(list(cursor)).toEqual(entries.map(show));
});

test("damage in a cached block is told with its place in the file, beyond four GiB too", () => {
  const block = encode([put("a", 1, "v"), put("b", 1, "v")]);
  for (const base of [0, 5, 2 ** 31 + 7, 3 * 2 ** 32 + 9]) {
    const place = cached(block, bytewiseOrder, base);
    const start = place.segment.words[place.at]!;
    // The kind of the second entry.
    place.segment.bytes[start + 3 + 6 + 1] = 9;
    for (const isOwn of [false, true]) {
      const cursor = loadCached(place);
      if (isOwn) cursor.own();
      expect(() => cursor.read(1)).toThrow(expect.objectContaining({ offset: base + 3 + 6 }));
    }
  }
});

import { expect, test } from "vitest";
import { compareVersions, SEQUENCE_MAX } from "../common/internal-key.ts";
import { CorruptionError } from "../common/errors.ts";
import type { InternalCursor } from "../common/cursor.ts";
import type { KeyOrder } from "../common/comparator.ts";
import { Prng } from "../util/prng.ts";
import { BlockCache } from "./block-cache.ts";
import {
  buildTable,
  bytesOf,
  bytewiseOrder,
  forge,
  openTable,
  put,
  randomEntries,
  reverseOrder,
  show,
  sourceOf,
  type Entry,
} from "./test-tables.ts";

const SHAPES = [
  { blockSize: 16, indexBlockSize: 16 },
  { blockSize: 64, indexBlockSize: 200 },
  { blockSize: 300, indexBlockSize: 256 << 10 },
  { blockSize: 1 << 20, indexBlockSize: 16 },
];

function shown(cursor: InternalCursor): string | undefined {
  return cursor.valid ? show(cursor) : undefined;
}

/** The first entry at or behind (key, sequence, kind), as an index into the sorted array. */
function lowerBound(
  order: KeyOrder,
  entries: readonly Entry[],
  key: Uint8Array,
  sequence: number,
  kind: number,
): number {
  const at = entries.findIndex(
    (entry) => (order.compare(entry.key, key) || compareVersions(entry.sequence, entry.kind, sequence, kind)) >= 0,
  );
  return at < 0 ? entries.length : at;
}

function seekTargets(entries: readonly Entry[]): { key: Uint8Array; sequence: number }[] {
  const targets = entries.flatMap(({ key, sequence }) =>
    [sequence - 1, sequence, sequence + 1, SEQUENCE_MAX, 0]
      .filter((at) => at >= 0)
      .map((at) => ({ key, sequence: at })),
  );
  const gaps = entries.map(({ key }) => ({ key: Buffer.concat([key, bytesOf("\0")]), sequence: 7 }));
  return [...targets, ...gaps, { key: bytesOf(""), sequence: 1 }, { key: new Uint8Array(9).fill(255), sequence: 1 }];
}

test.each(SHAPES)("forward and backward show every entry once: %o", (shape) => {
  for (const order of [bytewiseOrder, reverseOrder]) {
    const entries = randomEntries(shape.blockSize, 200, order);
    const cursor = openTable(buildTable(entries, { ...shape, order })).cursor();
    const forward: string[] = [];
    for (cursor.first(); cursor.valid; cursor.next()) forward.push(show(cursor));
    const backward: string[] = [];
    for (cursor.last(); cursor.valid; cursor.prev()) backward.push(show(cursor));
    expect(forward).toEqual(entries.map(show));
    expect(backward.reverse()).toEqual(forward);
  }
});

test.each(SHAPES)("seek and seekForPrev land where a sorted array says, reused and fresh: %o", (shape) => {
  for (const order of [bytewiseOrder, reverseOrder]) {
    const entries = randomEntries(shape.blockSize + 1, 80, order);
    const table = openTable(buildTable(entries, { ...shape, order }));
    const expected = entries.map(show);
    const reused = table.cursor();
    for (const { key, sequence } of seekTargets(entries)) {
      for (const cursor of [reused, table.cursor()]) {
        const at = lowerBound(order, entries, key, sequence, 15);
        cursor.seek(key, sequence);
        expect(shown(cursor)).toBe(expected[at]);
        const behind = lowerBound(order, entries, key, sequence, -1);
        cursor.seekForPrev(key, sequence);
        expect(shown(cursor)).toBe(expected[behind - 1]);
      }
    }
  }
});

test.each(SHAPES)("the direction may change at every position: %o", (shape) => {
  const entries = randomEntries(shape.blockSize + 2, 120);
  const expected = entries.map(show);
  const table = openTable(buildTable(entries, shape));
  const cursor = table.cursor();
  entries.forEach(({ key, sequence }, at) => {
    cursor.seek(key, sequence);
    cursor.next();
    expect(shown(cursor)).toBe(expected[at + 1]);
    if (!cursor.valid) cursor.last();
    else cursor.prev();
    expect(shown(cursor)).toBe(expected[at]);
    cursor.prev();
    expect(shown(cursor)).toBe(expected[at - 1]);
    if (!cursor.valid) cursor.first();
    else cursor.next();
    expect(shown(cursor)).toBe(expected[at]);
  });
});

test("a random walk stays on the path of a sorted array", () => {
  const prng = new Prng(99);
  for (const shape of SHAPES) {
    const entries = randomEntries(17, 150);
    const expected = entries.map(show);
    const cursor = openTable(buildTable(entries, shape), { cache: new BlockCache(2000) }).cursor();
    let at = -1;
    for (let step = 0; step < 3000; step++) {
      const choice = at < 0 || at >= entries.length ? 3 + (prng.next() % 3) : prng.next() % 12;
      if (choice === 3) [at] = [0, cursor.first()];
      else if (choice === 4) [at] = [entries.length - 1, cursor.last()];
      else if (choice === 5) {
        at = prng.next() % entries.length;
        cursor.seek(entries[at]!.key, entries[at]!.sequence);
      } else if (choice % 2 === 0) [at] = [at + 1, cursor.next()];
      else [at] = [at - 1, cursor.prev()];
      expect(shown(cursor)).toBe(expected[at]);
    }
  }
});

test("a cursor that is not valid has nothing to show and cannot step", () => {
  const cursor = openTable(buildTable([put("a", 1, "v")])).cursor();
  expect(cursor.valid).toBe(false);
  for (const use of [
    () => cursor.key,
    () => cursor.value,
    () => cursor.sequence,
    () => cursor.kind,
    () => cursor.next(),
    () => cursor.prev(),
  ])
    expect(use).toThrow("the cursor is on an entry");
});

type Walk = (cursor: InternalCursor, visit: () => void) => void;

const WALKS: Record<string, Walk> = {
  forward: (cursor, visit) => {
    for (cursor.first(); cursor.valid; cursor.next()) visit();
  },
  backward: (cursor, visit) => {
    for (cursor.last(); cursor.valid; cursor.prev()) visit();
  },
  "forward from a seek": (cursor, visit) => {
    for (cursor.seek(bytesOf("a"), 9); cursor.valid; cursor.next()) visit();
  },
  "backward from a seek": (cursor, visit) => {
    for (cursor.seekForPrev(bytesOf("user/1"), 9); cursor.valid; cursor.prev()) visit();
  },
};

test.each(Object.keys(WALKS))("a read that fails is thrown by the move, and never ends the scan: %s", (name) => {
  const walk = WALKS[name]!;
  const built = buildTable(randomEntries(4, 60), { blockSize: 64, indexBlockSize: 100 });
  const whole = sourceOf(built.bytes);
  let readsLeft = Infinity;
  const source = {
    read: (buffer: Uint8Array, position: number): number => {
      if (readsLeft-- <= 0) throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
      return whole.read(buffer, position);
    },
  };
  const cursor = openTable(built, { source, cache: new BlockCache(0) }).cursor();
  const walked = (): string[] => {
    const seen: string[] = [];
    walk(cursor, () => seen.push(show(cursor)));
    return seen;
  };
  const complete = walked();
  for (let reads = 0; reads < 20; reads++) {
    const seen: string[] = [];
    readsLeft = reads;
    expect(() => walk(cursor, () => seen.push(show(cursor)))).toThrow(
      expect.objectContaining({ code: "TINYKV_IO_ERROR", cause: expect.objectContaining({ code: "EIO" }) }),
    );
    expect(cursor.valid).toBe(false);
    expect(seen).toEqual(complete.slice(0, seen.length));
    expect(seen.length).toBeLessThan(complete.length);
    readsLeft = Infinity;
    expect(walked()).toEqual(complete);
  }
});

test("a block that turns out bad leaves the cursor able to go back to the one before", () => {
  const entries = Array.from({ length: 20 }, (_, i) => put(`key ${100 + i}`, 1, "some value"));
  const built = buildTable(entries, { blockSize: 80 });
  const second = [...openTable(built).blocks()][1]!;
  const forged = forge(built, second, (block) => block.fill(0xff, block.length - 8));
  const cursor = openTable(forged).cursor();
  for (let round = 0; round < 3; round++) {
    cursor.seek(entries[0]!.key, 1);
    expect(shown(cursor)).toBe(show(entries[0]!));
    expect(() => {
      while (cursor.valid) cursor.next();
    }).toThrow(CorruptionError);
    expect(cursor.valid).toBe(false);
  }
  cursor.seekForPrev(entries[1]!.key, 1);
  expect(shown(cursor)).toBe(show(entries[1]!));
});

test("fillCache: false reads past the cache, and unverified blocks are never kept", () => {
  const entries = randomEntries(21, 100);
  const built = buildTable(entries, { blockSize: 64, indexBlockSize: 100 });
  for (const flags of [{ fillCache: false }, { verifyChecksums: false }]) {
    const cache = new BlockCache(1 << 20);
    const table = openTable(built, { cache });
    const cursor = table.cursor(flags);
    for (cursor.first(); cursor.valid; cursor.next());
    for (const { key } of entries) table.get(key, SEQUENCE_MAX, flags);
    expect(cache.bytes).toBe(0);
    for (const { key } of entries) table.get(key, SEQUENCE_MAX);
    expect(cache.bytes).toBeGreaterThan(0);
    table.close();
    expect(cache.bytes).toBe(0);
  }
});

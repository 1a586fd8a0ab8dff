import fc from "fast-check";
import { expect, test } from "vitest";
import { bytewise, KeyOrder } from "../common/comparator.ts";
import type { InternalCursor } from "../common/cursor.ts";
import { Kind, SEQUENCE_MAX } from "../common/internal-key.ts";
import { ArrayCursor, arrayTables, parseEntry, sortEntries, type Entry } from "./array-cursor.test-support.ts";
import { assignments, deBruijnWalk } from "./cursor-moves.test-support.ts";
import { LevelCursor } from "./level-cursor.ts";
import { MergingCursor } from "./merging-cursor.ts";
import { VisibleCursor, type VisibleBounds } from "./visible-cursor.ts";
import {
  NaiveVisible,
  visibleDifferences,
  visibleEntries,
  visibleText,
  type VisibleMove,
} from "./visible-moves.test-support.ts";

const ORDER = new KeyOrder(bytewise);
const DESCENDING = new KeyOrder({ name: "descending", compare: (a, b) => bytewise.compare(b, a) });
const bytes = (text: string): Uint8Array => Buffer.from(text);

const MOVES: readonly VisibleMove[] = [
  { name: "next" },
  { name: "prev" },
  { name: "first" },
  { name: "last" },
  { name: "seek", key: bytes("b") },
  { name: "seekForPrev", key: bytes("b") },
  { name: "seek", key: bytes("bb") },
  { name: "seekForPrev", key: bytes("aa") },
];
const walkOf = (moves: number, length: number): VisibleMove[] => deBruijnWalk(moves, length).map((at) => MOVES[at]!);

/** Writes 1, 2, 3, …: each choice is one of the keys a, b, c, to put or to delete. */
function written(choices: readonly number[]): Entry[] {
  return choices.map((choice, i) => {
    const kind = choice % 2 === 0 ? Kind.put : Kind.delete;
    const value = bytes(kind === Kind.put ? `v${i + 1}` : "");
    return { key: bytes("abc"[choice >> 1]!), sequence: i + 1, kind, value };
  });
}

function compare(entries: readonly Entry[], sequence: number, bounds: VisibleBounds, walk: VisibleMove[]): string[] {
  const children = [0, 1].map((parity) => entries.filter((entry) => entry.sequence % 2 === parity));
  const cursors = children.map((child) => new ArrayCursor(ORDER, sortEntries(ORDER, child)));
  const visible = new VisibleCursor(ORDER, new MergingCursor(ORDER, cursors), sequence, bounds);
  return visibleDifferences(visible, new NaiveVisible(ORDER, visibleEntries(ORDER, entries, sequence, bounds)), walk);
}

test("all four writes to three keys, seen half-way and at the end, whatever two moves follow each other", () => {
  const walk = walkOf(8, 2);
  for (const choices of assignments(4, 6)) {
    for (const sequence of [2, 4]) {
      const found = compare(written(choices), sequence, {}, walk);
      if (found.length > 0) expect(found, `${choices.join()} at ${sequence}`).toEqual([]);
    }
  }
});

test("a sample of all five writes to three keys, at every sequence number, whatever three moves follow each other", () => {
  const walk = walkOf(8, 3);
  let config = 0;
  for (const choices of assignments(5, 6)) {
    // One in 311, a stride coprime to the base of the codes.
    if (config++ % 311 !== 0) continue;
    for (let sequence = 0; sequence <= 5; sequence++) {
      expect(compare(written(choices), sequence, {}, walk), `${choices.join()} at ${sequence}`).toEqual([]);
    }
  }
});

test("all sequences of five moves over keys with several versions and tombstones, at every sequence number", () => {
  const walk = walkOf(6, 5);
  for (const choices of [
    [0, 2, 2, 4, 2],
    [0, 1, 0, 2, 4],
    [2, 3, 2, 3, 0],
    [0, 2, 4, 3, 1],
  ]) {
    for (let sequence = 1; sequence <= 5; sequence++) {
      expect(compare(written(choices), sequence, {}, walk), `${choices.join()} at ${sequence}`).toEqual([]);
    }
  }
});

test("all pairs of bounds, inverted and empty ones too, whatever two moves follow each other", () => {
  const walk = walkOf(8, 2);
  const limits = [undefined, "", "a", "aa", "b", "bb", "c", "d"];
  const stores = [
    [0, 2, 4, 2, 0],
    [0, 2, 3, 4, 4],
    [1, 2, 0, 4, 5],
    [4, 4, 4, 0, 0],
  ];
  for (const lower of limits) {
    for (const upper of limits) {
      const bounds = {
        ...(lower !== undefined && { lower: bytes(lower) }),
        ...(upper !== undefined && { upper: bytes(upper) }),
      };
      for (const choices of stores) {
        for (const sequence of [3, 5]) {
          const found = compare(written(choices), sequence, bounds, walk);
          expect(found, `${choices.join()} at ${sequence} in [${lower}, ${upper})`).toEqual([]);
        }
      }
    }
  }
});

const arbitraryKey = fc.constantFrom("", "a", "a\0", "b", "ba", "c").map(bytes);
const arbitraryMove: fc.Arbitrary<VisibleMove> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ name: fc.constantFrom("next", "prev") }) },
  { weight: 1, arbitrary: fc.record({ name: fc.constantFrom("first", "last") }) },
  { weight: 2, arbitrary: fc.record({ name: fc.constantFrom("seek", "seekForPrev"), key: arbitraryKey }) },
);
// Runs of one key make what the seek past many versions is for.
const arbitraryWrites = fc
  .array(
    fc.record({ key: arbitraryKey, count: fc.constantFrom(1, 1, 2, 7, 8, 9, 10, 17, 30), deleted: fc.nat({ max: 3 }) }),
    { maxLength: 10 },
  )
  .map((runs) =>
    runs.flatMap(({ key, count, deleted }) => Array.from({ length: count }, (_, i) => ({ key, i, deleted }))),
  )
  .map((writes): Entry[] =>
    writes.map(({ key, i, deleted }, at) => {
      const kind = i % 4 < deleted ? Kind.delete : Kind.put;
      return { key, sequence: at, kind, value: kind === Kind.put ? bytes(`v${at}`) : bytes("") };
    }),
  );

test("long walks over many versions of a key, arrays and levels, in either order, agree with the naive answer", () => {
  fc.assert(
    fc.property(
      arbitraryWrites,
      fc.array(arbitraryMove, { maxLength: 50 }),
      fc.double({ min: 0, max: 1.2, noNaN: true }),
      fc.record({ lower: arbitraryKey, upper: arbitraryKey }, { requiredKeys: [] }),
      fc.integer({ min: 1, max: 4 }),
      fc.boolean(),
      (entries, moves, share, bounds, childCount, descending) => {
        const order = descending ? DESCENDING : ORDER;
        const sequence = Math.floor(share * entries.length);
        const children: InternalCursor[] = Array.from({ length: childCount }, (_, i) => {
          const own = sortEntries(
            order,
            entries.filter((entry) => entry.sequence % childCount === i),
          );
          if (i % 2 === 0) return new ArrayCursor(order, own);
          return new LevelCursor(order, arrayTables(own, [3, 4, 9]), (table) => new ArrayCursor(order, table.entries));
        });
        const internal = childCount === 1 ? children[0]! : new MergingCursor(order, children);
        const tested = new VisibleCursor(order, internal, sequence, bounds);
        const naive = new NaiveVisible(order, visibleEntries(order, entries, sequence, bounds));
        expect(visibleDifferences(tested, naive, moves)).toEqual([]);
      },
    ),
    { numRuns: 500 },
  );
});

test("versions with the first and the very last sequence number have no special place", () => {
  const entries = ["a", "b", "c"].flatMap((key): Entry[] =>
    [0, SEQUENCE_MAX].map((sequence) => ({ key: bytes(key), sequence, kind: Kind.put, value: bytes(`${sequence}`) })),
  );
  for (const sequence of [0, 1, SEQUENCE_MAX]) {
    for (const bounds of [{}, { lower: bytes("b") }, { upper: bytes("b") }, { lower: bytes("b"), upper: bytes("c") }]) {
      expect(compare(entries, sequence, bounds, walkOf(8, 3)), `at ${sequence}`).toEqual([]);
    }
  }
});

test("its own key can be sought, in either direction, though the first child that moves changes the view", () => {
  const children = [["b#2,put=2"], ["a#1,put=1", "c#3,put=3"]].map((child) => child.map(parseEntry));
  const cursors = children.map((entries) => new ArrayCursor(ORDER, entries));
  const visible = new VisibleCursor(ORDER, new MergingCursor(ORDER, cursors), 3, {});
  for (const land of [() => visible.seek(bytes("b")), () => visible.seekForPrev(bytes("b"))]) {
    for (const seek of [() => visible.seek(visible.key), () => visible.seekForPrev(visible.key)]) {
      for (const step of ["next", "prev"] as const) {
        land();
        seek();
        expect(visibleText(visible)).toBe("b=2");
        visible[step]();
        expect(visibleText(visible)).toBe(step === "next" ? "c=3" : "a=1");
      }
    }
  }
});

test("equal internal keys, however many, hold no scan up", () => {
  for (const sequence of [0, 5]) {
    const twins = Array.from({ length: 30 }, () => parseEntry(`b#${sequence},put=b`));
    const entries = [parseEntry("a#1,put=a"), ...twins, parseEntry("c#1,put=c")];
    const visible = new VisibleCursor(ORDER, new ArrayCursor(ORDER, entries), 5, {});
    const shown: string[] = [];
    for (visible.first(); visible.valid; visible.next()) shown.push(visibleText(visible));
    for (visible.last(); visible.valid; visible.prev()) shown.push(visibleText(visible));
    expect(shown).toEqual(["a=a", "b=b", "c=c", "c=c", "b=b", "a=a"]);
  }
});

test("bounds are copied", () => {
  const lower = bytes("b");
  const visible = new VisibleCursor(ORDER, new ArrayCursor(ORDER, written([0, 2, 4])), 3, { lower });
  lower.set(bytes("z"));
  visible.first();
  expect(Buffer.from(visible.key).toString()).toBe("b");
});

test("a range tombstone among the entries is a broken belief", () => {
  const internal = new ArrayCursor(ORDER, [{ key: bytes("a"), sequence: 1, kind: Kind.deleteRange, value: bytes("") }]);
  const visible = new VisibleCursor(ORDER, internal, 1, {});
  expect(() => visible.first()).toThrow("range tombstones");
  expect(() => visible.last()).toThrow("range tombstones");
});

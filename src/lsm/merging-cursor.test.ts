import fc from "fast-check";
import { expect, test } from "vitest";
import { bytewise, KeyOrder } from "../common/comparator.ts";
import type { InternalCursor } from "../common/cursor.ts";
import { Kind, SEQUENCE_MAX } from "../common/internal-key.ts";
import {
  ArrayCursor,
  arrayTables,
  cursorText,
  FaultyCursor,
  InjectedError,
  parseEntry,
  sortEntries,
  type Entry,
} from "./array-cursor.test-support.ts";
import { LevelCursor } from "./level-cursor.ts";
import { MergingCursor } from "./merging-cursor.ts";
import { applyMove, assignments, deBruijnWalk, differences, type Move } from "./cursor-moves.test-support.ts";

const ORDER = new KeyOrder(bytewise);
const DESCENDING = new KeyOrder({ name: "descending", compare: (a, b) => bytewise.compare(b, a) });
const bytes = (text: string): Uint8Array => Buffer.from(text);

const MOVES: readonly Move[] = [
  { name: "first" },
  { name: "last" },
  { name: "next" },
  { name: "prev" },
  { name: "seek", key: bytes("b"), sequence: 2 },
  { name: "seekForPrev", key: bytes("b"), sequence: 2 },
  { name: "seek", key: bytes("bb"), sequence: 9 },
  { name: "seekForPrev", key: bytes("aa"), sequence: 9 },
];

const SIX = ["a#3,put=0", "a#1,delete", "b#2,put=2", "b#1,put=3", "c#4,delete", "c#2,put=5"].map(parseEntry);

/** A merge of children that keep the contract, and the naive cursor over all their entries in one sorted array. */
function pair(order: KeyOrder, children: readonly (readonly Entry[])[]): [MergingCursor, ArrayCursor] {
  const merged = sortEntries(order, children.flat());
  const cursors = children.map((entries) => new ArrayCursor(order, sortEntries(order, entries)));
  return [new MergingCursor(order, cursors), new ArrayCursor(order, merged)];
}

test("six versions spread over three children agree with one sorted array, whatever three moves follow each other", () => {
  const walk = deBruijnWalk(MOVES.length, 3).map((symbol) => MOVES[symbol]!);
  let config = 0;
  for (const owners of assignments(6, 4)) {
    // One in eleven, a stride coprime to the base of the codes: every entry meets every owner beside every other.
    if (config++ % 11 !== 0) continue;
    const children = [1, 2, 3].map((owner) => SIX.filter((_, i) => owners[i] === owner));
    const [merging, naive] = pair(ORDER, children);
    expect(differences(merging, naive, walk), `owners ${owners.join()}`).toEqual([]);
  }
});

test("all sequences of five moves over two children agree with one sorted array", () => {
  const alphabet = [0, 1, 2, 3, 4, 5].map((i) => MOVES[i]!);
  const walk = deBruijnWalk(alphabet.length, 5).map((symbol) => alphabet[symbol]!);
  for (const owners of assignments(4, 2)) {
    const children = [0, 1].map((owner) => SIX.slice(0, 4).filter((_, i) => owners[i] === owner));
    const [merging, naive] = pair(ORDER, children);
    expect(differences(merging, naive, walk), `owners ${owners.join()}`).toEqual([]);
  }
});

test("equal internal keys come in the order of the children, both ways and through every change of direction", () => {
  const walk = deBruijnWalk(6, 4).map((symbol) => MOVES[symbol]!);
  for (const holders of assignments(2, 8)) {
    const children = [0, 1, 2].map((child) =>
      ["a#2,put=", "b#2,put="].filter((_, i) => (holders[i]! >> child) & 1).map((text) => parseEntry(text + child)),
    );
    const [merging, naive] = pair(ORDER, children);
    expect(differences(merging, naive, walk), `holders ${holders.join()}`).toEqual([]);
  }
});

test("entries that differ in their kind alone keep their places when the direction changes", () => {
  const [merging, naive] = pair(ORDER, [
    [parseEntry("a#2,put=0")],
    [parseEntry("a#2,delete")],
    [parseEntry("a#1,put=1")],
  ]);
  const walk = deBruijnWalk(4, 6).map((symbol) => MOVES[symbol]!);
  expect(differences(merging, naive, walk)).toEqual([]);
});

test("no child and only empty children are an empty cursor", () => {
  for (const children of [[], [[]], [[], []]]) {
    const [merging] = pair(ORDER, children);
    for (const move of MOVES) {
      applyMove(merging, move);
      expect(merging.valid).toBe(false);
    }
    expect(() => merging.key).toThrow("only while valid");
    expect(() => merging.value).toThrow("only while valid");
  }
});

const arbitraryKey = fc.constantFrom("", "a", "ab", "b", "ba", "c", "\xff");
const arbitraryEntry: fc.Arbitrary<Entry> = fc.record({
  key: arbitraryKey.map((key) => Buffer.from(key, "latin1")),
  sequence: fc.oneof(fc.nat({ max: 9 }), fc.constantFrom(SEQUENCE_MAX - 1, SEQUENCE_MAX)),
  kind: fc.constantFrom(Kind.put, Kind.delete),
  value: fc.uint8Array({ maxLength: 3 }),
});
const arbitraryMove: fc.Arbitrary<Move> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ name: fc.constantFrom("next", "prev") }) },
  { weight: 1, arbitrary: fc.record({ name: fc.constantFrom("first", "last") }) },
  {
    weight: 2,
    arbitrary: fc.record({
      name: fc.constantFrom("seek", "seekForPrev"),
      key: arbitraryKey.map((key) => Buffer.from(key, "latin1")),
      sequence: fc.constantFrom(0, 3, 9, SEQUENCE_MAX),
    }),
  },
);

test("merges of arrays and levels agree with one sorted array in any order of keys over long walks", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(arbitraryEntry, { maxLength: 12 }), { maxLength: 5 }),
      fc.array(fc.nat({ max: 12 }), { maxLength: 4 }),
      fc.array(arbitraryMove, { maxLength: 60 }),
      fc.boolean(),
      (lists, cuts, moves, descending) => {
        const order = descending ? DESCENDING : ORDER;
        const sorted = lists.map((list) => sortEntries(order, list));
        const open = ({ entries }: { readonly entries: readonly Entry[] }) => new ArrayCursor(order, entries);
        const children: InternalCursor[] = sorted.map((list, i) => {
          if (i % 2 === 0) return new ArrayCursor(order, list);
          return new LevelCursor(
            order,
            arrayTables(
              list,
              cuts.map((cut) => Math.min(cut, list.length)),
            ),
            open,
          );
        });
        const naive = new ArrayCursor(order, sortEntries(order, sorted.flat()));
        expect(differences(new MergingCursor(order, children), naive, moves)).toEqual([]);
      },
    ),
    { numRuns: 400 },
  );
});

test("an error at any move of any child surfaces, leaves the merge not valid, and a seek then works again", () => {
  const lists = [
    ["a#3,put=0", "c#4,delete"],
    ["a#1,delete", "b#2,put=2"],
    ["b#1,put=3", "c#2,put=5"],
  ];
  const walk = deBruijnWalk(6, 2).map((symbol) => MOVES[symbol]!);
  for (let failAt = 1, blown = true; blown; failAt++) {
    const fuse = { movesLeft: failAt };
    const children = lists.map((list) => new FaultyCursor(new ArrayCursor(ORDER, list.map(parseEntry)), fuse));
    const merging = new MergingCursor(ORDER, children);
    const naive = new ArrayCursor(ORDER, sortEntries(ORDER, lists.flat().map(parseEntry)));
    let failures = 0;
    for (const move of walk) {
      try {
        applyMove(merging, move);
        applyMove(naive, move);
      } catch (error) {
        expect(error).toBeInstanceOf(InjectedError);
        failures++;
        expect(merging.valid).toBe(false);
        // Steps from there stay there; they neither go on behind the hole nor fail.
        merging.next();
        merging.prev();
        expect(merging.valid).toBe(false);
        merging.seek(bytes("b"), 2);
        naive.seek(bytes("b"), 2);
      }
      const [shown, expected] = [cursorText(merging), cursorText(naive)];
      if (shown !== expected) expect(shown, `failing at move ${failAt} of the children`).toBe(expected);
    }
    blown = fuse.movesLeft <= 0;
    expect(failures, `failing at move ${failAt} of the children`).toBe(blown ? 1 : 0);
  }
});

test("one child is passed through without a comparison", () => {
  let comparisons = 0;
  const counting = new KeyOrder({ name: "counting", compare: (a, b) => (comparisons++, bytewise.compare(a, b)) });
  const merging = new MergingCursor(counting, [new ArrayCursor(ORDER, SIX)]);
  let entries = 0;
  for (merging.first(); merging.valid; merging.next()) entries++;
  for (merging.last(); merging.valid; merging.prev()) entries++;
  expect({ entries, comparisons }).toEqual({ entries: 12, comparisons: 0 });
});

test("a step reads one child; the others stay where they are until the direction changes", () => {
  const fuse = { movesLeft: 0 };
  const lists = [
    ["a#3,put=0", "c#4,delete"],
    ["a#1,delete", "b#2,put=2"],
    ["b#1,put=3", "c#2,put=5"],
  ];
  const merging = new MergingCursor(
    ORDER,
    lists.map((list) => new FaultyCursor(new ArrayCursor(ORDER, list.map(parseEntry)), fuse)),
  );
  merging.first();
  expect(-fuse.movesLeft).toBe(3);
  for (let step = 1; step <= 4; step++) {
    merging.next();
    expect(-fuse.movesLeft).toBe(3 + step);
  }
});

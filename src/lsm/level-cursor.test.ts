import { expect, test } from "vitest";
import { bytewise, KeyOrder } from "../common/comparator.ts";
import {
  ArrayCursor,
  arrayTables,
  cursorText,
  FaultyCursor,
  InjectedError,
  parseEntry,
  type ArrayTable,
} from "./array-cursor.test-support.ts";
import { applyMove, assignments, deBruijnWalk, differences, type Move } from "./cursor-moves.test-support.ts";
import { LevelCursor } from "./level-cursor.ts";

const ORDER = new KeyOrder(bytewise);
const bytes = (text: string): Uint8Array => Buffer.from(text);
const open = (table: ArrayTable): ArrayCursor => new ArrayCursor(ORDER, table.entries);

// Two keys of three versions: some cuts fall between the versions of one key.
const SIX = ["b#5,put=5", "b#3,delete", "b#1,put=1", "d#6,put=6", "d#4,put=4", "d#2,delete"].map(parseEntry);
const TARGETS = ["a#9", "b#9", "b#4", "b#3", "b#0", "c#9", "d#5", "d#0", "e#9"].map((text) => text.split("#"));
const STEPS: readonly Move[] = [{ name: "next" }, { name: "prev" }, { name: "first" }, { name: "last" }];
const SEEKS: readonly Move[] = (["seek", "seekForPrev"] as const).flatMap((name) =>
  TARGETS.map(([key, sequence]) => ({ name, key: bytes(key!), sequence: Number(sequence) })),
);

test("however six entries are cut into tables, all pairs of moves agree with one sorted array", () => {
  const moves = [...STEPS, ...SEEKS];
  const walk = deBruijnWalk(moves.length, 2).map((symbol) => moves[symbol]!);
  for (const cut of assignments(5, 2)) {
    const tables = arrayTables(
      SIX,
      [1, 2, 3, 4, 5].filter((_, i) => cut[i] === 1),
    );
    const found = differences(new LevelCursor(ORDER, tables, open), new ArrayCursor(ORDER, SIX), walk);
    expect(found, `cuts ${cut.join("")}`).toEqual([]);
  }
});

test("however six entries are cut into tables, all sequences of five steps after any seek agree with one sorted array", () => {
  const steps = deBruijnWalk(2, 5).map((symbol) => STEPS[symbol]!);
  const walk = SEEKS.flatMap((seek) => [seek, ...steps, seek, ...steps.toReversed()]);
  for (const cut of assignments(5, 2)) {
    const tables = arrayTables(
      SIX,
      [1, 2, 3, 4, 5].filter((_, i) => cut[i] === 1),
    );
    const found = differences(new LevelCursor(ORDER, tables, open), new ArrayCursor(ORDER, SIX), walk);
    expect(found, `cuts ${cut.join("")}`).toEqual([]);
  }
});

test("bounds wider than a table's entries lead on to the table that has the entry", () => {
  const tables = arrayTables(SIX, [2, 4]).map((table, i) => (i === 1 ? { ...table, entries: [] } : table));
  const kept = SIX.filter((_, i) => i < 2 || i >= 4);
  const moves = [...STEPS, ...SEEKS];
  const walk = deBruijnWalk(moves.length, 2).map((symbol) => moves[symbol]!);
  expect(differences(new LevelCursor(ORDER, tables, open), new ArrayCursor(ORDER, kept), walk)).toEqual([]);
});

test("a table is opened when it is reached, and once while the cursor stays in it", () => {
  const opened: number[] = [];
  const tables = arrayTables(SIX, [2, 4]);
  const level = new LevelCursor(ORDER, tables, (table) => {
    opened.push(tables.indexOf(table));
    return open(table);
  });
  expect(opened).toEqual([]);
  level.seek(bytes("b"), 4);
  level.seek(bytes("a"), 9);
  level.next();
  level.prev();
  expect(opened).toEqual([0]);
  level.next();
  level.next();
  expect(opened).toEqual([0, 1]);
  level.seekForPrev(bytes("zz"), 0);
  expect(opened).toEqual([0, 1, 2]);
  level.seekForPrev(bytes("a"), 0);
  level.seek(bytes("zz"), 9);
  expect(opened).toEqual([0, 1, 2]);
});

test("a level without tables is an empty cursor", () => {
  const level = new LevelCursor(ORDER, [], open);
  for (const move of [...STEPS, ...SEEKS]) {
    applyMove(level, move);
    expect(level.valid).toBe(false);
  }
  expect(() => level.key).toThrow("only while valid");
});

test("an error while opening or moving in a table surfaces and leaves the cursor not valid; a seek then works again", () => {
  const tables = arrayTables(SIX, [1, 3, 4]);
  const moves = [...STEPS, ...SEEKS.slice(2, 4), ...SEEKS.slice(11, 13)];
  const walk = deBruijnWalk(moves.length, 2).map((symbol) => moves[symbol]!);
  for (let failAt = 1, blown = true; blown; failAt++) {
    const fuse = { movesLeft: failAt };
    let failures = 0;
    const level = new LevelCursor(ORDER, tables, (table) => {
      if (--fuse.movesLeft === 0) throw new InjectedError("cannot open");
      return new FaultyCursor(open(table), fuse);
    });
    const naive = new ArrayCursor(ORDER, SIX);
    for (const move of walk) {
      try {
        applyMove(level, move);
        applyMove(naive, move);
      } catch (error) {
        expect(error).toBeInstanceOf(InjectedError);
        failures++;
        expect(level.valid).toBe(false);
        level.next();
        level.prev();
        expect(level.valid).toBe(false);
        level.seek(bytes("b"), 4);
        naive.seek(bytes("b"), 4);
      }
      const [shown, expected] = [cursorText(level), cursorText(naive)];
      if (shown !== expected) expect(shown, `failing at ${failAt}`).toBe(expected);
    }
    blown = fuse.movesLeft <= 0;
    expect(failures, `failing at ${failAt}`).toBe(blown ? 1 : 0);
  }
});

import { expect, test } from "vitest";
import { Prng } from "../util/prng.ts";
import { ageProblems } from "./age-problems.ts";
import { ArrayCursor, parseEntry, sortEntries, type Entry } from "./array-cursor.test-support.ts";
import type { TableMeta } from "./table-meta.ts";
import { ORDER } from "./versions.test-support.ts";
import { Version } from "./version.ts";

/** Tables by level, each as its entries; level 0 newest first. */
type Levels = readonly (readonly (readonly string[])[])[];

function problemsOf(levels: Levels): string[] {
  return judged(levels).problems;
}

function judged(levels: Levels): { problems: string[]; read: number[] } {
  const entries = new Map<number, Entry[]>();
  const tables = levels.map((level) =>
    level.map((texts): TableMeta => {
      const sorted = sortEntries(ORDER, texts.map(parseEntry));
      const sequences = sorted.map(({ sequence }) => sequence);
      const number = entries.size + 1;
      entries.set(number, sorted);
      return {
        number,
        size: 100,
        tag: number,
        epoch: 100 - number,
        smallest: sorted[0]!,
        largest: sorted.at(-1)!,
        leastSequence: Math.min(...sequences),
        greatestSequence: Math.max(...sequences),
        entries: sorted.length,
        deletes: 0,
      };
    }),
  );
  const version = Version.unchecked(ORDER, tables);
  const read = new Set<number>();
  const open = (table: TableMeta): ArrayCursor => {
    read.add(table.number);
    return new ArrayCursor(ORDER, entries.get(table.number)!);
  };
  const problems = ageProblems(version, open).map(({ table, problem }) => `table ${table.number} ${problem}`);
  return { problems, read: [...read].sort((a, b) => a - b) };
}

test("an older version of a key on an upper level is found, wherever in its table it lies", () => {
  const deep = ["a#1,put=x", "m#5,put=x", "z#2,put=x"];
  expect(problemsOf([[], [["m#6,put=y"]], [deep]])).toEqual([]);
  expect(problemsOf([[], [["m#4,put=y"]], [deep]])).toEqual([
    "table 1 has an older version of a key than table 2 of level 2",
  ]);
  expect(problemsOf([[], [["m#5,delete"]], [deep]]).length).toBe(1);
  expect(problemsOf([[], [["n#4,put=y"]], [deep]])).toEqual([]);
});

test("in level 0 the older table may not have the newer version", () => {
  expect(
    problemsOf([
      [
        ["a#1,put=x", "m#9,put=x"],
        ["m#8,put=x", "z#2,put=x"],
      ],
    ]),
  ).toEqual([]);
  expect(
    problemsOf([
      [
        ["a#1,put=x", "m#8,put=x"],
        ["m#9,put=x", "z#2,put=x"],
      ],
    ]),
  ).toEqual(["table 1 has an older version of a key than table 2 of level 0"]);
});

test("only tables are read that may hold versions of the age of one that they overlap", () => {
  const levels = [
    [["a#90,put=x", "z#91,put=x"]],
    [["b#50,put=x", "c#20,put=x"], ["d#60,put=x"], ["x#21,put=x"]],
    [["a#10,put=x", "bb#40,put=x"], ["d#30,put=x", "e#31,put=x"], ["f#80,put=x"]],
  ];
  expect(judged(levels)).toEqual({ problems: [], read: [2, 5] });
});

test("what it finds is what comparing each two entries finds", () => {
  const prng = new Prng(1);
  const below = (n: number): number => prng.next() % n;
  const drawn = new Set<boolean>();
  for (let round = 0; round < 2000; round++) {
    const numbers = Array.from({ length: 30 }, (_, i) => i + 1);
    const draw = (keys: readonly string[]): string[] =>
      keys.flatMap((key) => (below(2) === 0 ? [] : [`${key}#${numbers.splice(below(numbers.length), 1)[0]},put=x`]));
    const keys = ["a", "b", "c", "d"];
    const whole = (): string[][] => [draw(keys)].filter((table) => table.length > 0);
    const cut = (): string[][] => [draw(["a", "b"]), draw(["c", "d"])].filter((table) => table.length > 0);
    const levels = [[...whole(), ...whole()], cut(), whole(), cut()];
    const layers = [...levels[0]!, ...levels.slice(1).map((level) => level.flat())];
    const isWrong = layers.some((upper, i) =>
      layers.slice(i + 1).some((deeper) => upper.some((a) => deeper.some((b) => isOlder(a, b)))),
    );
    expect([levels, problemsOf(levels).length > 0]).toEqual([levels, isWrong]);
    drawn.add(isWrong);
  }
  expect(drawn.size).toBe(2);
});

function isOlder(a: string, b: string): boolean {
  const [x, y] = [parseEntry(a), parseEntry(b)];
  return ORDER.compare(x.key, y.key) === 0 && x.sequence <= y.sequence;
}

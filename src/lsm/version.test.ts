import fc from "fast-check";
import { expect, test } from "vitest";
import { hasOpenEnd, joinSpans, spansOverlap, tableSpan, type TableMeta } from "./table-meta.ts";
import { InvalidEditError, Version } from "./version.ts";
import { ORDER, parseTable, parseVersion, text } from "./versions.test-support.ts";

const LEVELS = 3;
const KEYS = [..."abcdefgh"];

const order = (a: string, b: string): string => (a <= b ? `${a}-${b}` : `${b}-${a}`);
const table: fc.Arbitrary<TableMeta> = fc
  .tuple(fc.integer({ min: 1, max: 30 }), fc.constantFrom(...KEYS), fc.constantFrom(...KEYS), fc.boolean())
  .map(([number, a, b, open]) => parseTable(`${number}[${order(a, b)}${open && a !== b ? ")" : "]"}`));
const edit = fc.record({
  added: fc.array(fc.record({ level: fc.integer({ min: 0, max: LEVELS }), table }), { maxLength: 3 }),
  removed: fc.array(
    fc.record({ level: fc.integer({ min: 0, max: LEVELS }), number: fc.integer({ min: 1, max: 30 }) }),
    {
      maxLength: 2,
    },
  ),
});

type Placed = { level: number; table: TableMeta };

const holds = (each: TableMeta, key: string): boolean =>
  text(each.smallest.key) <= key && (hasOpenEnd(each) ? key < text(each.largest.key) : key <= text(each.largest.key));
// Bounds are letters; a point between two letters tells an open end from a closed one where the letter itself does not.
const POINTS = KEYS.flatMap((key) => [key, `${key}!`]);
const overlap = (a: TableMeta, b: TableMeta): boolean => POINTS.some((key) => holds(a, key) && holds(b, key));

/** The next set of tables by the rules alone, or undefined if one is broken. */
function naive(
  placed: readonly Placed[],
  { added, removed }: { added: Placed[]; removed: { level: number; number: number }[] },
): Placed[] | undefined {
  let next = [...placed];
  for (const { level, number } of removed) {
    const without = next.filter((each) => each.level !== level || each.table.number !== number);
    if (without.length === next.length) return undefined;
    next = without;
  }
  next.push(...added);
  if (next.some(({ level }) => level >= LEVELS)) return undefined;
  for (const [i, a] of next.entries()) {
    for (const b of next.slice(i + 1)) {
      if (a.table.number === b.table.number) return undefined;
      if (a.level === b.level && a.level > 0 && overlap(a.table, b.table)) return undefined;
    }
  }
  return next;
}

test("a version after any edits has what a plain list of tables has", () => {
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 12 }), fc.array(table, { maxLength: 3 }), (edits, asked) => {
      let version = Version.empty(ORDER, LEVELS);
      let placed: Placed[] = [];
      for (const each of edits) {
        const next = naive(placed, each);
        if (!next) {
          expect(() => version.apply(each)).toThrow(InvalidEditError);
          continue;
        }
        const before = JSON.stringify(version.levels);
        const old = version;
        version = version.apply(each);
        expect(JSON.stringify(old.levels)).toBe(before);
        placed = next;
      }
      expect(answersOf(version, asked)).toEqual(naiveAnswers(placed, asked));
    }),
    { numRuns: 300 },
  );
});

// What a version answers, as plain values: numbers of tables, in number order.
interface Answers {
  readonly counts: readonly unknown[];
  readonly has: readonly boolean[];
  readonly levels: readonly (readonly number[])[];
  readonly overlapping: readonly (readonly number[])[];
  readonly byKey: readonly unknown[];
  readonly bySpan: readonly unknown[];
}

const NUMBERS = Array.from({ length: 31 }, (_, number) => number);
const LEVEL_NUMBERS = [0, 1, 2];
const BOUNDS = [undefined, ...POINTS];
const RANGES = BOUNDS.flatMap((from) => BOUNDS.map((to) => [from, to] as const));

const numbersOf = (tables: Iterable<TableMeta>): number[] =>
  [...tables].map(({ number }) => number).sort((a, b) => a - b);
const bytes = (key: string | undefined): Uint8Array | undefined => (key === undefined ? undefined : Buffer.from(key));

function answersOf(version: Version, asked: readonly TableMeta[]): Answers {
  const { tableCount, totalBytes, totalEntries, deepestLevel, greatestEpoch } = version;
  const spans = asked.map(tableSpan);
  return {
    counts: [
      tableCount,
      totalBytes,
      totalEntries,
      deepestLevel,
      greatestEpoch,
      LEVEL_NUMBERS.map((level) => version.levelBytes(level)),
    ],
    has: NUMBERS.map((number) => version.has(number)),
    levels: LEVEL_NUMBERS.map((level) => numbersOf(version.levels[level]!)),
    overlapping: LEVEL_NUMBERS.flatMap((level) =>
      RANGES.map(([from, to]) => numbersOf(version.overlapping(level, bytes(from), bytes(to)))),
    ),
    byKey: LEVEL_NUMBERS.flatMap((level) =>
      POINTS.map((key) => [
        version.mayHoldBelow(level, Buffer.from(key)),
        level > 0 && version.tableFor(level, Buffer.from(key))?.number,
      ]),
    ),
    bySpan: LEVEL_NUMBERS.flatMap((level) =>
      spans.map((span) => [numbersOf(version.overlappingSpan(level, span)), version.overlapsBelow(level, span)]),
    ),
  };
}

function naiveAnswers(placed: readonly Placed[], asked: readonly TableMeta[]): Answers {
  const at = (level: number): TableMeta[] => placed.filter((each) => each.level === level).map((each) => each.table);
  const below = (level: number): TableMeta[] => placed.filter((each) => each.level > level).map((each) => each.table);
  const count = placed.length;
  return {
    counts: [
      count,
      100 * count,
      10 * count,
      Math.max(-1, ...placed.map(({ level }) => level)),
      Math.max(0, ...placed.map((each) => each.table.epoch)),
      LEVEL_NUMBERS.map((level) => 100 * at(level).length),
    ],
    has: NUMBERS.map((number) => placed.some((each) => each.table.number === number)),
    levels: LEVEL_NUMBERS.map((level) => numbersOf(at(level))),
    overlapping: LEVEL_NUMBERS.flatMap((level) =>
      RANGES.map(([from = "", to = "~"]) => {
        const inRange = POINTS.filter((key) => from <= key && key <= to);
        return numbersOf(at(level).filter((each) => inRange.some((key) => holds(each, key))));
      }),
    ),
    byKey: LEVEL_NUMBERS.flatMap((level) =>
      POINTS.map((key) => [
        below(level).some((each) => holds(each, key)),
        level > 0 && at(level).find((each) => holds(each, key))?.number,
      ]),
    ),
    bySpan: LEVEL_NUMBERS.flatMap((level) =>
      asked.map((span) => [
        numbersOf(at(level).filter((each) => overlap(each, span))),
        below(level).some((each) => overlap(each, span)),
      ]),
    ),
  };
}

test("spans join and overlap as the sets of their keys do", () => {
  fc.assert(
    fc.property(table, table, (a, b) => {
      expect(spansOverlap(ORDER, tableSpan(a), tableSpan(b))).toBe(overlap(a, b));
      const joined = joinSpans(ORDER, tableSpan(a), tableSpan(b));
      for (const key of POINTS) {
        const beyond = joined.openEnd ? key >= text(joined.largest) : key > text(joined.largest);
        const inside = text(joined.smallest) <= key && !beyond;
        const between =
          POINTS.some((x) => x <= key && (holds(a, x) || holds(b, x))) &&
          POINTS.some((x) => x >= key && (holds(a, x) || holds(b, x)));
        expect(inside).toBe(between);
      }
    }),
  );
});

// An engine sorted the table list that its readers shared.
test("levels cannot be changed in place", () => {
  const version = parseVersion(["1: 5[a-c] 6[d-e]"], LEVELS);
  expect(() => (version.levels[1] as TableMeta[]).reverse()).toThrow(TypeError);
  expect(() => (version.levels[0] as TableMeta[]).push(parseTable("7[x-z]"))).toThrow(TypeError);
  expect(() => (version.levels as TableMeta[][]).pop()).toThrow(TypeError);
});

test("a number that is no integer from 0 to 2^53-1 is a problem, in every field", () => {
  const sound = parseTable("5[a-c]");
  for (const field of ["number", "size", "tag", "epoch", "leastSequence", "greatestSequence", "entries", "deletes"]) {
    for (const value of [-1, 1.5, NaN, 2 ** 53]) {
      const broken = { ...sound, [field]: value };
      expect(
        Version.unchecked(ORDER, [[], [broken]])
          .problems()
          .join(),
      ).toContain(`${field} is no integer`);
      expect(() => Version.empty(ORDER, LEVELS).apply({ added: [{ level: 1, table: broken }] })).toThrow(
        InvalidEditError,
      );
    }
  }
});

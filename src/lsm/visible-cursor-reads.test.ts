// What a visible cursor reads to find what it shows, and what it does when it cannot be read.

import { expect, test } from "vitest";
import { bytewise, KeyOrder } from "../common/comparator.ts";
import type { InternalCursor } from "../common/cursor.ts";
import { Kind } from "../common/internal-key.ts";
import {
  ArrayCursor,
  FaultyCursor,
  InjectedError,
  parseEntry,
  sortEntries,
  type Entry,
  type Fuse,
} from "./array-cursor.test-support.ts";
import { deBruijnWalk } from "./cursor-moves.test-support.ts";
import { MergingCursor } from "./merging-cursor.ts";
import { VisibleCursor } from "./visible-cursor.ts";
import {
  applyVisibleMove,
  NaiveVisible,
  visibleEntries,
  visibleText,
  type VisibleMove,
} from "./visible-moves.test-support.ts";

const ORDER = new KeyOrder(bytewise);
const bytes = (text: string): Uint8Array => Buffer.from(text);

/** Notes each move and where it landed. */
function traced(inner: InternalCursor, trace: string[]): InternalCursor {
  const moves = new Set<string | symbol>(["first", "last", "seek", "seekForPrev", "next", "prev"]);
  return new Proxy(inner, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (!moves.has(name)) return member;
      return (...given: unknown[]) => {
        (member as (...given: unknown[]) => void).apply(target, given);
        trace.push(`${String(name)} ${target.valid ? Buffer.from(target.key).toString() : "."}`);
      };
    },
  });
}

function versions(key: string, from: number, count: number, kind: Kind = Kind.put): Entry[] {
  const numbers = Array.from({ length: count }, (_, i) => from + i);
  return numbers.map((sequence) => ({ key: bytes(key), sequence, kind, value: bytes(kind === Kind.put ? "v" : "") }));
}

test("a forward scan seeks once and then steps, over a few old versions too", () => {
  const entries = ["a", "b", "c", "d"].flatMap((key, i) => versions(key, 1 + 10 * i, 8));
  const trace: string[] = [];
  const visible = new VisibleCursor(ORDER, traced(new ArrayCursor(ORDER, sortEntries(ORDER, entries)), trace), 99, {});
  for (visible.first(); visible.valid; visible.next());
  expect(trace.filter((move) => !move.startsWith("next"))).toEqual(["first a"]);
  expect(trace.length).toBe(1 + entries.length);
});

test("a forward scan steps over deleted keys of one version each, however many, without a seek", () => {
  const keys = Array.from({ length: 50 }, (_, i) => String.fromCharCode(0x30 + i));
  for (const sequence of [0, 99]) {
    const trace: string[] = [];
    const entries = keys.flatMap((key, i) => versions(key, i + 1, 1, Kind.delete));
    const visible = new VisibleCursor(ORDER, traced(new ArrayCursor(ORDER, entries), trace), sequence, {});
    visible.first();
    expect(visible.valid).toBe(false);
    expect(trace.filter((move) => !move.startsWith("next"))).toEqual(["first 0"]);
  }
});

test("thousands of versions of one key cost a few moves, whichever way they are passed and whatever hides them", () => {
  const many = 2000;
  for (const [kind, sequence] of [
    [Kind.put, many],
    [Kind.put, 2],
    [Kind.delete, many],
    [Kind.delete, 2],
  ] as const) {
    const entries = [...versions("a", 1, 1), ...versions("b", 1, many, kind), ...versions("c", 1, 1)];
    for (const forward of [true, false]) {
      const trace: string[] = [];
      const sorted = new ArrayCursor(ORDER, sortEntries(ORDER, entries));
      const visible = new VisibleCursor(ORDER, traced(sorted, trace), sequence, {});
      const shown: string[] = [];
      if (forward) for (visible.first(); visible.valid; visible.next()) shown.push(visibleText(visible));
      else for (visible.last(); visible.valid; visible.prev()) shown.push(visibleText(visible));
      const expected = kind === Kind.put ? ["a=v", "b=v", "c=v"] : ["a=v", "c=v"];
      expect(shown).toEqual(forward ? expected : expected.toReversed());
      expect(trace.length).toBeLessThan(30);
    }
  }
});

test("no more than one entry beyond a bound is read, though nothing there or at the bound is visible", () => {
  const entries = [..."abcdefgh"].flatMap((key, i) => versions(key, 1 + 2 * i, 2, Kind.delete));
  const bounds = { lower: bytes("d"), upper: bytes("f") };
  const moves: VisibleMove[] = [
    { name: "first" },
    { name: "last" },
    ...["a", "d", "e", "f", "h"].flatMap((key): VisibleMove[] => [
      { name: "seek", key: bytes(key) },
      { name: "seekForPrev", key: bytes(key) },
    ]),
  ];
  for (const move of moves) {
    const trace: string[] = [];
    const sorted = new ArrayCursor(ORDER, sortEntries(ORDER, entries));
    const visible = new VisibleCursor(ORDER, traced(sorted, trace), 99, bounds);
    applyVisibleMove(visible, move);
    expect(visible.valid).toBe(false);
    const beyond = trace.filter((text) => !/ [de]$/.test(text));
    expect(beyond.length, `${move.name}: ${trace.join(", ")}`).toBeLessThanOrEqual(1);
    expect(beyond.every((text) => / [cf.]$/.test(text))).toBe(true);
  }
});

test("a seek beyond the bounds and every move within empty ones read nothing", () => {
  const trace: string[] = [];
  const internal = traced(new ArrayCursor(ORDER, versions("m", 1, 1)), trace);
  const bounded = new VisibleCursor(ORDER, internal, 9, { lower: bytes("c"), upper: bytes("x") });
  bounded.seek(bytes("x"));
  bounded.seekForPrev(bytes("b"));
  const empty = new VisibleCursor(ORDER, internal, 9, { lower: bytes("x"), upper: bytes("c") });
  empty.first();
  empty.last();
  empty.seek(bytes("m"));
  empty.seekForPrev(bytes("m"));
  expect(trace).toEqual([]);
});

const LISTS = [
  ["a#3,put=0", "c#4,delete", "d#9,put=9"],
  ["a#1,delete", "b#2,put=2"],
  ["b#1,put=3", "c#2,put=5"],
];
const ENTRIES = LISTS.flat().map(parseEntry);

function faulty(fuse: Fuse, sequence: number): VisibleCursor {
  const children = LISTS.map((list) => new FaultyCursor(new ArrayCursor(ORDER, list.map(parseEntry)), fuse));
  return new VisibleCursor(ORDER, new MergingCursor(ORDER, children), sequence, {});
}

test("a scan in which any one move fails throws: it never ends early and never leaves an entry out", () => {
  for (let sequence = 1; sequence <= 9; sequence++) {
    for (const forward of [true, false]) {
      const all = visibleEntries(ORDER, ENTRIES, sequence, {}).map(({ key, value }) => `${key}=${value}`);
      const expected = forward ? all : all.toReversed();
      for (let failAt = 1, blown = true; blown; failAt++) {
        const shown: string[] = [];
        let failed = false;
        const fuse = { movesLeft: failAt };
        const visible = faulty(fuse, sequence);
        try {
          if (forward) for (visible.first(); visible.valid; visible.next()) shown.push(visibleText(visible));
          else for (visible.last(); visible.valid; visible.prev()) shown.push(visibleText(visible));
        } catch (error) {
          expect(error).toBeInstanceOf(InjectedError);
          failed = true;
          expect(visible.valid).toBe(false);
        }
        expect(shown).toEqual(failed ? expected.slice(0, shown.length) : expected);
        blown = fuse.movesLeft <= 0;
        expect(failed).toBe(blown);
      }
    }
  }
});

test("an error at any move of a walk leaves the cursor not valid; a later seek works again", () => {
  const moves: VisibleMove[] = [
    { name: "next" },
    { name: "prev" },
    { name: "first" },
    { name: "last" },
    { name: "seek", key: bytes("b") },
    { name: "seekForPrev", key: bytes("c") },
  ];
  const walk = deBruijnWalk(moves.length, 2).map((symbol) => moves[symbol]!);
  for (let failAt = 1, blown = true; blown; failAt++) {
    const fuse = { movesLeft: failAt };
    const visible = faulty(fuse, 3);
    const naive = new NaiveVisible(ORDER, visibleEntries(ORDER, ENTRIES, 3, {}));
    let failures = 0;
    for (const move of walk) {
      try {
        applyVisibleMove(visible, move);
        applyVisibleMove(naive, move);
      } catch (error) {
        expect(error).toBeInstanceOf(InjectedError);
        failures++;
        visible.next();
        visible.prev();
        expect(visible.valid).toBe(false);
        visible.seekForPrev(bytes("b"));
        naive.seekForPrev(bytes("b"));
      }
      const [shown, expected] = [visibleText(visible), visibleText(naive)];
      if (shown !== expected) expect(shown, `failing at move ${failAt} of the children`).toBe(expected);
    }
    blown = fuse.movesLeft <= 0;
    expect(failures, `failing at move ${failAt} of the children`).toBe(blown ? 1 : 0);
  }
});

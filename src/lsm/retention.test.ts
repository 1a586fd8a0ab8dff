import fc from "fast-check";
import { expect, test } from "vitest";
import { bytewise, KeyOrder } from "../common/comparator.ts";
import { Kind } from "../common/internal-key.ts";
import { assignments } from "./cursor-moves.test-support.ts";
import { Retention, type Verdict } from "./retention.ts";

const ORDER = new KeyOrder(bytewise);
const NOW = Number.POSITIVE_INFINITY;

interface Version {
  readonly key: string;
  readonly sequence: number;
  readonly kind: Kind;
}

/** Versions in internal-key order with what is made of each. */
function judge(
  versions: readonly Version[],
  snapshots: readonly number[],
  droppable: (key: string) => boolean,
): Verdict[] {
  const dropTombstone = (key: Uint8Array): boolean => droppable(Buffer.from(key).toString());
  const retention = new Retention({ order: ORDER, snapshots, dropTombstone });
  // One buffer for all keys, as a cursor would have it.
  const buffer = Buffer.alloc(8);
  return versions.map(({ key, sequence, kind }) =>
    retention.judge(buffer.subarray(0, buffer.write(key)), sequence, kind),
  );
}

function keep(
  versions: readonly Version[],
  snapshots: readonly number[],
  droppable: (key: string) => boolean,
): Version[] {
  const verdicts = judge(versions, snapshots, droppable);
  return versions.filter((_, i) => verdicts[i] === "keep");
}

/** The newest version a reader finds; versions are newest first. */
function newest(versions: readonly Version[], key: string, reader: number): Version | undefined {
  return versions.find((version) => version.key === key && version.sequence <= reader);
}

/** What a reader sees: the number of the put, "deep" for what lies in deeper levels, undefined for nothing. */
function seen(versions: readonly Version[], key: string, reader: number, deep: boolean): number | string | undefined {
  const found = newest(versions, key, reader);
  if (!found) return deep ? "deep" : undefined;
  return found.kind === Kind.put ? found.sequence : undefined;
}

/** Every choice of put and delete for `count` versions of "k", newest first, beside every set of snapshots among 0..count. */
function* cases(count: number): Generator<[Version[], number[]]> {
  const numbers = Array.from({ length: count + 1 }, (_, i) => i);
  for (const kinds of assignments(count, 2)) {
    const versions = kinds.map((kind, i) => ({ key: "k", sequence: i + 1, kind: kind as Kind })).toReversed();
    for (const live of assignments(count + 1, 2)) yield [versions, numbers.filter((i) => live[i] === 1)];
  }
}

test("every live snapshot and now see the same before and after, with deeper versions and without", () => {
  for (let count = 1; count <= 5; count++) {
    for (const [versions, snapshots] of cases(count)) {
      for (const deep of [true, false]) {
        const kept = keep(versions, snapshots, () => !deep);
        for (const reader of [...snapshots, NOW]) {
          const [after, before] = [seen(kept, "k", reader, deep), seen(versions, "k", reader, deep)];
          if (after !== before) expect({ versions, snapshots, deep, reader, after }).toEqual({ before });
        }
      }
    }
  }
});

test("nothing is kept that no reader finds, and no tombstone that every reader may do without", () => {
  for (let count = 1; count <= 5; count++) {
    for (const [versions, snapshots] of cases(count)) {
      const readers = [...snapshots, NOW];
      const found = new Set(readers.map((reader) => newest(versions, "k", reader)));
      expect(keep(versions, snapshots, () => false)).toEqual(versions.filter((version) => found.has(version)));
      const needed = versions.filter(
        ({ kind, sequence }) => kind === Kind.put || snapshots.some((at) => at < sequence),
      );
      expect(keep(versions, snapshots, () => true)).toEqual(needed.filter((version) => found.has(version)));
    }
  }
});

test("verdicts say why: shadowed by a newer version, or a tombstone with nothing left to hide", () => {
  for (const [versions, snapshots] of cases(4)) {
    const verdicts = judge(versions, snapshots, () => true);
    const found = new Set([...snapshots, NOW].map((reader) => newest(versions, "k", reader)));
    const reasons = versions.map((version) => (found.has(version) ? "found" : "shadowed"));
    const expected = verdicts.map((verdict) => (verdict === "shadowed" ? "shadowed" : "found"));
    expect(reasons).toEqual(expected);
    for (const [i, verdict] of verdicts.entries()) {
      if (verdict === "tombstone") expect(versions[i]!.kind).toBe(Kind.delete);
    }
  }
});

test("what one job left is judged by the next, with fewer snapshots, so that the readers still see the same", () => {
  for (const [versions, first] of cases(4)) {
    for (const live of assignments(first.length, 2)) {
      const second = first.filter((_, i) => live[i] === 1);
      for (const [deepFirst, deepSecond] of [
        [true, true],
        [true, false],
        [false, false],
      ] as const) {
        // The deeper versions are gone in the end only if nobody has them any more: an empty deeper level then.
        const deep = deepFirst && deepSecond;
        const once = keep(versions, first, () => !deepFirst);
        const twice = keep(once, second, () => !deepSecond);
        for (const reader of [...second, NOW]) {
          const [after, before] = [seen(twice, "k", reader, deep), seen(versions, "k", reader, deep)];
          if (after !== before) expect({ versions, first, second, reader, after }).toEqual({ before });
        }
      }
    }
  }
});

test("a tombstone dropped together with the put it hides does not bring the put back", () => {
  const versions = [
    { key: "k", sequence: 2, kind: Kind.delete },
    { key: "k", sequence: 1, kind: Kind.put },
  ];
  expect(judge(versions, [], () => true)).toEqual(["tombstone", "shadowed"]);
  expect(judge(versions, [2], () => true)).toEqual(["tombstone", "shadowed"]);
  expect(judge(versions, [1], () => true)).toEqual(["keep", "keep"]);
  expect(judge(versions, [], () => false)).toEqual(["keep", "shadowed"]);
});

test("keys are judged apart, many snapshots and versions too", () => {
  const arbitraryVersion = fc.record({
    key: fc.constantFrom("", "a", "ab", "b", "c"),
    sequence: fc.integer({ min: 1, max: 40 }),
    kind: fc.constantFrom(Kind.put, Kind.delete),
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(arbitraryVersion, { maxLength: 40, selector: ({ key, sequence }) => `${key}#${sequence}` }),
      fc.uniqueArray(fc.nat({ max: 41 }), { maxLength: 8 }),
      fc.subarray(["", "a", "ab", "b", "c"]),
      (unsorted, taken, deepKeys) => {
        const snapshots = taken.toSorted((a, b) => a - b);
        const versions = unsorted.toSorted(
          (a, b) => Buffer.from(a.key).compare(Buffer.from(b.key)) || b.sequence - a.sequence,
        );
        const kept = keep(versions, snapshots, (key) => !deepKeys.includes(key));
        for (const key of ["", "a", "ab", "b", "c"]) {
          const deep = deepKeys.includes(key);
          for (const reader of [...snapshots, NOW]) {
            expect(seen(kept, key, reader, deep)).toBe(seen(versions, key, reader, deep));
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("one entry found twice is kept once", () => {
  const twice = [1, 2].map(() => ({ key: "k", sequence: 7, kind: Kind.put }));
  expect(judge(twice, [3, 7, 9], () => false)).toEqual(["keep", "shadowed"]);
});

test("entries out of order, snapshots out of order and range tombstones are broken beliefs", () => {
  const put = (key: string, sequence: number): Version => ({ key, sequence, kind: Kind.put });
  expect(() => judge([put("b", 1), put("a", 2)], [], () => false)).toThrow("keys are judged in order");
  expect(() => judge([put("a", 1), put("a", 2)], [], () => false)).toThrow("newest first");
  expect(() => judge([], [5, 4], () => false)).toThrow("snapshots ascend");
  expect(() => judge([{ key: "a", sequence: 1, kind: Kind.deleteRange }], [], () => false)).toThrow("range tombstones");
});

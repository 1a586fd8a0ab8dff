// What iterate() and the point reads answer, against a plain sorted list; custom orders; buffers that callers change.

import { expect, test } from "vitest";
import { bytewise, type Comparator } from "../common/comparator.ts";
import { Prng } from "../util/prng.ts";
import { WriteBatch } from "../memtable/write-batch.ts";
import { open, type Database } from "./database.ts";
import { PATH, SMALL, codeOf, entries, exists, fill, image, openSmall } from "./engine.test-support.ts";
import type { IterateOptions } from "./iterate.ts";

/** Longer keys last, so byte order and this order disagree about most pairs. */
const byLength: Comparator = {
  name: "test.by-length",
  compare: (a, b) => a.length - b.length || bytewise.compare(a, b),
};

const KEYS = ["", "a", "a\0", "aa", "ab", "b", "b\xff", "ba", "c", "cc", "ccc", "d"].map((text) =>
  Buffer.from(text, "latin1"),
);

/** Keys in a memtable, in level 0 and below, with tombstones and overwritten versions between. */
function store(comparator: Comparator): Database {
  const { db } = openSmall({ comparator, blockSize: 16 });
  for (const each of KEYS) db.put(each, "old");
  db.put("between", "x");
  db.compactRange();
  for (const [i, each] of KEYS.entries()) if (i % 2 === 0) db.put(each, `new${i}`);
  db.delete("between");
  db.delete("c");
  db.flush();
  db.put("c", "again");
  db.put("e", "x");
  db.delete("e");
  return db;
}

function expected(db: Database, order: Comparator, options: IterateOptions): [string, string][] {
  const { gt, gte, lt, lte, prefix, reverse = false, limit = Number.POSITIVE_INFINITY } = options;
  const at = (bound: unknown): Buffer => Buffer.from(bound as Uint8Array);
  const found = KEYS.filter((each) => {
    if (gt !== undefined && order.compare(each, at(gt)) <= 0) return false;
    if (gte !== undefined && order.compare(each, at(gte)) < 0) return false;
    if (lt !== undefined && order.compare(each, at(lt)) >= 0) return false;
    if (lte !== undefined && order.compare(each, at(lte)) > 0) return false;
    return prefix === undefined || each.subarray(0, at(prefix).length).equals(at(prefix));
  }).sort((a, b) => order.compare(a, b));
  if (reverse) found.reverse();
  return found.slice(0, limit).map((each) => [each.toString("latin1"), db.get(each)!.toString()]);
}

function found(db: Database, options: IterateOptions): [string, string][] {
  return [...db.iterate(options)].map(([each, value]) => [each.toString("latin1"), value.toString()]);
}

for (const order of [bytewise, byLength]) {
  test(`G11: every pair of bounds, both ways, gives what a sorted list gives (${order.name})`, () => {
    const db = store(order);
    const bounds = [...KEYS, Buffer.from("bb"), Buffer.from("\xff", "latin1"), undefined];
    for (const low of bounds) {
      for (const high of bounds) {
        for (let shape = 0; shape < 8; shape++) {
          const options: IterateOptions = {
            ...(low && (shape & 1 ? { gt: low } : { gte: low })),
            ...(high && (shape & 2 ? { lt: high } : { lte: high })),
            reverse: (shape & 4) !== 0,
          };
          expect(found(db, options)).toEqual(expected(db, order, options));
        }
      }
    }
  });
}

test("G11: a prefix narrows the bounds further, both ways, with every limit", () => {
  const db = store(bytewise);
  for (const prefix of ["", "a", "b", "b\xff", "\xff", "c", "cc", "x"].map((text) => Buffer.from(text, "latin1"))) {
    for (const limit of [0, 1, 2, 100]) {
      for (const reverse of [false, true]) {
        for (const bounds of [
          {},
          { gt: Buffer.from("a") },
          { lte: Buffer.from("ba") },
          { gte: Buffer.from("b"), lt: Buffer.from("c") },
        ]) {
          const options = { ...bounds, prefix, limit, reverse };
          expect(found(db, options)).toEqual(expected(db, bytewise, options));
        }
      }
    }
  }
});

test("keys: false and values: false leave that half undefined, and change nothing else", () => {
  const db = store(bytewise);
  const all = [...db.iterate()];
  expect([...db.iterate({ values: false })]).toEqual(all.map(([each]) => [each, undefined]));
  expect([...db.iterate({ keys: false })]).toEqual(all.map(([, value]) => [undefined, value]));
  expect([...db.iterate({ keys: false, values: false, limit: 3 })].length).toBe(3);
});

test("an iteration is asynchronous too, and its keys and values are the caller's", async () => {
  const db = store(bytewise);
  const seen: string[] = [];
  for await (const [each, value] of db.iterate()) {
    seen.push(`${each.toString("latin1")}=${value.toString()}`);
    each.fill(0);
    value.fill(0);
  }
  expect(seen).toEqual([...db.iterate()].map(([each, value]) => `${each.toString("latin1")}=${value.toString()}`));
});

test("bounds that exclude each other, a negative limit and what is no key are INVALID_ARGUMENT", () => {
  const db = store(bytewise);
  const bad: unknown[] = [
    { gt: "a", gte: "a" },
    { lt: "a", lte: "a" },
    { limit: -1 },
    { limit: 1.5 },
    { limit: Number.NaN },
    { gt: 7 },
    { prefix: "\udc00" },
  ];
  for (const options of bad) expect(codeOf(() => db.iterate(options as IterateOptions))).toBe("INVALID_ARGUMENT");
  expect(codeOf(() => store(byLength).iterate({ prefix: "a" }))).toBe("INVALID_ARGUMENT");
  expect(db.stats().cursors).toBe(0);
});

test("G11: get, getMany, has, iterate and cursor agree on every key, present or not, now and at a snapshot", () => {
  for (const order of [bytewise, byLength]) {
    const db = store(order);
    const snapshot = db.snapshot();
    const before = [...db.iterate()].map(([each, value]) => `${each.toString("latin1")}=${value.toString()}`);
    for (const each of KEYS) db.delete(each);
    db.put("f", "1");
    expect([...db.iterate()].length).toBe(1);
    expect(found(db, { snapshot }).map((pair) => pair.join("="))).toEqual(before);
    const asked = [...KEYS, Buffer.from("between"), Buffer.from("zz"), Buffer.from("f")];
    for (const options of [{}, { snapshot }, { snapshot, fillCache: false, verifyChecksums: true }]) {
      const all = new Map([...db.iterate(options)].map(([each, value]) => [each.toString("latin1"), value]));
      const cursor = db.cursor(options);
      expect(db.getMany(asked, options)).toEqual(asked.map((each) => db.get(each, options)));
      for (const each of asked) {
        const value = all.get(each.toString("latin1"));
        expect(db.get(each, options)).toEqual(value);
        expect(db.has(each, options)).toBe(value !== undefined);
        expect(cursor.seek(each) && cursor.key.equals(each)).toBe(value !== undefined);
      }
    }
  }
});

test("G9: an iteration and a cursor do not see what is written after them", () => {
  const { db } = openSmall();
  fill(db, 10);
  const iteration = db.iterate();
  const cursor = db.cursor();
  fill(db, 20, "w");
  db.delete("key0002");
  expect([...iteration].map(([, value]) => value.toString())).toEqual(Array.from({ length: 10 }, (_, i) => `v${i}`));
  expect(cursor.last() && cursor.key.toString()).toBe("key0009");
});

test("buffers that the caller changes after a call change nothing in the store", () => {
  const { db, env } = openSmall();
  const shared = Buffer.from("..key=value..");
  const each = shared.subarray(2, 5);
  const value = shared.subarray(6, 11);
  db.put(each, value);
  const batch = new WriteBatch().put(each, value);
  shared.fill("#");
  db.write(batch);
  expect(entries(db)).toEqual(["key=value"]);
  fill(db, 5);
  const bound = Buffer.from("key0001");
  const upper = Buffer.from("key0004");
  const iteration = db.iterate({ gte: bound, lt: upper });
  const cursor = db.cursor({ lower: bound, upper });
  const sought = Buffer.from("key0003");
  cursor.seek(sought);
  for (const buffer of [bound, upper, sought]) buffer.fill("#");
  expect([...iteration].length).toBe(3);
  expect(cursor.key.toString()).toBe("key0003");
  expect(cursor.prev() && cursor.prev() && cursor.key.toString()).toBe("key0001");
  expect(cursor.prev()).toBe(false);
  const answer = db.get("key")!;
  answer.fill("#");
  expect(db.get("key")?.toString()).toBe("value");
  db.flush();
  db.get("key")!.fill("#");
  expect(db.get("key")?.toString()).toBe("value");
  db.close();
  expect(
    open(PATH, { ...SMALL, env })
      .get("key")
      ?.toString(),
  ).toBe("value");
});

test("a store of another order opens only with its comparator, and changes nothing for another", () => {
  const { db, env } = openSmall({ comparator: byLength });
  db.put("aa", "1");
  db.put("b", "2");
  db.close();
  const before = image(env);
  expect(codeOf(() => open(PATH, { ...SMALL, env }))).toBe("COMPARATOR_MISMATCH");
  expect(codeOf(() => open(PATH, { ...SMALL, env, readOnly: true }))).toBe("COMPARATOR_MISMATCH");
  expect(image(env)).toEqual(before);
  expect(entries(open(PATH, { ...SMALL, env, comparator: byLength }))).toEqual(["b=2", "aa=1"]);
  expect(exists(env, `${PATH}/CURRENT`)).toBe(true);
});

test("a comparator that throws: the write is refused with nothing written, reads throw, the store goes on", () => {
  let broken = false;
  const moody: Comparator = {
    name: "test.moody",
    compare: (a, b) => {
      if (broken) throw new Error("not today");
      return bytewise.compare(a, b);
    },
  };
  const { db, env } = openSmall({ comparator: moody });
  fill(db, 60);
  const before = entries(db);
  broken = true;
  env.calls = [];
  expect(() => db.put("x", "1")).toThrow("not today");
  expect(() => db.write(new WriteBatch().put("x", "1").put("y", "2").delete("z"))).toThrow("not today");
  expect(env.calls.filter(({ kind }) => kind === "write")).toEqual([]);
  expect(() => db.get("key0001")).toThrow("not today");
  expect(() => [...db.iterate()]).toThrow("not today");
  expect(() => db.cursor().seek("a")).toThrow("not today");
  expect(db.isOpen).toBe(true);
  broken = false;
  expect(entries(db)).toEqual(before);
  db.put("x", "1");
  expect(entries(db)).toEqual([...before, "x=1"]);
  db.close();
  expect(entries(open(PATH, { ...SMALL, env, comparator: moody }))).toEqual([...before, "x=1"]);
});

test("a comparator that throws now and then, in any call, loses nothing that was acknowledged", () => {
  for (let seed = 1; seed <= 15; seed++) {
    const prng = new Prng(seed);
    let odds = 0;
    const moody: Comparator = {
      name: "test.moody",
      compare: (a, b) => {
        if (odds > 0 && prng.next() % odds === 0) throw new Error("not today");
        return bytewise.compare(a, b);
      },
    };
    const { db, env } = openSmall({ comparator: moody });
    const model = new Map<string, string>();
    let unknown: string | undefined;
    odds = 400;
    for (let i = 0; i < 200; i++) {
      const each = `k${10 + (prng.next() % 50)}`;
      try {
        db.put(each, String(i));
        model.set(each, String(i));
      } catch (error) {
        expect(String(error)).toMatch(/not today/);
        unknown = each;
        if (db.lastError) break;
      }
    }
    odds = 0;
    const lines = [...model].map(([each, value]) => `${each}=${value}`).sort();
    expect(entries(db)).toEqual(lines);
    db.close();
    const again = open(PATH, { ...SMALL, env, comparator: moody });
    expect(again.verify().problems).toEqual([]);
    const isKnown = (line: string): boolean => !db.lastError || line.split("=")[0] !== unknown;
    expect(entries(again).filter(isKnown)).toEqual(lines.filter(isKnown));
    again.close();
  }
});

test("what an iteration gave may be written to: nobody else sees it, and it stays when all else is gone", () => {
  // Large values have blocks of their own in the cache, small ones share their memory there; some are not in a table yet.
  const { db } = openSmall({ blockSize: 256, blockCacheSize: 8 << 20 });
  const value = (i: number): Buffer => Buffer.alloc(i % 40 === 7 ? 300_000 : i % 90, i);
  const key = (i: number): Buffer => Buffer.from(`key ${String(i).padStart(4, "0")}`);
  for (let i = 0; i < 120; i++) db.put(key(i), value(i));
  db.compactRange();
  for (let i = 120; i < 140; i++) db.put(key(i), value(i));
  const kept: [number, Buffer][] = [];
  for (const options of [{}, {}, { reverse: true }, { fillCache: false }] as IterateOptions[]) {
    const all = [...db.iterate(options)];
    if (options.reverse === true) all.reverse();
    expect(all.length).toBe(140);
    all.forEach(([gotKey, gotValue], i) => {
      expect(gotKey.equals(key(i)) && gotValue.equals(value(i))).toBe(true);
      gotKey.fill(0xee);
      gotValue.fill(i ^ 0xff);
      kept.push([i ^ 0xff, gotValue]);
      expect(db.get(key(i))?.equals(value(i))).toBe(true);
    });
  }
  db.close();
  for (const [byte, bytes] of kept) expect(bytes.every((each) => each === byte)).toBe(true);
});

// The memory of memtables serves again: whoever still reads an earlier memtable sees what it held, whatever is written.

import { expect, test } from "vitest";
import { Prng } from "../util/prng.ts";
import type { Database } from "./database.ts";
import { entries, fill, filled, key, openSmall, SMALL } from "./engine.test-support.ts";
import { watchReservedMemory } from "./reserved-memory.test-support.ts";
import type { Options } from "./options.ts";

const WRITE_BUFFER = SMALL.writeBufferSize!;
const MODES = ["inline", "manual"] as const;

const reserved = watchReservedMemory(WRITE_BUFFER);

/** Writes enough to use every memory several times, and leaves no memtable waiting. */
function churn(db: Database, rounds = 12): void {
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < 20; i++) db.put(key(i), `churn ${round} ${"x".repeat(30)}`);
    db.flush();
  }
}

/** A store in which no memtable waits for long: two memories take turns, and what is free is used by the next rotation. */
function openPlain(options: Options = {}): Database {
  return openSmall({ maxWriteBufferNumber: 1, ...options }).db;
}

test.each(MODES)("a store makes do with as many memories as there may be memtables (%s)", (background) => {
  const db = openPlain({ background, maxWriteBufferNumber: 3 });
  for (let round = 0; round < 30; round++) {
    fill(db, 60, `${round} `);
    while (background === "manual" && db.runBackgroundStep());
  }
  expect(db.stats().flushes).toBeGreaterThan(30);
  expect(reserved.length).toBeLessThanOrEqual(3);
  expect(entries(db)).toEqual(filled(60, "29 "));
});

test("a store that lets no memtable wait needs two memories; values larger than a buffer have theirs", () => {
  const db = openPlain();
  for (let round = 0; round < 10; round++) fill(db, 60, `${round} `);
  expect(reserved.length).toBe(2);
  for (let i = 0; i < 20; i++) db.put("large", Buffer.alloc(10_000 + 100 * i, i));
  expect(reserved.length).toBeLessThanOrEqual(4);
  expect(db.get("large")).toEqual(Buffer.alloc(11_900, 19));
});

test.each(MODES)(
  "iterations and cursors see their moment, however often memory has served since (%s)",
  (background) => {
    const db = openPlain({ background });
    fill(db, 20);
    const forward = db.iterate();
    const backward = db.iterate({ reverse: true });
    const cursor = db.cursor();
    cursor.seek(key(3));
    expect(forward.next().value![0].toString()).toBe(key(0));
    expect(backward.next().value![0].toString()).toBe(key(19));
    const [keyView, valueView] = [cursor.key, cursor.value];
    churn(db);
    expect(reserved.length).toBeGreaterThan(2);
    expect([keyView.toString(), valueView.toString()]).toEqual([key(3), "v3"]);
    const text = ([k, v]: [Buffer, Buffer]): string => `${k.toString()}=${v.toString()}`;
    expect([...forward].map(text)).toEqual(filled(20).slice(1));
    expect([...backward].map(text)).toEqual(filled(20).slice(0, 19).reverse());
    expect(cursor.next() && cursor.value.toString()).toBe("v4");
    expect(cursor.prev() && cursor.prev() && cursor.value.toString()).toBe("v2");
    cursor.close();
  },
);

test("when the last reader is gone its memory serves again", () => {
  const db = openPlain();
  fill(db, 20);
  const readers = [db.iterate(), db.iterate()];
  for (const reader of readers) reader.next();
  const [held] = reserved;
  churn(db, 3);
  const before = reserved.length;
  readers[0]!.return();
  churn(db, 3);
  expect(reserved.length).toBe(before);
  const bytes = Buffer.from(held!).subarray(64);
  const seen = Buffer.from(bytes);
  expect(Buffer.compare(Buffer.from(held!).subarray(64), seen)).toBe(0);
  readers[1]!.return();
  churn(db, 3);
  expect(reserved.length).toBe(before);
  expect(Buffer.compare(Buffer.from(held!).subarray(64), seen)).not.toBe(0);
});

test("views that a cursor gave out before it was closed stay as they are, unless it moved on", () => {
  const db = openPlain();
  fill(db, 20);
  const views = [3, 7, 11].map((i) => {
    using cursor = db.cursor();
    cursor.seek(key(i));
    return [cursor.key, cursor.value] as const;
  });
  churn(db);
  expect(views.map(([k, v]) => `${k.toString()}=${v.toString()}`)).toEqual([3, 7, 11].map((i) => `${key(i)}=v${i}`));
  const spoilt = reserved.length;
  for (let round = 0; round < 20; round++) {
    fill(db, 20, `${round} `);
    const cursor = db.cursor();
    for (cursor.first(); cursor.valid; cursor.next()) expect(cursor.value.length).toBeGreaterThan(0);
    cursor.close();
    db.flush();
  }
  expect(reserved.length).toBe(spoilt);
});

test("views of a cursor that close() ended stay as they are, whatever the store still writes", async () => {
  const db = openPlain();
  fill(db, 20);
  const cursor = db.cursor();
  cursor.seek(key(5));
  const view = cursor.value;
  const written = Array.from({ length: 200 }, (_, i) => db.putAsync(key(i), "z".repeat(40)));
  db.close();
  await Promise.all(written);
  expect(view.toString()).toBe("v5");
});

test("a snapshot reads what was flushed since, and copies of gets stay as they are", () => {
  const db = openPlain();
  fill(db, 20);
  const snapshot = db.snapshot();
  const copy = db.get(key(4))!;
  churn(db);
  expect([...db.iterate({ snapshot })].map(([k, v]) => `${k.toString()}=${v.toString()}`)).toEqual(filled(20));
  expect(db.get(key(4), { snapshot })).toEqual(copy);
  expect(copy.toString()).toBe("v4");
});

test("iterations that nobody ends keep no memory but that of a few memtables", () => {
  const db = openPlain();
  for (let round = 0; round < 30; round++) {
    fill(db, 20, `${round} `);
    db.iterate().next();
    db.flush();
  }
  // What is left to the collector cannot be counted here; what was reserved can: one memory a round, and a spare one.
  expect(reserved.length).toBeLessThanOrEqual(32);
  for (let round = 0; round < 10; round++) {
    fill(db, 20, `${round} `);
    db.flush();
  }
  expect(reserved.length).toBeLessThanOrEqual(34);
});

test.each([
  [1, "inline"],
  [2, "inline"],
  [3, "manual"],
  [4, "manual"],
] as const)("readers of all ages agree with the model, seed %i (%s)", (seed, background) => {
  const db = openPlain({ background });
  const random = new Prng(seed);
  const model = new Map<string, string>();
  const readers: { next: () => string | undefined; close: () => void; left: string[] }[] = [];
  for (let i = 0; i < 1500; i++) {
    const name = key(random.next() % 60);
    const what = random.next() % 20;
    if (what === 0) db.flush();
    else if (what === 1) while (db.runBackgroundStep());
    else if (what === 2 && readers.length < 6) readers.push(reader(db, model, random.next() % 2 === 0));
    else if (what === 3 && readers.length > 0) readers.splice(random.next() % readers.length, 1)[0]!.close();
    else if (what < 8) for (const { next, left } of readers) expect(next()).toBe(left.shift());
    else if (what === 8) {
      db.delete(name);
      model.delete(name);
    } else {
      db.put(name, `${i} ${"x".repeat(random.next() % 60)}`);
      model.set(name, db.get(name)!.toString());
    }
  }
  expect(reserved.length).toBeLessThan(db.stats().flushes);
  expect(entries(db)).toEqual(stateOf(model));
  expect(db.verify().problems).toEqual([]);
});

function stateOf(model: ReadonlyMap<string, string>): string[] {
  return [...model].sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => `${k}=${v}`);
}

function reader(
  db: Database,
  model: ReadonlyMap<string, string>,
  reverse: boolean,
): { next: () => string | undefined; close: () => void; left: string[] } {
  const left = reverse ? stateOf(model).reverse() : stateOf(model);
  const cursor = db.cursor();
  let begun = false;
  const next = (): string | undefined => {
    if (!begun) begun = reverse ? cursor.last() || true : cursor.first() || true;
    else if (reverse) cursor.prev();
    else cursor.next();
    return cursor.valid ? `${cursor.key.toString()}=${cursor.value.toString()}` : undefined;
  };
  return { next, close: () => cursor.close(), left };
}

// Where numbers run out or change their width, and the sizes that keys, values and batches may have.

import { expect, test } from "vitest";
import { bytewise, KeyOrder } from "../common/comparator.ts";
import type { CorruptionError } from "../common/errors.ts";
import { SEQUENCE_MAX } from "../common/internal-key.ts";
import { KEY_BYTES_MAX } from "../common/limits.ts";
import { WriteBatch } from "../memtable/write-batch.ts";
import { open, type Database } from "./database.ts";
import type { FaultyEnv } from "./faulty-env.test-support.ts";
import { PATH, SMALL, codeOf, entries, exists, fill, filled, names, openSmall, thrown } from "./engine.test-support.ts";
import { installCurrent, readCurrent, readManifest, writeManifest, type ManifestState } from "./manifest.ts";
import type { Options } from "./options.ts";
import type { Snapshot } from "./snapshots.ts";

/** Closes a store's session, changes what its manifest says, and opens it again. */
function reopenedWith(db: Database, env: FaultyEnv, change: Partial<ManifestState>, options: Options = {}): Database {
  db.close();
  const number = readCurrent(env, PATH)!;
  const { state } = readManifest(env, PATH, number, new KeyOrder(bytewise));
  const durably = (action: () => void): void => action();
  const next = Math.max(number, change.nextFileNumber ?? 0, state.nextFileNumber) + 1;
  const plan = { env, directory: PATH, number: next - 1, blockSize: 512, state: { ...state, ...change }, durably };
  // The newest log's CLEAN END names the old manifest; without it the new one needs no end of its own.
  writeManifest({ ...plan, state: { ...plan.state, nextFileNumber: next } }).close();
  installCurrent(plan);
  return open(PATH, { ...SMALL, env, ...options });
}

function flushed(count = 3): { db: Database; env: FaultyEnv } {
  const opened = openSmall();
  fill(opened.db, count);
  opened.db.flush();
  return opened;
}

for (const left of [0, 1, 2, 3]) {
  test(`a process ${left} short of the last sequence number stops with an error, and everything before stays`, () => {
    const { db: first, env } = flushed();
    const db = reopenedWith(first, env, { lastSequence: SEQUENCE_MAX - left });
    for (let i = 0; i < left; i++) db.put(`last${i}`, String(i));
    const expected = [...filled(3), ...Array.from({ length: left }, (_, i) => `last${i}=${i}`)];
    for (let again = 0; again < 2; again++) {
      expect(codeOf(() => db.put("beyond", "1"))).toBe("BACKGROUND_ERROR");
      expect(codeOf(() => db.write(new WriteBatch().put("x", "1").delete("y").put("z", "1")))).toBe("BACKGROUND_ERROR");
    }
    expect(entries(db)).toEqual(expected);
    db.flush();
    db.compactRange();
    expect(entries(db)).toEqual(expected);
    expect(db.verify().problems).toEqual([]);
    db.close();
    const again = open(PATH, { ...SMALL, env });
    expect(again.stats().lastSequence).toBe(SEQUENCE_MAX);
    expect(entries(again)).toEqual(expected);
    expect(codeOf(() => again.put("beyond", "1"))).toBe("BACKGROUND_ERROR");
  });
}

test("a batch that would pass the last sequence number is refused whole", () => {
  const { db: first, env } = flushed();
  const db = reopenedWith(first, env, { lastSequence: SEQUENCE_MAX - 2 });
  expect(codeOf(() => db.write(new WriteBatch().put("a", "1").put("b", "2").put("c", "3")))).toBe("BACKGROUND_ERROR");
  db.write(new WriteBatch().put("d", "4").put("e", "5"));
  expect(entries(db)).toEqual(["d=4", "e=5", ...filled(3)]);
});

for (const around of [2 ** 32, 2 ** 48]) {
  test(`G10: versions keep their order across sequence number ${around}`, () => {
    const { db: first, env } = flushed();
    let db = reopenedWith(first, env, { lastSequence: around - 3 });
    const snapshots: Snapshot[] = [];
    for (let i = 0; i < 6; i++) {
      db.put("k", String(i));
      snapshots.push(db.snapshot());
    }
    const seen = (): (string | undefined)[] => snapshots.map((snapshot) => db.get("k", { snapshot })?.toString());
    expect(snapshots.map(({ sequenceNumber }) => sequenceNumber - around)).toEqual([-2, -1, 0, 1, 2, 3]);
    expect(seen()).toEqual(["0", "1", "2", "3", "4", "5"]);
    db.flush();
    expect(seen()).toEqual(["0", "1", "2", "3", "4", "5"]);
    db.compactRange();
    expect(seen()).toEqual(["0", "1", "2", "3", "4", "5"]);
    expect(db.verify().problems).toEqual([]);
    db.put("k", "6");
    db.close();
    db = open(PATH, { ...SMALL, env });
    expect(db.get("k")?.toString()).toBe("6");
    expect(db.stats().lastSequence).toBe(around + 4);
  });
}

for (const from of [4, 999_995]) {
  test(`file numbers go from ${from} across a change of their width and are sorted as numbers`, () => {
    const { db: first, env } = flushed();
    let db = reopenedWith(first, env, { nextFileNumber: Math.max(from, 4) });
    const expected = new Map(filled(3).map((line) => line.split("=") as [string, string]));
    for (let i = 0; i < 8; i++) {
      db.put("same", String(i));
      expected.set("same", String(i));
      db.flush();
    }
    expect(names(env).some((name) => /^\d{7}\.(sst|log)$/.test(name))).toBe(from > 999_000);
    for (const options of [{}, { readOnly: true }]) {
      const lines = [...expected].map(([key, value]) => `${key}=${value}`).sort();
      expect(entries(db)).toEqual(lines);
      db.close();
      db = open(PATH, { ...SMALL, env, ...options });
      expect(entries(db)).toEqual(lines);
      expect(db.verify().problems).toEqual([]);
    }
  });
}

test("the next file number is greater than any in the directory or in lost/", () => {
  const { db, env } = flushed();
  db.close();
  env.open(`${PATH}/000077.sst`, "wx").close();
  env.makeDirectory(`${PATH}/lost`);
  env.open(`${PATH}/lost/000123.log-40`, "wx").close();
  const again = open(PATH, { ...SMALL, env });
  expect(again.stats().logs.current).toBeGreaterThan(123);
  expect(exists(env, `${PATH}/000077.sst`)).toBe(false);
  expect(exists(env, `${PATH}/lost/000123.log-40`)).toBe(true);
});

test("a key has at most 1 MiB: one byte more is refused everywhere, with nothing written", () => {
  const { db, env } = openSmall();
  const longest = Buffer.alloc(KEY_BYTES_MAX, 1);
  const longer = Buffer.alloc(KEY_BYTES_MAX + 1, 1);
  env.calls = [];
  for (const action of [
    () => db.put(longer, "1"),
    () => db.delete(longer),
    () => db.get(longer),
    () => db.has(longer),
    () => new WriteBatch().put(longer, "1"),
    () => db.put("\ud800", "1"),
    () => db.put(7 as never, "1"),
    () => db.put("a", undefined as never),
    () => db.write([] as never),
  ]) {
    expect(codeOf(action)).toBe("INVALID_ARGUMENT");
  }
  expect(env.calls).toEqual([]);
  db.put(longest, "1");
  db.put("z", "2");
  db.flush();
  db.compactRange();
  expect(db.get(longest)?.toString()).toBe("1");
  expect([...db.iterate()].map(([key]) => key.length)).toEqual([KEY_BYTES_MAX, 1]);
  db.close();
  expect(
    open(PATH, { ...SMALL, env })
      .get(longest)
      ?.toString(),
  ).toBe("1");
});

test("empty keys and values are legal and first in order", () => {
  const { db, env } = openSmall();
  db.put("", "");
  db.put("a", "");
  db.put("", "x");
  db.put("b", "2");
  db.delete("b");
  for (const step of [() => undefined, () => db.flush(), () => db.compactRange()]) {
    step();
    expect(entries(db)).toEqual(["=x", "a="]);
    expect(db.get("")?.toString()).toBe("x");
    expect(db.get("a")?.length).toBe(0);
    expect(db.has("a")).toBe(true);
  }
  db.close();
  expect(entries(open(PATH, { ...SMALL, env }))).toEqual(["=x", "a="]);
});

test("G6: an empty batch changes nothing, a batch larger than the memtable is there wholly", () => {
  const { db, env } = openSmall();
  const { lastSequence } = db.stats();
  env.calls = [];
  db.write(new WriteBatch(), { sync: false });
  expect(env.calls).toEqual([]);
  expect(db.stats().lastSequence).toBe(lastSequence);
  const expected: string[] = [];
  for (const [round, before] of [0, 1, 30].entries()) {
    fill(db, before, "v", round * 1000);
    const batch = new WriteBatch();
    for (let i = 0; i < 300; i++) batch.put(`b${round}${String(i).padStart(4, "0")}`, "x".repeat(40));
    db.write(batch);
    expect(batch.count).toBe(300);
    expected.push(...[...batch].map((operation) => `${operation.key.toString()}=${"x".repeat(40)}`));
  }
  const all = [...expected, ...filled(1, "v", 1000), ...filled(30, "v", 2000)];
  expect(entries(db)).toEqual(all);
  db.close();
  expect(entries(open(PATH, { ...SMALL, env }))).toEqual(all);
});

// Found by the fuzzer of whole stores: a manifest whose log number is 0 made open() blame 000000.log, which no store has.
test("a manifest with log number 0 is corruption of the manifest: file numbers start at 1", () => {
  const { db, env } = flushed();
  const error = thrown(() => reopenedWith(db, env, { logNumber: 0 }));
  expect(error).toMatchObject({ code: "TINYKV_CORRUPTION", problem: "log number 0" });
  expect((error as CorruptionError).file).toMatch(/^MANIFEST-/);
});

// The end of a store's life: close(), what is used after it, what it leaves behind.

import { expect, test } from "vitest";
import { open } from "./database.ts";
import { PATH, SMALL, codeOf, entries, fill, filled, image, key, namesLike, openSmall } from "./engine.test-support.ts";

test("closing twice is nothing, and every other call on a closed store throws CLOSED", () => {
  const { db, env } = openSmall();
  db.put("a", "1");
  db.close();
  const before = image(env);
  env.calls = [];
  db.close();
  db[Symbol.dispose]();
  for (const call of [
    () => db.get("a"),
    () => db.getMany(["a"]),
    () => db.has("a"),
    () => db.put("a", "2"),
    () => db.delete("a"),
    () => db.iterate(),
    () => db.cursor(),
    () => db.snapshot(),
    () => db.flush(),
    () => db.compactRange(),
    () => db.compactRange("z", "a"),
    () => db.sync(),
    () => db.checkpoint("/copy"),
    () => db.verify(),
    () => db.approximateSize("a", "z"),
    () => db.stats(),
    () => db.find("a"),
    () => db.backgroundJobs(),
    () => db.runBackgroundStep(),
    () => db.resume(),
  ]) {
    expect(codeOf(call)).toBe("CLOSED");
  }
  expect(db.isOpen).toBe(false);
  expect(env.calls).toEqual([]);
  expect(image(env)).toEqual(before);
});

test("G9: cursors, iterations and snapshots that are live at close() throw CLOSED at their next use", () => {
  const { db, env } = openSmall();
  fill(db, 20);
  db.flush();
  const cursor = db.cursor();
  cursor.first();
  const iteration = db.iterate();
  iteration.next();
  const fresh = db.iterate();
  const finished = db.iterate({ limit: 0 });
  expect(finished.next().done).toBe(true);
  const snapshot = db.snapshot();
  db.close();
  expect(env.openHandles).toBe(0);
  for (const use of [
    () => cursor.valid,
    () => cursor.key,
    () => cursor.value,
    () => cursor.next(),
    () => cursor.prev(),
    () => cursor.first(),
    () => cursor.last(),
    () => cursor.seek("a"),
    () => cursor.seekForPrev("a"),
    () => iteration.next(),
    () => [...iteration],
    () => fresh.next(),
    () => db.get("a", { snapshot }),
  ]) {
    expect(codeOf(use)).toBe("CLOSED");
  }
  expect(finished.next().done).toBe(true);
  cursor.close();
  iteration.return();
  snapshot.close();
  expect(snapshot.isOpen).toBe(false);
  expect(env.openHandles).toBe(0);
});

test("a closed cursor and a closed snapshot throw CLOSED; another store's snapshot is no argument", () => {
  const { db } = openSmall();
  const { db: other } = openSmall();
  db.put("a", "1");
  const cursor = db.cursor();
  cursor.close();
  cursor.close();
  expect(codeOf(() => cursor.first())).toBe("CLOSED");
  const snapshot = db.snapshot();
  snapshot.close();
  snapshot.close();
  for (const read of [
    () => db.get("a", { snapshot }),
    () => db.has("a", { snapshot }),
    () => db.getMany(["a"], { snapshot }),
    () => db.iterate({ snapshot }),
    () => db.cursor({ snapshot }),
  ]) {
    expect(codeOf(read)).toBe("CLOSED");
  }
  expect(db.stats().snapshots).toBe(0);
  expect(db.stats().cursors).toBe(0);
  expect(codeOf(() => db.get("a", { snapshot: other.snapshot() }))).toBe("INVALID_ARGUMENT");
  expect(codeOf(() => db.get("a", { snapshot: 1 as never }))).toBe("INVALID_ARGUMENT");
});

test("an iteration gives back what it pins by its end, by break, by return(), by using and by an error", async () => {
  const { db, env } = openSmall({ blockCacheSize: 0, maxOpenFiles: 1 });
  fill(db, 60);
  db.flush();
  for (const entry of db.iterate()) expect(entry.length).toBe(2);
  expect(db.stats().cursors).toBe(0);
  for (const entry of db.iterate()) {
    expect(db.stats().cursors).toBe(1);
    expect(entry.length).toBe(2);
    break;
  }
  expect(db.stats().cursors).toBe(0);
  for await (const entry of db.iterate()) {
    expect(entry.length).toBe(2);
    break;
  }
  expect(db.stats().cursors).toBe(0);
  const iteration = db.iterate();
  expect(db.stats().cursors).toBe(1);
  iteration.return();
  iteration.return();
  expect(iteration.next().done).toBe(true);
  expect(db.stats().cursors).toBe(0);
  const failing = db.iterate();
  env.fail(({ kind }) => kind === "read", "EIO", 1);
  expect(codeOf(() => [...failing])).toBe("IO_ERROR");
  expect(db.stats().cursors).toBe(0);
  expect(codeOf(() => db.iterate({ gt: "a", gte: "a" }))).toBe("INVALID_ARGUMENT");
  expect(db.stats().cursors).toBe(0);
});

test("G9: a cursor keeps the files of its moment while they become obsolete, and lets them go with close()", () => {
  const { db, env } = openSmall({ maxOpenFiles: 1, blockCacheSize: 0 });
  fill(db, 40, "old");
  db.flush();
  const cursor = db.cursor();
  const iteration = db.iterate({ reverse: true });
  const before = namesLike(env, ".sst");
  fill(db, 60, "new");
  db.delete(key(3));
  db.compactRange();
  for (const name of before) expect(namesLike(env, ".sst")).toContain(name);
  const seen: string[] = [];
  for (let valid = cursor.first(); valid; valid = cursor.next())
    seen.push(`${cursor.key.toString()}=${cursor.value.toString()}`);
  expect(seen).toEqual(filled(40, "old"));
  cursor.close();
  for (const name of before) expect(namesLike(env, ".sst")).toContain(name);
  expect([...iteration].map(([, value]) => value.toString())).toEqual(
    filled(40, "old")
      .map((line) => line.slice(8))
      .reverse(),
  );
  expect(namesLike(env, ".sst").filter((name) => before.includes(name))).toEqual([]);
  expect(db.get(key(3))).toBeUndefined();
  expect(db.stats().cursors).toBe(0);
});

test("files that a cursor kept until close() are removed by the next open", () => {
  const { db, env } = openSmall();
  fill(db, 40);
  db.flush();
  const cursor = db.cursor();
  const before = namesLike(env, ".sst");
  fill(db, 40, "w");
  db.compactRange();
  db.close();
  cursor.close();
  const again = open(PATH, { ...SMALL, env });
  expect(namesLike(env, ".sst").filter((name) => before.includes(name))).toEqual([]);
  expect(entries(again)).toEqual(filled(40, "w"));
});

test("G4: close() without an error makes everything durable and says so in log and manifest", () => {
  const { db, env } = openSmall({ sync: false });
  fill(db, 5);
  env.calls = [];
  db.close();
  const barriers = env.calls.flatMap(({ barrier }) => barrier ?? []);
  expect(barriers).toEqual(["close.log", "close.log-end", "close.manifest-end"]);
  const again = open(PATH, { ...SMALL, env, walRecoveryMode: "absolute" });
  expect(again.recovery).toMatchObject({ clean: true, records: 5, tornBytes: 0, mode: "absolute" });
});

test("after a failed write close() throws nothing, promises nothing and gives everything back", () => {
  const { db, env } = openSmall();
  fill(db, 5);
  env.fail(({ kind, file }) => kind === "write" && file.endsWith(".log"), "EIO", 1);
  expect(codeOf(() => db.put("x", "1"))).toBe("IO_ERROR");
  env.calls = [];
  db.close();
  expect(env.calls.filter(({ kind }) => kind !== "close")).toEqual([]);
  expect({ handles: env.openHandles, locks: env.locksHeld }).toEqual({ handles: 0, locks: 0 });
  expect(codeOf(() => open(PATH, { ...SMALL, env, walRecoveryMode: "absolute" }))).toBe("CORRUPTION");
  const again = open(PATH, { ...SMALL, env });
  expect(again.recovery.clean).toBe(false);
  expect(entries(again)).toEqual(filled(5));
});

test("close() ends a half done job and removes its output", () => {
  const { db, env } = openSmall({ background: "manual" });
  fill(db, 70);
  db.runBackgroundStep();
  expect(namesLike(env, ".sst").length).toBe(1);
  db.close();
  expect(namesLike(env, ".sst")).toEqual([]);
  expect(env.openHandles).toBe(0);
  expect(entries(open(PATH, { ...SMALL, env }))).toEqual(filled(70));
});

test("G23: a store is open for writing once; the lock is free again after close() and after an open that failed", () => {
  const { db, env } = openSmall();
  expect(codeOf(() => open(PATH, { ...SMALL, env }))).toBe("LOCKED");
  expect(codeOf(() => open(PATH, { ...SMALL, env, errorIfExists: true }))).toBe("EXISTS");
  db.close();
  expect(codeOf(() => open(PATH, { ...SMALL, env, comparator: { name: "other", compare: () => 0 } }))).toBe(
    "COMPARATOR_MISMATCH",
  );
  open(PATH, { ...SMALL, env }).close();
  expect(env.locksHeld).toBe(0);
});

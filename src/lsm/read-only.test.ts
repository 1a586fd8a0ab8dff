// Opens that take no lock: they see a prefix of what the writer has done, and change nothing.

import { expect, test } from "vitest";
import { open, type Database } from "./database.ts";
import {
  PATH,
  SMALL,
  codeOf,
  copyStore,
  entries,
  exists,
  fill,
  filled,
  image,
  key,
  names,
  openSmall,
  readFile,
} from "./engine.test-support.ts";
import { FaultyEnv } from "./faulty-env.test-support.ts";
import { MemoryEnv } from "../util/memory-env.ts";

const READ: readonly string[] = ["open", "read", "size", "stat", "readDirectory", "close"];

test("G25: a read-only open changes no byte, takes no lock and makes no call that could", () => {
  const { db, env } = openSmall();
  fill(db, 80);
  copyStore(env, "/crash");
  db.close();
  for (const path of [PATH, "/crash"]) {
    const before = image(env, path);
    const order = names(env, path);
    env.calls = [];
    const read = open(path, { ...SMALL, env, readOnly: true });
    expect(entries(read)).toEqual(filled(80));
    expect(read.get(key(7))?.toString()).toBe("v7");
    expect(read.verify().problems).toEqual([]);
    expect(read.approximateSize("a", "z")).toBeGreaterThan(0);
    expect(read.find(key(7)).length).toBeGreaterThan(0);
    expect(read.backgroundJobs()).toEqual([]);
    const snapshot = read.snapshot();
    expect(read.get(key(7), { snapshot })?.toString()).toBe("v7");
    read.close();
    expect(env.calls.filter(({ kind, mode }) => !READ.includes(kind) || (mode !== undefined && mode !== "r"))).toEqual(
      [],
    );
    expect(image(env, path)).toEqual(before);
    expect(names(env, path)).toEqual(order);
    expect(env.openHandles).toBe(0);
  }
});

test("every change on a read-only store throws READ_ONLY and changes nothing", () => {
  const { db, env } = openSmall();
  fill(db, 5);
  db.close();
  const read = open(PATH, { ...SMALL, env, readOnly: true });
  const before = image(env);
  for (const change of [
    () => read.put("a", "1"),
    () => read.delete("a"),
    () => read.flush(),
    () => read.sync(),
    () => read.compactRange(),
    () => read.checkpoint("/copy"),
    () => read.runBackgroundStep(),
    () => read.resume(),
  ]) {
    expect(codeOf(change)).toBe("READ_ONLY");
  }
  expect(image(env)).toEqual(before);
  expect(exists(env, "/copy")).toBe(false);
});

test("a read-only open never creates anything", () => {
  const env = new FaultyEnv(new MemoryEnv());
  expect(codeOf(() => open("/no/where", { env, readOnly: true }))).toBe("DOES_NOT_EXIST");
  expect(names(env, "/")).toEqual([]);
  env.makeDirectory(PATH);
  expect(codeOf(() => open(PATH, { env, readOnly: true }))).toBe("DOES_NOT_EXIST");
  expect(names(env)).toEqual([]);
});

test("G25: beside a live writer a read-only open sees what was written before it, and keeps seeing it", () => {
  const { db, env } = openSmall();
  const readers: { reader: Database; expected: string[] }[] = [];
  for (let round = 0; round < 12; round++) {
    fill(db, 25, `r${round}-`, round * 10);
    const expected = entries(db);
    const reader = open(PATH, { ...SMALL, env, readOnly: true, blockCacheSize: 0 });
    readers.push({ reader, expected });
    for (const each of readers) expect(entries(each.reader)).toEqual(each.expected);
  }
  db.compactRange();
  db.close();
  for (const { reader, expected } of readers) {
    expect(entries(reader)).toEqual(expected);
    reader.close();
  }
  expect(env.openHandles).toBe(0);
});

/** An Env whose nth call is preceded by something that another process does. */
class Interrupted extends FaultyEnv {
  interrupt: { after: number; action: () => void } | undefined;

  protected override beforeCall(): void {
    const { interrupt } = this;
    if (interrupt && interrupt.after-- === 0) {
      this.interrupt = undefined;
      interrupt.action();
    }
  }
}

test("G25: whatever the writer does between two calls of a read-only open, it sees a prefix of the writes", () => {
  const memory = new MemoryEnv();
  for (const action of ["put", "flush", "compact", "reopen"] as const) {
    for (let after = 0, done = false; !done; after += 3) {
      const path = `/${action}${after}`;
      let db = open(path, { ...SMALL, env: memory });
      fill(db, 60);
      const env = new Interrupted(memory);
      env.interrupt = {
        after,
        action: () => {
          db.put("new", "1");
          if (action === "flush") db.flush();
          if (action === "compact") db.compactRange();
          if (action === "reopen") {
            db.close();
            db = open(path, { ...SMALL, env: memory });
          }
        },
      };
      const reader = open(path, { ...SMALL, env, readOnly: true });
      done = env.interrupt !== undefined;
      const seen = entries(reader);
      expect([filled(60), [...filled(60), "new=1"]]).toContainEqual(seen);
      reader.close();
      db.close();
      expect(env.openHandles).toBe(0);
    }
  }
});

test("a read-only open that fails anywhere holds nothing and changes nothing", () => {
  for (let nth = 0, done = false; !done; nth++) {
    const { db, env } = openSmall();
    fill(db, 60);
    db.close();
    const before = image(env);
    env.failFrom(nth, "EIO", 1);
    const code = codeOf(() => open(PATH, { ...SMALL, env, readOnly: true }).close());
    done = !env.isSpent;
    env.heal();
    expect(done ? code === undefined : code === "IO_ERROR").toBe(true);
    expect(env.openHandles).toBe(0);
    expect(image(env)).toEqual(before);
  }
});

test("an unclean store is read without writing a table or a log", () => {
  const { db, env } = openSmall();
  fill(db, 30);
  copyStore(env, "/crash");
  db.close();
  const before = readFile(env, "/crash/000002.log");
  const read = open("/crash", { ...SMALL, env, readOnly: true });
  expect(read.recovery).toMatchObject({ records: 30, clean: false, logs: 1 });
  expect(read.stats().memtables.entries).toBe(30);
  expect(read.stats().logs).toMatchObject({ count: 1, current: 2 });
  read.close();
  expect(readFile(env, "/crash/000002.log")).toEqual(before);
  expect(names(env, "/crash")).toEqual(["000002.log", "CURRENT", "MANIFEST-000001"]);
});

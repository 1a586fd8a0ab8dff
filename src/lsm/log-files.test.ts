// The life of logs and manifests: kept, recycled, retired, rotated.

import { expect, test } from "vitest";
import { open } from "./database.ts";
import {
  PATH,
  SMALL,
  codeOf,
  entries,
  fill,
  filled,
  key,
  names,
  namesLike,
  openSmall,
  readFile,
} from "./engine.test-support.ts";

test("logs of a clean close are kept: reopening writes no table and replays them into memory", () => {
  const { db, env } = openSmall();
  fill(db, 3);
  db.close();
  for (let session = 1; session <= 3; session++) {
    env.calls = [];
    const again = open(PATH, { ...SMALL, env });
    expect(again.recovery).toMatchObject({ logs: session, records: 2 + session, clean: true, tornBytes: 0 });
    expect(env.calls.filter(({ file }) => file.endsWith(".sst"))).toEqual([]);
    expect(namesLike(env, ".log").length).toBe(session + 1);
    expect(again.stats().memtables.entries).toBe(2 + session);
    again.put(`z${session}`, String(session));
    again.close();
  }
  const last = open(PATH, { ...SMALL, env });
  expect(entries(last)).toEqual([...filled(3), "z1=1", "z2=2", "z3=3"]);
  last.flush();
  expect(last.stats().logs).toMatchObject({ count: 1, waiting: true });
  last.close();
  expect(namesLike(env, ".log").length).toBe(1);
  expect(open(PATH, { ...SMALL, env }).recovery).toMatchObject({ records: 0, clean: true });
});

test("G4: what an unclean log held is written anew as tables, and the log is never synced or written to", () => {
  const { db, env } = openSmall();
  fill(db, 10);
  env.fail(({ kind, file }) => kind === "write" && file.endsWith(".log"), "EIO", 1);
  expect(codeOf(() => db.put("x", "1"))).toBe("IO_ERROR");
  db.close();
  env.heal();
  const old = namesLike(env, ".log");
  env.calls = [];
  const again = open(PATH, { ...SMALL, env });
  expect(env.calls.filter(({ kind, file }) => old.includes(file) && (kind === "write" || kind === "sync"))).toEqual([]);
  expect(namesLike(env, ".sst").length).toBe(1);
  expect(namesLike(env, ".log").filter((name) => old.includes(name))).toEqual([]);
  expect(again.stats().memtables.entries).toBe(0);
  expect(entries(again)).toEqual(filled(10));
});

test("open for writing unlinks last, after CURRENT, the new log and their directory are durable", () => {
  const { db, env } = openSmall();
  fill(db, 60);
  db.close();
  env.calls = [];
  open(PATH, { ...SMALL, env, writeBufferSize: 2048 });
  const steps = env.calls.flatMap(({ kind, barrier, file }) =>
    barrier !== undefined ? [barrier] : kind === "unlink" && !file.endsWith(".tmp") ? ["unlink"] : [],
  );
  const first = steps.indexOf("unlink");
  expect(first).toBeGreaterThan(0);
  expect(steps.slice(first).every((step) => step === "unlink")).toBe(true);
  for (const barrier of ["create.manifest", "create.current", "create.current-directory", "open.directory"]) {
    expect(steps.slice(0, first)).toContain(barrier);
  }
});

test("recycling: one retired log of this session waits to be the next; none is left after close", () => {
  const { db, env } = openSmall();
  const created: boolean[] = [];
  db.on("logCreated", ({ recycled }) => void created.push(recycled));
  const inodes: number[] = [];
  for (let i = 0; i < 4; i++) {
    db.put(key(i), "1");
    inodes.push(env.stat(`${PATH}/${String(db.stats().logs.current).padStart(6, "0")}.log`).inode);
    db.flush();
    expect(namesLike(env, ".log").length).toBe(2);
    expect(db.stats().logs.waiting).toBe(true);
  }
  expect(created).toEqual([false, true, true, true]);
  expect(inodes[2]).toBe(inodes[0]);
  expect(inodes[3]).toBe(inodes[1]);
  db.close();
  expect(namesLike(env, ".log").length).toBe(1);
  expect(entries(open(PATH, { ...SMALL, env })).length).toBe(4);
});

test("recycling never takes a log of an earlier session, and not at all without walRecycle", () => {
  const { db, env } = openSmall();
  fill(db, 3);
  db.close();
  const old = env.stat(`${PATH}/${namesLike(env, ".log")[0]}`).inode;
  const again = open(PATH, { ...SMALL, env });
  expect(again.stats().logs.count).toBe(2);
  const created: boolean[] = [];
  again.on("logCreated", ({ recycled }) => void created.push(recycled));
  again.put("a", "1");
  again.flush();
  again.put("b", "1");
  again.flush();
  expect(namesLike(env, ".log").map((name) => env.stat(`${PATH}/${name}`).inode)).not.toContain(old);
  again.close();
  const off = open(PATH, { ...SMALL, env, walRecycle: false });
  off.on("logCreated", ({ recycled }) => void created.push(recycled));
  fill(off, 200);
  off.flush();
  expect(created.slice(0, 2)).toEqual([false, true]);
  expect(created.slice(2).every((recycled) => !recycled)).toBe(true);
  expect(off.stats().logs.waiting).toBe(false);
});

test("G10: what an earlier life of a recycled log holds is never read again, wherever the crash came", () => {
  const { db, env } = openSmall({ sync: false });
  for (let i = 0; i < 40; i++) db.put(key(i), `first${i}`);
  db.flush();
  db.put("x", "1");
  db.flush();
  db.put(key(0), "second");
  const log = `${PATH}/${String(db.stats().logs.current).padStart(6, "0")}.log`;
  const bytes = readFile(env, log);
  expect(bytes.length).toBeGreaterThan(1000); // the first life is still there behind the second
  env.fail(({ kind }) => kind === "write", "EIO");
  expect(codeOf(() => db.put("lost", "1"))).toBe("IO_ERROR");
  db.close();
  env.heal();
  const again = open(PATH, { ...SMALL, env });
  expect(again.recovery).toMatchObject({ records: 1, clean: false });
  expect(again.get(key(0))?.toString()).toBe("second");
  expect(again.get(key(1))?.toString()).toBe("first1");
  expect(again.stats().lastSequence).toBe(42);
});

test("maxManifestFileSize 1: the manifest is written anew again and again, and one is left", () => {
  const { db, env } = openSmall({ maxManifestFileSize: 1 });
  const created: string[] = [];
  db.on("manifestCreated", ({ file }) => void created.push(file));
  for (let i = 0; i < 60; i++) {
    fill(db, 1, "v", i);
    db.flush();
  }
  expect(created.length).toBeGreaterThan(2);
  expect(names(env).filter((name) => name.startsWith("MANIFEST"))).toEqual([created.at(-1)]);
  expect(entries(db)).toEqual(filled(60));
  db.close();
  expect(entries(open(PATH, { ...SMALL, env }))).toEqual(filled(60));
});

test("a rotation of the manifest that fails at any call loses nothing and is mended by resume()", () => {
  for (let nth = 0, done = false; !done; nth++) {
    const { db, env } = openSmall({ maxManifestFileSize: 1 });
    for (let i = 0; db.stats().manifest.bytes < 600; i++) {
      fill(db, 1, "v", i);
      db.flush();
    }
    const before = entries(db);
    const { number } = db.stats().manifest;
    let seen = 0;
    const isManifests = (file: string): boolean => file.startsWith("MANIFEST") || file.startsWith("CURRENT");
    env.fail(({ kind, file }) => kind !== "sync" && isManifests(file) && seen++ === nth, "EIO", 1);
    for (let i = 0; i < 6 && db.stats().manifest.number === number; i++) {
      db.put("a", String(i));
      try {
        db.flush();
      } catch (error) {
        expect(String(error)).toMatch(/BACKGROUND_ERROR|planted|refused/);
        db.resume();
      }
    }
    done = !env.isSpent;
    env.heal();
    db.put("b", "1");
    expect(entries(db).length).toBe(before.length + 2);
    expect(db.verify().problems).toEqual([]);
    db.close();
    expect(env.openHandles).toBe(0);
    const again = open(PATH, { ...SMALL, env });
    expect(entries(again).length).toBe(before.length + 2);
    expect(names(env).filter((name) => name.startsWith("MANIFEST")).length).toBe(1);
  }
});

test("maxTotalWalSize forces the oldest memtable out", () => {
  const { db, env } = openSmall({ writeBufferSize: 1 << 20, maxTotalWalSize: 2000 });
  fill(db, 200);
  const { flushes, logs } = db.stats();
  expect(flushes).toBeGreaterThan(2);
  expect(logs.bytes).toBeLessThan(2 * 2000 + 1000);
  expect(entries(db)).toEqual(filled(200));
  db.close();
  const tiny = open(PATH, { ...SMALL, env, maxTotalWalSize: 1 });
  fill(tiny, 30, "w");
  expect(tiny.stats().flushes).toBeGreaterThan(20);
  expect(entries(tiny)).toEqual([...filled(30, "w"), ...filled(170, "v", 30)]);
});

test("G1 G2 G4: which writes sync what: sync, sync: false, sync() and flush()", () => {
  const { db, env } = openSmall({ sync: false });
  const syncs = (action: () => void): string[] => {
    env.calls = [];
    action();
    return env.calls.flatMap(({ barrier }) => barrier ?? []);
  };
  expect(syncs(() => db.put("a", "1"))).toEqual([]);
  expect(env.calls.map(({ kind }) => kind)).toEqual(["write"]);
  expect(syncs(() => db.put("b", "1", { sync: true }))).toEqual(["log.write"]);
  expect(syncs(() => db.put("c", "1"))).toEqual([]);
  expect(syncs(() => db.sync())).toEqual(["log.write"]);
  expect(syncs(() => db.sync())).toEqual([]);
  expect(syncs(() => db.put("d", "1"))).toEqual([]);
  expect(syncs(() => db.flush())).toEqual(["rotate.old-log", "flush.table", "flush.directory", "flush.manifest"]);
  expect(syncs(() => db.flush())).toEqual([]);
  expect(syncs(() => db.put("e", "1", { sync: true }))).toEqual(["log.write", "log.directory"]);
  expect(syncs(() => db.put("f", "1", { sync: true }))).toEqual(["log.write"]);
});

// Failures of logs, manifests and directories, one row of the failure table after the other.

import { expect, test } from "vitest";
import type { Barrier } from "../util/env.ts";
import { open, type Database } from "./database.ts";
import type { Call, FaultyEnv } from "./faulty-env.test-support.ts";
import { PATH, SMALL, codeOf, entries, fill, filled, key, names, namesLike, openSmall } from "./engine.test-support.ts";

const isLogWrite = ({ kind, file }: Call): boolean => kind === "write" && file.endsWith(".log");
const isLog = (kind: string) => (call: Call) => call.kind === kind && call.file.endsWith(".log");

function reopened(env: FaultyEnv): Database {
  return open(PATH, { ...SMALL, env });
}

/** The store refuses every change, changes nothing by refusing, and answers reads. */
function expectRefusal(db: Database, env: FaultyEnv, expected: string[]): void {
  env.calls = [];
  expect(codeOf(() => db.put("refused", "1"))).toBe("BACKGROUND_ERROR");
  expect(codeOf(() => db.delete(key(0)))).toBe("BACKGROUND_ERROR");
  expect(codeOf(() => db.flush())).toBe("BACKGROUND_ERROR");
  expect(codeOf(() => db.sync())).toBe("BACKGROUND_ERROR");
  expect(codeOf(() => db.compactRange())).toBe("BACKGROUND_ERROR");
  expect(codeOf(() => db.checkpoint("/copy"))).toBe("BACKGROUND_ERROR");
  while (db.runBackgroundStep());
  expect(entries(db)).toEqual(expected);
  expect(env.calls.filter(({ kind }) => ["write", "sync", "syncDirectory", "unlink", "rename"].includes(kind))).toEqual(
    [],
  );
}

for (const [name, fault, code] of [
  ["EIO", { errno: "EIO" }, "IO_ERROR"],
  ["ENOSPC", { errno: "ENOSPC" }, "NO_SPACE"],
  ["EDQUOT behind some bytes", { errno: "EDQUOT", short: 11 }, "NO_SPACE"],
  ["EIO though it was written", { errno: "EIO", after: true }, "IO_ERROR"],
] as const) {
  test(`G13 G14: an append that fails with ${name} is not visible, later writes are refused, resume() mends it`, () => {
    const { db, env } = openSmall();
    fill(db, 5);
    env.fail(isLogWrite, fault, 1);
    expect(codeOf(() => db.put("lost", "1"))).toBe(code);
    expect(db.get("lost")).toBeUndefined();
    expect(db.lastError?.code).toBe(`TINYKV_${code}`);
    expectRefusal(db, env, filled(5));
    db.resume();
    expect(db.lastError).toBeUndefined();
    db.put("z", "1");
    expect(entries(db)).toEqual([...filled(5), "z=1"]);
    db.close();
    const again = reopened(env);
    expect(entries(again)).toEqual([...filled(5), "z=1"]);
    expect(again.verify().problems).toEqual([]);
  });

  test(`G14: after an append that failed with ${name} a reopen finds it wholly or not at all, for ever`, () => {
    const { db, env } = openSmall();
    fill(db, 5);
    env.fail(isLogWrite, fault, 1);
    expect(codeOf(() => db.put("lost", "1"))).toBe(code);
    db.close();
    const first = entriesAfterReopen(env);
    expect([...filled(5), "lost=1"].slice(0, first.length)).toEqual(first);
    expect(first.length).toBeGreaterThanOrEqual(5);
    expect(entriesAfterReopen(env)).toEqual(first);
  });
}

function entriesAfterReopen(env: FaultyEnv): string[] {
  const db = reopened(env);
  const found = entries(db);
  db.close();
  return found;
}

test("G7: a sequence number that a failed append may have left on disk is not issued again", () => {
  const { db, env } = openSmall();
  db.put("a", "1");
  env.fail(isLogWrite, { errno: "EIO", after: true }, 1);
  expect(codeOf(() => db.put("b", "2"))).toBe("IO_ERROR");
  db.resume();
  db.close();
  const again = reopened(env);
  again.put("c", "3");
  expect(again.find("c")[0]?.sequence).toBe(3);
});

test("G15: what becomes obsolete after a failed sync stays on the disk", () => {
  const { db, env } = openSmall();
  fill(db, 5);
  db.flush();
  const cursor = db.cursor();
  fill(db, 5, "w");
  db.compactRange();
  const before = names(env);
  expect(before.filter((name) => name.endsWith(".sst")).length).toBe(2);
  env.fail(({ barrier }) => barrier === "log.write", "EIO", 1);
  expect(codeOf(() => db.put("x", "1"))).toBe("IO_ERROR");
  cursor.close();
  db.close();
  expect(names(env)).toEqual(before);
  expect(env.openHandles).toBe(0);
  const again = reopened(env);
  expect(namesLike(env, ".sst").length).toBeLessThan(3);
  expect(entries(again).filter((line) => line !== "x=1")).toEqual(filled(5, "w"));
});

for (const barrier of [
  "log.write",
  "log.directory",
  "rotate.old-directory",
  "flush.manifest",
  "flush.directory",
] as const) {
  test(`G15: a failed ${barrier} sync is final: no write, no sync, no unlink, no resume; reads go on`, () => {
    const { db, env } = openSmall({ maxManifestFileSize: 1 });
    fill(db, 8);
    db.flush();
    fill(db, 8, "w");
    env.calls = [];
    env.fail((call) => call.barrier === barrier, "EIO", 1);
    const visible = writeUntilFailure(db, barrier);
    const failedAt = env.calls.findIndex((call) => call.barrier === barrier);
    const failed = env.calls[failedAt]!;
    env.heal();
    expectRefusal(db, env, visible);
    expect(codeOf(() => db.resume())).toBe("BACKGROUND_ERROR");
    db.close();
    const touching = env.calls.filter(({ kind, file }) => {
      return kind === "unlink" || ((kind === "sync" || kind === "syncDirectory") && file === failed.file);
    });
    expect(touching).toEqual([]);
    expect(env.openHandles).toBe(0);
    const again = reopened(env);
    const found = entries(again);
    // The write that failed may be there in place of the value before it.
    expect(visible.filter((entry) => !found.includes(entry)).length).toBeLessThanOrEqual(1);
  });
}

// Returns what must be visible when the failure is reached.
function writeUntilFailure(db: Database, barrier: Barrier): string[] {
  const acknowledged = new Map(filled(8, "w").map((line) => line.split("=") as [string, string]));
  const sync = barrier !== "rotate.old-directory";
  let code: string | undefined;
  for (let i = 0; code === undefined || code === "BACKGROUND_ERROR"; i++) {
    expect(i).toBeLessThan(200);
    code = codeOf(() => db.put(key(i % 60), `n${i}`, { sync }));
    if (code === undefined) acknowledged.set(key(i % 60), `n${i}`);
    else if (code === "BACKGROUND_ERROR") break;
  }
  return [...acknowledged].map(([each, value]) => `${each}=${value}`).sort();
}

test("G15: after a failed sync no other job goes on syncing", () => {
  const { db, env } = openSmall({ background: "manual", maxWriteBufferNumber: 4, level0FileNumCompactionTrigger: 1 });
  fill(db, 40);
  db.flush();
  fill(db, 40, "w");
  db.flush();
  db.runBackgroundStep();
  expect(db.backgroundJobs().map(({ kind }) => kind)).toContain("compaction");
  env.fail(({ barrier }) => barrier === "log.write", "EIO", 1);
  expect(codeOf(() => db.put("x", "1"))).toBe("IO_ERROR");
  env.calls = [];
  for (let i = 0; i < 1000 && db.runBackgroundStep(); i++);
  db.close();
  expect(env.calls.filter(({ kind }) => kind === "sync" || kind === "syncDirectory" || kind === "unlink")).toEqual([]);
});

for (const [name, fails, options] of [
  ["open", isLog("open"), { walRecycle: false }],
  ["rename", isLog("rename"), { walRecycle: true }],
  ["open after the rename", isLog("open"), { walRecycle: true }],
] as const) {
  for (const after of [false, true]) {
    test(`a rotation whose ${name} fails${after ? " after it was done" : ""} leaves the old log in use`, () => {
      const { db, env } = openSmall(options);
      fill(db, 120);
      db.flush();
      db.put("a", "1");
      const before = { current: db.stats().logs.current, names: names(env) };
      env.fail(fails, { errno: "EMFILE", after }, 1);
      expect(codeOf(() => db.flush())).toBe("IO_ERROR");
      expect(env.isSpent).toBe(true);
      expect(db.stats().logs.current).toBe(before.current);
      const waiting = before.names.filter((each) => each.endsWith(".log") && !each.includes(String(before.current)));
      expect(names(env)).toEqual(before.names.filter((each) => !waiting.includes(each)));
      db.put("b", "2");
      expect(db.stats().logs.current).toBe(before.current);
      const issued = before.current;
      db.flush();
      expect(db.stats().logs.current).toBeGreaterThan(issued + 1);
      expect(entries(db)).toEqual(["a=1", "b=2", ...filled(120)]);
      db.close();
      expect(env.openHandles).toBe(0);
      expect(entries(reopened(env))).toEqual(["a=1", "b=2", ...filled(120)]);
    });
  }
}

test("a leftover of a failed rotation that cannot be unlinked is in nobody's way", () => {
  const { db, env } = openSmall({ walRecycle: false });
  db.put("a", "1");
  env.fail(isLog("open"), { errno: "EIO", after: true }, 1);
  env.fail(isLog("unlink"), "EIO", 2);
  expect(codeOf(() => db.flush())).toBe("IO_ERROR");
  expect(namesLike(env, ".log").length).toBe(2);
  db.put("b", "2");
  db.flush();
  env.heal();
  db.put("c", "3");
  db.flush();
  db.close();
  expect(namesLike(env, ".log").length).toBe(1);
  expect(entries(reopened(env))).toEqual(["a=1", "b=2", "c=3"]);
});

for (const short of [undefined, 0, 7, 60]) {
  test(`a new log whose header cannot be written (${short ?? "no"} bytes of it) needs resume()`, () => {
    const { db, env } = openSmall();
    fill(db, 5);
    env.fail(isLogWrite, { errno: "ENOSPC", ...(short !== undefined && { short }) }, 1);
    expect(codeOf(() => db.flush())).toMatch(/NO_SPACE|IO_ERROR/);
    env.heal();
    expectRefusal(db, env, filled(5));
    db.resume();
    fill(db, 5, "w", 5);
    expect(entries(db)).toEqual([...filled(5), ...filled(5, "w", 5)]);
    db.close();
    expect(entries(reopened(env))).toEqual([...filled(5), ...filled(5, "w", 5)]);
  });
}

test("a resume() that fails on its way can be called again, wherever it failed", () => {
  for (let nth = 0, done = false; !done; nth++) {
    const { db, env } = openSmall();
    fill(db, 5);
    env.fail(isLogWrite, "ENOSPC", 1);
    expect(codeOf(() => db.put("lost", "1"))).toBe("NO_SPACE");
    let seen = 0;
    const isWriteOrName = ({ kind }: Call): boolean => ["open", "write", "rename", "unlink", "close"].includes(kind);
    env.fail((call) => isWriteOrName(call) && seen++ === nth, "EIO", 1);
    const code = codeOf(() => db.resume());
    done = !env.isSpent;
    if (code !== undefined) {
      expect(code).toBe("IO_ERROR");
      db.resume();
    }
    env.heal();
    db.put("z", "1");
    expect(entries(db)).toEqual([...filled(5), "z=1"]);
    expect(db.verify().problems).toEqual([]);
    db.close();
    expect(env.openHandles).toBe(0);
    expect(entries(reopened(env))).toEqual([...filled(5), "z=1"]);
  }
});

test("a manifest that cannot be appended to needs resume(), and the edit's files stay until then", () => {
  const { db, env } = openSmall();
  fill(db, 5);
  env.fail(({ kind, file }) => kind === "write" && file.startsWith("MANIFEST"), { errno: "ENOSPC", short: 9 }, 1);
  expect(codeOf(() => db.flush())).toBe("BACKGROUND_ERROR");
  expect(namesLike(env, ".sst").length).toBe(1);
  expectRefusal(db, env, filled(5));
  db.resume();
  expect(namesLike(env, ".sst").length).toBe(1);
  expect(db.verify().problems).toEqual([]);
  db.close();
  expect(entries(reopened(env))).toEqual(filled(5));
});

test("resume() with nothing wrong is a no-op", () => {
  const { db, env } = openSmall({ background: "manual" });
  fill(db, 60);
  expect(db.backgroundJobs().length).toBe(1);
  env.calls = [];
  db.resume();
  expect(env.calls).toEqual([]);
  expect(db.backgroundJobs().length).toBe(1);
});

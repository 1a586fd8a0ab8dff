// Flushes and compactions that fail, and tables that cannot be opened.

import { expect, test } from "vitest";
import { WriteBatch } from "../memtable/write-batch.ts";
import { MemoryEnv } from "../util/memory-env.ts";
import { open } from "./database.ts";
import type { Call } from "./faulty-env.test-support.ts";
import { FaultyEnv } from "./faulty-env.test-support.ts";
import { PATH, SMALL, codeOf, entries, fill, filled, key, names, namesLike, openSmall } from "./engine.test-support.ts";

const isTable = (kind: string) => (call: Call) => call.kind === kind && call.file.endsWith(".sst");
const isNewTable = (call: Call): boolean => isTable("open")(call) && call.mode === "wx";

for (const [name, matches, fault] of [
  ["open", isNewTable, { errno: "EMFILE" }],
  ["open that made the file", isNewTable, { errno: "EIO", after: true }],
  ["write", isTable("write"), { errno: "ENOSPC" }],
  ["short write", isTable("write"), { errno: "ENOSPC", short: 3 }],
  ["sync", isTable("sync"), { errno: "EIO" }],
  ["close", isTable("close"), { errno: "EIO" }],
] as const) {
  test(`G17: a flush whose ${name} fails fails no write; it is discarded, told and tried again`, () => {
    const { db, env } = openSmall();
    const told: string[] = [];
    const ended: boolean[] = [];
    db.on("backgroundError", ({ error, forGood }) => void told.push(`${forGood} ${(error as { code?: string }).code}`));
    db.on("flushEnd", ({ ok }) => void ended.push(ok));
    env.fail(matches, fault, 1);
    let count = 0;
    while (!env.isSpent) fill(db, 1, "v", count++);
    const code = fault.errno === "ENOSPC" ? "TINYKV_NO_SPACE" : "TINYKV_IO_ERROR";
    while (told.length === 0) fill(db, 1, "v", count++);
    expect(told).toEqual([`false ${code}`]);
    expect(db.lastError?.code).toBe(code);
    expect(ended).toEqual([false]);
    expect(namesLike(env, ".sst")).toEqual([]);
    expect(db.stats().failedJobs).toBe(1);
    expect(entries(db)).toEqual(filled(count));
    while (!ended.includes(true)) fill(db, 1, "v", count++);
    expect(count).toBeLessThan(200);
    expect(entries(db)).toEqual(filled(count));
    db.resume();
    expect(db.lastError).toBeUndefined();
    db.close();
    expect(env.openHandles).toBe(0);
  });

  test(`G17: a compaction whose ${name} fails leaves its inputs and is tried again`, () => {
    const { db, env } = openSmall({ level0FileNumCompactionTrigger: 100 });
    for (const tag of ["a", "b", "c"]) {
      fill(db, 30, tag);
      db.flush();
    }
    const before = names(env);
    env.fail(matches, fault, 1);
    expect(codeOf(() => db.compactRange())).toBe(fault.errno === "ENOSPC" ? "NO_SPACE" : "IO_ERROR");
    expect(names(env)).toEqual(before);
    expect(entries(db)).toEqual(filled(30, "c"));
    db.compactRange();
    expect(namesLike(env, ".sst").length).toBeLessThan(3);
    expect(entries(db)).toEqual(filled(30, "c"));
    db.close();
    expect(env.openHandles).toBe(0);
  });
}

test("G13 G17: when flushes keep failing writes go on until the buffers are full, then BACKGROUND_ERROR; resume() retries", () => {
  const { db, env } = openSmall({ maxWriteBufferNumber: 3 });
  env.fail(isTable("write"), "ENOSPC");
  let count = 0;
  let code: string | undefined;
  while ((code = codeOf(() => fill(db, 1, "v", count))) === undefined) expect(++count).toBeLessThan(1000);
  expect(code).toBe("BACKGROUND_ERROR");
  expect(count).toBeGreaterThan(100); // two memtables wait, a third one is full
  expect(entries(db)).toEqual(filled(count));
  expect(codeOf(() => fill(db, 1, "v", count))).toBe("BACKGROUND_ERROR");
  expect(codeOf(() => db.resume())).toBe("NO_SPACE");
  env.heal();
  db.resume();
  fill(db, 1, "v", count);
  db.close();
  expect(entries(open(PATH, { ...SMALL, env }))).toEqual(filled(count + 1));
});

test("a store that is closed while its flushes fail is closed cleanly and loses nothing", () => {
  const { db, env } = openSmall({ maxWriteBufferNumber: 4 });
  env.fail(isTable("write"), "ENOSPC");
  fill(db, 120);
  expect(db.stats().memtables.count).toBeGreaterThan(1);
  db.close();
  env.heal();
  const again = open(PATH, { ...SMALL, env });
  expect(again.recovery.clean).toBe(true);
  expect(entries(again)).toEqual(filled(120));
});

test("a job's output number is not used again after it failed", () => {
  const { db, env } = openSmall();
  const created: string[] = [];
  db.on("tableCreated", ({ file }) => void created.push(file));
  env.fail(isTable("write"), "EIO", 1);
  fill(db, 5);
  expect(codeOf(() => db.flush())).toBe("IO_ERROR");
  const failed = env.calls.filter(isNewTable).at(-1)!.file;
  db.flush();
  expect(created.length).toBe(1);
  expect(created).not.toContain(failed);
});

test("EMFILE while a table is opened closes other tables and tries again", () => {
  const { db, env } = openSmall({ level0FileNumCompactionTrigger: 100, blockCacheSize: 0 });
  for (let i = 0; i < 6; i++) {
    db.put(key(i), "1");
    db.flush();
  }
  db.close();
  const limited = new FaultyEnv(env);
  limited.fail((call) => isTable("open")(call) && limited.openHandles >= 5, "EMFILE");
  const again = open(PATH, { ...SMALL, env: limited, level0FileNumCompactionTrigger: 100, blockCacheSize: 0 });
  for (let round = 0; round < 3; round++) {
    expect([...again.iterate()].length).toBe(6);
    for (let i = 0; i < 6; i++) expect(again.get(key(i))?.toString()).toBe("1");
  }
  expect(again.stats().openFiles).toBeLessThan(6);
});

test("G12: a table that cannot be opened at all is an error, never an absent key", () => {
  const { db, env } = openSmall({ maxOpenFiles: 1, blockCacheSize: 0, level0FileNumCompactionTrigger: 100 });
  for (let i = 0; i < 3; i++) {
    db.put(key(i), "1");
    db.flush();
  }
  env.fail(isTable("open"), "EACCES");
  const codes = [0, 1, 2].map((i) => codeOf(() => db.get(key(i))));
  expect(codes.filter((code) => code === "IO_ERROR").length).toBeGreaterThanOrEqual(2);
  expect(codeOf(() => [...db.iterate()])).toBe("IO_ERROR");
  expect(codeOf(() => db.has(key(0)) && db.has(key(1)))).toBe("IO_ERROR");
  expect(codeOf(() => db.verify())).toBe("IO_ERROR");
  env.heal();
  expect(entries(db).length).toBe(3);
});

test("maxOpenFiles 1 is enough for scans both ways, reads, compactions and verify over many tables", () => {
  const { db, env } = openSmall({ maxOpenFiles: 1, blockCacheSize: 0, targetFileSize: 1, maxBytesForLevelBase: 1 });
  fill(db, 200);
  db.compactRange();
  const base = env.openHandles - db.stats().openFiles;
  expect(namesLike(env, ".sst").length).toBeGreaterThan(10);
  const most = { handles: 0 };
  const forward: string[] = [];
  for (const [each, value] of db.iterate()) {
    forward.push(`${each.toString()}=${value.toString()}`);
    most.handles = Math.max(most.handles, env.openHandles);
  }
  expect(forward).toEqual(filled(200));
  expect([...db.iterate({ reverse: true })].map(([each]) => each.toString())).toEqual(
    filled(200)
      .map((line) => line.slice(0, 7))
      .reverse(),
  );
  expect(most.handles - base).toBe(1);
  expect(db.stats().openFiles).toBe(1);
  expect(db.verify().ok).toBe(true);
});

test("counts that are short everywhere change nothing: a whole workload in both worlds leaves the same bytes", () => {
  const images = [false, true].map((shortCounts) => {
    const env = new FaultyEnv(new MemoryEnv({ shortCounts }));
    const { db } = openSmall({}, env);
    fill(db, 150);
    for (let i = 0; i < 150; i += 3) db.delete(key(i));
    const batch = new WriteBatch().put("long", Buffer.alloc(5000, 7)).put("", "");
    db.write(batch);
    db.flush();
    db.compactRange();
    db.put("last", "1");
    db.checkpoint("/copy");
    expect(db.verify().problems).toEqual([]);
    db.close();
    const again = open(PATH, { ...SMALL, env });
    const found = entries(again);
    expect(found.length).toBe(103);
    expect(entries(open("/copy", { ...SMALL, env }))).toEqual(found);
    again.close();
    return found;
  });
  expect(images[1]).toEqual(images[0]);
});

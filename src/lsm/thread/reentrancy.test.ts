// G31. Listeners may call the store, whatever its thread does.
//
// A listener closed the store while more of its work waited. What the thread still said was delivered behind the close:
// the closed store began new jobs, took numbers that its successor had given to tables, and removed those.
// A thread was found lost in the middle of a write, and listeners were told there: a write of theirs took the place of the
// one that was under way, which then was acknowledged, or the promise of one was forgotten.

import { existsSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { open } from "../database.ts";
import { codeOf, entries, fill, filled, key } from "../engine.test-support.ts";
import { eventually, FaultyThreadEnv, openThreaded, tables, useScratch } from "./thread.test-support.ts";

useScratch();

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

test("a store that a listener closes begins nothing any more, and its successor's tables stay", async () => {
  const env = new FaultyThreadEnv();
  for (let round = 0; round < 3; round++) {
    const db = openThreaded({ env, maxWriteBufferNumber: 16, writeBufferSize: 16 << 10 }, `round-${round}`);
    const late: string[] = [];
    let isClosed = false;
    for (const name of ["flushBegin", "compactionBegin"] as const) db.on(name, () => isClosed && late.push(name));
    // Flushes are left when the listener is there.
    env.set("slow", 20);
    fill(db, 1500, "v".repeat(100));
    env.set("slow", 0);
    db.on("flushEnd", () => {
      db.close();
      // What had happened before is still told.
      queueMicrotask(() => (isClosed = true));
    });
    await eventually(() => isClosed, "a flush ends");
    const next = openThreaded({ env, writeBufferSize: 16 << 10 }, `round-${round}`);
    fill(next, 500, "w".repeat(100));
    next.flush();
    await pause(100);
    expect(late).toEqual([]);
    expect(next.verify().problems).toEqual([]);
    next.close();
    expect(entries(openThreaded({}, `round-${round}`))).toHaveLength(1500);
  }
});

test("a store that is closed in the middle of compactRange writes nothing any more", () => {
  const env = new FaultyThreadEnv();
  const db = openThreaded({ env, maxWriteBufferNumber: 16 });
  fill(db, 600);
  db.flush();
  env.set("slow", 20);
  let closedWith: string[] | undefined;
  db.compactRange(undefined, undefined, () => {
    if (closedWith) return;
    db.close();
    closedWith = readdirSync(db.path).sort();
  });
  expect(closedWith).toBeDefined();
  expect(readdirSync(db.path).sort()).toEqual(closedWith);
  expect(entries(openThreaded())).toEqual(filled(600));
});

test("a thread that is found lost in a write is told behind it: the write of a listener replaces none", async () => {
  const env = new FaultyThreadEnv();
  const db = openThreaded({ env, noSlowdown: true, maxWriteBufferNumber: 2 });
  const acknowledged = new Set<string>();
  const put = (name: string): void => {
    db.put(name, name);
    acknowledged.add(name);
  };
  // The thread has started.
  put("first");
  db.flush();
  let told = 0;
  db.on("backgroundError", () => {
    told++;
    env.haste = 1;
    db.resume();
    put("note");
  });
  env.set("hang", 1);
  env.haste = 20;
  for (let i = 0; i < 400; i++) {
    if (codeOf(() => put(key(i))) !== undefined) await pause(20);
  }
  expect(told).toBe(1);
  const found = new Set(entries(db).map((entry) => entry.slice(0, entry.indexOf("="))));
  expect([...acknowledged].filter((name) => !found.has(name))).toEqual([]);
  expect([...found].filter((name) => !acknowledged.has(name))).toEqual([]);
});

test("a promise that a listener makes where the thread was found lost is settled", async () => {
  const env = new FaultyThreadEnv();
  const db = openThreaded({ env, maxWriteBufferNumber: 2 });
  // The thread has started.
  db.put("first", "first");
  db.flush();
  let note = "waits";
  db.on("backgroundError", () => {
    env.haste = 1;
    db.resume();
    db.putAsync("note", "note").then(
      () => (note = "resolved"),
      () => (note = "rejected"),
    );
  });
  env.set("hang", 1);
  env.haste = 20;
  const writer = async (w: number): Promise<void> => {
    for (let i = 0; i < 40; i++) await db.putAsync(`${w}.${i}`, "x".repeat(100)).catch(() => pause(1));
  };
  await Promise.all(Array.from({ length: 8 }, (_, w) => writer(w)));
  await eventually(() => note !== "waits", "the promise is settled");
  expect(db.has("note")).toBe(note === "resolved");
});

test("what another made under an output's name is not removed by the job that failed at it", () => {
  const env = new FaultyThreadEnv();
  const db = openThreaded({ env });
  fill(db, 20);
  db.flush();
  const [table] = readdirSync(db.path).filter((name) => name.endsWith(".sst"));
  const number = Number.parseInt(table!, 10);
  const strange = Array.from({ length: 20 }, (_, i) => `${String(number + 1 + i).padStart(6, "0")}.sst`).filter(
    (name) => !existsSync(`${db.path}/${name}`),
  );
  for (const name of strange) {
    const file = env.open(`${db.path}/${name}`, "wx");
    file.close();
  }
  db.put("more", "more");
  expect(codeOf(() => db.flush())).toBe("IO_ERROR");
  for (const name of strange) expect(existsSync(`${db.path}/${name}`)).toBe(true);
  expect(tables(db).live).toBe(1);
});

test("a comparator's module that is no URL is refused before anything is made", () => {
  const comparator = { name: "reverse", compare: (a: Uint8Array, b: Uint8Array) => Buffer.compare(b, a) };
  const module = import.meta.url as unknown as URL;
  expect(codeOf(() => open("/nowhere/at/all", { comparator: { ...comparator, module } }))).toBe("INVALID_ARGUMENT");
});

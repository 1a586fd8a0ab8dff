// Bugs that were found by trying to break the engine, each with its story: what was wrong, what was lost, what holds now.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MemoryEnv } from "../util/memory-env.ts";
import { open } from "./database.ts";
import { FaultyEnv } from "./faulty-env.test-support.ts";
import type { Options } from "./options.ts";

const SMALL: Options = { writeBufferSize: 2048, blockSize: 64, targetFileSize: 512, maxBytesForLevelBase: 1024 };

// An open made the directory and died before the sync of its parent. The next open found the directory and made nothing,
// so its entry stayed unsynced, and power loss took a store with acknowledged writes.
test("G1: a directory that an interrupted create left is made durable in its parent", () => {
  const env = new FaultyEnv(new MemoryEnv());
  env.fail((call) => call.barrier === "create.parent", "EIO", 1);
  expect(() => open("/db", { env })).toThrow(/sync/);
  env.calls = [];
  const db = open("/db", { env });
  expect(env.calls.filter((call) => call.barrier === "create.parent").length).toBe(1);
  db.close();
  env.calls = [];
  open("/db", { env }).close();
  expect(env.calls.filter((call) => call.barrier === "create.parent").length).toBe(0);
});

// The writer renamed its retired log to be the next one between two looks of a reader; the reader's assertion broke.
test("a log that changes between two looks of a read-only open makes it start over", () => {
  const memory = new MemoryEnv();
  const db = open("/db", { ...SMALL, env: memory });
  db.put("a", "1");
  const env = new FaultyEnv(memory);
  let opens = 0;
  let changed = false;
  const log = memory.readDirectory("/db").find((name) => name.endsWith(".log"))!;
  // Behind the reader's second open of the log, before its first byte is read, the file becomes another log.
  env.fail((call) => {
    if (call.kind === "open" && call.file === log) opens++;
    if (call.kind === "read" && call.file === log && opens === 2 && !changed) {
      changed = true;
      for (let i = 0; i < 200; i++) db.put(`key ${i}`, "x".repeat(40));
    }
    return false;
  }, "EIO");
  const reader = open("/db", { ...SMALL, env, readOnly: true });
  expect(changed).toBe(true);
  expect(reader.get("a")?.toString()).toBe("1");
  reader.close();
  db.close();
});

// verify() opened the files of its state by name: beside a writer they are gone in time, and a healthy store was damaged.
test("verify() and find() of a read-only store hold what they opened, though the writer moves on", () => {
  const env = new MemoryEnv();
  const db = open("/db", { ...SMALL, env });
  for (let i = 0; i < 100; i++) db.put(`key ${i % 40}`, "x".repeat(40));
  db.flush();
  db.put("a", "in the log");
  const reader = open("/db", { ...SMALL, env, readOnly: true });
  for (let i = 0; i < 200; i++) db.put(`key ${i % 40}`, "y".repeat(40));
  db.compactRange();
  expect(reader.verify().problems).toEqual([]);
  expect(reader.find("a").map((version) => version.where)).toContain("memtable");
  expect(reader.get("key 3")?.toString()).toBe("x".repeat(40));
  reader.close();
  db.close();
});

// compactRange() flushed by the public call, whose events a listener used to close the store in the middle.
test("a listener that closes the store during compactRange() sees it whole", () => {
  const env = new FaultyEnv(new MemoryEnv());
  const db = open("/db", { ...SMALL, env });
  for (let i = 0; i < 30; i++) db.put(`key ${i}`, "x".repeat(20));
  db.on("flushEnd", () => db.close());
  db.compactRange();
  expect(db.isOpen).toBe(false);
  expect(env.openHandles).toBe(0);
  expect(env.locksHeld).toBe(0);
});

// Rests after a failure were counted in writes that only "inline" counted: in "manual" a failed job was never due again.
test("G17: in manual mode a job that failed is due again some writes later", () => {
  const env = new FaultyEnv(new MemoryEnv());
  const db = open("/db", { ...SMALL, env, background: "manual", maxWriteBufferNumber: 8, writeBufferSize: 8192 });
  const fill = (): void => {
    for (let i = 0; i < 60; i++) db.put(`key ${i}`, "x".repeat(150));
  };
  fill();
  env.fail((call) => call.kind === "write" && call.file.endsWith(".sst"), "EIO", 1);
  while (db.runBackgroundStep());
  expect(db.lastError?.code).toBe("TINYKV_IO_ERROR");
  const before = db.stats().flushes;
  fill();
  while (db.runBackgroundStep());
  expect(db.stats().flushes).toBeGreaterThan(before);
  db.close();
});

test("G9: an asynchronous iterator that is closed before its first step releases its pins", async () => {
  const db = open("/db", { env: new MemoryEnv() });
  db.put("a", "1");
  const iterator = db.iterate()[Symbol.asyncIterator]();
  expect(db.stats().cursors).toBe(1);
  await iterator.return?.();
  expect(db.stats().cursors).toBe(0);
  const seen: string[] = [];
  for await (const [key] of db.iterate()) seen.push(key.toString());
  expect(seen).toEqual(["a"]);
  expect(db.stats().cursors).toBe(0);
  db.close();
});

// "/" without its slash was the empty name, and the checkpoint grew in a ".tmp" of the working directory.
test("a checkpoint to the root directory is refused", () => {
  const directory = mkdtempSync(join(tmpdir(), "tinykv-root-"));
  const db = open(join(directory, "db"));
  expect(() => db.checkpoint("/")).toThrow(expect.objectContaining({ code: "TINYKV_EXISTS" }));
  db.close();
  rmSync(directory, { recursive: true });
});

test("a log whose header could not be written goes with resume()", () => {
  const memory = new MemoryEnv();
  const env = new FaultyEnv(memory);
  const db = open("/db", { ...SMALL, env, walRecycle: false });
  let created = "";
  env.fail(
    (call) => {
      if (call.kind === "open" && call.mode === "wx" && call.file.endsWith(".log")) created = call.file;
      return call.kind === "write" && call.file === created;
    },
    "EIO",
    1,
  );
  expect(() => {
    for (let i = 0; i < 200; i++) db.put(`key ${i}`, "x".repeat(40));
  }).toThrow(/write/);
  expect(memory.readDirectory("/db")).toContain(created);
  db.resume();
  db.put("after", "1");
  expect(memory.readDirectory("/db")).not.toContain(created);
  expect(memory.readDirectory("/db").filter((name) => name.endsWith(".log")).length).toBe(1);
  db.close();
});

test("G18: damage that a read meets is told to listeners", () => {
  const memory = new MemoryEnv();
  const db = open("/db", { ...SMALL, env: memory, blockCacheSize: 0 });
  for (let i = 0; i < 20; i++) db.put(`key ${i}`, "x".repeat(40));
  db.flush();
  const table = memory.readDirectory("/db").find((name) => name.endsWith(".sst"))!;
  const file = memory.open(`/db/${table}`, "rw");
  file.write(new Uint8Array(20).fill(0x55), 10);
  file.close();
  const told: string[] = [];
  db.on("corruption", ({ file: name }) => told.push(name));
  expect(() => db.get("key 0")).toThrow(/checksum/);
  expect(() => [...db.iterate()]).toThrow(/checksum/);
  const cursor = db.cursor();
  expect(() => cursor.first()).toThrow(/checksum/);
  cursor.close();
  expect(told).toEqual([table, table, table]);
  db.close();
});

// A store and its checkpoints share tables and go on from the same file numbers; their logs are their own.

import { expect, test } from "vitest";
import { readFully, writeFully } from "../util/file-io.ts";
import { MemoryEnv } from "../util/memory-env.ts";
import { LogReader } from "../wal/log-reader.ts";
import { open, type Database } from "./database.ts";
import { logName, parseFileName } from "./file-names.ts";
import type { Options } from "./options.ts";
import { repairStore } from "./repair/repair.ts";

const [PATH, COPY] = ["/db", "/copy"];
const OPTIONS: Options = { logBlockSize: 512, walRecycle: false, background: "manual" };

function inSession(env: MemoryEnv, path: string, work: (db: Database) => void): void {
  const db = open(path, { ...OPTIONS, env });
  work(db);
  db.close();
}

function put(db: Database, from: number, to: number, value = "value"): void {
  for (let i = from; i <= to; i++) db.put(`k${i + 100}`, `${value} ${i}`);
}

/** A store with a table and a log, and a checkpoint of it that has gone on by itself. */
function relatives(seed = 1): MemoryEnv {
  const env = new MemoryEnv({ seed });
  inSession(env, PATH, (db) => {
    put(db, 1, 20);
    db.flush();
    put(db, 21, 25);
    db.checkpoint(COPY);
  });
  inSession(env, COPY, (db) => put(db, 26, 40, "copy"));
  return env;
}

function numbers(env: MemoryEnv, path: string, kind: "log" | "manifest"): number[] {
  const found = env.readDirectory(path).flatMap((name) => {
    const parsed = parseFileName(name);
    return parsed.kind === kind ? [parsed.number] : [];
  });
  return found.sort((a, b) => a - b);
}

function bytesOf(env: MemoryEnv, path: string): Buffer {
  const file = env.open(path, "r");
  const bytes = Buffer.alloc(file.size());
  readFully(file, bytes, 0);
  file.close();
  return bytes;
}

function write(env: MemoryEnv, path: string, bytes: Buffer): void {
  const file = env.open(path, "wx");
  writeFully(file, bytes, 0);
  file.close();
}

function idOf(env: MemoryEnv, path: string, number: number): string {
  const file = env.open(`${path}/${logName(number)}`, "r");
  const { header } = LogReader.open({ file, name: "log", number, kind: "wal" });
  file.close();
  return Buffer.from(header!.databaseId).toString("hex");
}

const entries = (db: Database): number => [...db.iterate()].length;

/** The newest log of the copy, as what the source's next log may show before anything of it is durable. */
function strayLog(env: MemoryEnv): { readonly number: number; readonly bytes: Buffer } {
  const number = numbers(env, COPY, "log").at(-1)!;
  expect(number).toBeGreaterThan(numbers(env, PATH, "log").at(-1)!);
  return { number, bytes: bytesOf(env, `${COPY}/${logName(number)}`) };
}

test("a checkpoint is of its source's family, and no other checkpoint has its id", () => {
  const env = relatives();
  inSession(env, PATH, (db) => db.checkpoint("/second"));
  const ids = [PATH, COPY, "/second"].map((path) => idOf(env, path, numbers(env, path, "log").at(-1)!));
  expect(new Set(ids).size).toBe(3);
  expect(new Set(ids.map((id) => id.slice(0, 16))).size).toBe(1);
});

test("C1, C3: a log of a related store where the newest log should be holds nothing", () => {
  const env = relatives();
  const { number, bytes } = strayLog(env);
  write(env, `${PATH}/${logName(number)}`, bytes);
  inSession(env, PATH, (db) => {
    expect(entries(db)).toBe(25);
    expect(db.recovery.skipped).toEqual([]);
    expect(db.verify().problems).toEqual([]);
  });
});

test("C22: chunks of its own behind a related store's header say that the log held more", () => {
  const env = relatives();
  const { number, bytes } = strayLog(env);
  const blocks = strayLog(relatives(2)).bytes.subarray(512);
  expect(blocks.length).toBeGreaterThan(0);
  write(env, `${PATH}/${logName(number)}`, Buffer.concat([bytes.subarray(0, 512), blocks]));
  expect(() => open(PATH, { ...OPTIONS, env })).toThrow(expect.objectContaining({ code: "TINYKV_CORRUPTION" }));
  env.unlink(`${PATH}/${logName(number)}`);
  write(env, `${PATH}/${logName(number)}`, bytes);
  inSession(env, PATH, (db) => expect(entries(db)).toBe(25));
});

test("C22: a log of a store that is not related is corruption", () => {
  const env = relatives();
  const { number } = strayLog(env);
  const other = new MemoryEnv({ seed: 2 });
  inSession(other, PATH, (db) => {
    put(db, 1, 20);
    for (let i = 21; numbers(other, PATH, "log").at(-1)! < number; i++) {
      put(db, i, i);
      db.flush();
    }
  });
  const newest = numbers(other, PATH, "log").at(-1)!;
  write(env, `${PATH}/${logName(newest)}`, bytesOf(other, `${PATH}/${logName(newest)}`));
  expect(() => open(PATH, { ...OPTIONS, env })).toThrow(/belongs to another store/);
});

test("G30: a checkpoint that went on by itself is repaired whole, with or without a manifest", () => {
  for (const lost of ["CURRENT", "CURRENT and manifests"]) {
    const env = relatives();
    inSession(env, COPY, (db) => db.flush());
    inSession(env, COPY, (db) => put(db, 41, 45, "copy"));
    env.unlink(`${COPY}/CURRENT`);
    if (lost !== "CURRENT") for (const number of numbers(env, COPY, "manifest")) env.unlink(manifestPath(number));
    const report = repairStore(COPY, { ...OPTIONS, env });
    expect(report.lost).toEqual([]);
    expect(report.moved).toEqual([]);
    inSession(env, COPY, (db) => expect(entries(db)).toBe(45));
  }
});

test("G30: a log of a related store is put aside by a repair, and told", () => {
  const env = relatives();
  const { number, bytes } = strayLog(env);
  write(env, `${PATH}/${logName(number)}`, bytes);
  env.unlink(`${PATH}/CURRENT`);
  const report = repairStore(PATH, { ...OPTIONS, env });
  expect(report.moved).toEqual([`${logName(number)}-0`]);
  inSession(env, PATH, (db) => expect(entries(db)).toBe(25));
});

function manifestPath(number: number): string {
  return `${COPY}/MANIFEST-${String(number).padStart(6, "0")}`;
}

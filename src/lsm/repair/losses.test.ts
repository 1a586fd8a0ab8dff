// G30: what a report says of one lost or replaced file, number by number.

import { expect, test } from "vitest";
import { readFully, writeFully } from "../../util/file-io.ts";
import { MemoryEnv } from "../../util/memory-env.ts";
import { open, type Database } from "../database.ts";
import type { Options } from "../options.ts";
import { repairStore } from "./repair.ts";

const PATH = "/db";
const OPTIONS: Options = { logBlockSize: 512, walRecycle: false, background: "manual" };

function put(db: Database, from: number, to: number): void {
  for (let i = from; i <= to; i++) db.put(`k${i + 100}`, `value ${i}`);
}

function inSession(env: MemoryEnv, work: (db: Database) => void): void {
  const db = open(PATH, { ...OPTIONS, env });
  work(db);
  db.close();
}

function nameOf(env: MemoryEnv, part: string): string {
  return env
    .readDirectory(PATH)
    .filter((name) => name.includes(part))
    .sort()
    .at(-1)!;
}

function bytesOf(env: MemoryEnv, name: string): Buffer {
  const file = env.open(`${PATH}/${name}`, "r");
  const bytes = Buffer.alloc(file.size());
  readFully(file, bytes, 0);
  file.close();
  return bytes;
}

function replace(env: MemoryEnv, name: string, bytes: Buffer): void {
  env.unlink(`${PATH}/${name}`);
  const file = env.open(`${PATH}/${name}`, "wx");
  if (bytes.length > 0) writeFully(file, bytes, 0);
  file.close();
}

test("a manifest of another store does not take all files for foreign", () => {
  const [env, other] = [new MemoryEnv({ seed: 1 }), new MemoryEnv({ seed: 2 })];
  const work = (db: Database): void => {
    put(db, 1, 20);
    db.flush();
    put(db, 21, 25);
  };
  inSession(env, work);
  inSession(other, work);
  replace(env, nameOf(env, "MANIFEST"), bytesOf(other, nameOf(other, "MANIFEST")));
  const { lost, moved } = repairStore(PATH, { ...OPTIONS, env });
  expect(lost).toEqual([]);
  expect(moved.some((name) => name.startsWith("MANIFEST-"))).toBe(true);
  inSession(env, (db) => expect([...db.iterate()]).toHaveLength(25));
});

test("a newest log that is gone is missed, by its numbers, beside one that is kept from the session before", () => {
  const env = new MemoryEnv();
  inSession(env, (db) => put(db, 1, 5));
  inSession(env, (db) => put(db, 6, 9));
  expect(env.readDirectory(PATH).filter((name) => name.endsWith(".log"))).toHaveLength(2);
  env.unlink(`${PATH}/${nameOf(env, ".log")}`);
  const report = repairStore(PATH, { ...OPTIONS, env });
  expect(report).toMatchObject({ ok: false, lost: [{ keys: [], sequences: [{ least: 6, greatest: 9 }] }] });
});

test("of a log that is gone altogether what was flushed before it is not lost", () => {
  const env = new MemoryEnv();
  inSession(env, (db) => {
    put(db, 1, 30);
    db.flush();
    put(db, 31, 35);
  });
  env.unlink(`${PATH}/${nameOf(env, ".log")}`);
  const { lost, isCertain } = repairStore(PATH, { ...OPTIONS, env });
  expect(isCertain).toBe(true);
  expect(lost.map(({ sequences }) => sequences)).toEqual([[{ least: 31, greatest: 35 }]]);
});

test("a manifest that is shorter than the log's end says decides nothing: a damaged table that it does not name is told", () => {
  const env = new MemoryEnv();
  inSession(env, (db) => {
    put(db, 1, 10);
    db.flush();
    put(db, 11, 20);
    db.flush();
  });
  const [manifest, table] = [nameOf(env, "MANIFEST"), nameOf(env, ".sst")];
  const [whole, rows] = [bytesOf(env, manifest), bytesOf(env, table)];
  rows[20]! ^= 1;
  const files = new Map(env.readDirectory(PATH).map((name) => [name, bytesOf(env, name)]));
  for (let length = 0; length < whole.length; length++) {
    const copy = new MemoryEnv();
    copy.makeDirectory(PATH);
    for (const [name, bytes] of files) {
      const file = copy.open(`${PATH}/${name}`, "wx");
      if (bytes.length > 0) writeFully(file, bytes, 0);
      file.close();
    }
    replace(copy, manifest, whole.subarray(0, length));
    replace(copy, table, rows);
    const { lost } = repairStore(PATH, { ...OPTIONS, env: copy });
    expect(
      lost.map(({ file }) => file),
      `cut at ${length}`,
    ).toContain(table);
  }
});

test("a dead input fills no gap beyond the keys that the damaged table had held", () => {
  const env = new MemoryEnv();
  let input = "";
  let old: Buffer = Buffer.alloc(0);
  inSession(env, (db) => {
    put(db, 1, 60);
    db.put("kz", "deleted later");
    db.flush();
    input = nameOf(env, ".sst");
    old = bytesOf(env, input);
    put(db, 10, 20);
    db.delete("kz");
    db.compactRange();
  });
  const output = nameOf(env, ".sst");
  const bytes = bytesOf(env, output);
  // The data are gone; the index, whose last separator lies behind the deleted key, and the properties stay.
  bytes.fill(0, 0, bytes.indexOf(Buffer.from([0x02, 0x10])));
  replace(env, output, bytes);
  const file = env.open(`${PATH}/${input}`, "wx");
  writeFully(file, old, 0);
  file.close();
  const { lost } = repairStore(PATH, { ...OPTIONS, env });
  expect(lost).toMatchObject([{ file: output, filledFrom: [input] }]);
  inSession(env, (db) => {
    expect([db.get("k101")?.toString(), db.get("kz")]).toEqual(["value 1", undefined]);
  });
});

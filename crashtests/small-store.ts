// A store that is small and has everything: tables on two levels, overwritten and deleted keys, a log with records.

import { open, type Database, type Options } from "tinykv";
import { MemoryEnv, type Env } from "tinykv/env";
import { readImage, type DirectoryImage } from "./directory-image.ts";

/** Where it lies in a MemoryEnv. */
export const STORE = "/store";

/** Several blocks a table, several blocks a log, and no log that goes on behind its end with an earlier life's bytes. */
export const SMALL: Options = {
  blockSize: 64,
  logBlockSize: 512,
  writeBufferSize: 16 << 10,
  blockCacheSize: 0,
  walRecycle: false,
  background: "manual",
};

export interface SmallStore {
  readonly image: DirectoryImage;
  /** What every key holds; the deleted ones are not in it. */
  readonly expected: ReadonlyMap<string, string>;
}

const KEYS = Array.from({ length: 11 }, (_, i) => `key-${String(i).padStart(2, "0")}`);

/** The store in a MemoryEnv, closed. */
export function makeSmallStore(): SmallStore {
  const env = new MemoryEnv({ seed: 7 });
  const expected = fillSmallStore(env, STORE);
  return { image: withLock(readImage(env, STORE)), expected };
}

/** Makes it in any directory, closed; returns what it holds. */
export function fillSmallStore(env: Env, path: string): Map<string, string> {
  const expected = new Map<string, string>();
  const db = open(path, { ...SMALL, env, sync: false });
  const put = (key: string, value: string): void => {
    db.put(key, value);
    expected.set(key, value);
  };
  const remove = (key: string): void => {
    db.delete(key);
    expected.delete(key);
  };
  for (const key of KEYS) put(key, `first value of ${key}`);
  db.compactRange();
  for (const key of KEYS.slice(3, 7)) put(key, `second value of ${key}`);
  remove(KEYS[1]!);
  db.flush();
  for (const key of KEYS.slice(5, 8)) put(key, `third value of ${key}, in the log alone`);
  remove(KEYS[10]!);
  put("", "of the empty key");
  demandEverything(db);
  db.close();
  return expected;
}

/** What `db` answers wrongly, key by key and in a scan; undefined if nothing. What it throws is thrown. */
export function wrongAnswer(db: Database, expected: ReadonlyMap<string, string>): string | undefined {
  for (const key of ["", ...KEYS, "key-99"]) {
    const value = db.get(key)?.toString();
    if (value !== expected.get(key)) return `${JSON.stringify(key)} is ${value}, not ${expected.get(key)}`;
  }
  const scanned = [...db.iterate()].map(([key, value]) => `${key.toString()}=${value.toString()}`);
  const wanted = [...expected].map(([key, value]) => `${key}=${value}`).sort();
  const same = scanned.length === wanted.length && scanned.every((entry, i) => entry === wanted[i]);
  return same ? undefined : `a scan finds ${scanned.join(", ")}`;
}

function demandEverything(db: Database): void {
  const { levels, memtables } = db.stats();
  const used = levels.filter(({ tables }) => tables > 0).length;
  if (used < 2 || memtables.entries === 0) throw new Error(`the small store has ${used} levels in use`);
}

// A MemoryEnv leaves LOCK empty; on a real disk its holder writes who it is.
function withLock(image: DirectoryImage): DirectoryImage {
  const holder = { pid: 4321, start: "12345", bootId: "00000000-0000-0000-0000-000000000000", host: "elsewhere" };
  return new Map([...image, ["LOCK", Buffer.from(`${JSON.stringify(holder)}\n`)]]);
}

// What the tests of whole stores share: small stores in memory, what is in them, what is on their disk.

import { TinyKVError } from "../common/errors.ts";
import type { Env } from "../util/env.ts";
import { readFully, writeFully } from "../util/file-io.ts";
import { MemoryEnv } from "../util/memory-env.ts";
import { open, type Database } from "./database.ts";
import { FaultyEnv } from "./faulty-env.test-support.ts";
import type { Options } from "./options.ts";

/** Where the tests keep their store. */
export const PATH = "/db";

/** The smallest store there is: a few writes fill a memtable, a few memtables a level. */
export const SMALL: Options = {
  writeBufferSize: 2 << 10,
  blockSize: 128,
  logBlockSize: 512,
  targetFileSize: 1 << 10,
  maxBytesForLevelBase: 4 << 10,
  level0FileNumCompactionTrigger: 2,
};

export interface Opened {
  readonly env: FaultyEnv;
  readonly db: Database;
}

/** A small store in a memory of its own that can be made to fail. */
export function openSmall(options: Options = {}, env: FaultyEnv = new FaultyEnv(new MemoryEnv())): Opened {
  return { env, db: open(PATH, { ...SMALL, env, ...options }) };
}

/** The code of what `action` throws; undefined if it throws nothing. */
export function codeOf(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof TinyKVError) return error.code.replace("TINYKV_", "");
    throw error;
  }
}

/** What `action` throws. */
export function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

/** Every entry as text, in order. */
export function entries(db: Database): string[] {
  return [...db.iterate()].map(([key, value]) => `${key.toString()}=${value.toString()}`);
}

export function key(i: number): string {
  return `key${String(i).padStart(4, "0")}`;
}

/** Puts key0000=tag0000… for `count` keys. */
export function fill(db: Database, count: number, tag = "v", from = 0): void {
  for (let i = from; i < from + count; i++) db.put(key(i), `${tag}${i}`);
}

/** What fill() makes. */
export function filled(count: number, tag = "v", from = 0): string[] {
  return Array.from({ length: count }, (_, i) => `${key(from + i)}=${tag}${from + i}`);
}

export function readFile(env: Env, path: string): Buffer {
  const file = env.open(path, "r");
  try {
    const bytes = Buffer.alloc(file.size());
    readFully(file, bytes, 0);
    return bytes;
  } finally {
    file.close();
  }
}

export function writeFile(env: Env, path: string, bytes: Uint8Array | string): void {
  if (exists(env, path)) env.unlink(path);
  const file = env.open(path, "wx");
  try {
    writeFully(file, Buffer.from(bytes), 0);
  } finally {
    file.close();
  }
}

/** Flips all bits of one byte. */
export function damage(env: Env, path: string, offset: number): void {
  const file = env.open(path, "rw");
  try {
    const byte = Buffer.alloc(1);
    readFully(file, byte, offset);
    writeFully(file, Buffer.from([byte[0]! ^ 0xff]), offset);
  } finally {
    file.close();
  }
}

export function exists(env: Env, path: string): boolean {
  try {
    env.stat(path);
    return true;
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return false;
    throw error;
  }
}

/** The names in the store, sorted. */
export function names(env: Env, path: string = PATH): string[] {
  return env.readDirectory(path).sort();
}

/** The names that end so, sorted. */
export function namesLike(env: Env, end: string, path: string = PATH): string[] {
  return names(env, path).filter((name) => name.endsWith(end));
}

/** Every file below `path`, but for LOCK, with its bytes. */
export function image(env: Env, path: string = PATH): Map<string, string> {
  const files = new Map<string, string>();
  for (const name of names(env, path)) {
    const child = `${path}/${name}`;
    if (name === "LOCK") continue;
    if (env.stat(child).kind === "directory") {
      for (const [inner, bytes] of image(env, child)) files.set(`${name}/${inner}`, bytes);
    } else {
      files.set(name, readFile(env, child).toString("latin1"));
    }
  }
  return files;
}

/** A copy of a store, as a crash of the process would leave it. */
export function copyStore(env: Env, to: string, from: string = PATH): void {
  env.makeDirectory(to);
  for (const [name, bytes] of image(env, from)) writeFile(env, `${to}/${name}`, Buffer.from(bytes, "latin1"));
}

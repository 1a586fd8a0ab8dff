// A store of ten tables on three levels and logs, of which every version of every key is known.

import { open, type Options } from "tinykv";
import { MemoryEnv } from "tinykv/env";
import { readImage, type DirectoryImage } from "../directory-image.ts";
import { STORE, type History, type Written } from "./judgement.ts";

/** Small tables of small blocks; what is due is done by hand. */
export const OPTIONS: Options = {
  blockSize: 128,
  logBlockSize: 512,
  writeBufferSize: 16 << 10,
  targetFileSize: 700,
  blockCacheSize: 0,
  walRecycle: false,
  background: "manual",
};

export interface TenTables {
  readonly closed: DirectoryImage;
  readonly killed: DirectoryImage;
  /** The newest log of the killed store, and the last number before it. */
  readonly newestLog: string;
  readonly flushed: number;
  readonly history: History;
}

const KEYS = 60;
const TABLES = 10;

export function makeTenTables(): TenTables {
  const env = new MemoryEnv({ seed: 11 });
  const history = new Map<string, Written[]>();
  let sequence = 0;
  const db = open(STORE, { ...OPTIONS, env, sync: false });
  const write = (i: number, value: string | undefined): void => {
    const key = `key-${String(i).padStart(3, "0")}`;
    if (value === undefined) db.delete(key);
    else db.put(key, value);
    history.set(key, [{ sequence: ++sequence, value }, ...(history.get(key) ?? [])]);
  };
  for (let i = 0; i < KEYS; i++) write(i, `first value of key ${i}, ${"long ".repeat(6)}`);
  db.flush();
  db.compactRange();
  for (let i = 5; i < 25; i++) write(i, i % 4 === 0 ? undefined : `second value of key ${i}`);
  db.flush();
  for (let i = 20; i < KEYS; i += 3) write(i, `third value of key ${i}`);
  db.flush();
  for (let i = 0; i < KEYS; i += 7) write(i, i % 2 === 0 ? undefined : `fourth value of key ${i}`);
  db.flush();
  const flushed = sequence;
  for (let i = 2; i < 12; i++) write(i, `in the log alone: key ${i}`);
  write(31, undefined);
  db.sync();
  const killed = readImage(env, STORE);
  db.close();
  const closed = readImage(env, STORE);
  const tables = [...closed.keys()].filter((name) => name.endsWith(".sst")).length;
  if (tables < TABLES) throw new Error(`the store has ${tables} tables`);
  const newestLog = [...killed.keys()]
    .filter((name) => name.endsWith(".log"))
    .sort()
    .at(-1)!;
  return { closed, killed, history, newestLog, flushed };
}

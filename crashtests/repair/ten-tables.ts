// A store of ten tables on three levels and logs, of which every version of every key is known, and the judge of what a
// repair made of a part of its files.

import { open, type Options, type RepairReport } from "tinykv";
import { MemoryEnv, type Env } from "tinykv/env";
import { readImage, type DirectoryImage } from "../directory-image.ts";

export const STORE = "/store";

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

/** One write: its sequence number, and what it left; undefined for a delete. */
export interface Written {
  readonly sequence: number;
  readonly value: string | undefined;
}

export interface TenTables {
  readonly closed: DirectoryImage;
  readonly killed: DirectoryImage;
  /** The newest log of the killed store, and the last number before it. */
  readonly newestLog: string;
  readonly flushed: number;
  /** Newest first. */
  readonly history: ReadonlyMap<string, readonly Written[]>;
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

/**
 * What is wrong with a store after its repair, or with the report; undefined: nothing. Of what was written after number
 * `witnessed` any suffix may be gone without a word, and nothing else.
 */
export function wrongAfterRepair(
  env: Env,
  { history }: TenTables,
  report: RepairReport,
  witnessed: number = Number.MAX_SAFE_INTEGER,
): string | undefined {
  const db = open(STORE, { ...OPTIONS, env });
  try {
    let [seen, gone] = [0, Number.MAX_SAFE_INTEGER];
    for (const [key, versions] of history) {
      const value = db.get(key)?.toString();
      const at = versions.findIndex((version) => version.value === value);
      // Absent although it was never deleted: then every version must be lost.
      const newer = at < 0 && value === undefined ? versions : versions.slice(0, at);
      if (at < 0 && value !== undefined) return `${key} has a value that nobody wrote: ${value}`;
      const untold = newer.find(({ sequence }) => sequence <= witnessed && !tells(report, key, sequence));
      if (at >= 0) seen = Math.max(seen, versions[at]!.sequence);
      for (const { sequence } of newer) if (!tells(report, key, sequence)) gone = Math.min(gone, sequence);
      if (untold) return `${key} is ${value}; that number ${untold.sequence} is lost the report does not say`;
    }
    if (gone < seen) return `number ${gone} is gone, ${seen} is there`;
    const problem = db.verify().problems[0];
    if (problem) return `verify() finds ${problem.file} at ${problem.offset}: ${problem.problem}`;
    return undefined;
  } finally {
    db.close();
  }
}

/** Whether a report names this version of a key among what is lost. */
export function tells({ lost }: RepairReport, key: string, sequence: number): boolean {
  return lost.some(({ keys, sequences }) => {
    const inKeys = keys.some(({ from, after, upTo }) => {
      if (from && key < from.toString()) return false;
      if (after && key <= after.toString()) return false;
      return !upTo || key <= upTo.toString();
    });
    const inSequences = sequences.some(({ least, greatest }) => least <= sequence && sequence <= greatest);
    return (keys.length === 0 || inKeys) && (sequences.length === 0 || inSequences);
  });
}

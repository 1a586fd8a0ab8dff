// Small stores, cleanly closed, as one input: which of them it was and how it is opened, then file by file.
//
//   u8 how | {lp name | u32 size | bytes}*        how: bit 0 read-only, bits 1 and 2 recovery mode, bit 3 paranoid, bit 4 which
//
// Bytes at the end that are no whole file are a file that was cut.

import { open, type Database, type Options, type WalRecoveryMode } from "tinykv";
import { MemoryEnv, type Env } from "tinykv/env";

/** Where a store lies in its MemoryEnv. */
export const STORE = "/store";

/** Several blocks a table, several blocks a log, and no log that goes on behind its end with an earlier life's bytes. */
const SMALL: Options = {
  blockSize: 64,
  indexBlockSize: 64,
  logBlockSize: 512,
  writeBufferSize: 16 << 10,
  blockCacheSize: 0,
  walRecycle: false,
  background: "manual",
  // As many as any store may have: a manifest that names deeper levels than the options is a mistake of the options.
  numLevels: 12,
  createIfMissing: false,
};

const MODES: readonly WalRecoveryMode[] = ["pointInTime", "absolute", "skipCorrupted"];

export type Files = ReadonlyMap<string, Uint8Array>;

export interface StoreInput {
  readonly how: number;
  readonly options: Options;
  readonly made: MadeStore;
  readonly files: Files;
}

export type State = ReadonlyMap<string, string>;

/** A store and what is in it. */
export interface MadeStore {
  readonly files: Files;
  readonly expected: State;
  /** What it held before the first operation, and after each. */
  readonly states: readonly State[];
  /** All values that a key ever had. */
  readonly written: ReadonlyMap<string, readonly string[]>;
}

const KEYS = Array.from({ length: 9 }, (_, i) => `key-${i}`);

/** All keys of any store, and some of none. */
export const ASKED: readonly string[] = ["", ...KEYS, "key-99", "\0"];

class Maker {
  readonly expected = new Map<string, string>();
  readonly written = new Map<string, string[]>();
  readonly states: State[] = [new Map()];
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  put(key: string, value: string): void {
    this.#db.put(key, value);
    this.expected.set(key, value);
    this.written.set(key, [...(this.written.get(key) ?? []), value]);
    this.remember();
  }

  delete(key: string): void {
    this.#db.delete(key);
    this.expected.delete(key);
    this.remember();
  }

  remember(): void {
    this.states.push(new Map(this.expected));
  }
}

// Tables on two levels and a log with records.
function fillLevels(db: Database, maker: Maker): void {
  for (const key of KEYS) maker.put(key, `first ${key}`);
  db.compactRange();
  for (const key of KEYS.slice(3, 6)) maker.put(key, `second ${key}`);
  maker.delete(KEYS[1]!);
  db.flush();
  fillLog(db, maker);
}

// A log alone, of several blocks.
function fillLog(_: Database, maker: Maker): void {
  for (const key of KEYS.slice(4, 8)) maker.put(key, `third ${key}, ${"log ".repeat(20)}`);
  maker.delete(KEYS[8]!);
  maker.put("", "of the empty key");
}

function make(fill: (db: Database, maker: Maker) => void, seed: number): MadeStore {
  const env = new MemoryEnv({ seed });
  const db = open(STORE, { ...SMALL, createIfMissing: true, env, sync: false });
  const maker = new Maker(db);
  fill(db, maker);
  db.close();
  const { expected, written, states } = maker;
  return { files: readFiles(env), expected, written, states };
}

const MADE: readonly MadeStore[] = [make(fillLevels, 7), make(fillLog, 8)];

export function readFiles(env: Env): Files {
  const files = new Map<string, Uint8Array>();
  for (const name of env.readDirectory(STORE).sort()) {
    const path = `${STORE}/${name}`;
    if (env.stat(path).kind !== "file") continue;
    const file = env.open(path, "r");
    const bytes = new Uint8Array(file.size());
    file.read(bytes, 0);
    file.close();
    files.set(name, bytes);
  }
  return files;
}

export function writeFiles(env: Env, files: Files): void {
  env.makeDirectory(STORE);
  for (const [name, bytes] of files) {
    const file = env.open(`${STORE}/${name}`, "wx");
    file.write(bytes, 0);
    file.close();
  }
}

/** The input for one of the stores as it was made, or with what else may lie there; of `how` the low five bits count. */
export function packStore(how: number, isUntidy: boolean): Uint8Array {
  const { files } = MADE[(how >> 4) & 1]!;
  const sound = [...files].filter(([name]) => name !== "LOCK");
  const rest: (readonly [string, Uint8Array])[] = isUntidy
    ? [
        ["LOCK", new Uint8Array(0)],
        ["CURRENT.tmp", files.get("CURRENT")!.subarray(0, 9)],
        ["notes", Uint8Array.of(1)],
      ]
    : [];
  return packFiles(how & 0x1f, [...sound, ...rest]);
}

export function packFiles(how: number, files: Iterable<readonly [string, Uint8Array]>): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(how)];
  for (const [name, bytes] of files) {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(bytes.length);
    parts.push(Uint8Array.of(name.length), Buffer.from(name, "latin1"), size, bytes);
  }
  return Uint8Array.from(Buffer.concat(parts));
}

export function unpackStore(bytes: Uint8Array): StoreInput {
  const how = bytes[0] ?? 0;
  const files = new Map<string, Uint8Array>();
  for (let at = 1; at < bytes.length;) {
    const nameEnd = at + 1 + bytes[at]!;
    const name = Buffer.from(bytes.slice(at + 1, nameEnd)).toString("latin1");
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (nameEnd + 4 > bytes.length) break;
    const end = nameEnd + 4 + view.getUint32(nameEnd, true);
    if (isName(name)) files.set(name, bytes.slice(nameEnd + 4, end));
    at = end;
  }
  const walRecoveryMode = MODES[(how >> 1) & 3] ?? "pointInTime";
  const options = { ...SMALL, readOnly: (how & 1) === 1, walRecoveryMode, paranoid: (how & 8) !== 0 };
  return { how, options, made: MADE[(how >> 4) & 1]!, files };
}

// What a file system would take, in a directory of its own.
function isName(name: string): boolean {
  return name.length > 0 && !name.includes("/") && !name.includes("\0") && name !== "." && name !== "..";
}

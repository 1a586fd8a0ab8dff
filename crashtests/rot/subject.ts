// The store that rots: small enough that every bit of it can be damaged, and yet with everything a store has. Tables on
// three levels; a manifest with edits behind its snapshot; a log that an unflushed memtable still needs, with a record
// that crosses a block's edge; behind it the newest log, written over a recycled one whose old bytes stick out behind.
//
// Each store comes twice: cleanly closed, and as the kill of its process leaves it. A twin that went through the same calls
// with another seed has files of the same names, and is where a file of another store comes from.
//
// A second, smaller store has what the first cannot have beside its recycled log: a log kept from a session before, which
// ends in a CLEAN END of its own and has a successor.

import { open, WriteBatch, type Database, type Options } from "tinykv";
import { ContentStore, ImageEnv } from "tinykv/harness";
import { recordsOf, type LogRecordPlace } from "./log-places.ts";

/** Where it lies. */
export const STORE = "/store";

/** Small blocks, so that there are several of each kind; no cache, so that each read sees the disk. */
export const OPTIONS: Options = {
  blockSize: 64,
  logBlockSize: 512,
  writeBufferSize: 2 << 10,
  // The second write of a session that finds a log longer than this goes on in a new one.
  maxTotalWalSize: 600,
  blockCacheSize: 0,
  numLevels: 3,
  background: "manual",
};

/** One change of one key; without a value it is deleted. */
export type Change = readonly [key: string, value: string | undefined];

export interface SubjectWrite {
  readonly changes: readonly Change[];
  /** Where its record stands; undefined once a table holds it. */
  readonly place: LogRecordPlace | undefined;
}

export const SUBJECT_NAMES = ["closed", "killed", "kept-closed", "kept-killed"] as const;

export type SubjectName = (typeof SUBJECT_NAMES)[number];

export interface Subject {
  readonly name: SubjectName;
  readonly isClosed: boolean;
  readonly files: ReadonlyMap<string, Buffer>;
  /** In commit order. */
  readonly writes: readonly SubjectWrite[];
  /** So many of them, from the first, had been made durable. */
  readonly durable: number;
  /** Those a recovery reads, oldest first. */
  readonly logs: readonly string[];
  /** What each file held before, at the end of any call: other contents than now, each once. */
  readonly earlier: ReadonlyMap<string, readonly Buffer[]>;
  /** The files of another store that went through the same calls. */
  readonly foreign: ReadonlyMap<string, Buffer>;
}

/** As it may stand in LOCK: a MemoryEnv or ImageEnv leaves it empty; on a real disk its holder writes who it is. */
const HOLDER = { pid: 4321, start: "12345", bootId: "00000000-0000-0000-0000-000000000000", host: "elsewhere" };

/** Any two that differ: of ids and tags alone. */
const SEED = 7;
const SEED_OF_TWIN = 8;

export function makeSubject(name: SubjectName): Subject {
  const isClosed = name.endsWith("closed");
  const life = liveOne(name, SEED);
  const { files } = life;
  const logs = [...files.keys()].filter((file) => file.endsWith(".log")).sort();
  return {
    name,
    isClosed,
    files,
    writes: withPlaces(life.writes, files, logs),
    durable: life.durable,
    logs,
    earlier: life.earlier,
    foreign: liveOne(name, SEED_OF_TWIN).files,
  };
}

function liveOne(name: SubjectName, seed: number): Life {
  const life = new Life(seed);
  const close = name.endsWith("closed");
  if (name.startsWith("kept")) life.liveWithKeptLog(close);
  else life.live(close);
  return life;
}

/** What the store holds after the first `count` writes, or after those of them that `happened` takes; ascending. */
export function stateOf(
  writes: readonly SubjectWrite[],
  happened: (write: SubjectWrite, index: number) => boolean,
): readonly (readonly [string, string])[] {
  const state = new Map<string, string>();
  writes.forEach((write, index) => {
    if (!happened(write, index)) return;
    for (const [key, value] of write.changes) {
      if (value === undefined) state.delete(key);
      else state.set(key, value);
    }
  });
  return [...state].sort(([a], [b]) => (a < b ? -1 : 1));
}

// The records of the live logs, in their order, are the last writes.
function withPlaces(
  changes: readonly (readonly Change[])[],
  files: ReadonlyMap<string, Buffer>,
  logs: readonly string[],
): SubjectWrite[] {
  const places = logs.flatMap((file) => recordsOf(file, files.get(file)!));
  const first = changes.length - places.length;
  if (first < 1 || places.length < logs.length * 3) throw new Error(`the subject has ${places.length} records in logs`);
  return changes.map((one, index) => ({ changes: one, place: places[index - first] }));
}

/** One run of the calls. */
class Life {
  readonly writes: (readonly Change[])[] = [];
  durable = 0;
  files: ReadonlyMap<string, Buffer> = new Map();
  readonly earlier: Map<string, Buffer[]> = new Map();
  readonly #env: ImageEnv;
  readonly #contents = new ContentStore();

  constructor(seed: number) {
    this.#env = new ImageEnv(undefined, { seed });
  }

  live(close: boolean): void {
    this.#session({ maxBytesForLevelBase: 1 << 20 }, (db) => this.#fillBottom(db));
    this.#session({ maxBytesForLevelBase: 1, level0FileNumCompactionTrigger: 1 }, (db) => this.#fillMiddle(db));
    const db = open(STORE, { ...OPTIONS, env: this.#env, sync: false });
    this.#fillTop(db);
    demandEverything(db);
    this.#end(db, close);
  }

  liveWithKeptLog(close: boolean): void {
    this.#session({}, (db) => {
      this.#write(db, [["a", "in a table"]]);
      db.flush();
      this.#write(db, [["b", "kept b"]]);
      this.#write(db, [["a", undefined]]);
      this.#write(db, [["c", "kept c"]]);
    });
    const db = open(STORE, { ...OPTIONS, env: this.#env, sync: false });
    if (db.recovery.records !== 3) throw new Error("no log was kept");
    this.#write(db, [["b", "newest b"]], true);
    this.#write(db, [["c", undefined]]);
    this.#write(db, [["a", "newest a"]]);
    // The last of all, with nothing behind it that would witness its sync.
    this.#write(db, [["d", "newest d"]], true);
    this.#end(db, close);
  }

  #session(options: Options, use: (db: Database) => void): void {
    const db = open(STORE, { ...OPTIONS, ...options, env: this.#env, sync: false });
    use(db);
    db.close();
    this.durable = this.writes.length;
    this.#look();
  }

  // A killed one is closed too, to give up its descriptors: what was looked at is the moment before.
  #end(db: Database, close: boolean): void {
    if (close) db.close();
    if (close) this.durable = this.writes.length;
    this.#look();
    db.close();
  }

  #fillBottom(db: Database): void {
    for (const key of ["a", "b", "c", "d", "e", "f"]) this.#write(db, [[key, `bottom ${key}`]]);
    db.compactRange();
    this.#look();
  }

  #fillMiddle(db: Database): void {
    this.#write(db, [["b", "middle b"]]);
    this.#write(db, [["d", undefined]]);
    this.#write(db, [["g", "middle g"]]);
    db.flush();
    // One compaction and no more: it would go on to the level below.
    while (db.stats().levels[0]!.tables > 0) db.runBackgroundStep();
    this.#look();
  }

  #fillTop(db: Database): void {
    this.#look();
    this.#write(db, [["c", "top c"]]);
    db.flush();
    this.#write(db, [
      ["h", `top h: ${"nothing of this log is left but what sticks out behind the one that follows ".repeat(8)}`],
    ]);
    this.#write(db, [["a", undefined]]);
    this.#write(db, [["", "top of the empty key"]], true);
    db.flush();
    this.#look();
    this.#write(db, [["e", "first log e"]]);
    this.#write(db, [["i", "first log i"]], true);
    const batch = ["f", "j", "k"].map((key): Change => [key, `batch ${key} `.repeat(12)]);
    this.#write(db, [...batch, ["g", undefined]]);
    this.#write(db, [["b", "first log b"]]);
    this.#write(db, [["l", "second log l"]]);
    this.#write(db, [["i", undefined]], true);
    this.#write(db, [["n", "a record that leaves too little of its block ".repeat(6)]], true);
    this.#write(db, [["c", "second log c"]], true);
    this.#write(db, [["m", "second log m"]]);
    this.#write(db, [["e", undefined]]);
  }

  #write(db: Database, changes: readonly Change[], sync = false): void {
    const batch = new WriteBatch();
    for (const [key, value] of changes) {
      if (value === undefined) batch.delete(key);
      else batch.put(key, value);
    }
    db.write(batch, { sync });
    this.writes.push(changes);
    if (sync) this.durable = this.writes.length;
    this.#look();
  }

  // What is there now; what was there before and is no more is kept as an earlier copy.
  #look(): void {
    const files = new Map<string, Buffer>([["LOCK", Buffer.from(`${JSON.stringify(HOLDER)}\n`)]]);
    for (const [path, { bytes }] of this.#env.capture(this.#contents).files) {
      const name = path.slice(STORE.length + 1);
      if (name !== "LOCK") files.set(name, Buffer.from(bytes));
    }
    for (const [name, bytes] of this.files) {
      const now = files.get(name);
      const known = this.earlier.get(name) ?? [];
      if (now && now.equals(bytes)) continue;
      if (!known.some((copy) => copy.equals(bytes))) this.earlier.set(name, [...known, bytes]);
    }
    this.files = files;
  }
}

function demandEverything(db: Database): void {
  const { levels, memtables } = db.stats();
  const tables = levels.map((level) => level.tables);
  if (!tables.every((count) => count > 0)) throw new Error(`the subject has tables on its levels: ${tables.join()}`);
  if (memtables.entries === 0) throw new Error("the subject's newest log is empty");
}

// Rot in closed stores of other shapes than the subject's: indexes of two levels, a block cache, more tables, filters of one
// bit. Every byte of a closed store is witnessed, so the verdict is short: each answer is right, or a CorruptionError.
//
// Each damaged store is read without checksums first. What that gives means nothing, but nothing of it may be left for the
// reads behind it, which ask for checksums.

import { CorruptionError, open, TinyKVError, type Database, type Options } from "tinykv";
import { ContentStore, ImageEnv, makeImage, Random, type Image } from "tinykv/harness";

export interface VariedOptions {
  readonly seed: string;
  /** Damages, each opened once. */
  readonly cases: number;
  readonly until?: () => boolean;
  /** Default: tinykv's own. */
  readonly opener?: typeof open;
}

export interface VariedResult {
  readonly cases: number;
  readonly wrong: string | undefined;
}

interface VariedStore {
  readonly options: Options;
  readonly image: Image;
  /** What its files held at earlier moments, and those of a twin that began as a checkpoint of it and went on by itself. */
  readonly others: readonly Image[];
  readonly entries: ReadonlyMap<string, string>;
}

const STORE = "/store";
const TWIN = "/twin";
const KEYS = 40;
const WRITES = 160;
const VALUE_BYTES_MOST = 120;
/** A flush, a compaction, a look at the files: once in so many writes. */
const MAINTENANCE_EVERY = 24;
/** What a sector is to a disk. */
const SECTOR_BYTES = 512;

const SHAPES: readonly Options[] = [
  { indexBlockSize: 64, blockSize: 64, blockCacheSize: 64 << 10, targetFileSize: 2048 },
  { indexBlockSize: 16, blockSize: 300, blockCacheSize: 0, bloomBitsPerKey: 1 },
  { blockSize: 128, blockCacheSize: 1 << 20, targetFileSize: 512, logBlockSize: 512 },
  { blockSize: 4096, blockCacheSize: 4096, bloomBitsPerKey: 0, maxOpenFiles: 1 },
];

export function runVaried({ seed, cases, until = () => false, opener = open }: VariedOptions): VariedResult {
  const random = new Random(`varied:${seed}`);
  for (let done = 0; done < cases;) {
    const store = makeStore(SHAPES[Math.floor((done * SHAPES.length) / cases)]!, random);
    for (let left = Math.ceil(cases / SHAPES.length); left > 0; left--) {
      if (until()) return { cases: done, wrong: undefined };
      const { image, what } = damaged(store, random);
      done++;
      const wrong = wrongOf(store, image, opener, random.chance(1, 2));
      if (wrong !== undefined) return { cases: done, wrong: `${what}: ${wrong}` };
    }
  }
  return { cases, wrong: undefined };
}

function makeStore(shape: Options, random: Random): VariedStore {
  const options: Options = { background: "inline", writeBufferSize: 2048, maxBytesForLevelBase: 4096, ...shape };
  const life = new Life(options, `${random.int(1 << 30)}`);
  const twin = life.liveWithTwin();
  return { options, image: life.images.at(-1)!, others: [...life.images.slice(0, -1), ...twin], entries: life.entries };
}

/** One run of the calls, and half way through it a checkpoint that goes on by itself: the same calls, other values. */
class Life {
  readonly images: Image[] = [];
  readonly entries = new Map<string, string>();
  readonly #env = new ImageEnv();
  readonly #contents = new ContentStore();
  readonly #options: Options;
  readonly #random: Random;
  readonly #plan: string;

  constructor(options: Options, plan: string) {
    this.#options = { ...options, env: this.#env, sync: false };
    this.#plan = plan;
    this.#random = new Random(plan);
  }

  /** The images of the twin, under the names of the store. */
  liveWithTwin(): Image[] {
    const db = open(STORE, this.#options);
    this.#write(db, "both", WRITES / 2);
    db.checkpoint(TWIN);
    this.#write(db, "own", WRITES / 2);
    db.close();
    this.#look();
    return this.#liveAsTwin();
  }

  #liveAsTwin(): Image[] {
    const twin = new Life(this.#options, `${this.#plan}:twin`);
    const db = open(TWIN, this.#options);
    twin.#write(db, "twin", WRITES / 2, this.#env);
    db.close();
    return twin.images.map((image) => {
      const files = [...image.files].filter(([path]) => path.startsWith(`${TWIN}/`));
      return makeImage(
        files.map(([path, content]) => [STORE + path.slice(TWIN.length), content] as const),
        image.directories,
      );
    });
  }

  #write(db: Database, who: string, count: number, env: ImageEnv = this.#env): void {
    const random = this.#random;
    for (let n = 1; n <= count; n++) {
      const key = keyNamed(random.int(KEYS));
      const value = `${who} ${n} `.repeat(VALUE_BYTES_MOST).slice(0, random.int(VALUE_BYTES_MOST));
      if (random.chance(1, 5)) {
        db.delete(key);
        this.entries.delete(key);
      } else {
        db.put(key, value);
        this.entries.set(key, value);
      }
      if (n % MAINTENANCE_EVERY !== 0) continue;
      if (random.chance(1, 3)) db.compactRange();
      else db.flush();
      this.#look(env);
    }
  }

  #look(env: ImageEnv = this.#env): void {
    this.images.push(env.capture(this.#contents));
  }
}

function damaged({ image, others }: VariedStore, random: Random): { image: Image; what: string } {
  const paths = [...image.files.keys()]
    .filter((path) => path.startsWith(`${STORE}/`) && !path.endsWith("/LOCK"))
    .sort();
  for (;;) {
    const path = random.pick(paths);
    const before = Buffer.from(image.files.get(path)!.bytes);
    const [what, after] = damageOf(
      before,
      others.map((other) => other.files.get(path)?.bytes),
      random,
    );
    if (after?.equals(before)) continue;
    const files = new Map(image.files);
    if (after) files.set(path, new ContentStore().of(after));
    else files.delete(path);
    return { image: makeImage(files, image.directories), what: `${path}, ${what}` };
  }
}

function damageOf(
  bytes: Buffer,
  others: readonly (Uint8Array | undefined)[],
  random: Random,
): [what: string, bytes: Buffer | undefined] {
  const at = random.int(Math.max(1, bytes.length));
  const changed = Buffer.from(bytes);
  const other = random.pick(others);
  switch (random.int(8)) {
    case 0:
      return ["deleted", undefined];
    case 1:
      return [`cut to ${at} bytes`, changed.subarray(0, at)];
    case 2:
      return [`a sector of zeros at ${at}`, changed.fill(0, at, Math.min(bytes.length, at + SECTOR_BYTES))];
    case 3:
    case 4:
      return ["another life of the file", other ? Buffer.from(other) : changed];
    default:
      if (bytes.length > 0) changed[at]! ^= 1 << random.int(8);
      return [`a bit of byte ${at}`, changed];
  }
}

function wrongOf(
  { options, entries }: VariedStore,
  image: Image,
  opener: typeof open,
  readOnly: boolean,
): string | undefined {
  const env = new ImageEnv(image);
  let db: Database | undefined;
  try {
    db = opener(STORE, { ...options, env, readOnly, createIfMissing: false });
    readBlindly(db);
    return wrongRead(db, entries);
  } catch (error) {
    return error instanceof CorruptionError ? undefined : `threw ${String(error)}`;
  } finally {
    closeAnyhow(db);
  }
}

// A store that met damage may say so when it is closed.
function closeAnyhow(db: Database | undefined): void {
  try {
    db?.close();
  } catch (error) {
    if (!(error instanceof TinyKVError)) throw error;
  }
}

const ALL_KEYS = Array.from({ length: KEYS }, (_, n) => keyNamed(n));

function keyNamed(n: number): string {
  return `k${String(n).padStart(3, "0")}`;
}

function readBlindly(db: Database): void {
  for (const key of ALL_KEYS) {
    try {
      db.get(key, { verifyChecksums: false });
    } catch (error) {
      if (!(error instanceof TinyKVError)) throw error;
    }
  }
}

/** What is wrong with any way of reading. */
function wrongRead(db: Database, entries: ReadonlyMap<string, string>): string | undefined {
  for (const key of ALL_KEYS) {
    const value = unlessCorrupt(() => ({ found: db.get(key)?.toString() }));
    if (value && value.found !== entries.get(key)) return `get of ${key} gave ${value.found}, not ${entries.get(key)}`;
  }
  const ascending = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const reverse of [false, true]) {
    const wanted = reverse ? ascending.toReversed() : ascending;
    const found = unlessCorrupt(() => [...db.iterate({ reverse })].map(([key, value]) => [`${key}`, `${value}`]));
    if (found && JSON.stringify(found) !== JSON.stringify(wanted))
      return `a scan, reverse ${reverse}, gave ${found.length} entries that are not the store's ${wanted.length}`;
  }
  db.verify();
  return undefined;
}

function unlessCorrupt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof CorruptionError) return undefined;
    throw error;
  }
}

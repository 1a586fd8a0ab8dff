// Small stores of many shapes, by seed: several levels, deletes, snapshots and cursors that keep obsolete files, kept and
// recycled logs, jobs half done; closed, or left as a kill leaves them, perhaps opened again and left a second time. Of
// every key all versions are known, and of every file what it held earlier.

import { open, WriteBatch, type Database, type Options } from "tinykv";
import { MemoryEnv, type Env } from "tinykv/env";
import { Random } from "tinykv/harness";
import { readImage, writeImage, type DirectoryImage } from "../directory-image.ts";
import { STORE, type History, type Written } from "./judgement.ts";

export interface SeededStore {
  readonly options: Options;
  readonly image: DirectoryImage;
  readonly isClosed: boolean;
  /** What the directory held now and then before. */
  readonly earlier: readonly DirectoryImage[];
  readonly history: History;
}

export function seededStore(seed: string): SeededStore {
  const session = new Session(new Random(`store ${seed}`));
  for (let lives = session.random.between(1, 3); lives > 0; lives--) session.live();
  return session.finish();
}

class Session {
  readonly random: Random;
  readonly #options: Options;
  readonly #keys: number;
  readonly #history = new Map<string, Written[]>();
  readonly #earlier: DirectoryImage[] = [];
  #env: Env = new MemoryEnv({ seed: 1 });
  #db: Database;
  #pins: { close(): void }[] = [];
  #sequence = 0;
  #lives = 1;

  constructor(random: Random) {
    this.random = random;
    this.#options = optionsOf(random);
    this.#keys = random.pick([8, 30, 60]);
    this.#db = this.#open();
  }

  live(): void {
    for (let i = this.random.between(20, 70); i > 0; i--) this.#act();
    this.#earlier.push(readImage(this.#env, STORE));
    if (this.random.chance(1, 2)) this.#close();
    else {
      // The process is gone: what it wrote is there, and nobody closes anything.
      const image = readImage(this.#env, STORE);
      this.#env = new MemoryEnv({ seed: ++this.#lives });
      writeImage(this.#env, STORE, image);
      this.#pins = [];
    }
    this.#earlier.push(readImage(this.#env, STORE));
    this.#db = this.#open();
  }

  finish(): SeededStore {
    for (let i = this.random.int(40); i > 0; i--) this.#act();
    const isClosed = this.random.chance(1, 2);
    if (isClosed) this.#close();
    const image = readImage(this.#env, STORE);
    return { options: this.#options, image, isClosed, earlier: this.#earlier, history: this.#history };
  }

  #open(): Database {
    return open(STORE, { ...this.#options, env: this.#env, sync: this.random.chance(1, 2) });
  }

  #close(): void {
    for (const pin of this.#pins.splice(0)) pin.close();
    this.#db.close();
  }

  #act(): void {
    const { random } = this;
    const kind = random.int(100);
    if (kind < 50) this.#write(1, 0);
    else if (kind < 70) this.#write(1, 1);
    else if (kind < 78) this.#write(random.between(1, 6), 0.3);
    else if (kind < 86) this.#db.flush();
    else if (kind < 88) this.#db.compactRange();
    else if (kind < 93) for (let i = random.int(12); i > 0; i--) this.#db.runBackgroundStep();
    else if (kind < 95) this.#db.sync();
    else if (kind < 98) this.#pins.push(random.chance(1, 2) ? this.#db.snapshot() : this.#db.cursor());
    else this.#pins.shift()?.close();
  }

  #write(operations: number, deletes: number): void {
    const batch = new WriteBatch();
    for (let i = 0; i < operations; i++) {
      const key = `k${String(this.random.int(this.#keys)).padStart(3, "0")}`;
      const isDelete = this.random.chance(Math.round(deletes * 10), 10);
      const sequence = ++this.#sequence;
      const value = isDelete ? undefined : `v${sequence}-${key}-${"x".repeat(this.random.pick([0, 5, 60, 300]))}`;
      if (value === undefined) batch.delete(key);
      else batch.put(key, value);
      this.#history.set(key, [{ sequence, value }, ...(this.#history.get(key) ?? [])]);
    }
    this.#db.write(batch);
  }
}

function optionsOf(random: Random): Options {
  return {
    blockSize: random.pick([64, 128, 256]),
    logBlockSize: 512,
    writeBufferSize: random.pick([4 << 10, 8 << 10, 16 << 10]),
    targetFileSize: random.pick([400, 700, 1500]),
    blockCacheSize: 0,
    walRecycle: random.chance(2, 5),
    background: random.pick(["manual", "inline"]),
    maxBytesForLevelBase: random.pick([1000, 4000, 1 << 20]),
    indexBlockSize: random.pick([64, 256 << 10]),
    bloomBitsPerKey: random.pick([0, 10]),
    maxManifestFileSize: random.pick([300, 1 << 20]),
    level0FileNumCompactionTrigger: random.pick([2, 4]),
  };
}

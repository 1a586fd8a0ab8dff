// Stacks of tables: a few keys each, above and beside each other, and one compaction of a part of them. Whatever goes down
// takes along what is older and shares a key with it; if not, an old version comes to lie above a newer one. Half of them
// stand on what an earlier session left, for which levels had other sizes.

import { type Database, open, type Options } from "tinykv";
import { MemoryEnv } from "tinykv/env";
import { Random } from "tinykv/harness";

/** Level 0 keeps what is flushed until it is asked. */
const OPTIONS: Options = {
  background: "manual",
  sync: false,
  writeBufferSize: 4 << 10,
  blockSize: 64,
  targetFileSize: 256,
  maxBytesForLevelBase: 512,
  maxBytesForLevelMultiplier: 2,
};

/** Levels are meant to be of other sizes when a store is opened again: what they hold then lies too high, or too deep. */
const BASES = [128, 512, 1 << 16];

const KEYS_MOST = 24;
const TABLES_MOST = 10;
const KEYS_OF_A_TABLE = [1, 2, 2, 3];

const key = (n: number): string => `k${String(n).padStart(2, "0")}`;

/** What a stack shows that was not put there, if anything. */
export function stackProblem(seed: string): string | undefined {
  const random = new Random(`stack ${seed}`);
  const env = new MemoryEnv();
  let db = open("/store", { ...OPTIONS, env });
  const model = new Map<string, string>();
  try {
    const keys = random.between(4, KEYS_MOST);
    if (random.chance(1, 2)) {
      for (let tables = random.between(2, TABLES_MOST); tables > 0; tables--) addTable(db, model, { random, keys });
      while (random.chance(7, 8) && db.runBackgroundStep());
      db.close();
      db = open("/store", {
        ...OPTIONS,
        env,
        maxBytesForLevelBase: random.pick(BASES),
        level0FileNumCompactionTrigger: random.pick([2, 4]),
      });
    }
    for (let tables = random.between(2, TABLES_MOST); tables > 0; tables--) addTable(db, model, { random, keys });
    const first = random.int(keys);
    const last = first + random.int(3);
    if (random.chance(3, 4)) db.compactRange(key(first), key(last));
    return difference(db, model) ?? settled(db, model);
  } catch (error) {
    return String(error);
  } finally {
    db.close();
  }
}

function addTable(
  db: Database,
  model: Map<string, string>,
  { random, keys }: { readonly random: Random; readonly keys: number },
): void {
  for (let n = random.pick(KEYS_OF_A_TABLE); n > 0; n--) {
    const one = key(random.int(keys));
    const value = `${model.size} ${random.int(1 << 20)} ${"v".repeat(random.int(100))}`;
    if (random.chance(1, 4)) {
      db.delete(one);
      model.delete(one);
    } else {
      db.put(one, value);
      model.set(one, value);
    }
  }
  db.flush();
  // Some of what is there goes down before the next comes.
  if (random.chance(1, 4)) db.runBackgroundStep();
}

function settled(db: Database, model: ReadonlyMap<string, string>): string | undefined {
  while (db.runBackgroundStep());
  return difference(db, model);
}

function difference(db: Database, model: ReadonlyMap<string, string>): string | undefined {
  const found = new Map<string, string>();
  for (const [one, value] of db.iterate()) found.set(one.toString(), value.toString());
  for (const one of new Set([...found.keys(), ...model.keys()])) {
    const [scanned, got] = [found.get(one), db.get(one)?.toString()];
    if (scanned !== model.get(one) || got !== model.get(one))
      return `${one} is ${scanned} to a scan and ${got} to get(), not ${model.get(one)}`;
  }
  return undefined;
}

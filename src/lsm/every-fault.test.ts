// One session of a small store, run again and again: each time another one of its system calls fails, before it is made
// or after, once or for good. Whatever fails, nothing stays open or locked, no read lies, and the next open finds every
// acknowledged write.

import { expect, test } from "vitest";
import { AssertionError } from "../common/assert.ts";
import { TinyKVError } from "../common/errors.ts";
import { WriteBatch } from "../memtable/write-batch.ts";
import { MemoryEnv } from "../util/memory-env.ts";
import { open, type Database } from "./database.ts";
import { destroyStore } from "./destroy.ts";
import { FaultyEnv, type Call, type Fault } from "./faulty-env.test-support.ts";
import { PATH, SMALL, exists } from "./engine.test-support.ts";
import type { Options } from "./options.ts";

/** What each key may hold: one value, or several after a write whose outcome is unknown. */
class Model {
  readonly #allowed = new Map<string, Set<string | undefined>>();

  wrote(key: string, value: string | undefined): void {
    this.#allowed.set(key, new Set([value]));
  }

  mayHaveWritten(key: string, value: string | undefined): void {
    const allowed = this.#allowed.get(key) ?? new Set([undefined]);
    this.#allowed.set(key, allowed.add(value));
  }

  allows(key: string, value: string | undefined): boolean {
    return (this.#allowed.get(key) ?? new Set([undefined])).has(value);
  }

  get keys(): string[] {
    return [...this.#allowed.keys()];
  }
}

const KEYS = Array.from({ length: 8 }, (_, i) => `k${i}`);

// Only a TinyKVError may come out of the engine; a broken belief is a bug whatever the disk did.
function attempt(action: () => void, onError: (error: TinyKVError) => void = () => undefined): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof TinyKVError)) throw error;
    if (error.cause instanceof AssertionError) throw error;
    onError(error);
  }
}

function write(db: Database, model: Model, key: string, value: string | undefined, sync: boolean): void {
  const batch = new WriteBatch();
  if (value === undefined) batch.delete(key);
  else batch.put(key, value);
  let failed = false;
  attempt(
    () => db.write(batch, { sync }),
    ({ code }) => {
      failed = true;
      if (code === "TINYKV_IO_ERROR" || code === "TINYKV_NO_SPACE") model.mayHaveWritten(key, value);
    },
  );
  if (!failed) model.wrote(key, value);
  attempt(() => expect(model.allows(key, db.get(key)?.toString())).toBe(true));
}

function session(db: Database, model: Model, round: number): void {
  const long = "x".repeat(150);
  for (const [i, key] of KEYS.entries()) write(db, model, key, `${round}.${i}${long}`, i % 3 !== 0);
  attempt(() => db.flush());
  for (const key of KEYS.slice(0, 4)) write(db, model, key, `${round}${long}`, true);
  write(db, model, KEYS[3]!, undefined, true);
  attempt(() => expect([...db.iterate({ limit: 4 })].length).toBeLessThanOrEqual(4));
  expect(db.stats().cursors).toBe(0);
  attempt(() => db.resume());
  attempt(() => db.compactRange());
  attempt(() => db.sync());
  attempt(() => db.checkpoint("/copy"));
  attempt(() => db.verify());
  attempt(() => db.close());
}

const OPTIONS: Options = { ...SMALL, blockSize: 1024, maxManifestFileSize: 1, maxOpenFiles: 1, blockCacheSize: 0 };

interface Plan {
  readonly fault: Fault;
  readonly times: number;
  readonly matches: (call: Call) => boolean;
  readonly sessions: number;
}

/** So many sessions, one after the other, with the nth matching call failing; returns how many calls match. */
function run({ fault, times, matches, sessions }: Plan, nth: number): number {
  const env = new FaultyEnv(new MemoryEnv());
  const options = { ...OPTIONS, env };
  const model = new Model();
  let seen = 0;
  env.fail((call) => matches(call) && seen++ >= nth, fault, times);
  for (let round = 0; round < sessions; round++) {
    attempt(() => session(open(PATH, options), model, round));
    expect({ handles: env.openHandles, locks: env.locksHeld }).toEqual({ handles: 0, locks: 0 });
  }
  const matching = env.calls.filter(matches).length;
  env.heal();
  checkStore(env, PATH, model);
  if (exists(env, "/copy")) checkCopy(env);
  destroyStore(PATH, { env });
  return matching;
}

function checkStore(env: FaultyEnv, path: string, model: Model): void {
  const db = open(path, { ...OPTIONS, env });
  for (const key of model.keys) expect(model.allows(key, db.get(key)?.toString()), key).toBe(true);
  expect(db.verify().problems).toEqual([]);
  db.put("alive", "yes");
  db.close();
  expect(env.openHandles).toBe(0);
}

function checkCopy(env: FaultyEnv): void {
  const copy = open("/copy", { ...OPTIONS, env, createIfMissing: false });
  expect(copy.recovery.clean).toBe(true);
  expect(copy.verify().problems).toEqual([]);
  copy.close();
}

// What leaves something behind, and so can fail after it was done.
const CHANGES: ReadonlySet<string> = new Set(
  "open write sync rename link unlink syncDirectory makeDirectory".split(" "),
);

function failEach(plan: Plan): number {
  const calls = run(plan, Number.POSITIVE_INFINITY);
  for (let nth = 0; nth < calls; nth++) {
    try {
      run(plan, nth);
    } catch (error) {
      throw new Error(`call ${nth} of ${calls} fails`, { cause: error });
    }
  }
  return calls;
}

test("G12 G14 G17: whichever call fails, nothing stays open and no acknowledged write is lost", () => {
  const fault = { errno: "EIO" };
  const looks = ({ kind }: Call): boolean => kind === "read" || kind === "size" || kind === "stat";
  expect(failEach({ fault, times: 1, sessions: 2, matches: (call) => !looks(call) })).toBeGreaterThan(200);
  expect(failEach({ fault, times: 1, sessions: 1, matches: looks })).toBeGreaterThan(40);
});

test("G14: a call that was made although it says EIO loses nothing either", () => {
  const fault = { errno: "EIO", after: true };
  expect(failEach({ fault, times: 1, sessions: 1, matches: ({ kind }) => CHANGES.has(kind) })).toBeGreaterThan(100);
});

test("G14: from whichever write on the disk is full, nothing stays open and no acknowledged write is lost", () => {
  const matches = ({ kind, mode }: Call): boolean => kind === "write" || mode === "wx";
  expect(
    failEach({ fault: { errno: "ENOSPC" }, times: Number.POSITIVE_INFINITY, sessions: 2, matches }),
  ).toBeGreaterThan(50);
});

test("from whichever call on everything fails, nothing stays open and no acknowledged write is lost", () => {
  const matches = ({ kind }: Call): boolean => CHANGES.has(kind) || kind === "close";
  expect(failEach({ fault: { errno: "EIO" }, times: Number.POSITIVE_INFINITY, sessions: 1, matches })).toBeGreaterThan(
    100,
  );
});

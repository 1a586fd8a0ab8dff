// The order of I/O of a writable open, and what it is for: G4, G10, G16. A process may die at every call of it, and again
// at every call of the next open; nothing that was there is lost, because nothing old is unlinked before what replaces it
// is durable.

import { expect, test } from "vitest";
import { MemoryEnv } from "../util/memory-env.ts";
import { open, type Database } from "./database.ts";
import { FaultyEnv, type Call } from "./faulty-env.test-support.ts";
import type { Options } from "./options.ts";

const SMALL: Options = {
  writeBufferSize: 2048,
  blockSize: 64,
  targetFileSize: 512,
  maxBytesForLevelBase: 1024,
  logBlockSize: 512,
};
const KEYS = 60;

// A store that was killed with several logs to replay: nobody closed it.
function killedStore(): MemoryEnv {
  const env = new MemoryEnv({ seed: 7 });
  const db = open("/db", { ...SMALL, env, background: "manual", maxWriteBufferNumber: 8 });
  for (let i = 0; i < 3 * KEYS; i++) db.put(`key ${i % KEYS}`, `value ${i} ${"x".repeat(20)}`, { sync: i % 3 === 0 });
  db.delete("key 7");
  return env;
}

/** The same files for the next process: locks die with their holder. */
function afterDeath(env: MemoryEnv): MemoryEnv {
  const copy = new MemoryEnv({ seed: 8 });
  copy.makeDirectory("/db");
  for (const name of env.readDirectory("/db")) {
    const source = env.open(`/db/${name}`, "r");
    const bytes = new Uint8Array(source.size());
    source.read(bytes, 0);
    source.close();
    const target = copy.open(`/db/${name}`, "wx");
    target.write(bytes, 0);
    target.close();
  }
  return copy;
}

function expectWhole(db: Database): void {
  for (let i = 0; i < KEYS; i++) {
    const expected = i === 7 ? undefined : `value ${2 * KEYS + i} ${"x".repeat(20)}`;
    expect(db.get(`key ${i}`)?.toString()).toBe(expected);
  }
  expect([...db.iterate()].length).toBe(KEYS - 1);
  expect(db.verify().problems).toEqual([]);
}

const CHANGES = new Set(["write", "sync", "rename", "unlink", "syncDirectory", "makeDirectory"]);
const isChange = (call: Call): boolean => CHANGES.has(call.kind) || (call.kind === "open" && call.mode === "wx");

test("an open writes tables, then the manifest, then the log, and unlinks last", () => {
  const env = new FaultyEnv(afterDeath(killedStore()));
  const db = open("/db", { ...SMALL, env });
  const steps = env.calls.filter((call) => call.kind === "unlink" || call.barrier !== undefined);
  const names = steps.map((call) => call.barrier ?? `unlink ${call.file}`);
  const firstUnlink = names.findIndex((name) => name.startsWith("unlink") && name !== "unlink CURRENT.tmp");
  const barriers = names.slice(0, firstUnlink).filter((name) => name !== "unlink CURRENT.tmp");
  const tables = barriers.lastIndexOf("flush.directory") + 1;
  expect(tables).toBeGreaterThan(0);
  expect(new Set(barriers.slice(0, tables))).toEqual(new Set(["flush.table", "flush.directory"]));
  expect(barriers.slice(tables)).toEqual([
    "create.manifest",
    "create.directory",
    "create.current",
    "create.current-directory",
    "open.directory",
  ]);
  expect(names.slice(firstUnlink).every((name) => name.startsWith("unlink"))).toBe(true);
  expectWhole(db);
  db.close();
});

test("a process may die at every call of an open, and at every call of the open after that", () => {
  let died = 0;
  for (let first = 0; ; first++) {
    const env = afterDeath(killedStore());
    if (!dieDuringOpen(env, first)) break;
    died++;
    const again = afterDeath(env);
    dieDuringOpen(again, (first * 7) % 23);
    const db = open("/db", { ...SMALL, env: afterDeath(again) });
    expectWhole(db);
    db.close();
  }
  expect(died).toBeGreaterThan(20);
});

// True if the open died: from its nth changing call on, nothing is done any more.
function dieDuringOpen(env: MemoryEnv, nth: number): boolean {
  const dying = new FaultyEnv(env);
  let seen = 0;
  dying.fail((call) => isChange(call) && seen++ >= nth, "EIO");
  try {
    open("/db", { ...SMALL, env: dying });
    return false;
  } catch (error) {
    void error;
    return true;
  }
}

import { expect, test } from "vitest";
import { errnoOf, TinyKVError } from "../common/errors.ts";
import { CheckedEnv } from "./checked-env.ts";
import type { Env, FileHandle } from "./env.ts";
import { MemoryEnv } from "./memory-env.ts";

const failure = Object.assign(new Error("EIO: i/o error"), { code: "EIO" });

function fails(): never {
  throw failure;
}

const failingFile: FileHandle = {
  read: fails,
  write: fails,
  sync: fails,
  syncAsync: () => Promise.reject(failure),
  truncate: fails,
  size: fails,
  close: fails,
};

const failingEnv: Env = {
  open: fails,
  readDirectory: fails,
  makeDirectory: fails,
  removeDirectory: fails,
  stat: fails,
  rename: fails,
  link: fails,
  unlink: fails,
  syncDirectory: fails,
  lock: fails,
  now: fails,
  sleep: fails,
  randomBytes: fails,
};

function errorFrom(call: () => unknown): TinyKVError {
  try {
    call();
  } catch (error) {
    if (error instanceof TinyKVError) return error;
  }
  throw new Error("no TinyKVError was thrown");
}

const envCalls: [string, (env: Env) => unknown][] = [
  ["open 000012.log", (env) => env.open("/db/000012.log", "r")],
  ["read directory /db", (env) => env.readDirectory("/db")],
  ["make directory /db", (env) => env.makeDirectory("/db")],
  ["remove directory /db", (env) => env.removeDirectory("/db")],
  ["stat CURRENT", (env) => env.stat("/db/CURRENT")],
  ["rename CURRENT.tmp to CURRENT", (env) => env.rename("/db/CURRENT.tmp", "/db/CURRENT")],
  ["link 000007.sst to 000007.sst", (env) => env.link("/db/000007.sst", "/copy/000007.sst")],
  ["unlink 000007.sst", (env) => env.unlink("/db/000007.sst")],
  ["sync directory /db", (env) => env.syncDirectory("/db", "flush.directory")],
  ["lock /db/LOCK", (env) => env.lock("/db/LOCK")],
  ["read the clock", (env) => env.now()],
  ["sleep 5 ms", (env) => env.sleep(5)],
  ["draw 16 random bytes", (env) => env.randomBytes(16)],
];

const fileCalls: [string, (file: FileHandle) => unknown][] = [
  ["read 000012.log", (file) => file.read(new Uint8Array(1), 0)],
  ["write 000012.log", (file) => file.write(new Uint8Array(1), 0)],
  ["sync 000012.log", (file) => file.sync("log.write")],
  ["truncate 000012.log", (file) => file.truncate(0)],
  ["size of 000012.log", (file) => file.size()],
  ["close 000012.log", (file) => file.close()],
];

test("every failure of the wrapped Env says what was being done, and keeps its cause", () => {
  for (const [action, call] of envCalls) {
    const error = errorFrom(() => call(new CheckedEnv(failingEnv)));
    expect(error.message).toBe(`${action}: EIO: i/o error`);
    expect([error.code, error.cause, errnoOf(error)]).toEqual(["TINYKV_IO_ERROR", failure, "EIO"]);
  }
});

test("every failure of a file names the file", async () => {
  const env = new CheckedEnv({ ...failingEnv, open: () => failingFile });
  for (const [action, call] of fileCalls) {
    const error = errorFrom(() => call(env.open("/db/000012.log", "rw")));
    expect([error.message, error.cause]).toEqual([`${action}: EIO: i/o error`, failure]);
  }
  const synced = env.open("/db/000012.log", "rw").syncAsync("log.write");
  await expect(synced).rejects.toMatchObject({ code: "TINYKV_IO_ERROR", cause: failure });
});

function throwing(error: Error): CheckedEnv {
  return new CheckedEnv({
    ...failingEnv,
    lock: () => {
      throw error;
    },
  });
}

test("a full disk is NO_SPACE, and a TinyKVError passes as it is", () => {
  const full = Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" });
  const locked = new TinyKVError("TINYKV_LOCKED", "held by process 1");
  expect(errorFrom(() => throwing(full).lock("/db/LOCK")).code).toBe("TINYKV_NO_SPACE");
  expect(errorFrom(() => throwing(locked).lock("/db/LOCK"))).toBe(locked);
});

test("failed calls are not counted, and a failed close still closes", () => {
  const env = new CheckedEnv({ ...failingEnv, open: () => failingFile });
  const file = env.open("/db/a", "rw");
  for (const [, call] of fileCalls.slice(0, -1)) errorFrom(() => call(file));
  errorFrom(() => env.unlink("/db/a"));
  expect(Object.entries(env.counters).filter(([, count]) => count !== 0)).toEqual([["opens", 1]]);
  expect(env.openFiles).toBe(1);
  errorFrom(() => file.close());
  expect(env.openFiles).toBe(0);
});

test("calls and bytes are counted as they happened, short counts included", async () => {
  const env = new CheckedEnv(new MemoryEnv({ shortCounts: true }));
  const file = env.open("/a", "wx");
  file.write(new Uint8Array(10), 0); // takes 5
  file.write(new Uint8Array(4), 5); // takes 2
  file.read(new Uint8Array(100), 0); // 50 asked, 7 there
  file.sync("log.write");
  await file.syncAsync("log.write");
  file.close();
  env.rename("/a", "/b");
  env.unlink("/b");
  env.syncDirectory("/", "log.directory");
  expect(env.counters).toEqual({
    reads: 1,
    readBytes: 7,
    writes: 2,
    writeBytes: 7,
    syncs: 2,
    directorySyncs: 1,
    opens: 1,
    unlinks: 1,
    renames: 1,
  });
});

test("the worker of the wrapped Env is passed on; without one there is none", () => {
  const worker = new URL("file:///worker.js");
  expect(new CheckedEnv({ ...failingEnv, worker }).worker).toBe(worker);
  expect(new CheckedEnv(failingEnv).worker).toBeUndefined();
});

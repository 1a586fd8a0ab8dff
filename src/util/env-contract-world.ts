// The part of the contract about locks, time and chance.

import { TinyKVError } from "../common/errors.ts";
import { check, checkEqual, checkFails, namesIn, writeFile, type ContractCase } from "./env-contract-checks.ts";
import type { Env, Lock } from "./env.ts";

function checkLocked(env: Env, path: string, when: string): void {
  let taken: Lock;
  try {
    taken = env.lock(path);
  } catch (error) {
    check(error instanceof TinyKVError && error.code === "TINYKV_LOCKED", `${when}, lock fails with ${String(error)}`);
    check(/\d/.test(error.message), `the refusal names no process: ${error.message}`);
    return;
  }
  taken.release();
  check(false, `${when}, the lock is given a second time`);
}

export const worldCases: readonly ContractCase[] = [
  {
    name: "a lock is held by one, and free again the moment it is released",
    run(env, directory) {
      const path = `${directory}/LOCK`;
      for (let round = 0; round < 3; round++) {
        const lock = env.lock(path);
        checkLocked(env, path, "while it is held");
        checkLocked(env, path, "after a refusal");
        lock.release();
      }
      env.lock(path).release();
    },
  },
  {
    name: "lock creates its file, takes an existing one, and leaves no other name",
    run(env, directory) {
      const lock = env.lock(`${directory}/LOCK`);
      checkEqual(namesIn(env, directory), "LOCK", "the directory");
      lock.release();
      writeFile(env, `${directory}/OTHER`, "");
      env.lock(`${directory}/OTHER`).release();
    },
  },
  {
    name: "releasing twice is nothing, and takes the lock from nobody else",
    run(env, directory) {
      const path = `${directory}/LOCK`;
      const first = env.lock(path);
      first.release();
      first.release();
      const second = env.lock(path);
      first.release();
      checkLocked(env, path, "after a late second release by its earlier holder");
      second.release();
    },
  },
  {
    name: "locks of different files do not meet",
    run(env, directory) {
      const one = env.lock(`${directory}/one`);
      const two = env.lock(`${directory}/two`);
      one.release();
      checkLocked(env, `${directory}/two`, "after another file's lock was released");
      two.release();
    },
  },
  {
    name: "a lock file may be removed while it is held, and a new one of that name is a new lock",
    run(env, directory) {
      const path = `${directory}/LOCK`;
      const before = env.lock(path);
      env.unlink(path);
      before.release();
      const after = env.lock(path);
      checkLocked(env, path, "while the new one is held");
      after.release();
    },
  },
  {
    name: "a lock needs its directory, and cannot be one",
    run(env, directory) {
      checkFails(() => env.lock(`${directory}/none/LOCK`), ["ENOENT"], "lock in no directory");
      env.makeDirectory(`${directory}/LOCK`);
      checkFails(() => env.lock(`${directory}/LOCK`), ["EISDIR", "EINVAL"], "lock of a directory");
    },
  },
  {
    name: "the clock is in milliseconds and goes on while the thread sleeps",
    run(env) {
      const begin = env.now();
      check(Number.isFinite(begin) && begin > 0, `now() is ${begin}`);
      env.sleep(20);
      const slept = env.now() - begin;
      // Timers may be coarse and a real clock may be set by a few milliseconds; a sleep of nothing or for ever may not be.
      check(slept >= 10, `after a sleep of 20 ms the clock has moved by ${slept} ms`);
      env.sleep(0);
    },
  },
  {
    name: "randomBytes gives as many as asked, and others each time",
    run(env) {
      for (const count of [0, 1, 4, 16, 1000]) checkEqual(env.randomBytes(count).length, count, "the count of bytes");
      const drawn = new Set(Array.from({ length: 64 }, () => Buffer.from(env.randomBytes(8)).toString("hex")));
      checkEqual(drawn.size, 64, "the number of different draws of 8 bytes");
      const seen = new Set(env.randomBytes(20_000));
      checkEqual(seen.size, 256, "the number of different bytes in 20000");
    },
  },
];

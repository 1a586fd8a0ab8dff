// What open() makes of logs that a crash or damage left: the three modes of walRecoveryMode.

import { expect, test } from "vitest";
import { open, type Database } from "./database.ts";
import type { FaultyEnv } from "./faulty-env.test-support.ts";
import {
  PATH,
  SMALL,
  codeOf,
  copyStore,
  damage,
  entries,
  exists,
  filled,
  image,
  key,
  names,
  namesLike,
  openSmall,
  readFile,
  thrown,
  writeFile,
} from "./engine.test-support.ts";
import { LogReader } from "../wal/log-reader.ts";
import type { Options } from "./options.ts";

interface Crashed {
  readonly env: FaultyEnv;
  readonly log: string;
  /** The size of the log before the first and after each record. */
  readonly ends: number[];
}

/** A store that was not closed: `count` records in one log, the crash's image at /crash. */
function crashed(count: number, sync: boolean): Crashed {
  const { db, env } = openSmall({ sync });
  const log = namesLike(env, ".log")[0]!;
  for (let i = 0; i < count; i++) db.put(key(i), `v${i}`);
  copyStore(env, "/crash");
  db.close();
  const file = env.open(`/crash/${log}`, "r");
  const reader = LogReader.open({ file, name: log, number: Number.parseInt(log, 10), kind: "wal" });
  const ends = [reader.lastGoodSize];
  for (let record = reader.next(); record; record = reader.next()) ends.push(record.end);
  file.close();
  return { env, log: `/crash/${log}`, ends };
}

function reopen(env: FaultyEnv, options: Options = {}): Database {
  return open("/crash", { ...SMALL, env, ...options });
}

test("pointInTime: a log cut at any byte gives the whole records before the cut, if none was promised", () => {
  const { env, log, ends } = crashed(6, false);
  const bytes = readFile(env, log);
  for (let cut = 0; cut <= bytes.length; cut++) {
    writeFile(env, log, bytes.subarray(0, cut));
    const db = reopen(env, { readOnly: true });
    const whole = Math.max(0, ends.filter((end) => end <= cut).length - 1);
    expect(entries(db)).toEqual(filled(whole));
    expect(db.recovery.records).toBe(whole);
    expect(db.recovery.clean).toBe(false);
    if (cut >= ends[0]!) expect(db.recovery.tornBytes).toBe(cut - ends[whole]!);
    db.close();
  }
});

test("G3 G10: after a torn tail the next session's writes follow it, and the tail never comes back", () => {
  const { env, log, ends } = crashed(6, false);
  writeFile(env, log, readFile(env, log).subarray(0, ends[4]! + 7));
  const db = reopen(env);
  expect(db.recovery).toMatchObject({
    mode: "pointInTime",
    logs: 1,
    records: 4,
    tornBytes: 7,
    skipped: [],
    clean: false,
  });
  db.put("z", "1");
  expect(db.stats().lastSequence).toBe(5);
  db.close();
  expect(entries(reopen(env))).toEqual([...filled(4), "z=1"]);
});

test("G19 G20: damage below a promise is a CorruptionError with file and offset, and the open changes nothing", () => {
  const { env, log, ends } = crashed(6, true);
  const bytes = readFile(env, log);
  for (let offset = 0; offset < ends[5]!; offset++) {
    damage(env, log, offset);
    const before = image(env, "/crash");
    const error = thrown(() => reopen(env)) as { code: string; file: string; offset: number };
    expect(error).toMatchObject({ code: "TINYKV_CORRUPTION", file: log.slice(7) });
    expect(ends.includes(error.offset) || error.offset === 0).toBe(true);
    expect(error.offset).toBeLessThanOrEqual(offset);
    expect(image(env, "/crash")).toEqual(before);
    damage(env, log, offset);
  }
  expect(readFile(env, log)).toEqual(bytes);
  damage(env, log, ends[6]! - 1); // the last group: nothing written after it promises it
  expect(entries(reopen(env, { readOnly: true }))).toEqual(filled(5));
});

test("absolute: an unclean store is refused with nothing changed, a clean one opens", () => {
  const { env, log, ends } = crashed(4, true);
  const before = image(env, "/crash");
  expect(thrown(() => reopen(env, { walRecoveryMode: "absolute" }))).toMatchObject({
    code: "TINYKV_CORRUPTION",
    file: log.slice(7),
    offset: ends[4],
  });
  expect(image(env, "/crash")).toEqual(before);
  reopen(env).close();
  const db = reopen(env, { walRecoveryMode: "absolute" });
  expect(db.recovery).toMatchObject({ mode: "absolute", clean: true });
  expect(entries(db)).toEqual(filled(4));
});

for (const sync of [false, true]) {
  test(`skipCorrupted: what is damaged is listed, copied to lost/ and left out, the rest is kept (sync ${sync})`, () => {
    const { env, log, ends } = crashed(8, sync);
    const bytes = readFile(env, log);
    damage(env, log, ends[2]! + 25);
    damage(env, log, ends[5]! + 25);
    const damaged = readFile(env, log);
    if (sync) expect(codeOf(() => reopen(env))).toBe("CORRUPTION");
    const db = reopen(env, { walRecoveryMode: "skipCorrupted" });
    const kept = [0, 1, 3, 4, 6, 7].map((i) => `${key(i)}=v${i}`);
    expect(entries(db)).toEqual(kept);
    const name = log.slice(7);
    expect(db.recovery.skipped.map(({ file, offset }) => `${file}-${offset}`)).toEqual([
      `${name}-${ends[2]}`,
      `${name}-${ends[5]}`,
    ]);
    let lost = 0;
    for (const { file, offset, length, reason } of db.recovery.skipped) {
      expect(reason.length).toBeGreaterThan(3);
      const copy = readFile(env, `/crash/lost/${file}-${offset}`);
      expect(copy).toEqual(damaged.subarray(offset, offset + length));
      lost += length;
    }
    expect(db.stats().lostBytes).toBe(lost);
    expect(bytes.length).toBeGreaterThan(lost);
    db.close();
    const again = reopen(env);
    expect(entries(again)).toEqual(kept);
    expect(names(env, "/crash/lost").length).toBe(2);
    expect(again.recovery.skipped).toEqual([]);
  });
}

// Found by the fuzzer of whole stores: a gap between the last good record and CLEAN END passed for a tear. It was neither
// listed nor copied to lost/, the log was replayed and unlinked, and a record that close() had witnessed was gone for good.
// What lies before a CLEAN END was written whole: what cannot be read of it is damage.
test("G20: skipCorrupted lists and copies damage of the last record before CLEAN END too", () => {
  const { db, env } = openSmall({ sync: false });
  const log = namesLike(env, ".log")[0]!;
  db.put(key(0), "v0");
  const before = env.stat(`${PATH}/${log}`).size;
  db.put(key(1), "v1");
  const after = env.stat(`${PATH}/${log}`).size;
  db.close();
  copyStore(env, "/crash");
  damage(env, `/crash/${log}`, before + 25);
  const damaged = readFile(env, `/crash/${log}`).subarray(before, after);
  const salvaged = reopen(env, { walRecoveryMode: "skipCorrupted" });
  expect(entries(salvaged)).toEqual([`${key(0)}=v0`]);
  expect(salvaged.recovery.skipped).toMatchObject([{ file: log, offset: before, length: after - before }]);
  expect(readFile(env, `/crash/lost/${log}-${before}`)).toEqual(damaged);
  salvaged.close();
});

test("skipCorrupted takes a tear for no damage: nothing is copied for it", () => {
  const { env, log, ends } = crashed(4, false);
  writeFile(env, log, readFile(env, log).subarray(0, ends[3]! + 5));
  const db = reopen(env, { walRecoveryMode: "skipCorrupted" });
  expect(db.recovery).toMatchObject({ skipped: [], tornBytes: 5, records: 3 });
  expect(exists(env, "/crash/lost")).toBe(false);
  expect(entries(db)).toEqual(filled(3));
});

test("a salvage that fails on its way can be tried again and loses nothing", () => {
  for (let nth = 0, done = false; !done; nth++) {
    const { env, log, ends } = crashed(6, true);
    damage(env, log, ends[2]! + 25);
    let seen = 0;
    const changing = new Set(["open", "write", "sync", "syncDirectory", "makeDirectory", "rename", "close"]);
    env.fail(({ kind }) => changing.has(kind) && seen++ === nth, "EIO", 1);
    const code = codeOf(() => reopen(env, { walRecoveryMode: "skipCorrupted" }).close());
    done = !env.isSpent;
    env.heal();
    expect({ handles: env.openHandles, locks: env.locksHeld }).toEqual({ handles: 0, locks: 0 });
    expect(code === undefined || code === "IO_ERROR").toBe(true);
    const db = reopen(env, { walRecoveryMode: "skipCorrupted" });
    expect(entries(db)).toEqual([0, 1, 3, 4, 5].map((i) => `${key(i)}=v${i}`));
    expect(names(env, "/crash/lost")).toEqual([`${log.slice(7)}-${ends[2]}`]);
    db.close();
  }
});

test("an open that fails anywhere on an unclean store loses nothing and holds nothing", () => {
  for (const after of [false, true]) {
    for (let nth = 0, done = false; !done; nth++) {
      const { env } = crashed(6, true);
      env.failFrom(nth, { errno: "EIO", after }, 1);
      const code = codeOf(() => reopen(env).close());
      done = !env.isSpent;
      env.heal();
      expect({ handles: env.openHandles, locks: env.locksHeld }).toEqual({ handles: 0, locks: 0 });
      expect(code === undefined || code === "IO_ERROR").toBe(true);
      const db = reopen(env);
      expect(entries(db)).toEqual(filled(6));
      expect(db.verify().problems).toEqual([]);
      db.close();
      nth += nth > 40 ? 1 : 0;
    }
  }
});

test("G19: a log in the middle that is missing, or a newest one that is missing after a clean close, is corruption", () => {
  const { db, env } = openSmall({ background: "manual", maxWriteBufferNumber: 8 });
  for (let i = 0; i < 150; i++) db.put(key(i), `v${i}`);
  copyStore(env, "/crash");
  db.close();
  const logs = namesLike(env, ".log", "/crash");
  expect(logs.length).toBeGreaterThan(2);
  for (const log of logs.slice(0, -1)) {
    const bytes = readFile(env, `/crash/${log}`);
    env.unlink(`/crash/${log}`);
    expect(thrown(() => reopen(env))).toMatchObject({ code: "TINYKV_CORRUPTION", file: log });
    writeFile(env, `/crash/${log}`, bytes);
  }
  expect(entries(reopen(env, { readOnly: true }))).toEqual(filled(150));
  const newest = namesLike(env, ".log").at(-1)!;
  env.unlink(`${PATH}/${newest}`);
  expect(codeOf(() => open(PATH, { ...SMALL, env }))).toBe("CORRUPTION");
});

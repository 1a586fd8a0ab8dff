// Salvages that lost something without a word. Each test has its story: what was left out, and what says so now.

import { expect, test } from "vitest";
import { MemoryEnv } from "../util/memory-env.ts";
import { open, type Database } from "./database.ts";
import { FaultyEnv } from "./faulty-env.test-support.ts";
import {
  PATH,
  SMALL,
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

/** CLEAN END: chunk header and three integers. */
const CLEAN_END_CHUNK = 19 + 24;

function salvage(env: FaultyEnv, path: string): Database {
  return open(path, { ...SMALL, env, walRecoveryMode: "skipCorrupted" });
}

interface TwoLogs {
  readonly env: FaultyEnv;
  /** Unflushed, and nothing in it says that anything of it was durable: the newest log's header does. */
  readonly older: string;
  /** How many of the keys from 0 on it holds. */
  readonly inOlder: number;
  /** Where each of its records ends. */
  readonly ends: readonly number[];
  readonly all: number;
}

/** A store that was not closed, at /crash. */
function twoLogs(): TwoLogs {
  const { db, env } = openSmall({ sync: false, background: "manual", maxWriteBufferNumber: 4 });
  const older = namesLike(env, ".log")[0]!;
  const ends: number[] = [];
  let all = 0;
  for (; namesLike(env, ".log").length < 2; all++) {
    db.put(key(all), `v${all}`);
    ends.push(env.stat(`${PATH}/${older}`).size);
  }
  const inOlder = all - 1;
  for (; all < inOlder + 5; all++) db.put(key(all), `v${all}`);
  copyStore(env, "/crash");
  db.close();
  return { env, older, inOlder, ends, all };
}

// The gap ran to CLEAN END, so the log's last record ended before it, as at a tear: it was not listed and not copied.
test("a damaged last record in front of CLEAN END is listed and copied to lost/", () => {
  const { db, env } = openSmall({ walRecycle: false });
  const log = namesLike(env, ".log")[0]!;
  // Fewer syncs than make a log longer than what stands in it.
  for (let i = 0; i < 2; i++) db.put(key(i), `v${i}`);
  const offset = env.stat(`${PATH}/${log}`).size;
  db.put(key(2), "v2");
  const end = env.stat(`${PATH}/${log}`).size;
  db.close();
  damage(env, `${PATH}/${log}`, end - 1);
  const bytes = readFile(env, `${PATH}/${log}`).subarray(offset, end);
  const salvaged = salvage(env, PATH);
  expect(entries(salvaged)).toEqual(filled(2));
  expect(salvaged.recovery.skipped).toMatchObject([{ file: log, offset, length: end - offset }]);
  expect(readFile(env, `${PATH}/lost/${log}-${offset}`)).toEqual(bytes);
});

// Without its header a log whose chunks promise nothing holds nothing: right for the newest one, which may never have been
// synced. One that its successor names had been, whole; it was passed over, and then removed.
test("a log without its header that its successor names is listed whole and copied to lost/", () => {
  for (const size of [undefined, 0, 10]) {
    const { env, older, inOlder, all } = twoLogs();
    if (size === undefined) damage(env, `/crash/${older}`, 30);
    else writeFile(env, `/crash/${older}`, readFile(env, `/crash/${older}`).subarray(0, size));
    const bytes = readFile(env, `/crash/${older}`);
    const salvaged = salvage(env, "/crash");
    expect(entries(salvaged)).toEqual(filled(all - inOlder, "v", inOlder));
    expect(salvaged.recovery.skipped).toMatchObject([{ file: older, offset: 0, length: bytes.length }]);
    if (bytes.length > 0) expect(readFile(env, `/crash/lost/${older}-0`)).toEqual(bytes);
    else expect(exists(env, "/crash/lost")).toBe(false);
    salvaged.close();
  }
});

// A store that was closed has said so in its manifest too: its newest log held something, though its header is damaged.
test("a newest log without its header that the manifest was closed with is listed whole and copied to lost/", () => {
  for (const sessions of [1, 2]) {
    const env = new FaultyEnv(new MemoryEnv());
    for (let i = 0; i < sessions; i++) {
      const { db } = openSmall({ sync: false }, env);
      db.put(key(i), `v${i}`);
      db.close();
    }
    const log = namesLike(env, ".log").at(-1)!;
    damage(env, `${PATH}/${log}`, 30);
    const bytes = readFile(env, `${PATH}/${log}`);
    const salvaged = salvage(env, PATH);
    expect(entries(salvaged)).toEqual(filled(sessions - 1));
    expect(salvaged.recovery.skipped).toContainEqual(
      expect.objectContaining({ file: log, offset: 0, length: bytes.length }),
    );
    expect(readFile(env, `${PATH}/lost/${log}-0`)).toEqual(bytes);
  }
});

// Of a log that ends at a record's edge no byte is left out, so nothing was listed, although records are missing.
test("a log that breaks off before the size that its successor names is listed, with nothing to copy", () => {
  const { env, older, inOlder, ends, all } = twoLogs();
  const offset = ends[3]!;
  writeFile(env, `/crash/${older}`, readFile(env, `/crash/${older}`).subarray(0, offset));
  const salvaged = salvage(env, "/crash");
  expect(entries(salvaged)).toEqual([...filled(4), ...filled(all - inOlder, "v", inOlder)]);
  expect(salvaged.recovery.skipped).toMatchObject([{ file: older, offset, length: 0 }]);
  expect(names(env, "/crash").includes("lost")).toBe(false);
});

test("a newest log that breaks off, or is missing, although the manifest was closed with it is listed", () => {
  for (const missing of [false, true]) {
    const { db, env } = openSmall();
    db.put(key(0), "v0");
    db.close();
    const again = openSmall({}, env).db;
    const log = namesLike(env, ".log").at(-1)!;
    const kept = namesLike(env, ".log")[0]!;
    again.put(key(1), "v1");
    const end = env.stat(`${PATH}/${log}`).size;
    again.put(key(2), "v2");
    again.close();
    if (missing) env.unlink(`${PATH}/${log}`);
    else writeFile(env, `${PATH}/${log}`, readFile(env, `${PATH}/${log}`).subarray(0, end));
    // The log that was kept from the session before ends in a CLEAN END of its own.
    const [file, offset] = missing ? [kept, env.stat(`${PATH}/${kept}`).size] : [log, end];
    expect(thrown(() => openSmall({}, env))).toMatchObject({
      file,
      offset: missing ? offset - CLEAN_END_CHUNK : offset,
    });
    const salvaged = salvage(env, PATH);
    expect(entries(salvaged)).toEqual(filled(missing ? 1 : 2));
    expect(salvaged.recovery.skipped).toMatchObject([{ file, offset, length: 0 }]);
    expect(exists(env, `${PATH}/lost`)).toBe(false);
  }
});

// The manifest's last edit was damaged: it had a flushed table in and the table's log out. The salvage did without both,
// said nothing, and removed the table.
test("a log that is missing, but named by its successor, is corruption in every mode, with nothing changed", () => {
  const { db, env } = openSmall({ walRecycle: false });
  const log = namesLike(env, ".log")[0]!;
  for (let i = 0; i < 3; i++) db.put(key(i), `v${i}`);
  db.flush();
  db.put(key(3), "v3");
  copyStore(env, "/crash");
  const manifest = names(env, "/crash").find((name) => name.startsWith("MANIFEST-"))!;
  const end = env.stat(`/crash/${manifest}`).size;
  damage(env, `/crash/${manifest}`, end - 1);
  const before = image(env, "/crash");
  for (const walRecoveryMode of ["pointInTime", "absolute", "skipCorrupted"] as const) {
    for (const readOnly of [true, false]) {
      const error = thrown(() => open("/crash", { ...SMALL, env, readOnly, walRecoveryMode }));
      expect(error).toMatchObject({ code: "TINYKV_CORRUPTION", file: log, offset: 0 });
      expect(image(env, "/crash")).toEqual(before);
    }
  }
  damage(env, `/crash/${manifest}`, end - 1);
  expect(entries(salvage(env, "/crash"))).toEqual(filled(4));
});

// A checkpoint is a store of its own with exactly the state of the call.

import { expect, test } from "vitest";
import { open, type Database } from "./database.ts";
import type { FaultyEnv } from "./faulty-env.test-support.ts";
import {
  PATH,
  SMALL,
  codeOf,
  entries,
  exists,
  fill,
  filled,
  image,
  key,
  names,
  namesLike,
  openSmall,
  writeFile,
} from "./engine.test-support.ts";

/** Tables in several levels, a waiting memtable, tombstones, something in the newest log. */
function busy(options = {}): { db: Database; env: FaultyEnv } {
  const opened = openSmall({ background: "manual", maxWriteBufferNumber: 4, ...options });
  const { db } = opened;
  fill(db, 60);
  db.compactRange();
  fill(db, 30, "w");
  db.flush();
  for (let i = 0; i < 60; i += 4) db.delete(key(i));
  fill(db, 70, "x", 100);
  return opened;
}

const openCopy = (env: FaultyEnv, options = {}): Database =>
  open("/copy", { ...SMALL, env, createIfMissing: false, ...options });

test("G5: a checkpoint equals the state of the call and opens as a closed store, whatever the source does later", () => {
  const { db, env } = busy();
  expect(db.stats().memtables.count).toBeGreaterThan(1);
  const expected = entries(db);
  db.checkpoint("/copy");
  fill(db, 100, "later");
  db.compactRange();
  const source = entries(db);
  const copy = openCopy(env, { walRecoveryMode: "absolute" });
  expect(copy.recovery).toMatchObject({ clean: true, tornBytes: 0, skipped: [] });
  expect(entries(copy)).toEqual(expected);
  expect(copy.verify().problems).toEqual([]);
  fill(copy, 80, "copy");
  copy.compactRange();
  copy.close();
  expect(entries(db)).toEqual(source);
  expect(db.verify().problems).toEqual([]);
  db.close();
  expect(entries(open(PATH, { ...SMALL, env }))).toEqual(source);
});

test("a checkpoint changes no byte of its source", () => {
  const { db, env } = busy();
  const before = image(env);
  db.checkpoint("/copy/");
  expect(image(env)).toEqual(before);
  expect(names(env, "/")).toEqual(["copy", "db"]);
  expect(namesLike(env, ".sst", "/copy")).toEqual(namesLike(env, ".sst"));
});

test("a checkpoint of an empty store, with kept logs, and of a checkpoint", () => {
  const { db, env } = openSmall();
  db.checkpoint("/empty");
  expect(entries(open("/empty", { ...SMALL, env, createIfMissing: false }))).toEqual([]);
  fill(db, 3);
  db.close();
  const again = open(PATH, { ...SMALL, env });
  again.put("z", "1");
  expect(namesLike(env, ".log").length).toBe(2);
  again.checkpoint("/copy");
  const copy = openCopy(env);
  copy.checkpoint("/copy2");
  const second = open("/copy2", { ...SMALL, env, createIfMissing: false });
  expect(entries(second)).toEqual([...filled(3), "z=1"]);
  expect(second.recovery.clean).toBe(true);
});

test("where tables cannot be linked they are copied", () => {
  const { db, env } = busy();
  const expected = entries(db);
  env.fail(({ kind }) => kind === "link", "EXDEV");
  db.checkpoint("/copy");
  expect(env.stat(`/copy/${namesLike(env, ".sst")[0]}`).inode).not.toBe(
    env.stat(`${PATH}/${namesLike(env, ".sst")[0]}`).inode,
  );
  const copy = openCopy(env);
  expect(entries(copy)).toEqual(expected);
  expect(copy.verify().problems).toEqual([]);
});

test("EXISTS when DIR exists in any form, or DIR.tmp holds what is no checkpoint's; nothing is touched", () => {
  const { db, env } = busy();
  env.makeDirectory("/copy");
  expect(codeOf(() => db.checkpoint("/copy"))).toBe("EXISTS");
  expect(names(env, "/copy")).toEqual([]);
  writeFile(env, "/file", "x");
  expect(codeOf(() => db.checkpoint("/file"))).toBe("EXISTS");
  expect(codeOf(() => db.checkpoint(PATH))).toBe("EXISTS");
  for (const foreign of ["notes.txt", "LOCK", "lost"]) {
    const path = `/${foreign}-copy`;
    env.makeDirectory(`${path}.tmp`);
    writeFile(env, `${path}.tmp/000001.sst`, "table");
    if (foreign === "lost") env.makeDirectory(`${path}.tmp/lost`);
    else writeFile(env, `${path}.tmp/${foreign}`, "mine");
    const before = names(env, `${path}.tmp`);
    expect(codeOf(() => db.checkpoint(path))).toBe("EXISTS");
    expect(names(env, `${path}.tmp`)).toEqual(before);
    expect(exists(env, path)).toBe(false);
  }
  writeFile(env, "/plain.tmp", "a file");
  expect(codeOf(() => db.checkpoint("/plain"))).toBe("EXISTS");
  for (const bad of ["", undefined, 7]) expect(codeOf(() => db.checkpoint(bad as string))).toBe("INVALID_ARGUMENT");
});

test("the remains of an interrupted checkpoint are replaced", () => {
  const { db, env } = busy();
  const expected = entries(db);
  env.makeDirectory("/copy.tmp");
  for (const name of ["000004.sst", "000099.log", "MANIFEST-000100", "CURRENT", "CURRENT.tmp"]) {
    writeFile(env, `/copy.tmp/${name}`, "half");
  }
  db.checkpoint("/copy");
  expect(exists(env, "/copy.tmp")).toBe(false);
  expect(exists(env, "/copy/000099.log")).toBe(false);
  expect(entries(openCopy(env))).toEqual(expected);
});

test("a checkpoint that fails anywhere leaves no DIR but a whole one, the source well, and can be made again", () => {
  let whole = 0;
  for (let nth = 0, done = false; !done; nth++) {
    const { db, env } = openSmall();
    fill(db, 30);
    db.flush();
    fill(db, 5, "w", 100);
    const expected = entries(db);
    const before = image(env);
    const handles = env.openHandles;
    env.failFrom(nth, "EIO", 1);
    const code = codeOf(() => db.checkpoint("/copy"));
    done = !env.isSpent;
    env.heal();
    expect(env.openHandles).toBe(handles);
    expect(image(env)).toEqual(before);
    expect(done || code === "IO_ERROR").toBe(true);
    db.put("well", "1");
    if (exists(env, "/copy")) {
      whole++;
      expect(entries(openCopy(env))).toEqual(expected);
    } else {
      db.checkpoint("/copy");
      expect(entries(openCopy(env))).toEqual([...expected, "well=1"]);
    }
  }
  expect(whole).toBe(2); // the sync of the parent failed, and the one that nothing failed
});

test("a checkpoint's syncs come in the order that a crash needs", () => {
  const { db, env } = busy();
  env.calls = [];
  db.checkpoint("/copy");
  const barriers = env.calls.flatMap(({ barrier }) => barrier ?? []).filter((each, i, all) => each !== all[i - 1]);
  expect(barriers).toEqual([
    "create.manifest",
    "create.directory",
    "checkpoint.log",
    "checkpoint.manifest-end",
    "create.current",
    "create.current-directory",
    "checkpoint.parent",
  ]);
});

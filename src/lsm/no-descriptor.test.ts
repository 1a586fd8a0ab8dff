// A directory is opened to be synced. When there is no descriptor left for that nothing was synced and nothing lost: it is a
// call that failed, not a sync that failed, after which only a reopen may say what is durable.

import { expect, test } from "vitest";
import type { Barrier } from "../util/env.ts";
import { open } from "./database.ts";
import { codeOf, entries, fill, filled, openSmall, PATH, SMALL } from "./engine.test-support.ts";
import type { Call, FaultyEnv } from "./faulty-env.test-support.ts";

const isSyncOf =
  (barrier: Barrier) =>
  (call: Call): boolean =>
    call.kind === "syncDirectory" && call.barrier === barrier;

/** What a reopen finds. */
function reopened(env: FaultyEnv): string[] {
  const db = open(PATH, { ...SMALL, env });
  const found = entries(db);
  db.close();
  return found;
}

for (const errno of ["EMFILE", "ENFILE"]) {
  test(`${errno} where a job syncs the directory fails the job, which is done again`, () => {
    const { db, env } = openSmall({ sync: false });
    fill(db, 5);
    env.fail(isSyncOf("flush.directory"), errno, 1);
    expect(codeOf(() => db.flush())).toBe("IO_ERROR");
    expect(env.isSpent).toBe(true);
    db.put("z", "1");
    db.flush();
    expect(db.stats().memtables.entries).toBe(0);
    db.close();
    expect(reopened(env)).toEqual([...filled(5), "z=1"]);
  });
}

test("a log is not left as long as its name cannot be synced, and the next try leaves it", () => {
  const { db, env } = openSmall({ sync: false });
  fill(db, 100);
  db.flush();
  fill(db, 5, "w");
  const { current } = db.stats().logs;
  env.fail(isSyncOf("rotate.old-directory"), "EMFILE", 1);
  expect(codeOf(() => db.flush())).toBe("IO_ERROR");
  expect(env.isSpent).toBe(true);
  expect(db.stats().logs.current).toBe(current);
  db.flush();
  expect(db.stats().logs.current).toBeGreaterThan(current);
  expect(entries(db).slice(0, 5)).toEqual(filled(5, "w"));
  db.close();
});

for (const [name, write] of [
  ["put", (db: ReturnType<typeof open>) => Promise.resolve(codeOf(() => db.put("lost", "1", { sync: true })))],
  [
    "putAsync",
    (db: ReturnType<typeof open>) =>
      db.putAsync("lost", "1", { sync: true }).then(
        () => undefined,
        (error: Error) => (error as Error & { code: string }).code.replace("TINYKV_", ""),
      ),
  ],
] as const) {
  test(`a ${name} whose log's name cannot be synced is refused for ever: it stands in the log, so resume() is needed`, async () => {
    const { db, env } = openSmall({ sync: false });
    fill(db, 100);
    db.flush();
    fill(db, 5, "w");
    env.fail(isSyncOf("log.directory"), "EMFILE", 1);
    expect(await write(db)).toBe("IO_ERROR");
    expect(env.isSpent).toBe(true);
    expect(codeOf(() => db.put("a", "a"))).toBe("BACKGROUND_ERROR");
    db.resume();
    db.put("z", "1", { sync: true });
    const expected = [...filled(5, "w"), ...filled(95, "v", 5), "z=1"];
    expect(entries(db)).toEqual(expected);
    db.close();
    expect(reopened(env)).toEqual(expected);
  });
}

test("sync() that finds no descriptor may be called again", () => {
  const { db, env } = openSmall({ sync: false });
  fill(db, 100);
  db.flush();
  fill(db, 5, "w");
  env.fail(isSyncOf("log.directory"), "EMFILE", 1);
  expect(codeOf(() => db.sync())).toBe("IO_ERROR");
  db.put("z", "1");
  db.sync();
  expect(db.lastError).toBeUndefined();
  db.close();
});

test("a sync that was made and failed is as lost as ever", () => {
  const { db, env } = openSmall({ sync: false });
  fill(db, 5);
  env.fail(isSyncOf("flush.directory"), "EIO", 1);
  expect(codeOf(() => db.flush())).toBe("BACKGROUND_ERROR");
  expect(codeOf(() => db.resume())).toBe("BACKGROUND_ERROR");
});

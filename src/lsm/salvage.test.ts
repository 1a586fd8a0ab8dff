// Salvages that lost something without a word. Each test has its story: what was left out, and what says so now.

import { expect, test } from "vitest";
import { open, type Database } from "./database.ts";
import type { FaultyEnv } from "./faulty-env.test-support.ts";
import { PATH, SMALL, damage, entries, filled, key, namesLike, openSmall, readFile } from "./engine.test-support.ts";

function salvage(env: FaultyEnv, path: string): Database {
  return open(path, { ...SMALL, env, walRecoveryMode: "skipCorrupted" });
}

// The gap ran to CLEAN END, so the log's last record ended before it, as at a tear: it was not listed and not copied.
test("a damaged last record in front of CLEAN END is listed and copied to lost/", () => {
  const { db, env } = openSmall({ walRecycle: false });
  const log = namesLike(env, ".log")[0]!;
  for (let i = 0; i < 3; i++) db.put(key(i), `v${i}`);
  const offset = env.stat(`${PATH}/${log}`).size;
  db.put(key(3), "v3");
  const end = env.stat(`${PATH}/${log}`).size;
  db.close();
  damage(env, `${PATH}/${log}`, end - 1);
  const bytes = readFile(env, `${PATH}/${log}`).subarray(offset, end);
  const salvaged = salvage(env, PATH);
  expect(entries(salvaged)).toEqual(filled(3));
  expect(salvaged.recovery.skipped).toMatchObject([{ file: log, offset, length: end - offset }]);
  expect(readFile(env, `${PATH}/lost/${log}-${offset}`)).toEqual(bytes);
});

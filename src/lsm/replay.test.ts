// What recovery does with memory: logs are read once while what they hold fits into the memtables of a session, else twice.

import { expect, test } from "vitest";
import { WriteBatch } from "../memtable/write-batch.ts";
import { open } from "./database.ts";
import { copyStore, entries, filled, key, namesLike, openSmall, SMALL } from "./engine.test-support.ts";
import type { FaultyEnv } from "./faulty-env.test-support.ts";

const RECORDS = 300;

/** A crash's image at /crash: RECORDS keys, each written twice, in one log. */
function crashed(): FaultyEnv {
  const { db, env } = openSmall({ writeBufferSize: 1 << 20, sync: false });
  // In no order of keys, and older values before newer ones: memtables overlap, and it matters which one is newer.
  for (const value of ["older ", "v"])
    for (let i = 0; i < RECORDS; i++) db.put(key((i * 7) % RECORDS), `${value}${(i * 7) % RECORDS}`);
  copyStore(env, "/crash");
  db.close();
  return env;
}

test.each([
  // [write buffer, memtables at most, times the log is opened: for its header, to be validated, to be applied]
  ["fits into one memtable", 1 << 20, 2, 2],
  ["fits into as many as a session has", 16 << 10, 4, 2],
  ["does not fit", 2 << 10, 2, 3],
  ["does not fit into the only one", 16 << 10, 1, 3],
])("a log that %s", (_, writeBufferSize, maxWriteBufferNumber, opens) => {
  const env = crashed();
  const [log] = namesLike(env, ".log", "/crash");
  env.calls = [];
  const db = open("/crash", { ...SMALL, env, writeBufferSize, maxWriteBufferNumber, background: "manual" });
  expect(env.calls.filter(({ kind, file, mode }) => kind === "open" && file === log && mode === "r").length).toBe(
    opens,
  );
  expect(db.recovery.records).toBe(2 * RECORDS);
  expect(entries(db)).toEqual(filled(RECORDS));
  const tables = namesLike(env, ".sst", "/crash").length;
  if (opens === 3) expect(tables).toBeGreaterThan(maxWriteBufferNumber);
  else expect(tables).toBeLessThanOrEqual(maxWriteBufferNumber);
  db.close();
});

test("batches that are too large to be gathered are recovered in their place", () => {
  const { db, env } = openSmall({ writeBufferSize: 48 << 20 });
  const large = Buffer.alloc(1 << 20, "large");
  const batch = new WriteBatch();
  for (let i = 0; i < 17; i++) batch.put(key(i), large);
  db.put(key(3), "before");
  db.put(key(100), "before");
  db.write(batch);
  db.put(key(5), "behind");
  copyStore(env, "/crash");
  db.close();
  const recovered = open("/crash", { ...SMALL, env, writeBufferSize: 48 << 20 });
  expect(recovered.recovery.records).toBe(4);
  expect([...recovered.iterate()].length).toBe(18);
  expect(recovered.get(key(3))).toEqual(large);
  expect(recovered.get(key(5))?.toString()).toBe("behind");
  expect(recovered.get(key(100))?.toString()).toBe("before");
  recovered.close();
});

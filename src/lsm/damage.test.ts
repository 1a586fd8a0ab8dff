// Damage in every kind of file: what reads, verify() and the next open say of it.

import { expect, test } from "vitest";
import { CorruptionError } from "../common/errors.ts";
import { CHUNK_HEADER_BYTES, CLEAN_END_BYTES } from "../wal/log-format.ts";
import { open, type Database } from "./database.ts";
import type { FaultyEnv } from "./faulty-env.test-support.ts";
import {
  PATH,
  SMALL,
  codeOf,
  damage,
  entries,
  fill,
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

/** One table, a manifest with an edit, a log with records. */
function small(): { db: Database; env: FaultyEnv } {
  const opened = openSmall({ blockCacheSize: 0, walRecycle: false });
  fill(opened.db, 12);
  opened.db.flush();
  fill(opened.db, 3, "w", 50);
  return opened;
}

/** Chunk header and payload of CLEAN END. */
const CLEAN_END_CHUNK = CHUNK_HEADER_BYTES + CLEAN_END_BYTES;

const EXPECTED = [...filled(12), ...filled(3, "w", 50)];

/** The answer, or undefined when it is honest damage of that file. */
function answered<T>(file: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    expect(error).toBeInstanceOf(CorruptionError);
    expect((error as CorruptionError).file).toBe(file);
    expect((error as CorruptionError).offset).toBeGreaterThanOrEqual(0);
    return undefined;
  }
}

test("G12 G18: whichever byte of a table is damaged, get, scans and verify() throw or report, and never lie", () => {
  const { db, env } = small();
  const file = namesLike(env, ".sst")[0]!;
  const { size } = env.stat(`${PATH}/${file}`);
  let refusals = 0;
  db.close();
  for (let offset = 0; offset < size; offset++) {
    damage(env, `${PATH}/${file}`, offset);
    const read = answered(file, () => open(PATH, { ...SMALL, env, readOnly: true, blockCacheSize: 1 << 20 }));
    if (read) {
      for (const i of [0, 5, 11, 50]) {
        const value = answered(file, () => ({ found: read.get(key(i))?.toString() }));
        if (value) expect(value.found).toBe(i < 12 ? `v${i}` : `w${i}`);
        else refusals++;
      }
      for (const options of [{}, { reverse: true }]) {
        const seen = answered(file, () => [...read.iterate(options)].length);
        if (seen !== undefined) expect(seen).toBe(EXPECTED.length);
      }
      const report = read.verify();
      expect(report.ok).toBe(false);
      expect(report.problems[0]).toMatchObject({ file, offset: expect.any(Number), problem: expect.any(String) });
      read.close();
    }
    damage(env, `${PATH}/${file}`, offset);
  }
  expect(refusals).toBeGreaterThan(50);
});

test("blocks that get() reads are kept in the cache, unless fillCache says no", () => {
  const { db } = openSmall();
  fill(db, 60);
  db.compactRange();
  db.get(key(1), { fillCache: false });
  expect(db.stats().cache.bytes).toBe(0);
  db.get(key(1));
  const { bytes, misses } = db.stats().cache;
  expect(bytes).toBeGreaterThan(0);
  db.get(key(1));
  db.get(key(1), { fillCache: false });
  expect(db.stats().cache).toMatchObject({ bytes, misses });
});

for (const kind of ["CURRENT", "MANIFEST", ".log", ".sst"]) {
  test(`verify() reports damage planted in ${kind} at any place, and nothing once it is mended`, () => {
    const { db, env } = small();
    const file = names(env).find((name) => name.startsWith(kind) || name.endsWith(kind))!;
    const path = `${PATH}/${file}`;
    expect(db.verify()).toMatchObject({ ok: true, files: 4, problems: [] });
    const bytes = readFile(env, path);
    for (let offset = 0; offset < bytes.length; offset++) {
      damage(env, path, offset);
      const { ok, problems } = db.verify();
      expect(ok).toBe(false);
      expect(problems[0]?.file).toBe(file);
      damage(env, path, offset);
    }
    for (const cut of [0, 1, bytes.length - 1]) {
      writeFile(env, path, bytes.subarray(0, cut));
      expect(db.verify().problems[0]?.file).toBe(file);
    }
    env.unlink(path);
    expect(db.verify().problems).toEqual([{ file, offset: 0, problem: expect.stringContaining("missing") }]);
    writeFile(env, path, bytes);
    expect(db.verify().problems).toEqual([]);
    expect(entries(db)).toEqual(EXPECTED);
  });
}

test("verify() reports a CURRENT that names another manifest, and tells its progress", () => {
  const { db, env } = small();
  const other = openSmall();
  other.db.close();
  open(PATH, { ...SMALL, env: other.env });
  writeFile(env, `${PATH}/CURRENT`, readFile(other.env, `${PATH}/CURRENT`));
  const progress: string[] = [];
  const { problems, files } = db.verify((done, total) => void progress.push(`${done}/${total}`));
  expect(problems).toEqual([{ file: "CURRENT", offset: 0, problem: expect.stringContaining("is live") }]);
  expect(progress).toEqual([`${files - 1}/${files}`, `${files}/${files}`]);
});

for (const kind of ["CURRENT", "MANIFEST", ".log"]) {
  test(`G16 G20 G21: after a clean close any damaged byte of ${kind} refuses the open, with nothing changed`, () => {
    const { db, env } = small();
    db.close();
    const file = names(env).find((name) => name.startsWith(kind) || name.endsWith(kind))!;
    const path = `${PATH}/${file}`;
    const { size } = env.stat(path);
    // The very last chunk is the manifest's own CLEAN END: without it the close looks interrupted there, which lost nothing.
    const witnessed = kind === "MANIFEST" ? size - CLEAN_END_CHUNK : size;
    for (let offset = witnessed; offset < size; offset++) {
      damage(env, path, offset);
      const read = open(PATH, { ...SMALL, env, readOnly: true });
      expect(entries(read)).toEqual(EXPECTED);
      read.close();
      damage(env, path, offset);
    }
    for (let offset = 0; offset < witnessed; offset++) {
      damage(env, path, offset);
      const before = image(env);
      const error = thrown(() => open(PATH, { ...SMALL, env }));
      expect(error, `${file} at ${offset}`).toBeInstanceOf(CorruptionError);
      expect(image(env)).toEqual(before);
      damage(env, path, offset);
    }
    expect({ handles: env.openHandles, locks: env.locksHeld }).toEqual({ handles: 0, locks: 0 });
    expect(entries(open(PATH, { ...SMALL, env }))).toEqual(EXPECTED);
  });
}

test("G16: a table that is missing, cut or of another store refuses the open, with nothing changed", () => {
  const { db, env } = small();
  db.close();
  const file = namesLike(env, ".sst")[0]!;
  const path = `${PATH}/${file}`;
  const bytes = readFile(env, path);
  const { db: other, env: otherEnv } = small();
  other.close();
  for (const wrong of [
    undefined,
    bytes.subarray(0, bytes.length - 1),
    bytes.subarray(0, 10),
    Buffer.concat([bytes, bytes]),
  ]) {
    env.unlink(path);
    if (wrong) writeFile(env, path, wrong);
    const before = image(env);
    for (const readOnly of [false, true]) {
      const error = thrown(() => open(PATH, { ...SMALL, env, readOnly }));
      expect(error).toMatchObject({ code: "TINYKV_CORRUPTION", file });
    }
    expect(image(env)).toEqual(before);
    if (!wrong) writeFile(env, path, "");
  }
  writeFile(env, path, bytes);
  expect(codeOf(() => open(PATH, { ...SMALL, env }))).toBeUndefined();
  expect(otherEnv.openHandles).toBe(0);
});

test("G17: a compaction that meets damage fails, keeps its inputs and reports", () => {
  const { db, env } = openSmall({ level0FileNumCompactionTrigger: 100, blockCacheSize: 0 });
  fill(db, 20);
  db.flush();
  fill(db, 20, "w");
  db.flush();
  const tables = namesLike(env, ".sst");
  damage(env, `${PATH}/${tables[0]}`, 20);
  expect(thrown(() => db.compactRange())).toMatchObject({ code: "TINYKV_CORRUPTION", file: tables[0] });
  expect(namesLike(env, ".sst")).toEqual(tables);
  damage(env, `${PATH}/${tables[0]}`, 20);
  db.compactRange();
  expect(entries(db)).toEqual(filled(20, "w"));
});

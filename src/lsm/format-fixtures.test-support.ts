// Stores of format version 1, committed to fixtures/, that every later version must open: they are never made anew.
//
//   v1         closed: tables on two levels, one of them with an index of two levels, a log of several blocks
//   v1-killed  the same store a few writes later, its process killed inside the last one: no CLEAN END, a torn tail
//
// `WRITE_FIXTURES=1 npx vitest run src/lsm/format-fixtures` writes those that are missing.

import { existsSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Env } from "../util/env.ts";
import { MemoryEnv } from "../util/memory-env.ts";
import { nodeEnv } from "../util/node-env.ts";
import { open, type Database } from "./database.ts";
import { image, writeFile } from "./engine.test-support.ts";
import type { Options } from "./options.ts";

export type FixtureName = "v1" | "v1-killed";

/** What it was made with; no option has to be the same to open it. */
const MADE_WITH: Options = {
  blockSize: 256,
  indexBlockSize: 64,
  logBlockSize: 512,
  walRecycle: false,
  background: "manual",
};

const STORE = "/fixture";

/** Where a fixture lies, from the sources and from dist/ alike. */
export function fixturePath(name: FixtureName): string {
  const here = fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
  return here.replace(/\/dist\/src\/lsm\/fixtures\//, "/src/lsm/fixtures/");
}

/** The bytes of a fixture in memory. */
export function loadFixture(name: FixtureName): { env: MemoryEnv; path: string } {
  const env = new MemoryEnv();
  env.makeDirectory(STORE);
  for (const [file, bytes] of image(nodeEnv, fixturePath(name))) {
    writeFile(env, `${STORE}/${file}`, Buffer.from(bytes, "latin1"));
  }
  return { env, path: STORE };
}

/** What a fixture holds: every key, in order, with its value, both in hexadecimal. */
export function fixtureEntries(name: FixtureName): [string, string][] {
  const entries = new Map<string, string>();
  const hex = (text: string): string => Buffer.from(text, "latin1").toString("hex");
  const put = (key: string, value: string): void => void entries.set(hex(key), hex(value));
  for (let i = 0; i < 60; i++) put(`key-${String(i).padStart(3, "0")}`, `value ${i} of the first flush`);
  for (let i = 10; i < 30; i += 2) put(`key-${String(i).padStart(3, "0")}`, `value ${i} of the second flush`);
  for (const i of [11, 13, 50]) entries.delete(hex(`key-${String(i).padStart(3, "0")}`));
  put("\xff\xfe\x00", "a key that is no UTF-8");
  put("key-020", "in the log alone");
  put("", "of the empty key");
  put("empty value", "");
  put("large value", "0123456789abcdef".repeat(100));
  entries.delete(hex("key-040"));
  if (name === "v1-killed") {
    put("after", "the last that was whole");
    entries.delete(hex("key-000"));
  }
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Makes the files of a fixture; the same bytes every time. */
export function makeFixture(name: FixtureName): Map<string, string> {
  const env = new MemoryEnv({ seed: 1 });
  const db = open(STORE, { ...MADE_WITH, env });
  writeFixture(db);
  db.close();
  if (name === "v1") return image(env, STORE);
  return killed(env);
}

function writeFixture(db: Database): void {
  const key = (i: number): string => `key-${String(i).padStart(3, "0")}`;
  for (let i = 0; i < 60; i++) db.put(key(i), `value ${i} of the first flush`);
  db.compactRange();
  for (let i = 10; i < 30; i += 2) db.put(key(i), `value ${i} of the second flush`);
  for (const i of [11, 13, 50]) db.delete(key(i));
  db.put(Buffer.from("\xff\xfe\x00", "latin1"), "a key that is no UTF-8");
  db.flush();
  db.put("key-020", "in the log alone");
  db.put("", "of the empty key");
  db.put("empty value", "");
  db.put("large value", "0123456789abcdef".repeat(100), { sync: false });
  db.delete("key-040");
}

// The files as they are while the store is open; the last record of the newest log is cut in its middle.
function killed(env: Env): Map<string, string> {
  const db = open(STORE, { ...MADE_WITH, env });
  db.put("after", "the last that was whole");
  db.delete("key-000");
  const before = image(env, STORE);
  db.put("torn", "a write that its process did not survive", { sync: false });
  const after = image(env, STORE);
  const log = [...after.keys()].find((file) => after.get(file) !== before.get(file))!;
  const [whole, torn] = [before.get(log)!.length, after.get(log)!.length];
  after.set(log, after.get(log)!.slice(0, (whole + torn) >> 1));
  db.close();
  return after;
}

/** Writes the fixtures that are not there. */
export function writeMissingFixtures(): void {
  for (const name of ["v1", "v1-killed"] as const) {
    const path = fixturePath(name);
    if (existsSync(path)) continue;
    mkdirSync(path, { recursive: true });
    for (const [file, bytes] of makeFixture(name)) writeFile(nodeEnv, `${path}/${file}`, Buffer.from(bytes, "latin1"));
  }
}

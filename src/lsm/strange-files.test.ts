// A store directory from a stranger: names of ours that are no ordinary files are refused before anything is locked,
// opened or written, with real files in a temporary directory.

import { spawnSync } from "node:child_process";
import {
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { CorruptionError } from "../common/errors.ts";
import { crc32 } from "../common/crc32.ts";
import { bytewise, KeyOrder } from "../common/comparator.ts";
import { MemoryEnv } from "../util/memory-env.ts";
import { nodeEnv } from "../util/node-env.ts";
import { readManifest, writeManifest } from "./manifest.ts";
import { open } from "./database.ts";
import { destroyStore } from "./destroy.ts";
import { image, thrown } from "./engine.test-support.ts";
import { fixturePath } from "./format-fixtures.test-support.ts";

const root = mkdtempSync(join(tmpdir(), "tinykv-strange-"));
const store = join(root, "store");
const outside = join(root, "outside");
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  for (const path of [store, outside]) rmSync(path, { recursive: true, force: true });
  cpSync(fixturePath("v1"), store, { recursive: true });
  mkdirSync(outside);
});

const OPENS = [{}, { readOnly: true }, { walRecoveryMode: "skipCorrupted" }] as const;

/** Every own name, some of which the fixture has, and what it may not be. */
const FILES = [
  "CURRENT",
  "CURRENT.tmp",
  "LOCK",
  "MANIFEST-000001",
  "000005.sst",
  "000006.log",
  "000004.log",
  "000099.sst",
];

function expectRefused(name: string, problem: string): void {
  const before = listing(store);
  for (const options of OPENS) {
    const error = thrown(() => open(store, options));
    expect(error).toBeInstanceOf(CorruptionError);
    expect(error).toMatchObject({ file: name, problem });
  }
  expect(thrown(() => destroyStore(store))).toMatchObject({ code: "TINYKV_CORRUPTION", file: name });
  expect(listing(store)).toEqual(before);
}

function listing(directory: string): string[] {
  return readdirSync(directory).map((name) => {
    const { ino, size, mtimeMs } = lstatSync(join(directory, name));
    return `${name} ${ino} ${size} ${mtimeMs}`;
  });
}

test.each(FILES)("a symbolic link %s is refused by every open, its target untouched", (name) => {
  const target = join(outside, "target");
  const path = join(store, name);
  if (readdirSync(store).includes(name)) renameSync(path, target);
  else writeFileSync(target, "somebody's");
  symlinkSync(target, path);
  const before = readFileSync(target);
  expectRefused(name, "a symbolic link, not a file");
  expect(readFileSync(target)).toEqual(before);
});

test("a symbolic link lost/ leads no write and no unlink out of the directory", () => {
  writeFileSync(join(outside, "000006.log-1"), "somebody's");
  symlinkSync(outside, join(store, "lost"));
  const log = readFileSync(join(store, "000006.log"));
  log[400]! ^= 1;
  writeFileSync(join(store, "000006.log"), log);
  expectRefused("lost", "a symbolic link, not a directory");
  expect(readdirSync(outside)).toEqual(["000006.log-1"]);
});

test.each(["000005.sst", "000006.log", "MANIFEST-000001", "CURRENT", "LOCK", "000099.sst"])(
  "a FIFO, a directory or a socket named %s makes no open wait, and is refused",
  async (name) => {
    const path = join(store, name);
    rmSync(path, { force: true });
    spawnSync("mkfifo", [path]);
    expectRefused(name, "a special file, not a file");
    rmSync(path);
    mkdirSync(path);
    expectRefused(name, "a directory, not a file");
    rmSync(path, { recursive: true });
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once("listening", resolve));
    expectRefused(name, "a special file, not a file");
    await new Promise((resolve) => server.close(resolve));
  },
);

test("the directory itself may be reached through a symbolic link", () => {
  const link = join(root, "link");
  symlinkSync(store, link);
  const db = open(link);
  db.put("through", "a link");
  db.close();
  const again = open(store, { readOnly: true });
  expect(again.get("through")?.toString()).toBe("a link");
  again.close();
  rmSync(link);
});

test("foreign names of any kind are left alone", () => {
  symlinkSync(outside, join(store, "notes"));
  mkdirSync(join(store, "7.sst"));
  open(store).close();
  expect(lstatSync(join(store, "notes")).isSymbolicLink()).toBe(true);
  expect(lstatSync(join(store, "7.sst")).isDirectory()).toBe(true);
});

test.each(["../outside/MANIFEST-000001", "/etc/passwd", "MANIFEST-000001/../x", "MANIFEST-1", "", "MANIFEST-000001\0"])(
  "CURRENT that names %j is corruption, whatever its checksum",
  (target) => {
    const checksum = crc32(Buffer.from(target)).toString(16).padStart(8, "0");
    writeFileSync(join(store, "CURRENT"), `${target} ${checksum}\n`);
    cpSync(join(store, "MANIFEST-000001"), join(outside, "MANIFEST-000001"));
    const before = image(nodeEnv, store);
    for (const options of OPENS)
      expect(thrown(() => open(store, options))).toMatchObject({ code: "TINYKV_CORRUPTION", file: "CURRENT" });
    expect(image(nodeEnv, store)).toEqual(before);
  },
);

test.each(["9007199254740991.sst", "9007199254740991.log", "MANIFEST-9007199254740991", "4503599627370497.sst"])(
  "a file number behind which none can be issued is corruption: %s",
  (name) => {
    writeFileSync(join(store, name), "");
    expectRefused(name, "a file number that no store reaches");
  },
);

test("a manifest that asks for file numbers behind the last is corruption", () => {
  const env = new MemoryEnv();
  const path = "/store";
  open(path, { env }).close();
  const listed = env.readDirectory(path).find((name) => name.startsWith("MANIFEST"))!;
  const number = Number(listed.slice(-6));
  const { state } = readManifest(env, path, number, new KeyOrder(bytewise));
  env.unlink(`${path}/${listed}`);
  const nextFileNumber = Number.MAX_SAFE_INTEGER;
  const plan = { env, directory: path, number, blockSize: 512, state: { ...state, nextFileNumber } };
  writeManifest({ ...plan, durably: (action) => action() });
  for (const readOnly of [true, false])
    expect(thrown(() => open(path, { env, readOnly }))).toMatchObject({ code: "TINYKV_CORRUPTION", file: listed });
});

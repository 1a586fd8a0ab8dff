// 0 ok; 1 absent or there already; 2 usage; 3 damage; 4 locked; 5 the world failed. An error is one line on standard error,
// and then nothing is on standard output.

import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bytewise } from "../common/comparator.ts";
import type { ErrorCode } from "../common/errors.ts";
import { TinyKVError } from "../common/errors.ts";
import { fixturePath } from "../lsm/format-fixtures.test-support.ts";
import { reseal } from "../wal/log-testing.ts";
import { contents, inStore, temporaryDirectory, tinykv } from "./cli.test-support.ts";
import { exitCodeOf } from "./exit-codes.ts";

const root = temporaryDirectory();
afterAll(root.remove);

const store = join(root.path, "store");
inStore(store, (db) => db.put("a", "1"));

function expectError(args: readonly string[], code: number, line: RegExp, input = ""): void {
  const ran = tinykv(args, { input });
  expect({ ...ran, args }).toMatchObject({ code, stdout: "", args });
  expect(ran.stderr).toMatch(/^[^\n]+\n$/);
  expect(ran.stderr).toMatch(line);
}

/** A copy of the fixture with one file changed. */
function changedFixture(name: string, file: string, change: (bytes: Buffer) => Buffer | void): string {
  const directory = join(root.path, name);
  cpSync(fixturePath("v1"), directory, { recursive: true });
  const bytes = readFileSync(join(directory, file));
  writeFileSync(join(directory, file), change(bytes) ?? bytes);
  return directory;
}

test("1: no store, no file, a checkpoint's directory that exists", () => {
  const nothing = join(root.path, "nothing");
  for (const command of [
    ["get", "a"],
    ["delete", "a"],
  ]) {
    expectError(["--db", nothing, ...command], 1, /^tinykv: DOES_NOT_EXIST: .*nothing/);
  }
  expectError(["--db", nothing, "--read-only", "put", "a", "1"], 1, /DOES_NOT_EXIST/);
  expectError(["sst", "dump", join(root.path, "000001.sst")], 1, /DOES_NOT_EXIST/);
  expectError(["--db", store, "checkpoint", root.path], 1, /EXISTS/);
});

test("2: usage, whatever is wrong with it", () => {
  const db = ["--db", store];
  expectError([...db, "frobnicate"], 2, /unknown command 'frobnicate'/);
  expectError([...db, "get"], 2, /missing required argument/);
  expectError([...db, "get", "a", "b"], 2, /too many arguments/);
  expectError([...db, "--colour", "scan"], 2, /unknown option '--colour'/);
  expectError([...db, "scan", "--limit", "many"], 2, /many is not a number/);
  expectError([...db, "--hex", "get", "abc"], 2, /INVALID_ARGUMENT: key is not hexadecimal/);
  expectError(["wal", "dump", join(store, "CURRENT")], 2, /CURRENT is not the name of a log/);
});

test("2: a change of a store that may only be read", () => {
  for (const command of [["put", "a", "2"], ["flush"]]) {
    expectError(["--db", store, "--read-only", ...command], 2, /^tinykv: READ_ONLY: /);
  }
  expectError(["--db", store, "--read-only", "load"], 2, /READ_ONLY/, '{"key":"a","value":"2"}\n');
  expect(contents(store)).toEqual({ a: "1" });
});

test("2: a store made with another comparator", () => {
  const directory = join(root.path, "backwards");
  const comparator = { name: "backwards", compare: (a: Uint8Array, b: Uint8Array): number => bytewise.compare(b, a) };
  inStore(directory, (db) => db.put("a", "1"), { comparator });
  expectError(["--db", directory, "get", "a"], 2, /^tinykv: COMPARATOR_MISMATCH: .*backwards/);
});

test("3: damage and formats of a version to come", () => {
  const damaged = changedFixture("damaged", "000005.sst", (bytes) => void (bytes[bytes.length - 50]! ^= 1));
  for (const command of [["get", "key-001"], ["verify"], ["put", "a", "1"]]) {
    expectError(["--db", damaged, ...command], 3, /^tinykv: CORRUPTION: 000005\.sst at \d+: /);
  }
  const empty = changedFixture("empty", "CURRENT", () => Buffer.alloc(0));
  expectError(["--db", empty, "scan"], 3, /CORRUPTION: CURRENT at 0: empty/);
  const newer = changedFixture("newer", "000006.log", (bytes) => {
    bytes.writeUInt32LE(2, 19 + 4);
    reseal(bytes, 0, 0);
  });
  expectError(["--db", newer, "put", "a", "1"], 3, /^tinykv: FORMAT_UNSUPPORTED: 000006\.log/);
  expectError(["wal", "dump", join(newer, "000006.log")], 3, /FORMAT_UNSUPPORTED/);
});

test("3: what is no file is damage under a file's name, and nothing waits for it or follows it", () => {
  mkdirSync(join(root.path, "000001.sst"));
  expectError(
    ["sst", "dump", join(root.path, "000001.sst")],
    3,
    /CORRUPTION: 000001\.sst at 0: a directory, not a file/,
  );
  symlinkSync(join(store, "CURRENT"), join(root.path, "000002.log"));
  expectError(["wal", "dump", join(root.path, "000002.log")], 3, /CORRUPTION: 000002\.log at 0: a symlink, not a file/);
  spawnSync("mkfifo", [join(root.path, "MANIFEST-000003")]);
  expectError(["manifest", "dump", join(root.path, "MANIFEST-000003")], 3, /a special file, not a file/);
});

test("4: a store that another process has open, but reading goes on", () => {
  inStore(store, () => {
    for (const command of [["put", "a", "2"], ["destroy"]]) {
      expectError(["--db", store, ...command], 4, new RegExp(`^tinykv: LOCKED: .*process ${process.pid}`));
    }
    expect(tinykv(["--db", store, "get", "a"])).toMatchObject({ code: 0, stdout: "1\n" });
  });
});

test("5: what is no directory cannot be a store", () => {
  const file = join(root.path, "file");
  copyFileSync(join(store, "CURRENT"), file);
  expectError(["--db", file, "put", "a", "1"], 5, /^tinykv: IO_ERROR: .*file is not a directory/);
});

test("every error code has an exit code", () => {
  const codes: Record<number, readonly string[]> = {
    1: ["DOES_NOT_EXIST", "EXISTS"],
    2: ["INVALID_ARGUMENT", "COMPARATOR_MISMATCH", "READ_ONLY"],
    3: ["CORRUPTION", "FORMAT_UNSUPPORTED"],
    4: ["LOCKED"],
    5: ["IO_ERROR", "NO_SPACE", "BACKGROUND_ERROR", "STALLED"],
  };
  for (const [exit, names] of Object.entries(codes)) {
    for (const name of names) expect(exitCodeOf(new TinyKVError(`TINYKV_${name}` as ErrorCode, ""))).toBe(Number(exit));
  }
});

test("help is no error and goes to standard output", () => {
  const { code, stdout, stderr } = tinykv(["--help"]);
  expect([code, stderr]).toEqual([0, ""]);
  for (const command of ["put", "get", "scan", "verify", "sst", "wal", "manifest"])
    expect(stdout).toContain(`  ${command}`);
});

import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { contents, inStore, temporaryDirectory, tinykv, type Ran, type RunOptions } from "./cli.test-support.ts";

const root = temporaryDirectory();
afterAll(root.remove);

let stores = 0;

/** A new store with these entries; a function that runs commands on it. */
function storeWith(entries: Record<string, string>): {
  directory: string;
  run: (args: string[], options?: RunOptions) => Ran;
} {
  const directory = join(root.path, String(++stores));
  inStore(directory, (db) => {
    for (const [key, value] of Object.entries(entries))
      db.put(Buffer.from(key, "latin1"), Buffer.from(value, "latin1"));
  });
  return { directory, run: (args, options) => tinykv(["--db", directory, ...args], options) };
}

const ok = (stdout: string): Ran => ({ code: 0, stdout, stderr: "" });

test("put creates a store and get prints the value and a newline, plain, as JSON and in hexadecimal", () => {
  const directory = join(root.path, "new", "store");
  const run = (...args: string[]): Ran => tinykv(["--db", directory, ...args]);
  expect(run("put", "ключ", "a value")).toEqual(ok(""));
  expect(run("get", "ключ")).toEqual(ok("a value\n"));
  expect(run("--json", "get", "ключ").stdout).toBe(
    Buffer.from('{"key":"ключ","value":"a value"}\n').toString("latin1"),
  );
  expect(run("--hex", "put", "00ff", "FFfe")).toEqual(ok(""));
  expect(run("--hex", "get", "00FF")).toEqual(ok("fffe\n"));
  expect(run("--hex", "--json", "get", "00ff")).toEqual(ok('{"key":"00ff","value":"fffe"}\n'));
  expect(contents(directory)["\x00\xff"]).toBe("\xff\xfe");
});

test("get of a binary value prints its bytes, and JSON that is no UTF-8 is in hexadecimal fields of its own", () => {
  const { run } = storeWith({ key: "\xff\n\x00" });
  expect(run(["get", "key"])).toEqual(ok("\xff\n\x00\n"));
  expect(run(["--json", "get", "key"])).toEqual(ok('{"key":"key","valueHex":"ff0a00"}\n'));
});

test("get of a missing key exits with 1, and JSON says found: false", () => {
  const { run } = storeWith({ a: "1" });
  expect(run(["get", "b"])).toEqual({ code: 1, stdout: "", stderr: "tinykv: key not found\n" });
  expect(run(["--json", "get", "b"])).toMatchObject({ code: 1, stdout: '{"key":"b","found":false}\n' });
});

test("delete removes a key, and is content with one that is not there", () => {
  const { directory, run } = storeWith({ a: "1", b: "2" });
  expect(run(["delete", "a"])).toEqual(ok(""));
  expect(run(["--no-sync", "delete", "nothing"])).toEqual(ok(""));
  expect(contents(directory)).toEqual({ b: "2" });
});

test("scan prints KEY, a tab and VALUE, in the range, order and number asked for", () => {
  const { run } = storeWith({ a: "1", ab: "2", b: "3", c: "4" });
  expect(run(["scan"])).toEqual(ok("a\t1\nab\t2\nb\t3\nc\t4\n"));
  expect(run(["scan", "--from", "ab", "--to", "c"])).toEqual(ok("ab\t2\nb\t3\n"));
  expect(run(["scan", "--prefix", "a", "--keys-only"])).toEqual(ok("a\nab\n"));
  expect(run(["scan", "--reverse", "--limit", "2"])).toEqual(ok("c\t4\nb\t3\n"));
  expect(run(["--hex", "scan", "--from", "63"])).toEqual(ok("63\t34\n"));
  expect(run(["--json", "scan", "--from", "c"])).toEqual(ok('{"key":"c","value":"4"}\n'));
});

test("count counts what scan would print", () => {
  const { run } = storeWith({ a: "1", ab: "2", b: "3" });
  expect(run(["count"])).toEqual(ok("3\n"));
  expect(run(["--json", "count", "--prefix", "a"])).toEqual(ok('{"count":2}\n'));
});

test("batch applies puts and deletes in order, as one batch or as one for every n lines", () => {
  const { directory, run } = storeWith({ a: "1", b: "2" });
  const lines = '{"key":"c","value":"3"}\n{"delete":"a"}\n\n{"key":"c","value":"4"}\n{"deleteHex":"62"}';
  expect(run(["batch"], { input: lines })).toEqual(ok(""));
  expect(contents(directory)).toEqual({ c: "4" });
  const sequence = (): number => inStore(directory, (db) => db.stats().lastSequence, { readOnly: true });
  const before = sequence();
  expect(run(["--no-sync", "--hex", "batch", "--each", "2"], { input: '{"delete":"63"}\n'.repeat(5) })).toEqual(ok(""));
  expect(sequence()).toBe(before + 5);
  expect(contents(directory)).toEqual({});
});

test("a batch with a bad line is not applied at all; with --each the batches before it are", () => {
  const { directory, run } = storeWith({});
  const input = '{"key":"a","value":"1"}\n{"key":"b","value":"2"}\n{"key":"c"}\n';
  const refused = { code: 2, stdout: "", stderr: 'tinykv: INVALID_ARGUMENT: line 3: "key" and "value" are needed\n' };
  expect(run(["batch"], { input })).toEqual(refused);
  expect(contents(directory)).toEqual({});
  expect(run(["batch", "--each", "2"], { input })).toEqual(refused);
  expect(contents(directory)).toEqual({ a: "1", b: "2" });
});

test("load refuses a line that is no UTF-8, naming it", () => {
  const { directory, run } = storeWith({});
  const input = Buffer.from('{"key":"a","value":"1"}\n{"key":"\xff","value":"1"}\n', "latin1");
  const stderr = "tinykv: INVALID_ARGUMENT: line 2: not UTF-8\n";
  expect(run(["load"], { input })).toEqual({ code: 2, stdout: "", stderr });
  expect(contents(directory)).toEqual({});
});

test("what dump writes load reads back, whatever the bytes, plain and in hexadecimal", () => {
  const everything: Record<string, string> = {
    "": "empty key",
    empty: "",
    "\xff\xfe": "\x80",
    tab: '\t\n"\\',
    utf8: "\xc3\xa9",
  };
  for (let byte = 0; byte < 256; byte++) everything[`byte ${byte}`] = String.fromCharCode(byte);
  for (const format of [[], ["--hex"]]) {
    const dumped = storeWith(everything).run([...format, "dump"]);
    expect(dumped.code).toBe(0);
    const { directory, run } = storeWith({});
    expect(run([...format, "--json", "load"], { input: Buffer.from(dumped.stdout, "latin1") })).toEqual(
      ok(`{"loaded":${Object.keys(everything).length}}\n`),
    );
    expect(contents(directory)).toEqual(everything);
  }
});

test("a large load and dump go through pipes whole", () => {
  const { run } = storeWith({});
  const lines = Array.from({ length: 20_000 }, (_, i) =>
    JSON.stringify({ key: String(i).padStart(6, "0"), value: "x".repeat(50) }),
  );
  const input = `${lines.join("\n")}\n`;
  expect(run(["--no-sync", "load"], { input })).toEqual(ok(""));
  expect(run(["dump"]).stdout).toBe(input);
});

test("flush makes a table, compact leaves nothing in level 0", () => {
  const { directory, run } = storeWith({ a: "1" });
  const tables = (): number[] =>
    inStore(directory, (db) => db.stats().levels.map((level) => level.tables), { readOnly: true });
  expect(run(["flush"])).toEqual(ok(""));
  expect(tables()[0]).toBe(1);
  expect(run(["compact", "x", "z"])).toEqual(ok(""));
  expect(tables()[0]).toBe(1);
  expect(run(["compact"])).toEqual(ok(""));
  expect([tables()[0], tables().reduce((sum, count) => sum + count)]).toEqual([0, 1]);
  expect(contents(directory)).toEqual({ a: "1" });
});

test("checkpoint makes a store of its own, and only where nothing is", () => {
  const { directory, run } = storeWith({ a: "1" });
  const copy = `${directory}-copy`;
  expect(run(["checkpoint", copy])).toEqual(ok(""));
  expect(run(["checkpoint", copy])).toMatchObject({ code: 1, stderr: expect.stringMatching(/^tinykv: EXISTS: .*\n$/) });
  run(["destroy"]);
  expect(contents(copy)).toEqual({ a: "1" });
});

test("destroy removes the store and leaves foreign files", () => {
  const { directory, run } = storeWith({ a: "1" });
  mkdirSync(join(directory, "foreign"));
  expect(run(["--read-only", "destroy"]).code).toBe(2);
  expect(contents(directory)).toEqual({ a: "1" });
  expect(run(["destroy"])).toEqual(ok(""));
  expect(existsSync(join(directory, "CURRENT"))).toBe(false);
  expect(existsSync(join(directory, "foreign"))).toBe(true);
  expect(run(["scan"]).code).toBe(1);
});

test("the store is --db, else TINYKV_DB, else ./tinykv-data", () => {
  const { directory } = storeWith({ where: "named by the environment" });
  const cwd = join(root.path, "cwd");
  mkdirSync(cwd);
  inStore(join(cwd, "tinykv-data"), (db) => db.put("where", "the default"));
  const other = storeWith({ where: "named by the option" }).directory;
  const env = { TINYKV_DB: directory };
  expect(tinykv(["get", "where"], { cwd, env })).toEqual(ok("named by the environment\n"));
  expect(tinykv(["--db", other, "get", "where"], { cwd, env })).toEqual(ok("named by the option\n"));
  expect(tinykv(["get", "where"], { cwd })).toEqual(ok("the default\n"));
});

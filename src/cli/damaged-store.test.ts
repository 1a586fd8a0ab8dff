// A broken store at three in the morning: what the commands that look at it still tell. The store is the fixture of format
// version 1, closed, with one file of it damaged.

import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { compareBytes } from "../common/bytes.ts";
import { bytewise, KeyOrder } from "../common/comparator.ts";
import { fixtureEntries, fixturePath } from "../lsm/format-fixtures.test-support.ts";
import { image } from "../lsm/engine.test-support.ts";
import { TableBuilder } from "../sst/table-builder.ts";
import { nodeEnv } from "../util/node-env.ts";
import { encodeHeader } from "../wal/log-format.ts";
import { inStore, jsonLines, temporaryDirectory, tinykv, type Ran } from "./cli.test-support.ts";

const root = temporaryDirectory();
const store = join(root.path, "store");
afterAll(root.remove);
beforeEach(() => {
  rmSync(store, { recursive: true, force: true });
  cpSync(fixturePath("v1"), store, { recursive: true });
});

const DEEP = "000005.sst";
const FLUSHED = "000007.sst";
const LOG = "000006.log";
const MANIFEST = "MANIFEST-000001";

const onStore = (...args: string[]): Ran => tinykv(["--db", store, ...args]);
const onFile = (name: string, ...args: string[]): Ran => tinykv([...args, join(store, name)]);
const json = (ran: Ran): Record<string, unknown>[] => jsonLines(ran.stdout) as Record<string, unknown>[];

function change(name: string, edit: (bytes: Buffer) => Buffer | void): void {
  const bytes = readFileSync(join(store, name));
  writeFileSync(join(store, name), edit(bytes) ?? bytes);
}

const flip = (name: string, at: number): void =>
  change(name, (bytes) => void (bytes[at < 0 ? bytes.length + at : at]! ^= 1));

interface Block {
  readonly kind: string;
  readonly offset: number;
  readonly length: number;
}
const blocksOf = (name: string): Block[] => json(onFile(name, "--json", "sst", "layout")) as unknown as Block[];

test("sst dump prints every entry of the blocks that can be read, and tells of each that cannot", () => {
  const whole = json(onFile(DEEP, "--json", "sst", "dump"));
  const third = blocksOf(DEEP)[2]!;
  flip(DEEP, third.offset + 3);
  const ran = onFile(DEEP, "--json", "sst", "dump");
  const lines = json(ran);
  const entries = lines.filter((line) => "sequence" in line);
  expect(ran.code).toBe(3);
  expect(entries.length).toBeGreaterThan(30);
  expect(entries.length).toBeLessThan(whole.length);
  expect(whole).toEqual(expect.arrayContaining(entries));
  const damage = { problem: "block checksum", offset: third.offset, length: third.length + 5, file: DEEP };
  expect(lines).toContainEqual(damage);
  const { gap } = lines.find((line) => "gap" in line) as { gap: { after: string; upTo: string } };
  const missing = whole.filter(({ key }) => !entries.some((entry) => entry["key"] === key));
  for (const { key } of missing) {
    expect(compareBytes(Buffer.from(key as string), Buffer.from(JSON.parse(gap.after) as string))).toBeGreaterThan(0);
    expect(compareBytes(Buffer.from(key as string), Buffer.from(JSON.parse(gap.upTo) as string))).toBeLessThanOrEqual(
      0,
    );
  }
  expect(onFile(DEEP, "sst", "dump").stderr.split("\n")[0]).toBe(
    `tinykv: CORRUPTION: ${DEEP} at ${third.offset}: block checksum (${third.length + 5} bytes)`,
  );
});

test("a table that has lost its end is dumped by the tag that the manifest beside it knows; alone, by its blocks", () => {
  const whole = json(onFile(FLUSHED, "--json", "sst", "dump"));
  const [first] = blocksOf(FLUSHED);
  change(FLUSHED, (bytes) => bytes.subarray(0, first!.offset + first!.length + 5));
  const ran = onFile(FLUSHED, "--json", "sst", "dump");
  expect(ran.code).toBe(3);
  const entries = json(ran).filter((line) => "sequence" in line);
  expect(entries.length).toBeGreaterThan(3);
  expect(entries).toEqual(whole.slice(0, entries.length));
  expect(ran.stderr).toContain("no index can be read; blocks were looked for byte by byte");
  // One block alone has nobody to agree with about its tag: that is said, and nothing is made up.
  rmSync(join(store, MANIFEST));
  const alone = onFile(FLUSHED, "--json", "sst", "dump");
  expect(alone.code).toBe(3);
  expect(json(alone).some((line) => "sequence" in line)).toBe(false);
  expect(alone.stderr).toContain("no two blocks agree about a tag");
});

test("sst props, layout and verify tell what is left behind a damaged footer, or without properties", () => {
  const before = blocksOf(DEEP);
  flip(DEEP, -1);
  const props = onFile(DEEP, "--json", "sst", "props");
  expect(props.code).toBe(3);
  expect(json(props)[0]).toMatchObject({ fileNumber: 5, entries: 60 });
  const layout = blocksOf(DEEP);
  expect(layout.filter(({ kind }) => kind !== "damaged")).toEqual(before.slice(0, -1));
  expect(layout.at(-1)).toMatchObject({ kind: "damaged", problem: "footer: not a TinyKV table", length: 72 });
  const verified = onFile(DEEP, "--json", "sst", "verify");
  expect(verified.code).toBe(3);
  expect(json(verified)).toMatchObject([
    { ok: false, entries: 60, problems: [{ problem: "footer: not a TinyKV table" }] },
  ]);
  flip(DEEP, -1);
  flip(DEEP, before.find(({ kind }) => kind === "properties")!.offset);
  const without = onFile(DEEP, "sst", "props");
  expect(without).toMatchObject({ code: 3, stdout: "" });
  expect(without.stderr).toMatch(
    /^tinykv: CORRUPTION: 000005\.sst at \d+: properties: block checksum \(\d+ bytes\)\n$/,
  );
});

test("wal dump goes on behind damage, and names the chunk that promises more", () => {
  flip(LOG, 172 + 19);
  const ran = onFile(LOG, "--json", "wal", "dump");
  const lines = json(ran);
  expect(ran.code).toBe(3);
  expect(lines.filter((line) => "kind" in line).map(({ sequence }) => sequence)).toEqual([75, 77, 78, 79]);
  expect(lines[2]).toMatchObject({ problem: "chunk checksum", offset: 172, file: LOG });
  expect(lines.at(-1)).toMatchObject({
    end: "clean",
    verdict: "damaged",
    reason: expect.stringMatching(
      /^chunk checksum, but the chunk at \d+ says that the first \d+ bytes were durable of 000006\.log$/,
    ),
  });
  expect(onFile(LOG, "wal", "dump").stdout).toMatch(/^172\tgap\t\d+ bytes: chunk checksum$/m);
});

test("a log that is cut is torn, unless its successor names a size beyond the cut", () => {
  change(LOG, (bytes) => bytes.subarray(0, 200));
  const torn = onFile(LOG, "--json", "wal", "dump");
  expect(torn.code).toBe(0);
  expect(json(torn).at(-1)).toMatchObject({ verdict: "torn" });
  // A header of log 9 whose predecessor is log 6, of 300 bytes.
  const header = encodeHeader({
    kind: "wal",
    tag: 5,
    blockSize: 512,
    databaseId: Buffer.alloc(16),
    fileNumber: 9,
    comparatorName: "tinykv.bytewise",
    predecessor: { number: 6, size: 300 },
    lastSequence: 79,
  });
  writeFileSync(join(store, "000009.log"), header);
  const damaged = onFile(LOG, "--json", "wal", "dump");
  expect(damaged.code).toBe(3);
  expect(json(damaged).at(-1)).toMatchObject({
    verdict: "damaged",
    reason: expect.stringContaining("000009.log names a size of 300"),
  });
});

test("find tells of the versions that are left when the block of one cannot be read", () => {
  for (const { kind, offset } of blocksOf(FLUSHED)) if (kind === "data") flip(FLUSHED, offset + 1);
  const found = onStore("find", "key-020");
  expect(found.code).toBe(3);
  expect(found.stdout.split("\n").map((line) => line.split("\t").slice(0, 3).join(" "))).toEqual([
    "75 put 000006.log",
    "21 put 000005.sst level 6",
    "",
  ]);
  expect(found.stderr).toMatch(/^tinykv: CORRUPTION: 000007\.sst at \d+: block checksum$/m);
});

test("manifest dump goes on behind damage; manifest check says what does not fit, in the files too", () => {
  flip(MANIFEST, 150);
  const dump = onFile(MANIFEST, "--json", "manifest", "dump");
  expect(dump.code).toBe(3);
  const lines = json(dump);
  expect(lines.some(({ problem }) => problem === "chunk checksum")).toBe(true);
  expect(lines.filter((line) => "added" in line || "logNumber" in line).length).toBeGreaterThan(1);
  flip(MANIFEST, 150);
  expect(onFile(MANIFEST, "manifest", "check").code).toBe(0);
  rmSync(join(store, FLUSHED));
  change(DEEP, (bytes) => bytes.subarray(0, bytes.length - 1));
  const check = onFile(MANIFEST, "--json", "manifest", "check");
  expect(check.code).toBe(3);
  const [{ ok, problems } = { ok: true, problems: [] }] = json(check);
  expect(ok).toBe(false);
  expect(problems).toContainEqual({ file: FLUSHED, offset: 0, problem: "missing, but named by the manifest" });
  expect(problems).toContainEqual(
    expect.objectContaining({ file: DEEP, problem: expect.stringMatching(/^\d+ bytes, the manifest says \d+$/) }),
  );
});

test.each([
  ["a table without a footer", () => flip(DEEP, -1)],
  ["no CURRENT", () => rmSync(join(store, "CURRENT"))],
  ["a damaged CURRENT", () => flip("CURRENT", 3)],
  ["a damaged manifest", () => flip(MANIFEST, 100)],
  ["no manifest", () => rmSync(join(store, MANIFEST))],
  ["a damaged log", () => flip(LOG, 400)],
])("find and lsm tell what the files hold of a store with %s, and change nothing", (_, damage) => {
  damage();
  const before = image(nodeEnv, store);
  const found = onStore("--json", "find", "key-020");
  expect(found.code).toBe(3);
  const versions = json(found).filter((line) => "sequence" in line);
  expect(versions).toMatchObject(
    expect.arrayContaining(
      [
        { sequence: 75, kind: "put", where: "log", file: LOG, value: "in the log alone" },
        { sequence: 66, kind: "put", where: "table", file: FLUSHED },
        { sequence: 21, kind: "put", where: "table", file: DEEP },
      ].map((version) => expect.objectContaining(version)),
    ),
  );
  expect(found.stderr).toContain("what follows is from the files themselves\n");
  const drawn = Buffer.from(onStore("lsm").stdout, "latin1").toString();
  expect(drawn).toContain(DEEP);
  expect(drawn).toContain(LOG);
  expect(image(nodeEnv, store)).toEqual(before);
});

test("lsm and find mark files that the manifest does not name", () => {
  rmSync(join(store, MANIFEST));
  const drawn = onStore("--json", "lsm");
  expect(drawn.code).toBe(3);
  expect(json(drawn)[0]).toMatchObject({
    opened: false,
    tables: [{ file: DEEP }, { file: FLUSHED }],
    problems: expect.arrayContaining([{ file: MANIFEST, offset: 0, problem: "missing, but named by CURRENT" }]),
  });
  expect(onStore("find", "key-020").stdout).toMatch(/^66\tput\t000007\.sst \(not in the manifest\)\t/m);
});

test("a store of another comparator is looked through: keys as bytes, its order not judged", () => {
  const other = join(root.path, "other");
  const comparator = { name: "test.reverse", compare: (a: Uint8Array, b: Uint8Array) => compareBytes(b, a) };
  inStore(
    other,
    (db) => {
      for (const key of ["a", "b", "c"]) db.put(key, `value of ${key}`);
      db.flush();
      db.put("b", "newer");
    },
    { comparator },
  );
  const found = tinykv(["--db", other, "--json", "find", "b"]);
  expect(found.code).toBe(0);
  expect(json(found).map(({ sequence, value }) => [sequence, value])).toEqual([
    [4, "newer"],
    [2, "value of b"],
  ]);
  expect(found.stderr).toContain("the order of test.reverse is not known here");
  const table = nodeEnv.readDirectory(other).find((name) => name.endsWith(".sst"))!;
  const dump = tinykv(["--json", "sst", "dump", join(other, table)]);
  expect(dump.code).toBe(0);
  expect(json(dump).map(({ key }) => key)).toEqual(["c", "b", "a"]);
  expect(tinykv(["sst", "verify", join(other, table)])).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("order is not checked"),
  });
  const manifest = nodeEnv.readDirectory(other).find((name) => name.startsWith("MANIFEST"))!;
  expect(tinykv(["manifest", "check", join(other, manifest)])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("order not checked (test.reverse)"),
  });
});

test("everything that looks works beside a writer, takes no lock and changes no byte", () => {
  inStore(store, (db) => {
    db.put("key-020", "by the writer");
    const before = image(nodeEnv, store);
    const log = [...before.keys()]
      .filter((name) => name.endsWith(".log"))
      .sort()
      .at(-1)!;
    const manifest = [...before.keys()]
      .filter((name) => name.startsWith("MANIFEST"))
      .sort()
      .at(-1)!;
    const found = json(onStore("--json", "find", "key-020"));
    expect(found[0]).toMatchObject({ where: "memtable", value: "by the writer" });
    expect(onStore("lsm")).toMatchObject({ code: 0, stderr: "" });
    expect(onFile(DEEP, "sst", "dump")).toMatchObject({ code: 0, stderr: "" });
    expect(onFile(log, "wal", "dump").code).toBe(0);
    expect(onFile(manifest, "manifest", "check")).toMatchObject({ code: 0, stderr: "" });
    expect(image(nodeEnv, store)).toEqual(before);
    db.put("still", "writing");
    expect(db.get("still")?.toString()).toBe("writing");
  });
  inStore(store, (db) => expect([...db.iterate()].length).toBe(fixtureEntries("v1").length + 1));
});

test("control characters in names and errors are escaped: they do not reach the terminal", () => {
  writeFileSync(join(store, "\u001b[2J\u009b1m"), "");
  const ran = onStore("lsm");
  expect(ran.stdout).not.toMatch(/[\u0000-\u0008\u000b-\u001f]/);
  expect(Buffer.from(ran.stdout, "latin1").toString()).toContain("\\u001b[2J\\u009b1m");
  const json = tinykv(["--db", store, "--json", "lsm"]);
  expect(jsonLines(Buffer.from(json.stdout, "latin1").toString())).toMatchObject([{ foreign: ["\u001b[2J\u009b1m"] }]);
  expect(tinykv(["sst", "dump", join(root.path, "\u001b[2J")]).stderr).toMatch(
    /^tinykv: INVALID_ARGUMENT: \\u001b\[2J is not/,
  );
});

test("find tells of range deletes that cover the key, in tables that a later version wrote", () => {
  const order = new KeyOrder(bytewise);
  const file = nodeEnv.open(join(store, "000090.sst"), "wx");
  const identity = {
    fileNumber: 90,
    databaseId: new Uint8Array(16),
    tag: 5,
    epoch: 1,
    creationTime: 0,
    comparatorName: bytewise.name,
  };
  const builder = new TableBuilder({
    file,
    order,
    blockSize: 4096,
    indexBlockSize: 4096,
    bloomBitsPerKey: 10,
    identity,
  });
  builder.addRangeDelete(Buffer.from("key-0"), Buffer.from("key-03"), 70);
  builder.addRangeDelete(Buffer.from("key-021"), Buffer.from("key-03"), 71);
  builder.finish({ inputs: [], obsolete: [], logNumber: 1 });
  file.close();
  flip(FLUSHED, -1);
  const found = onStore("--json", "find", "key-020");
  expect(json(found).filter((line) => line["kind"] === "deleteRange")).toEqual([
    {
      where: "table",
      file: "000090.sst",
      live: false,
      sequence: 70,
      kind: "deleteRange",
      start: "key-0",
      end: "key-03",
    },
  ]);
  expect(onFile("000090.sst", "--json", "sst", "dump").stdout.split("\n")[0]).toBe(
    '{"sequence":70,"kind":"deleteRange","key":"key-0","end":"key-03"}',
  );
});

// Commands that look at a store or at one of its files: run on the fixture of format version 1, whose contents are known.

import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { fixtureEntries, fixturePath } from "../lsm/format-fixtures.test-support.ts";
import { image } from "../lsm/engine.test-support.ts";
import { nodeEnv } from "../util/node-env.ts";
import { jsonLines, temporaryDirectory, tinykv, type Ran } from "./cli.test-support.ts";

const root = temporaryDirectory();
afterAll(root.remove);

const closed = fixturePath("v1");
const killed = fixturePath("v1-killed");
const deepTable = join(closed, "000005.sst");
const flushedTable = join(closed, "000007.sst");
const manifest = join(closed, "MANIFEST-000001");

const onStore = (...args: string[]): Ran => tinykv(["--db", closed, ...args]);

test("what only looks changes no byte of the store, not even LOCK", () => {
  const before = image(nodeEnv, closed);
  for (const command of [["verify"], ["get", "key-020"], ["count"]]) {
    expect(onStore(...command)).toMatchObject({ code: 0, stderr: "" });
  }
  expect(image(nodeEnv, closed)).toEqual(before);
  expect(nodeEnv.readDirectory(closed)).not.toContain("LOCK");
});

test("stats prints a path and a number a line, as JSON all of it in one object", () => {
  const [stats] = jsonLines(onStore("--json", "stats").stdout);
  expect(stats).toMatchObject({
    levels: [
      { level: 0, tables: 1, entries: 14, tombstones: 3 },
      {},
      {},
      {},
      {},
      {},
      { level: 6, tables: 1, entries: 60 },
    ],
    memtables: { count: 1, entries: 5 },
    logs: { count: 1 },
    writeAmplification: expect.any(Number),
    lastSequence: 79,
  });
  const lines = onStore("stats").stdout.split("\n");
  expect(lines).toContain("levels.0.tables\t1");
  expect(lines).toContain("lastSequence\t79");
});

test("lsm draws one line a level, its tables below it, in 80 columns", () => {
  const drawn = Buffer.from(onStore("lsm").stdout, "latin1").toString();
  expect(drawn.match(/^L\d .*$/gm)).toHaveLength(7);
  expect(drawn).toMatch(/^L6 {5}█{24} +1 +2\.7 KiB +60 +0\.\d\d\n +000005\.sst +2\.7 KiB {2}"key-000" … "key-059"$/m);
  expect(drawn).toMatch(/^ +epoch 2 {2}000007\.sst +809 B {2}"key-010" … 0xfffe00$/m);
  expect(drawn).toMatch(
    /^memtables {2}1, 5 entries, .*\nlogs {7}1, 2\.0 KiB: 000006\.log\nmanifest {3}MANIFEST-000001, .* closed$/m,
  );
  for (const line of drawn.split("\n")) expect([...line].length, line).toBeLessThanOrEqual(80);
  expect(jsonLines(onStore("--json", "lsm").stdout)).toMatchObject([
    {
      levels: { length: 7 },
      manifest: { number: 1 },
      memtables: { entries: 5 },
      logs: { count: 1 },
      opened: true,
      tables: [
        { file: "000007.sst", level: 0, epoch: 2, entries: 14, smallest: '"key-010"' },
        { file: "000005.sst", level: 6 },
      ],
      problems: [],
    },
  ]);
});

test("verify says ok, with --verify too, or names the damage and exits with 3", () => {
  expect(onStore("verify")).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^ok: 5 files, \d+ blocks, \d+ entries\n$/),
    stderr: "",
  });
  expect(jsonLines(onStore("--verify", "--json", "verify").stdout)).toMatchObject([
    { ok: true, files: 5, problems: [] },
  ]);
  const damaged = join(root.path, "damaged");
  cpSync(closed, damaged, { recursive: true });
  const bytes = readFileSync(join(damaged, "000005.sst"));
  bytes[20]! ^= 1;
  writeFileSync(join(damaged, "000005.sst"), bytes);
  const plain = tinykv(["--db", damaged, "verify"]);
  expect(plain).toMatchObject({ code: 3, stderr: "" });
  expect(plain.stdout).toMatch(/^000005\.sst\t0\tblock checksum\n(?:000005\.sst\t.*\n)*DAMAGED: 5 files, .*\n$/);
  const json = tinykv(["--db", damaged, "--json", "verify"]);
  expect(json.code).toBe(3);
  expect(jsonLines(json.stdout)).toMatchObject([
    { ok: false, problems: expect.arrayContaining([{ file: "000005.sst", offset: 0, problem: "block checksum" }]) },
  ]);
});

test("find tells every version of a key, newest first, with its number and its place", () => {
  expect(onStore("find", "key-020").stdout).toBe(
    [
      '75\tput\tmemtable\t"in the log alone"',
      '75\tput\t000006.log\t"in the log alone"',
      '66\tput\t000007.sst level 0\t"value 20 of the second flush"',
      '21\tput\t000005.sst level 6\t"value 20 of the first flush"',
      "",
    ].join("\n"),
  );
  expect(jsonLines(onStore("--json", "--hex", "find", Buffer.from("key-011").toString("hex")).stdout)).toMatchObject([
    { kind: "delete", file: "000007.sst", level: 0 },
    { kind: "put", file: "000005.sst", level: 6, value: Buffer.from("value 11 of the first flush").toString("hex") },
  ]);
  expect(onStore("find", "nothing")).toMatchObject({ code: 1, stdout: "" });
});

test("sst dump prints every entry with its sequence number", () => {
  const plain = tinykv(["sst", "dump", flushedTable]).stdout.split("\n");
  expect(plain).toHaveLength(15);
  expect(plain.slice(0, 2)).toEqual(['61\tput\t"key-010"\t"value 10 of the second flush"', '71\tdelete\t"key-011"']);
  expect(plain[13]).toBe('74\tput\t0xfffe00\t"a key that is no UTF-8"');
  const json = jsonLines(tinykv(["--json", "sst", "dump", flushedTable]).stdout);
  expect(json[1]).toEqual({ sequence: 71, kind: "delete", key: "key-011" });
  expect(json[13]).toEqual({ sequence: 74, kind: "put", keyHex: "fffe00", value: "a key that is no UTF-8" });
  expect(jsonLines(tinykv(["--json", "--hex", "sst", "dump", flushedTable]).stdout)[13]).toMatchObject({
    key: "fffe00",
  });
});

test("sst props, layout and verify tell what is in a table", () => {
  const [properties] = jsonLines(tinykv(["--json", "sst", "props", deepTable]).stdout);
  expect(properties).toMatchObject({ fileNumber: 5, entries: 60, deletes: 0, comparatorName: "tinykv.bytewise" });
  expect(tinykv(["sst", "props", deepTable]).stdout).toMatch(/^entries\t60$/m);
  const blocks = jsonLines(tinykv(["--json", "sst", "layout", deepTable]).stdout) as { kind: string; offset: number }[];
  expect(blocks[0]).toMatchObject({ kind: "data", offset: 0 });
  expect(blocks.map(({ kind }) => kind)).toEqual(
    expect.arrayContaining(["data", "filter", "index", "properties", "metaindex", "footer"]),
  );
  expect(blocks.at(-1)).toEqual({ kind: "footer", offset: readFileSync(deepTable).length - 72, length: 72 });
  expect(tinykv(["sst", "verify", deepTable])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^ok: \d+ blocks, 60 entries\n$/),
  });
  const bytes = readFileSync(deepTable);
  bytes[20]! ^= 1;
  const damaged = join(root.path, "000005.sst");
  writeFileSync(damaged, bytes);
  expect(tinykv(["sst", "verify", damaged])).toMatchObject({
    code: 3,
    stdout: expect.stringMatching(/^0\tblock checksum\n/),
  });
  expect(tinykv(["--json", "sst", "verify", damaged])).toMatchObject({
    code: 3,
    stdout: expect.stringMatching(/^\{"ok":false,/),
  });
  expect(tinykv(["sst", "dump", damaged])).toMatchObject({
    code: 3,
    stderr: expect.stringMatching(/^tinykv: CORRUPTION: 000005\.sst at 0: block checksum \(\d+ bytes\)\n/),
  });
});

test("wal dump prints every operation, and how the log ends", () => {
  const log = join(closed, "000006.log");
  const lines = tinykv(["wal", "dump", log]).stdout.split("\n");
  expect(lines.slice(0, 6)).toEqual([
    "115\trecord\t1 from 75, synced to 0",
    '75\tput\t"key-020"\t"in the log alone"',
    "172\trecord\t1 from 76, synced to 172",
    '76\tput\t""\t"of the empty key"',
    expect.stringMatching(/^\d+\trecord\t1 from 77, synced to \d+$/),
    '77\tput\t"empty value"\t""',
  ]);
  expect(lines.at(-2)).toMatch(/^\d+\tend\tCLEAN END$/);
  const torn = jsonLines(tinykv(["--json", "wal", "dump", join(killed, "000008.log")]).stdout);
  expect(torn).toMatchObject([
    { record: 115, end: 177, sequence: 80, count: 1, syncedOffset: 0 },
    { sequence: 80, kind: "put", key: "after", value: "the last that was whole", offset: 115 },
    { record: 177, sequence: 81, count: 1, syncedOffset: 177 },
    { sequence: 81, kind: "delete", key: "key-000", offset: 177 },
    { end: "bad", offset: 217, text: expect.any(String), verdict: "torn" },
  ]);
});

test("manifest dump prints every edit, manifest check counts them", () => {
  const edits = jsonLines(tinykv(["--json", "manifest", "dump", manifest]).stdout);
  expect(edits).toHaveLength(5);
  expect(edits[0]).toMatchObject({ offset: 91, comparatorName: "tinykv.bytewise", logNumber: 2 });
  expect(edits[2]).toMatchObject({ added: [{ level: 6, table: { number: 5 } }], removed: [{ level: 0, number: 4 }] });
  expect(edits[4]).toMatchObject({ end: "clean" });
  expect(tinykv(["manifest", "dump", manifest]).stdout).toMatch(/^\d+\tlogNumber=6 nextFileNumber=8 /m);
  expect(tinykv(["manifest", "check", manifest])).toEqual({ code: 0, stdout: "ok: 4 edits, closed\n", stderr: "" });
  expect(jsonLines(tinykv(["--json", "manifest", "check", join(killed, "MANIFEST-000009")]).stdout)).toMatchObject([
    { ok: true, edits: 1, end: "bad", verdict: "torn", tables: 2, problems: [], orderChecked: true },
  ]);
  const bytes = readFileSync(manifest);
  bytes[120]! ^= 1;
  const damaged = join(root.path, "MANIFEST-000001");
  writeFileSync(damaged, bytes);
  expect(tinykv(["manifest", "check", damaged])).toMatchObject({
    code: 3,
    stdout: expect.stringMatching(/^MANIFEST-000001\t91\tchunk checksum\n(?:.*\n)*DAMAGED: 3 edits, closed\n$/),
  });
});

test("the dump of a store that was not closed is what was acknowledged", () => {
  const dumped = jsonLines(tinykv(["--db", killed, "--hex", "dump"]).stdout) as { key: string; value: string }[];
  expect(dumped.map(({ key, value }) => [key, value])).toEqual(fixtureEntries("v1-killed"));
});

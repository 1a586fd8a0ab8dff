// Files that are whole, but of a version to come: their bytes are changed and their checksums made right again. They are
// refused with FORMAT_UNSUPPORTED naming the file, whatever way the store is opened, and nothing changes.

import { bytewise, KeyOrder } from "../common/comparator.ts";
import { crc32, placedChecksum } from "../common/crc32.ts";
import { expect, test } from "vitest";
import { BlockCache } from "../sst/block-cache.ts";
import { FOOTER_BYTES, putStoredChecksum, putTrailer } from "../sst/table-format.ts";
import { TableReader } from "../sst/table-reader.ts";
import type { MemoryEnv } from "../util/memory-env.ts";
import { reseal } from "../wal/log-testing.ts";
import { open } from "./database.ts";
import { image, namesLike, readFile, thrown, writeFile } from "./engine.test-support.ts";
import { repairStore } from "./repair/repair.ts";
import { fixtureEntries, loadFixture } from "./format-fixtures.test-support.ts";

// Where a log's file header has what (log-format.ts), from the start of the file.
const LOG_VERSION = 19 + 4;
const LOG_INCOMPATIBLE = 19 + 8;
const LOG_COMPATIBLE = 19 + 16;
const LOG_TAG = 19 + 24;

// The same in a table's footer (table-format.ts), from the start of the footer.
const TABLE_CHECKSUM_TYPE = 0;
const TABLE_VERSION = 4;
const TABLE_INCOMPATIBLE = 8;
const TABLE_COMPATIBLE = 16;
const TABLE_TAG = 36;
const TABLE_CHECKSUM = 56;

interface Patched {
  readonly env: MemoryEnv;
  readonly path: string;
  readonly file: string;
}

/** The fixture with one file changed: the first whose name ends or begins so. */
function patched(which: string, patch: (bytes: Buffer) => void): Patched {
  const { env, path } = loadFixture("v1");
  const file = [
    ...namesLike(env, which, path),
    ...env.readDirectory(path).filter((name) => name.startsWith(which)),
  ][0]!;
  const bytes = readFile(env, `${path}/${file}`);
  patch(bytes);
  writeFile(env, `${path}/${file}`, bytes);
  return { env, path, file };
}

function patchHeader(offset: number, value: number): (bytes: Buffer) => void {
  return (bytes) => {
    bytes.writeUInt32LE(value, offset);
    reseal(bytes, 0, 0);
  };
}

function patchFooter(offset: number, value: number): (bytes: Buffer) => void {
  return (bytes) => {
    const start = bytes.length - FOOTER_BYTES;
    const footer = bytes.subarray(start);
    footer[offset] = value;
    footer.fill(0, TABLE_CHECKSUM, TABLE_CHECKSUM + 4);
    putStoredChecksum(footer, TABLE_CHECKSUM, placedChecksum(crc32(footer), footer.readUInt32LE(TABLE_TAG), start));
  };
}

// The first field of the last edit gets a tag that nobody knows yet.
function patchEdit(tag: number): (bytes: Buffer) => void {
  return (bytes) => {
    let last = 0;
    for (let at = 0; bytes[at + 6] !== 17; at += 19 + bytes.readUInt16LE(at + 4)) last = at;
    bytes[last + 19] = tag;
    reseal(bytes, last, bytes.readUInt32LE(LOG_TAG));
  };
}

/** Changes the byte at `at` of the first data block. */
function patchBlock(at: number, value: number): (bytes: Buffer) => void {
  return (bytes) => {
    const table = TableReader.open({
      source: { read: (buffer, position) => bytes.copy(buffer, 0, position, position + buffer.length) },
      name: "000001.sst",
      number: Number(bytes.readBigUInt64LE(bytes.length - FOOTER_BYTES + 48)),
      size: bytes.length,
      order: new KeyOrder(bytewise),
      cache: new BlockCache(0),
    });
    const [{ offset, length } = { offset: -1, length: 0 }] = table.blocks();
    bytes[offset + at] = value;
    putTrailer(bytes.subarray(offset), length, bytes.readUInt32LE(bytes.length - FOOTER_BYTES + TABLE_TAG), offset);
  };
}

const REFUSED: readonly [string, string, (bytes: Buffer) => void][] = [
  ["a log of version 2", ".log", patchHeader(LOG_VERSION, 2)],
  ["a log of version 2^32-1", ".log", patchHeader(LOG_VERSION, 0xffff_ffff)],
  ["a log with incompatible bit 0", ".log", patchHeader(LOG_INCOMPATIBLE, 1)],
  ["a log with incompatible bit 63", ".log", patchHeader(LOG_INCOMPATIBLE + 4, 0x8000_0000)],
  ["a manifest of version 2", "MANIFEST", patchHeader(LOG_VERSION, 2)],
  ["a manifest with incompatible bit 0", "MANIFEST", patchHeader(LOG_INCOMPATIBLE, 1)],
  ["a manifest with incompatible bit 63", "MANIFEST", patchHeader(LOG_INCOMPATIBLE + 4, 0x8000_0000)],
  ["a manifest with an edit field that nobody may pass over", "MANIFEST", patchEdit(100)],
  ["a table of version 2", ".sst", patchFooter(TABLE_VERSION, 2)],
  ["a table with incompatible bit 0", ".sst", patchFooter(TABLE_INCOMPATIBLE, 1)],
  ["a table with incompatible bit 63", ".sst", patchFooter(TABLE_INCOMPATIBLE + 7, 0x80)],
  ["a table with checksums of another type", ".sst", patchFooter(TABLE_CHECKSUM_TYPE, 2)],
];

test.each(REFUSED)("%s is refused untouched", (_, which, patch) => {
  const ways = [
    (path: string, env: MemoryEnv) => open(path, { env }),
    (path: string, env: MemoryEnv) => open(path, { env, readOnly: true }),
    (path: string, env: MemoryEnv) => open(path, { env, walRecoveryMode: "skipCorrupted" }),
    (path: string, env: MemoryEnv) => repairStore(path, { env }),
  ];
  for (const way of ways) {
    const { env, path, file } = patched(which, patch);
    const before = image(env, path);
    expect(thrown(() => way(path, env))).toMatchObject({
      code: "TINYKV_FORMAT_UNSUPPORTED",
      message: expect.stringContaining(file),
    });
    expect(image(env, path)).toEqual(before);
  }
});

test.each([
  ["layout", 0],
  ["flag", 1],
])("a table whose blocks have an unknown %s is refused where it is read, and verify names it", (_, at) => {
  const { env, path, file } = patched(".sst", patchBlock(at, 0x81));
  const before = image(env, path);
  const db = open(path, { env, readOnly: true });
  expect(thrown(() => [...db.iterate()])).toMatchObject({
    code: "TINYKV_FORMAT_UNSUPPORTED",
    message: expect.stringContaining(file),
  });
  expect(db.verify().problems).toMatchObject([{ file }]);
  db.close();
  expect(image(env, path)).toEqual(before);
});

test.each([
  ["log", ".log", patchHeader(LOG_COMPATIBLE, 1)],
  ["manifest", "MANIFEST", patchHeader(LOG_COMPATIBLE + 4, 0x8000_0000)],
  ["table", ".sst", patchFooter(TABLE_COMPATIBLE, 1)],
] as const)("an unknown compatible bit in a %s is no obstacle", (_, which, patch) => {
  const { env, path } = patched(which, patch);
  for (const readOnly of [true, false]) {
    const db = open(path, { env, readOnly });
    const found = [...db.iterate()].map(([key, value]) => [key.toString("hex"), value.toString("hex")]);
    expect(found).toEqual(fixtureEntries("v1"));
    expect(db.verify().problems).toEqual([]);
    db.close();
  }
});

// What stands where a store, its CURRENT or its manifest should be, and what open says to it. Nothing ever changes.

import { CorruptionError, open, TinyKVError, type Options } from "tinykv";
import { MemoryEnv } from "tinykv/env";
import { expect, test } from "vitest";
import { differences, readImage, withFile, writeImage, type DirectoryImage } from "../directory-image.ts";
import { makeSmallStore, SMALL, STORE, wrongAnswer } from "../small-store.ts";

const { image, expected } = makeSmallStore();
const manifest = [...image.keys()].find((name) => name.startsWith("MANIFEST-"))!;

const MODES: readonly [string, Options][] = [
  ["for writing", {}],
  ["read-only", { readOnly: true }],
  ["without creating", { createIfMissing: false }],
];

/** Opens the image, which must fail and change nothing; the error. */
function refusal(from: DirectoryImage, options: Options): TinyKVError {
  const env = new MemoryEnv();
  writeImage(env, STORE, from);
  let thrown: unknown;
  try {
    open(STORE, { ...SMALL, ...options, env }).close();
  } catch (error) {
    thrown = error;
  }
  expect(differences(from, readImage(env, STORE))).toEqual([]);
  expect(thrown).toBeInstanceOf(TinyKVError);
  return thrown as TinyKVError;
}

function expectCorrupt(from: DirectoryImage, file: string): void {
  for (const [, options] of MODES) {
    const error = refusal(from, options);
    expect(error).toBeInstanceOf(CorruptionError);
    expect((error as CorruptionError).file).toBe(file);
  }
}

test.each(MODES)("a path that is a file is an IO_ERROR that says so, opening %s", (_, options) => {
  const env = new MemoryEnv();
  env.makeDirectory("/place");
  writeImage(env, "/place/inner", new Map([["file", Buffer.from("mine")]]));
  for (const path of ["/place/inner/file", "/place/inner/file/store"]) {
    const before = readImage(env, "/place/inner");
    expect(() => open(path, { ...options, env })).toThrow(expect.objectContaining({ code: "TINYKV_IO_ERROR" }));
    expect(() => open(path, { ...options, env })).toThrow(/file.*not a directory|ENOTDIR/);
    expect(differences(before, readImage(env, "/place/inner"))).toEqual([]);
  }
});

test("an empty CURRENT is corruption of CURRENT", () => {
  expectCorrupt(withFile(image, "CURRENT", Buffer.alloc(0)), "CURRENT");
});

test("CURRENT cut anywhere, or with a byte too many, is corruption of CURRENT", () => {
  const whole = image.get("CURRENT")!;
  for (let length = 0; length < whole.length; length++) {
    expectCorrupt(withFile(image, "CURRENT", whole.subarray(0, length)), "CURRENT");
  }
  expectCorrupt(withFile(image, "CURRENT", Buffer.concat([whole, Buffer.from("\n")])), "CURRENT");
});

test("a CURRENT that names no manifest of this directory is corruption, never a new store", () => {
  expectCorrupt(withFile(image, manifest, undefined), manifest);
});

test("CURRENT missing beside tables, beside a log alone, beside lost/ alone: corruption of CURRENT, never a new store", () => {
  const without = withFile(image, "CURRENT", undefined);
  expectCorrupt(without, "CURRENT");
  const only = (keep: RegExp): DirectoryImage => new Map([...without].filter(([name]) => keep.test(name)));
  expectCorrupt(only(/\.sst$/), "CURRENT");
  expectCorrupt(only(/\.log$/), "CURRENT");
  expectCorrupt(new Map([["lost/", Buffer.alloc(0)]]), "CURRENT");
});

test("a live table or the log of a cleanly closed store missing is corruption of that file", () => {
  for (const name of image.keys()) {
    if (/\.(?:sst|log)$/.test(name)) expectCorrupt(withFile(image, name, undefined), name);
  }
});

/** The chunks of the manifest: 19 bytes of header with the payload's length at offset 4, none crosses a block here. */
function chunksOf(bytes: Buffer): { start: number; end: number; type: number }[] {
  const chunks = [];
  for (let start = 0; start < bytes.length;) {
    const end = start + 19 + bytes.readUInt16LE(start + 4);
    chunks.push({ start, end, type: bytes[start + 6]! });
    start = end;
  }
  return chunks;
}

test("a manifest cut inside its header or its snapshot record is corruption of it", () => {
  const bytes = image.get(manifest)!;
  const [header, snapshot] = chunksOf(bytes);
  expect([header?.type, snapshot?.type]).toEqual([16, 1]);
  for (let length = 0; length < snapshot!.end; length++) {
    expectCorrupt(withFile(image, manifest, bytes.subarray(0, length)), manifest);
  }
});

test("a manifest cut inside an edit is corruption, of it or of a file that the lost edits had retired", () => {
  const bytes = image.get(manifest)!;
  const [, snapshot, ...edits] = chunksOf(bytes);
  const end = edits.pop();
  expect(end?.type).toBe(17);
  expect(edits.length).toBeGreaterThan(1);
  for (let length = snapshot!.end; length < end!.start; length++) {
    for (const [, options] of MODES) {
      const error = refusal(withFile(image, manifest, bytes.subarray(0, length)), options) as CorruptionError;
      expect(error).toBeInstanceOf(CorruptionError);
      if (error.file !== manifest) {
        expect(error.file).toMatch(/^\d{6}\.(?:log|sst)$/);
        expect(image.has(error.file)).toBe(false);
      }
    }
  }
});

// Nothing but the log's CLEAN END tells that the last edit, a table's move to another level, ever was: no file is missing
// without it. It had been made durable all the same.
test("a manifest cut inside an edit that no other file misses is corruption of it", () => {
  const env = new MemoryEnv();
  const db = open(STORE, { ...SMALL, env, level0FileNumCompactionTrigger: 1 });
  db.put("a", "in a table");
  db.flush();
  const moved = db.stats().levels[0]!.tables;
  while (db.runBackgroundStep());
  expect([moved, db.stats().levels[0]!.tables]).toEqual([1, 0]);
  db.close();
  const whole = readImage(env, STORE);
  const bytes = whole.get(manifest)!;
  const edit = chunksOf(bytes).at(-2)!;
  for (let length = edit.start; length < edit.end; length++) {
    expectCorrupt(withFile(whole, manifest, bytes.subarray(0, length)), manifest);
  }
});

test("a manifest cut inside its CLEAN END has lost nothing: the log's says the same", () => {
  const bytes = image.get(manifest)!;
  const end = chunksOf(bytes).at(-1)!;
  for (let length = end.start; length < bytes.length; length++) {
    const env = new MemoryEnv();
    writeImage(env, STORE, withFile(image, manifest, bytes.subarray(0, length)));
    const db = open(STORE, { ...SMALL, env });
    expect(wrongAnswer(db, expected)).toBeUndefined();
    db.close();
  }
});

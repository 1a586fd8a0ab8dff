// Every file of a store with ten tables is deleted, cut, zeroed and flipped in turn: repair() makes a store that opens, in
// which every key that it does not name as lost is right, and keeps what was damaged.

import { open, repair, TinyKVError } from "tinykv";
import { MemoryEnv } from "tinykv/env";
import { expect, test } from "vitest";
import { differences, readImage, withFile, writeImage, type DirectoryImage } from "../directory-image.ts";
import { notKept, secondRepairProblem, STORE, wrongAfterRepair } from "./judgement.ts";
import { makeTenTables, OPTIONS } from "./ten-tables.ts";

const store = makeTenTables();

const SECTOR = 512;

interface Damage {
  readonly name: string;
  /** undefined: the file is deleted. */
  readonly bytes: Buffer | undefined;
}

function* damagesOf(bytes: Buffer): Generator<Damage> {
  yield { name: "deleted", bytes: undefined };
  yield { name: "empty", bytes: Buffer.alloc(0) };
  yield { name: "zeroed", bytes: Buffer.alloc(bytes.length) };
  for (const part of [0.1, 0.3, 0.5, 0.7, 0.9]) {
    yield { name: `cut at ${part}`, bytes: bytes.subarray(0, Math.floor(bytes.length * part)) };
  }
  yield { name: "cut by one byte", bytes: bytes.subarray(0, bytes.length - 1) };
  for (let at = 0; at < bytes.length; at += SECTOR) {
    const zeroed = Buffer.from(bytes);
    zeroed.fill(0, at, Math.min(bytes.length, at + SECTOR));
    yield { name: `sector at ${at} zeroed`, bytes: zeroed };
  }
  yield* replacements();
  for (let at = 0; at < bytes.length; at += 61) {
    const flipped = Buffer.from(bytes);
    flipped[at]! ^= 0x10;
    yield { name: `bit at ${at} flipped`, bytes: flipped };
  }
}

// Another file of the store under this one's name.
function* replacements(): Generator<Damage> {
  for (const [name, bytes] of store.closed) if (!name.endsWith("/")) yield { name: `replaced by ${name}`, bytes };
}

function judge(image: DirectoryImage, file: string, damage: Damage): string | undefined {
  const env = new MemoryEnv();
  const damaged = withFile(image, file, damage.bytes);
  writeImage(env, STORE, damaged);
  const report = repair(STORE, { ...OPTIONS, env });
  // Nothing witnesses the end of the newest log of a store that was not closed.
  const isUnwitnessed = image === store.killed && file === store.newestLog;
  const unwitnessed = isUnwitnessed ? { behind: store.flushed } : "nothing";
  const wrong = wrongAfterRepair(env, OPTIONS, store.history, report, unwitnessed);
  if (wrong !== undefined) return wrong;
  const lacking = notKept(env, damaged, file === "LOCK" ? [] : [file], report);
  if (lacking.length > 0) return `${lacking.join(", ")} not in lost/ as it was`;
  return secondRepairProblem(env, OPTIONS);
}

test.each([
  ["closed", store.closed],
  ["killed", store.killed],
] as const)(
  "every file of a store that was %s, damaged in every way: what the report does not name is right",
  (_, image) => {
    const wrong: string[] = [];
    let cases = 0;
    for (const [file, bytes] of image) {
      if (file.endsWith("/")) continue;
      for (const damage of damagesOf(bytes)) {
        cases++;
        const problem = judge(image, file, damage);
        if (problem !== undefined) wrong.push(`${file} ${damage.name}: ${problem}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(cases).toBeGreaterThan(200);
  },
);

test("a sound store is left as it is", () => {
  for (const image of [store.closed, store.killed]) {
    const env = new MemoryEnv();
    writeImage(env, STORE, image);
    expect(repair(STORE, { ...OPTIONS, env })).toMatchObject({ ok: true, rebuilt: false, lost: [], moved: [] });
    expect(differences(image, readImage(env, STORE))).toEqual([]);
  }
});

test("there is nothing to repair where there is no store", () => {
  const env = new MemoryEnv();
  env.makeDirectory(STORE);
  expect(() => repair(STORE, { env })).toThrow(expect.objectContaining({ code: "TINYKV_DOES_NOT_EXIST" }));
  expect(() => repair("/nowhere", { env })).toThrow(TinyKVError);
  expect(env.readDirectory(STORE)).toEqual([]);
});

test("a store that is open is not repaired", () => {
  const env = new MemoryEnv();
  writeImage(env, STORE, store.closed);
  const db = open(STORE, { ...OPTIONS, env });
  expect(() => repair(STORE, { ...OPTIONS, env })).toThrow(expect.objectContaining({ code: "TINYKV_LOCKED" }));
  db.close();
});

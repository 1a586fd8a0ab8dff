// What open() refuses, what it creates, and what may change between two opens.

import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MemoryEnv } from "../util/memory-env.ts";
import { open, type Database } from "./database.ts";
import { destroyStore } from "./destroy.ts";
import { FaultyEnv } from "./faulty-env.test-support.ts";
import {
  PATH,
  SMALL,
  codeOf,
  entries,
  exists,
  fill,
  filled,
  image,
  names,
  openSmall,
  thrown,
  writeFile,
} from "./engine.test-support.ts";
import { DEFAULTS, type Options } from "./options.ts";

const LIMITS: Record<string, [number, number | undefined]> = {
  writeBufferSize: [2048, 2 ** 30],
  maxWriteBufferNumber: [1, 16],
  maxTotalWalSize: [1, undefined],
  blockSize: [16, 64 * 2 ** 20],
  logBlockSize: [512, 32768],
  indexBlockSize: [16, 64 * 2 ** 20],
  blockCacheSize: [0, undefined],
  bloomBitsPerKey: [0, 32],
  maxOpenFiles: [1, undefined],
  targetFileSize: [1, undefined],
  maxBytesForLevelBase: [1, undefined],
  maxBytesForLevelMultiplier: [2, 100],
  numLevels: [2, 12],
  level0FileNumCompactionTrigger: [1, undefined],
  level0SlowdownWrites: [1, undefined],
  level0StopWrites: [1, undefined],
  compactionBytesPerSecond: [0, undefined],
  maxManifestFileSize: [1, undefined],
};

test("every numeric option has its limits, and is refused outside them with nothing created", () => {
  const numeric = Object.entries(DEFAULTS).filter(([, value]) => typeof value === "number");
  expect(numeric.map(([name]) => name).sort()).toEqual(
    Object.keys(LIMITS)
      .filter((name) => name !== "maxTotalWalSize")
      .sort(),
  );
  const env = new FaultyEnv(new MemoryEnv());
  for (const [name, [least, most]] of Object.entries(LIMITS)) {
    const bad: unknown[] = [
      least - 1,
      least + 0.5,
      -1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      2 ** 53,
      String(least),
      7n,
    ];
    if (most !== undefined) bad.push(most + 1, most * 2);
    for (const value of bad) {
      const error = thrown(() => open(PATH, { env, [name]: value })) as Error;
      expect(error.message).toContain(name);
      expect(codeOf(() => open(PATH, { env, [name]: value }))).toBe("INVALID_ARGUMENT");
    }
  }
  expect(env.calls).toEqual([]);
});

test("every other option that is not what it should be is refused with nothing created", () => {
  const env = new FaultyEnv(new MemoryEnv());
  const bad: unknown[] = [
    { logBlockSize: 1000 },
    { createIfMissing: 1 },
    { errorIfExists: "no" },
    { readOnly: 0 },
    { sync: "yes" },
    { walRecycle: 1 },
    { paranoid: 1 },
    { noSlowdown: 1 },
    { walRecoveryMode: "best" },
    { background: "later" },
    { compactionBytesPerSecond: 1 },
    { compactionBytesPerSecond: 65_535 },
    { comparator: {} },
    { comparator: { name: "", compare: () => 0 } },
    { comparator: { name: "x".repeat(256), compare: () => 0 } },
    { comparator: { name: "é".repeat(128), compare: () => 0 } },
    { writeBuferSize: 4096 },
  ];
  for (const options of bad) {
    expect(
      codeOf(() => open(PATH, { env, ...(options as Options) })),
      JSON.stringify(options),
    ).toBe("INVALID_ARGUMENT");
  }
  for (const path of ["", undefined, 7]) expect(codeOf(() => open(path as string, { env }))).toBe("INVALID_ARGUMENT");
  expect(env.calls).toEqual([]);
});

test("the least of every option at once, and the most of what costs no memory, make a store that works", () => {
  const least = Object.fromEntries(Object.entries(LIMITS).map(([name, [value]]) => [name, value]));
  const most = { numLevels: 12, bloomBitsPerKey: 32, maxWriteBufferNumber: 16, maxBytesForLevelMultiplier: 100 };
  for (const options of [least, { ...least, background: "manual" }, { ...SMALL, ...most }] as Options[]) {
    const { db, env } = openSmall({ ...options, paranoid: true });
    fill(db, 120);
    fill(db, 60, "w");
    expect(entries(db)).toEqual([...filled(60, "w"), ...filled(60, "v", 60)]);
    db.compactRange();
    expect(db.verify().problems).toEqual([]);
    db.close();
    expect(entries(open(PATH, { env, ...options }))).toEqual([...filled(60, "w"), ...filled(60, "v", 60)]);
  }
});

test("G16: createIfMissing, errorIfExists and readOnly decide together, before LOCK is touched", () => {
  for (let bits = 0; bits < 8; bits++) {
    const options = { createIfMissing: (bits & 1) !== 0, errorIfExists: (bits & 2) !== 0, readOnly: (bits & 4) !== 0 };
    const env = new FaultyEnv(new MemoryEnv());
    const creates = options.createIfMissing && !options.readOnly;
    const code = codeOf(() => open(PATH, { ...SMALL, env, ...options }).close());
    expect(code, JSON.stringify(options)).toBe(creates ? undefined : "DOES_NOT_EXIST");
    expect(exists(env, PATH)).toBe(creates);
    if (!creates) {
      env.makeDirectory(PATH);
      expect(codeOf(() => open(PATH, { ...SMALL, env, ...options }))).toBe("DOES_NOT_EXIST");
      expect(names(env)).toEqual([]);
      open(PATH, { ...SMALL, env }).close();
    }
    const before = image(env);
    env.calls = [];
    const again = codeOf(() => open(PATH, { ...SMALL, env, ...options }).close());
    expect(again, JSON.stringify(options)).toBe(options.errorIfExists ? "EXISTS" : undefined);
    if (again !== undefined || options.readOnly) {
      expect(image(env)).toEqual(before);
      expect(env.calls.filter(({ kind }) => kind === "lock")).toEqual([]);
    }
  }
});

test("directories that are missing are made, each durable in its parent", () => {
  const env = new FaultyEnv(new MemoryEnv());
  const db = open("/a/b/c", { ...SMALL, env });
  const parents = env.calls.filter(({ barrier }) => barrier === "create.parent").map(({ file }) => file);
  expect(parents).toEqual(["", "a", "b"]);
  db.close();
  writeFile(env, "/file", "x");
  expect(codeOf(() => open("/file", { ...SMALL, env }))).toBe("IO_ERROR");
  expect(codeOf(() => open("/file/below", { ...SMALL, env }))).toBe("IO_ERROR");
});

test("G16: tables or logs without CURRENT are corruption with nothing touched; remains of a create are no store", () => {
  for (const left of ["000007.sst", "000006.log", "lost"]) {
    const { db, env } = openSmall();
    db.close();
    for (const name of names(env)) env.unlink(`${PATH}/${name}`);
    if (left === "lost") env.makeDirectory(`${PATH}/lost`);
    else writeFile(env, `${PATH}/${left}`, "");
    for (const options of [{}, { createIfMissing: false }, { readOnly: true }]) {
      expect(thrown(() => open(PATH, { ...SMALL, env, ...options }))).toMatchObject({ file: "CURRENT", offset: 0 });
    }
    expect(names(env)).toEqual([left]);
  }
  const env = new FaultyEnv(new MemoryEnv());
  env.makeDirectory(PATH);
  for (const name of ["LOCK", "CURRENT.tmp", "MANIFEST-000003"]) writeFile(env, `${PATH}/${name}`, "half");
  expect(codeOf(() => open(PATH, { ...SMALL, env, createIfMissing: false }))).toBe("DOES_NOT_EXIST");
  const db = open(PATH, { ...SMALL, env, errorIfExists: true });
  expect(names(env)).toEqual(["000005.log", "CURRENT", "LOCK", "MANIFEST-000004"]);
  db.close();
});

test("numLevels below the deepest level in use is INVALID_ARGUMENT with nothing changed", () => {
  const { db, env } = openSmall({ numLevels: 4 });
  fill(db, 20);
  db.compactRange();
  expect(db.stats().levels[3]?.tables).toBe(1);
  db.put("z", "1");
  db.close();
  const before = image(env);
  for (const numLevels of [2, 3]) {
    expect(codeOf(() => open(PATH, { ...SMALL, env, numLevels }))).toBe("INVALID_ARGUMENT");
    expect(codeOf(() => open(PATH, { ...SMALL, env, numLevels, readOnly: true }))).toBe("INVALID_ARGUMENT");
  }
  expect(image(env)).toEqual(before);
  for (const numLevels of [4, 12, 5]) {
    const again = open(PATH, { ...SMALL, env, numLevels });
    expect(entries(again)).toEqual([...filled(20), "z=1"]);
    expect(again.verify().problems).toEqual([]);
    again.close();
  }
});

test("every other option may change at every open", () => {
  const env = new FaultyEnv(new MemoryEnv());
  const changes: Options[] = [
    ...Object.entries(LIMITS).flatMap(([name, [least]]) => (name === "numLevels" ? [] : [{ [name]: least }])),
    { walRecycle: false },
    { sync: false },
    { background: "manual" },
    { paranoid: true },
    { noSlowdown: true },
    { walRecoveryMode: "absolute" },
    { walRecoveryMode: "skipCorrupted" },
    { logBlockSize: 32768 },
    { maxBytesForLevelMultiplier: 100 },
    {},
  ];
  const expected = new Map<string, string>();
  for (const [round, options] of changes.entries()) {
    const db: Database = open(PATH, { env, ...SMALL, ...options });
    expect(entries(db)).toEqual([...expected].map(([key, value]) => `${key}=${value}`).sort());
    for (let i = 0; i < 12; i++) {
      const key = `k${10 + ((round * 7 + i) % 40)}`;
      db.put(key, String(round));
      expected.set(key, String(round));
    }
    if (round % 3 === 1) db.compactRange();
    expect(db.verify().problems).toEqual([]);
    db.close();
  }
});

test("a store that was moved opens where it is now", () => {
  const parent = mkdtempSync(join(tmpdir(), "tinykv-moved-"));
  try {
    const db = open(join(parent, "here"), SMALL);
    fill(db, 80);
    db.close();
    renameSync(join(parent, "here"), join(parent, "there"));
    const moved = open(join(parent, "there"), { ...SMALL, createIfMissing: false });
    expect(entries(moved)).toEqual(filled(80));
    expect(moved.verify().problems).toEqual([]);
    moved.put("x", "1");
    moved.close();
    writeFileSync(join(parent, "there", "notes.txt"), "mine");
    destroyStore(join(parent, "there"));
    expect(readdirSync(join(parent, "there"))).toEqual(["notes.txt"]);
  } finally {
    rmSync(parent, { recursive: true });
  }
});

const FOREIGN = [
  "notes.txt",
  "7.log",
  "0000007.sst",
  "000000.log",
  "MANIFEST-7",
  "MANIFEST-000007.bak",
  "CURRENT.bak",
  "000008.sst.tmp",
];

test("foreign files stay as they are, through sessions and through destroy()", () => {
  const { db, env } = openSmall();
  fill(db, 20);
  db.close();
  for (const name of FOREIGN) writeFile(env, `${PATH}/${name}`, `bytes of ${name}`);
  env.makeDirectory(`${PATH}/sub`);
  writeFile(env, `${PATH}/sub/000009.log`, "inner");
  env.makeDirectory(`${PATH}/lost`);
  writeFile(env, `${PATH}/lost/readme`, "mine");
  writeFile(env, `${PATH}/lost/000003.log-19`, "ours");
  for (let round = 0; round < 2; round++) {
    const again = open(PATH, { ...SMALL, env });
    fill(again, 60);
    again.compactRange();
    again.close();
  }
  destroyStore(PATH, { env });
  expect(names(env)).toEqual([...FOREIGN, "lost", "sub"].sort());
  expect(names(env, `${PATH}/lost`)).toEqual(["readme"]);
  expect(image(env).get("sub/000009.log")).toBe("inner");
  for (const name of FOREIGN) expect(image(env).get(name)).toBe(`bytes of ${name}`);
});

test("destroy() removes all of a store, refuses one in use, and works again on its own remains", () => {
  const { db, env } = openSmall();
  fill(db, 60);
  db.flush();
  expect(codeOf(() => destroyStore(PATH, { env }))).toBe("LOCKED");
  expect(entries(db)).toEqual(filled(60));
  db.close();
  destroyStore(PATH, { env });
  expect(exists(env, PATH)).toBe(false);
  expect(codeOf(() => destroyStore(PATH, { env }))).toBe("DOES_NOT_EXIST");
});

test("destroy() that fails at any step has taken CURRENT first, and works again on its remains", () => {
  const steps = new Set(["unlink", "syncDirectory", "removeDirectory", "readDirectory", "lock"]);
  for (const after of [false, true]) {
    for (let nth = 0, done = false; !done; nth++) {
      const { db, env } = openSmall();
      fill(db, 60);
      db.close();
      env.makeDirectory(`${PATH}/lost`);
      writeFile(env, `${PATH}/lost/000003.log-19`, "ours");
      writeFile(env, `${PATH}/CURRENT.tmp`, "half");
      const tables = names(env).filter((name) => name.endsWith(".sst")).length;
      let seen = 0;
      env.fail(({ kind }) => steps.has(kind) && seen++ === nth, { errno: "EIO", after }, 1);
      const code = codeOf(() => destroyStore(PATH, { env }));
      done = !env.isSpent;
      env.heal();
      expect({ locks: env.locksHeld, handles: env.openHandles }).toEqual({ locks: 0, handles: 0 });
      expect(code).toBe(done ? undefined : "IO_ERROR");
      if (!exists(env, PATH)) continue;
      const left = names(env);
      if (left.includes("CURRENT")) expect(left.filter((name) => name.endsWith(".sst")).length).toBe(tables);
      if (left.length > 0) destroyStore(PATH, { env });
      expect(exists(env, PATH) && names(env).length > 0).toBe(false);
    }
  }
});

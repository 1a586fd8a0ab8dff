// G30: what repair() does to a store, what it says, and what it does when the world fails while it works.

import { expect, test } from "vitest";
import { AssertionError } from "../../common/assert.ts";
import { TinyKVError } from "../../common/errors.ts";
import { bytewise, KeyOrder, type Comparator } from "../../common/comparator.ts";
import { readFully, writeFully } from "../../util/file-io.ts";
import { MemoryEnv } from "../../util/memory-env.ts";
import type { Env } from "../../util/env.ts";
import { open, type Database } from "../database.ts";
import { FaultyEnv, type Fault } from "../faulty-env.test-support.ts";
import type { Options } from "../options.ts";
import { surveyStore } from "../survey.ts";
import { repairStore } from "./repair.ts";

const PATH = "/db";
const OPTIONS: Options = {
  writeBufferSize: 4 << 10,
  blockSize: 128,
  logBlockSize: 512,
  targetFileSize: 2 << 10,
  bloomBitsPerKey: 0,
  walRecycle: false,
  background: "manual",
};

type Files = Map<string, Buffer>;

function filesOf(env: Env, path = PATH): Files {
  const files: Files = new Map();
  for (const name of env.readDirectory(path)) {
    if (name === "LOCK" || env.stat(`${path}/${name}`).kind === "directory") continue;
    const file = env.open(`${path}/${name}`, "r");
    const bytes = Buffer.alloc(file.size());
    readFully(file, bytes, 0);
    file.close();
    files.set(name, bytes);
  }
  return files;
}

function storeOf(files: Files): MemoryEnv {
  const env = new MemoryEnv();
  env.makeDirectory(PATH);
  for (const [name, bytes] of files) {
    const file = env.open(`${PATH}/${name}`, "wx");
    if (bytes.length > 0) writeFully(file, bytes, 0);
    file.close();
  }
  return env;
}

function made(fill: (db: Database) => void, options: Options = {}, leave: "close" | "kill" = "close", seed = 1): Files {
  const env = new MemoryEnv({ seed });
  const db = open(PATH, { ...OPTIONS, ...options, env });
  fill(db);
  if (leave === "close") db.close();
  return filesOf(env);
}

function contents(env: Env, options: Options = {}): Record<string, string> {
  const db = open(PATH, { ...OPTIONS, ...options, env });
  try {
    expect(db.verify().problems).toEqual([]);
    return Object.fromEntries([...db.iterate()].map(([key, value]) => [key.toString(), value.toString()]));
  } finally {
    db.close();
  }
}

const only = (files: Files, wanted: (name: string) => boolean): Files =>
  new Map([...files].filter(([name]) => wanted(name)));

function fillTwice(db: Database): void {
  for (let i = 0; i < 30; i++) db.put(`k${i + 10}`, `old ${i} ${"x".repeat(40)}`);
  db.compactRange();
  for (let i = 0; i < 30; i += 2) db.put(`k${i + 10}`, `new ${i}`);
  db.delete("k11");
  db.flush();
  for (let i = 0; i < 30; i += 5) db.put(`k${i + 10}`, `newest ${i}`);
}

const expected = ((): Record<string, string> => {
  const env = storeOf(made(fillTwice));
  return contents(env);
})();

test("tables without their ends alone: the report has the numbers of what was read, and the keys behind it as doubtful", () => {
  const files = only(made(fillTwice), (name) => name.endsWith(".sst"));
  const cut = new Map([...files].map(([name, bytes]) => [name, bytes.subarray(0, Math.floor(bytes.length / 2))]));
  const env = storeOf(cut);
  const report = repairStore(PATH, { ...OPTIONS, env });
  expect(report.lost).toHaveLength(cut.size);
  for (const { keys } of report.lost) expect(keys.some(({ upTo }) => !upTo)).toBe(true);
  expect(report.lost.some(({ keys }) => keys.length === 1 && keys[0]?.after)).toBe(true);
  const db = open(PATH, { ...OPTIONS, env, readOnly: true });
  const numbers = [...db.iterate()].flatMap(([key]) => db.find(key).map(({ sequence }) => sequence));
  db.close();
  expect(numbers.length).toBeGreaterThan(10);
  expect(report.lastSequence).toBe(Math.max(...numbers));
});

test("tables and logs alone are enough: CURRENT and manifests are made anew", () => {
  for (const leave of ["close", "kill"] as const) {
    const env = storeOf(only(made(fillTwice, {}, leave), (name) => /\.(?:sst|log)$/.test(name)));
    const report = repairStore(PATH, { ...OPTIONS, env });
    expect(report).toMatchObject({ ok: true, rebuilt: true, isCertain: false, lost: [] });
    expect(contents(env)).toEqual(expected);
  }
});

test("tables alone give what had been flushed, logs alone what had not", () => {
  const files = made(fillTwice, {}, "kill");
  const tables = storeOf(only(files, (name) => name.endsWith(".sst")));
  repairStore(PATH, { ...OPTIONS, env: tables });
  expect(contents(tables)).toMatchObject({ k10: "new 0", k12: "new 2" });
  const logs = storeOf(only(files, (name) => name.endsWith(".log")));
  repairStore(PATH, { ...OPTIONS, env: logs });
  expect(contents(logs)).toEqual({
    k10: "newest 0",
    k15: "newest 5",
    k20: "newest 10",
    k25: "newest 15",
    k30: "newest 20",
    k35: "newest 25",
  });
});

test("what logs hold is sorted through many memtables when it is more than one holds", () => {
  const files = made(
    (db) => {
      for (let i = 0; i < 200; i++) db.put(`k${String((i * 77) % 200).padStart(3, "0")}`, `${i}${"y".repeat(60)}`);
    },
    { writeBufferSize: 1 << 20 },
  );
  const env = storeOf(only(files, (name) => name.endsWith(".log")));
  const report = repairStore(PATH, { ...OPTIONS, env });
  expect(report.entries).toBe(200);
  expect(report.tables).toBeGreaterThan(3);
  expect(Object.keys(contents(env)).length).toBe(200);
});

test("sequence numbers and file numbers go on behind all that anything carries", () => {
  const env = storeOf(only(made(fillTwice, {}, "kill"), (name) => name.endsWith(".sst")));
  const before = Math.max(...[...filesOf(env).keys()].map((name) => Number.parseInt(name, 10)));
  const { lastSequence } = repairStore(PATH, { ...OPTIONS, env });
  expect(lastSequence).toBe(46);
  for (const name of filesOf(env).keys()) {
    const number = Number(/\d+/.exec(name)?.[0] ?? Number.MAX_SAFE_INTEGER);
    expect(number).toBeGreaterThan(before);
  }
});

test("a number that the manifest has issued is not issued again, though no file has it any more", () => {
  const files = made((db) => {
    fillTwice(db);
    for (let i = 0; i < 5; i++) {
      db.put("again", String(i));
      db.compactRange();
    }
  });
  const [manifest] = [...files.keys()].filter((name) => name.startsWith("MANIFEST-"));
  const env = storeOf(only(files, (name) => name === manifest || name.endsWith(".log")));
  const { nextFileNumber = 0 } = surveyStore(env, PATH, new KeyOrder(bytewise)).manifest ?? {};
  const numberOf = (name: string): number => Number(/\d+/.exec(name)?.[0] ?? 0);
  expect(nextFileNumber).toBeGreaterThan(Math.max(...[...filesOf(env).keys()].map(numberOf)) + 1);
  repairStore(PATH, { ...OPTIONS, env });
  for (const name of filesOf(env).keys()) {
    if (name !== "CURRENT") expect(numberOf(name)).toBeGreaterThanOrEqual(nextFileNumber);
  }
});

test("a dead input of a compaction fills the gap of its damaged output, and the report says so", () => {
  const env = new MemoryEnv();
  const db = open(PATH, { ...OPTIONS, env });
  for (let i = 0; i < 30; i++) db.put(`k${i + 10}`, `old ${i} ${"x".repeat(40)}`);
  db.flush();
  const [input] = [...filesOf(env).keys()].filter((name) => name.endsWith(".sst"));
  const old = filesOf(env).get(input!)!;
  for (let i = 0; i < 30; i += 2) db.put(`k${i + 10}`, `new ${i}`);
  db.compactRange();
  db.close();
  const files = filesOf(env).set(input!, old);
  const [output] = [...files.keys()].filter((name) => name.endsWith(".sst") && name !== input).sort();
  files.get(output!)![100]! ^= 1;
  const broken = storeOf(files);
  const report = repairStore(PATH, { ...OPTIONS, env: broken });
  expect(report.lost).toMatchObject([{ file: output, filledFrom: [input] }]);
  expect(report.files.find(({ file }) => file === input)).toMatchObject({ use: "gaps" });
  const found = contents(broken);
  expect(Object.keys(found).length).toBe(30);
  const olds = Object.values(found).filter((value) => value.startsWith("old"));
  expect(olds.length).toBeGreaterThan(0);
  expect(olds.length).toBeLessThan(30);
});

test("files of another store are put aside, not merged, be their numbers free in this one and their entries newer", () => {
  const files = made(fillTwice);
  const other = made(
    (db) => {
      for (let i = 0; i < 100; i++) {
        db.put(`k${(i % 20) + 10}`, "of another store");
        if (i % 10 === 9) db.flush();
      }
    },
    {},
    "kill",
    99,
  );
  const foreign = [...other].filter(([name]) => /(?:sst|log)$/.test(name) && !files.has(name)).slice(-2);
  expect(foreign.map(([name]) => name.slice(-3)).sort()).toEqual(["log", "sst"]);
  const moved = foreign.map(([name]) => `${name}-0`).sort();
  const env = storeOf(new Map([...files, ...foreign]));
  expect(repairStore(PATH, { ...OPTIONS, env }).moved.toSorted()).toEqual(moved);
  expect(contents(env)).toEqual(expected);
  // Without a manifest most of the files say whose they are.
  const without = storeOf(only(new Map([...files, ...foreign]), (name) => !/^(?:CURRENT|MANIFEST)/.test(name)));
  const { moved: alone } = repairStore(PATH, { ...OPTIONS, env: without });
  expect(alone).toEqual(expect.arrayContaining(moved));
  expect(contents(without)).toEqual(expected);
});

test("another comparator is refused with nothing changed", () => {
  const files = made(fillTwice);
  const reverse: Comparator = { name: "reverse", compare: (a, b) => Buffer.compare(b, a) };
  const env = storeOf(only(files, (name) => !name.startsWith("MANIFEST")));
  const before = filesOf(env);
  expect(() => repairStore(PATH, { ...OPTIONS, comparator: reverse, env })).toThrow(
    expect.objectContaining({ code: "TINYKV_COMPARATOR_MISMATCH" }),
  );
  expect(filesOf(env)).toEqual(before);
  expect(() => repairStore(PATH, { ...OPTIONS, readOnly: true, env })).toThrow(
    expect.objectContaining({ code: "TINYKV_INVALID_ARGUMENT" }),
  );
});

test("what is kept in lost/ is durable, by its name too, before a table is written, and that before anything is removed", () => {
  const files = made(fillTwice, {}, "kill");
  files.get([...files.keys()].find((name) => name.endsWith(".sst"))!)![50]! ^= 4;
  const env = new FaultyEnv(storeOf(files));
  repairStore(PATH, { ...OPTIONS, env });
  const at = (what: string): number => {
    const found = env.calls.findIndex((call) =>
      `${call.kind} ${call.barrier ?? call.file} ${call.mode ?? ""}`.startsWith(what),
    );
    expect(found, what).toBeGreaterThanOrEqual(0);
    return found;
  };
  const firstTable = env.calls.findIndex(
    ({ kind, file, mode }) => kind === "open" && mode === "wx" && file.endsWith(".sst"),
  );
  const firstUnlink = env.calls.findIndex(({ kind, file }) => kind === "unlink" && files.has(file));
  expect(at("link")).toBeLessThan(at("syncDirectory lost.directory"));
  expect(at("syncDirectory lost.directory")).toBeLessThan(at("syncDirectory lost.parent"));
  expect(at("syncDirectory lost.parent")).toBeLessThan(firstTable);
  expect(at("sync flush.table")).toBeLessThan(at("syncDirectory flush.directory"));
  expect(at("syncDirectory flush.directory")).toBeLessThan(at("syncDirectory create.current-directory"));
  expect(at("syncDirectory open.directory")).toBeLessThan(firstUnlink);
});

test("what tables of a repair say of it grows with its files, not with their square", () => {
  const bytesFor = (count: number): number => {
    const env = storeOf(
      made((db) => {
        for (let i = 0; i < count; i++) {
          for (let j = 0; j < 4; j++) db.put(`k${String(i * 4 + j).padStart(6, "0")}`, "v".repeat(700));
          db.flush();
        }
      }),
    );
    env.unlink(`${PATH}/CURRENT`);
    repairStore(PATH, { ...OPTIONS, env });
    return [...filesOf(env)].reduce((sum, [name, { length }]) => sum + (name.endsWith(".sst") ? length : 0), 0);
  };
  expect(bytesFor(200) / bytesFor(50)).toBeLessThan(4.4);
});

test("whichever call fails, repair throws with a code, gives everything back and removes nothing that it was made from", () => {
  const files = made(fillTwice, {}, "kill");
  files.get([...files.keys()].find((name) => name.endsWith(".sst"))!)![50]! ^= 4;
  const whole = storeOf(files);
  repairStore(PATH, { ...OPTIONS, env: whole });
  const wanted = contents(whole);
  const faults: Fault[] = [
    { errno: "EIO" },
    { errno: "ENOSPC" },
    { errno: "EIO", after: true },
    { errno: "ENOSPC", short: 3 },
  ];
  let failures = 0;
  for (const fault of faults) {
    for (let nth = 0; ; nth++) {
      const memory = storeOf(files);
      const env = new FaultyEnv(memory);
      env.failFrom(nth, fault, 1);
      const error = thrownBy(() => repairStore(PATH, { ...OPTIONS, env }));
      expect([env.openHandles, env.locksHeld]).toEqual([0, 0]);
      if (env.isSpent && error !== undefined) {
        failures++;
        expect(error).toBeInstanceOf(TinyKVError);
        expect((error as TinyKVError).cause).not.toBeInstanceOf(AssertionError);
        const hasBegun = env.calls.some(({ mode, file }) => mode === "wx" && file.startsWith("MANIFEST-"));
        const tables = [...filesOf(memory).keys()].filter((name) => name.endsWith(".sst") && !files.has(name));
        if (!hasBegun && fault.after !== true) expect(tables, `call ${nth}`).toEqual([]);
        repairStore(PATH, { ...OPTIONS, env: memory });
      }
      expect(contents(memory), `call ${nth}, ${JSON.stringify(fault)}`).toEqual(wanted);
      if (!env.isSpent) break;
    }
  }
  expect(failures).toBeGreaterThan(200);
});

function thrownBy(action: () => unknown): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return error;
  }
}

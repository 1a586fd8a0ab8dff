// Foreign code that uses the store: a logger is told when the store is at rest, a comparator is called when it is not.

import { expect, test } from "vitest";
import { bytewise, type Comparator } from "../common/comparator.ts";
import { MemoryEnv } from "../util/memory-env.ts";
import { open, type Database } from "./database.ts";
import {
  codeOf,
  entries,
  fill,
  filled,
  key,
  openSmall,
  PATH,
  type Opened,
  SMALL,
  thrown,
} from "./engine.test-support.ts";
import { FaultyEnv, type Call } from "./faulty-env.test-support.ts";
import type { Options } from "./options.ts";

const isTableUnlink = (call: Call): boolean => call.kind === "unlink" && call.file.endsWith(".sst");
/** Asked when a log is to be made longer, and else when it is opened. */
const isLogSize = (call: Call): boolean => call.kind === "size" && call.file.endsWith(".log");

const lineKey = (i: number): string => `line ${String(i).padStart(4, "0")}`;
const linesKept = (lines: readonly string[]): string[] => lines.map((line, i) => `${lineKey(i)}=${line}`);

/** A small store whose logger keeps its lines in the store itself. */
function openKeeping(options: Options): Opened & { lines: string[] } {
  const lines: string[] = [];
  const keep = (message: string): void => {
    lines.push(message);
    opened.db.put(lineKey(lines.length - 1), message);
  };
  const opened = openSmall({ ...options, logger: { info: keep, warn: keep, error: keep } });
  return { ...opened, lines };
}

test("a logger that writes to the store in the middle of a flush or a compaction loses nothing, in any mode", () => {
  for (const background of ["inline", "manual"] as const) {
    const { db, env, lines } = openKeeping({ background });
    env.fail(isTableUnlink, "EPERM", 60);
    for (let round = 0; round < 6; round++) fill(db, 60, `${round} `);
    db.flush();
    db.compactRange();
    expect(lines.length).toBeGreaterThan(3);
    const expected = [...filled(60, "5 "), ...linesKept(lines)];
    expect(entries(db)).toEqual(expected);
    expect(db.verify().problems).toEqual([]);
    db.close();
    const again = open(PATH, { ...SMALL, env });
    expect(entries(again)).toEqual(expected);
    again.close();
  }
});

test("a logger that writes to the store when a log cannot be made longer leaves the write that it was told of as it is", () => {
  const { db, env, lines } = openKeeping({ sync: true, background: "inline", writeBufferSize: 64 << 10 });
  env.fail(isLogSize, "EIO");
  fill(db, 20, "a value that is longer than the line ");
  expect(lines.length).toBeGreaterThan(0);
  const expected = [...filled(20, "a value that is longer than the line "), ...linesKept(lines)];
  expect(entries(db)).toEqual(expected);
  db.close();
  env.heal();
  expect(entries(open(PATH, { ...SMALL, env }))).toEqual(expected);
});

test("a logger may close the store: the call that it is told of has ended, and nothing is written afterwards", () => {
  const env = new FaultyEnv(new MemoryEnv());
  let closedAt = -1;
  const close = (): void => {
    db.close();
    closedAt = env.calls.length;
  };
  const logger = { info: close, warn: close, error: close };
  const db: Database = open(PATH, { ...SMALL, env, sync: true, background: "inline", logger });
  env.fail(isLogSize, "EIO");
  let written = 0;
  const write = (): void => {
    for (; written < 20; written++) db.put(key(written), `v${written}`);
  };
  expect(codeOf(write)).toBe("CLOSED");
  expect(written).toBeGreaterThan(0);
  expect(env.calls.length).toBe(closedAt);
  env.heal();
  expect(entries(open(PATH, { ...SMALL, env }))).toEqual(filled(written));
});

test("lines come in their order, among the events, and what a logger throws stops nothing", () => {
  const told: string[] = [];
  const { db, env } = openSmall({
    logger: {
      info: () => undefined,
      warn: (message) => {
        told.push(message.slice(0, 10));
        throw new Error("a full disk");
      },
      error: () => undefined,
    },
    listeners: { flushEnd: () => told.push("flushEnd") },
    level0FileNumCompactionTrigger: 100,
  });
  env.fail((call) => call.kind === "unlink", "EPERM", 1);
  fill(db, 10);
  db.flush();
  expect(told).toEqual([...told].filter((line) => line === "flushEnd" || line.startsWith("0000")));
  expect(told).toContain("flushEnd");
  expect(db.get(key(3))?.toString()).toBe("v3");
});

test("a file that cannot be removed is told once, however often it is tried", () => {
  const lines: string[] = [];
  const { db, env } = openSmall({
    logger: { info: () => undefined, warn: (message) => void lines.push(message), error: () => undefined },
    background: "inline",
  });
  env.fail(isTableUnlink, "EPERM");
  for (let round = 0; round < 8; round++) fill(db, 60, `${round} `);
  db.flush();
  expect(lines.length).toBeGreaterThan(5);
  expect(new Set(lines).size).toBe(lines.length);
});

test("a comparator that writes to its store, flushes or closes it is refused, in every call, and nothing is written", () => {
  const attempts: ((db: Database) => void)[] = [
    (db) => db.put("from the comparator", "x"),
    (db) => db.delete(key(1)),
    (db) => db.flush(),
    (db) => db.compactRange(),
    (db) => db.close(),
  ];
  for (const attempt of attempts) {
    let armed: Database | undefined;
    let tried = 0;
    const comparator: Comparator = {
      name: "test.writing",
      compare(a, b) {
        if (armed) {
          tried++;
          attempt(armed);
        }
        return bytewise.compare(a, b);
      },
    };
    const { db, env } = openSmall({ comparator, background: "inline", level0FileNumCompactionTrigger: 100 });
    fill(db, 40);
    db.flush();
    fill(db, 10, "w");
    const calls: (() => unknown)[] = [
      () => db.put(key(5), "new"),
      () => db.get(key(5)),
      () => db.has(key(6)),
      () => [...db.iterate()],
      () => db.flush(),
    ];
    for (const call of calls) {
      armed = db;
      const error = thrown(call);
      armed = undefined;
      expect(String(error)).toContain("a comparator does not write to its store");
    }
    expect(tried).toBeGreaterThanOrEqual(calls.length);
    db.resume();
    const expected = [...filled(10, "w"), ...filled(30, "v", 10)];
    expect(entries(db)).toEqual(expected);
    db.put(key(5), "w5");
    db.close();
    const again = open(PATH, { ...SMALL, env, comparator });
    expect(entries(again)).toEqual(expected);
    again.close();
  }
});

test("a comparator that reads from its store in the middle of a search sees the same store, and the cache keeps its sums", () => {
  let nested = 0;
  let current = 0;
  let armed: Database | undefined;
  const comparator: Comparator = {
    name: "test.reading",
    compare(a, b) {
      const db = armed;
      if (db && nested < 2000) {
        armed = undefined;
        nested++;
        // The same key: it comes through the very parts that are being read.
        expect(db.get(key(current))?.toString()).toBe(`v${current}`);
        armed = db;
      }
      return bytewise.compare(a, b);
    },
  };
  const { db } = openSmall({ comparator, indexBlockSize: 64, blockCacheSize: 20_000 });
  fill(db, 300);
  db.compactRange();
  armed = db;
  for (current = 0; current < 300; current++) expect(db.get(key(current))?.toString()).toBe(`v${current}`);
  armed = undefined;
  expect(nested).toBe(2000);
  const { bytes, capacity } = db.stats().cache;
  expect(bytes).toBeLessThanOrEqual(capacity);
  db.delete(key(0));
  for (let i = 0; i < 300; i++) db.delete(key(i));
  db.compactRange();
  expect(db.stats().cache.bytes).toBe(0);
});

test("the buffer of a value that is transferred to another thread leaves the other values and the iteration as they are", () => {
  const { db } = openSmall({ blockSize: 4096, blockCacheSize: 8 << 20 });
  fill(db, 400, "x".repeat(50));
  db.put("large", Buffer.alloc(400_000, 7));
  db.compactRange();
  const transfer = (bytes: Buffer): void => {
    try {
      structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] });
    } catch (error) {
      // Some versions of Node refuse it, some copy.
      expect(String(error)).toContain("clone");
    }
  };
  const cursor = db.cursor();
  for (let round = 0; round < 2; round++) {
    const values: Buffer[] = [];
    for (const [, value] of db.iterate()) {
      values.push(value);
      if (values.length % 50 === 0) transfer(value);
    }
    expect(values.slice(0, 400).map((value) => value.toString())).toEqual(
      filled(400, "x".repeat(50)).map((entry) => entry.slice(entry.indexOf("=") + 1)),
    );
    cursor.seek("large");
    transfer(cursor.value);
    expect(db.get("large")?.length).toBe(400_000);
  }
  cursor.close();
});

import { expect, test } from "vitest";
import { readFields, type EditField, type TableEntry } from "./edit-framing.ts";
import { encodeEdit } from "./encode/edit-encoder.ts";
import { LogEncoder } from "./encode/log-encoder.ts";
import { frameManifest, type FramedManifest } from "./manifest-framing.ts";
import { busySession, bytesOf, flipped, MemoryStore, namesWith } from "./stores.test-support.ts";

const SNAPSHOT: readonly EditField[] = [
  { field: "comparator", name: "tinykv.bytewise" },
  { field: "databaseId", id: "0123456789abcdef0123456789abcdef" },
  { field: "logNumber", value: 2 },
  { field: "nextFileNumber", value: 9 },
  { field: "lastSequence", value: 100 },
];

function table(number: number, level: number): TableEntry {
  return {
    level,
    number,
    size: 300 + number,
    tag: 2 ** 32 - 1,
    epoch: number,
    smallest: { key: "a", sequence: 2 ** 53 - 2, kind: 1 },
    largest: { key: "b\xff", sequence: 2 ** 53 - 1, kind: 15 },
    leastSequence: 3,
    greatestSequence: 7,
    entries: 5,
    deletes: 2,
  };
}

function framed(...edits: (readonly EditField[])[]): FramedManifest {
  const encoder = new LogEncoder("manifest", { fileNumber: 1, blockSize: 32_768 });
  for (const edit of edits) encoder.full(encodeEdit(edit));
  return frameManifest(encoder.bytes, 1);
}

test("the manifest of a busy store has the tables that its stats show, level by level", () => {
  const store = new MemoryStore();
  const db = store.open();
  busySession(db);
  const stats = db.stats();
  const image = store.image();
  const [name] = namesWith(image, "MANIFEST");
  const { state, log, problem } = frameManifest(bytesOf(image, name!), stats.manifest.number);
  expect([problem, log.size, state!.lastSequence <= stats.lastSequence]).toEqual([
    undefined,
    stats.manifest.bytes,
    true,
  ]);
  expect(stats.levels.filter(({ tables }) => tables > 0).length).toBe(2);
  for (const level of stats.levels) {
    const tables = state!.levels[level.level]!;
    expect(tables.length).toBe(level.tables);
    expect(tables.reduce((sum, { size }) => sum + size, 0)).toBe(level.bytes);
    expect(tables.reduce((sum, { entries }) => sum + entries, 0)).toBe(level.entries);
    expect(tables.reduce((sum, { deletes }) => sum + deletes, 0)).toBe(level.tombstones);
  }
  expect(state!.tables.map(({ number }) => number).sort((a, b) => a - b)).toEqual(
    namesWith(image, ".sst").map((name) => Number.parseInt(name, 10)),
  );
  expect(db.verify().problems).toEqual([]);
});

test("every flipped bit of a manifest ends it before the damage or leaves no state; nothing throws", () => {
  const store = new MemoryStore();
  store.session(busySession);
  const image = store.image();
  const [name] = namesWith(image, "MANIFEST");
  const bytes = bytesOf(image, name!);
  const number = Number(name!.slice(9));
  for (let offset = 0; offset < bytes.length; offset++) {
    const { state, log } = frameManifest(flipped(bytes, offset, offset % 8), number);
    if (state) expect(log.size).toBeLessThanOrEqual(offset);
  }
});

test("records add up: the last value of each field, tables added and removed, cursors by level", () => {
  const { state, problem } = framed(
    [...SNAPSHOT, { field: "newTable", table: table(3, 0) }, { field: "cursor", level: 1, key: "old" }],
    [
      { field: "logNumber", value: 5 },
      { field: "nextFileNumber", value: 12 },
      { field: "lastSequence", value: 110 },
      { field: "newTable", table: table(4, 0) },
      { field: "cursor", level: 1, key: "\x00new" },
      { field: "cursor", level: 11, key: "" },
    ],
    // In the other order than they apply: a table moves to another level.
    [
      { field: "newTable", table: table(3, 2) },
      { field: "unknown", tag: 99, bytes: Buffer.from("later") },
      { field: "removedTable", level: 0, number: 3 },
    ],
  );
  expect(problem).toBeUndefined();
  expect(state).toEqual({
    comparator: "tinykv.bytewise",
    databaseId: "0123456789abcdef0123456789abcdef",
    logNumber: 5,
    nextFileNumber: 12,
    lastSequence: 110,
    levels: Array.from({ length: 12 }, (_, level) => (level === 0 ? [table(4, 0)] : level === 2 ? [table(3, 2)] : [])),
    tables: [table(4, 0), table(3, 2)],
    cursors: new Map([
      [1, "\x00new"],
      [11, ""],
    ]),
  });
});

test("edits of any bytes throw nothing but what is wrong with them", () => {
  const edit = encodeEdit([
    ...SNAPSHOT,
    { field: "newTable", table: table(3, 0) },
    { field: "removedTable", level: 0, number: 9 },
    { field: "cursor", level: 1, key: "key" },
  ]);
  let read = 0;
  for (let at = 0; at < edit.length; at++) {
    for (const value of [0, 1, 0x0e, 0x7f, 0x80, 0xff]) {
      const wrong = Buffer.from(edit);
      wrong[at] = value;
      const { fields, stoppedAt, problem } = readFields(wrong);
      expect([problem !== undefined, stoppedAt < wrong.length]).toEqual(Array(2).fill(problem !== undefined));
      read += fields.length;
    }
    expect(readFields(edit.subarray(0, at)).stoppedAt).toBeLessThanOrEqual(at);
  }
  expect(read).toBeGreaterThan(1000);
});

test("what makes a manifest corrupt is said, and there is no state", () => {
  const cases: [RegExp, (readonly EditField[])[]][] = [
    [/no record has a comparator/, []],
    ...SNAPSHOT.map((_, i): [RegExp, EditField[][]] => [/no record has a/, [SNAPSHOT.filter((_, j) => i !== j)]]),
    [/logNumber twice/, [[...SNAPSHOT, { field: "logNumber", value: 2 }]]],
    [
      /cursor of level 1 twice/,
      [[...SNAPSHOT, ...[1, 1].map((level) => ({ field: "cursor", level, key: "" }) as const)]],
    ],
    [/table 3 twice/, [SNAPSHOT, [0, 1].map((level) => ({ field: "newTable", table: table(3, level) }) as const)]],
    [/removes table 3/, [SNAPSHOT, [{ field: "removedTable", level: 0, number: 3 }]]],
    [/level 12/, [SNAPSHOT, [{ field: "newTable", table: table(3, 12) }]]],
    [/unknown field 20/, [SNAPSHOT, [{ field: "unknown", tag: 20, bytes: Buffer.alloc(0) }]]],
    [/database id/, [SNAPSHOT, [{ field: "unknown", tag: 4, bytes: Buffer.alloc(15) }]]],
    [/left over/, [SNAPSHOT, [{ field: "unknown", tag: 6, bytes: Buffer.from([1, 1]) }]]],
    [/UTF-8/, [SNAPSHOT, [{ field: "unknown", tag: 2, bytes: Buffer.from([0xff]) }]]],
    [/cut short/, [SNAPSHOT, [{ field: "unknown", tag: 12, bytes: Buffer.from([1, 1]) }]]],
    [
      /kind 2/,
      [[...SNAPSHOT, { field: "newTable", table: { ...table(3, 0), smallest: { key: "a", sequence: 1, kind: 2 } } }]],
    ],
  ];
  for (const [problem, edits] of cases) {
    const manifest = framed(...edits);
    expect(manifest.state).toBeUndefined();
    expect(manifest.problem).toMatch(problem);
  }
});

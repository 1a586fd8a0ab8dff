import { expect, test } from "vitest";
import type { Image } from "../disk/image.ts";
import { crafted, craftedManifest } from "./crafted.test-support.ts";
import { encodeEdit } from "./encode/edit-encoder.ts";
import { LogEncoder } from "./encode/log-encoder.ts";
import { frameLog } from "./log-framing.ts";
import { frameManifest, type EditField, type TableEntry } from "./manifest-framing.ts";
import { busySession, bytesOf, changed, flipped, MemoryStore, namesWith, ROOT, SMALL } from "./stores.test-support.ts";
import { storeProblemTexts } from "./store-judge.ts";
import { encodeCurrent } from "./store-names.ts";
import { frameTable } from "./table-framing.ts";

const OPEN = { open: true };
const CLOSED = { open: false };

function closedStore(): Image {
  const store = new MemoryStore();
  store.session(busySession);
  return store.image();
}

const IMAGE = closedStore();
const TABLE = namesWith(IMAGE, ".sst")[1]!;
const LOG = namesWith(IMAGE, ".log")[0]!;
const MANIFEST = namesWith(IMAGE, "MANIFEST")[0]!;

function problemsOf(changes: Parameters<typeof changed>[1], options = CLOSED): string[] {
  return storeProblemTexts(changed(IMAGE, changes), ROOT, options);
}

/** The store under another manifest: what `change` makes of its tables, and more fields. */
function withManifest(change: (tables: readonly TableEntry[]) => readonly TableEntry[], next = 1000): Image {
  const { state } = frameManifest(bytesOf(IMAGE, MANIFEST), Number(MANIFEST.slice(9)));
  const fields: EditField[] = [
    { field: "comparator", name: state!.comparator },
    { field: "databaseId", id: state!.databaseId },
    { field: "logNumber", value: state!.logNumber },
    { field: "nextFileNumber", value: next },
    { field: "lastSequence", value: state!.lastSequence },
    ...change(state!.tables).map((table): EditField => ({ field: "newTable", table })),
  ];
  const header = { fileNumber: 900, databaseId: state!.databaseId, blockSize: 32_768 };
  const manifest = new LogEncoder("manifest", header).full(encodeEdit(fields));
  return changed(IMAGE, {
    [MANIFEST]: undefined,
    "MANIFEST-000900": manifest.bytes,
    CURRENT: encodeCurrent(900),
  });
}

test("a store is closed after each step of its life: no problems", () => {
  for (const options of [SMALL, { ...SMALL, maxManifestFileSize: 1 }, { ...SMALL, maxWriteBufferNumber: 4 }]) {
    const store = new MemoryStore();
    for (let round = 0; round < 3; round++) {
      const db = store.open(options);
      expect(storeProblemTexts(store.image(), ROOT, OPEN)).toEqual([]);
      busySession(db);
      expect(storeProblemTexts(store.image(), ROOT, OPEN)).toEqual([]);
      for (let i = 0; i < 8; i++) db.put(`more${i}`, "y".repeat(1000));
      db.close();
      expect(storeProblemTexts(store.image(), ROOT, CLOSED)).toEqual([]);
    }
    store.session(() => undefined, options);
    expect(storeProblemTexts(store.image(), ROOT, CLOSED)).toEqual([]);
  }
});

test("a log that waits for its reuse has a place in session with walRecycle alone", () => {
  const store = new MemoryStore();
  const db = store.open({ ...SMALL, walRecycle: true });
  busySession(db);
  expect(db.stats().logs.waiting).toBe(true);
  const image = store.image();
  expect(storeProblemTexts(image, ROOT, { open: true, recycle: true })).toEqual([]);
  expect(storeProblemTexts(image, ROOT, OPEN)).toEqual([expect.stringMatching(/\.log: retired/)]);
  expect(storeProblemTexts(image, ROOT, { open: false, recycle: true })).toContainEqual(
    expect.stringMatching(/\.log: retired/),
  );
  db.close();
  expect(storeProblemTexts(store.image(), ROOT, CLOSED)).toEqual([]);
});

test("an unclean end is a problem of a closed store, not of an open one", () => {
  const store = new MemoryStore();
  busySession(store.open());
  expect(storeProblemTexts(store.image(), ROOT, CLOSED)).toEqual([
    "MANIFEST-000001: does not end in CLEAN END",
    expect.stringMatching(/^\d+\.log: does not end in CLEAN END$/),
  ]);
});

test("a CURRENT that is missing, not exact, or names no manifest", () => {
  const exact = bytesOf(IMAGE, "CURRENT");
  expect(problemsOf({ CURRENT: undefined })).toEqual(["CURRENT: missing"]);
  expect(problemsOf({ CURRENT: flipped(exact, exact.length - 3) })).toEqual([
    expect.stringMatching(/^CURRENT: CURRENT's checksum/),
  ]);
  for (const wrong of [exact.subarray(1), exact.subarray(0, -1), Buffer.concat([exact, exact]), Buffer.alloc(0)])
    expect(problemsOf({ CURRENT: wrong })).toEqual([expect.stringMatching(/^CURRENT: /)]);
  expect(problemsOf({ CURRENT: encodeCurrent(777) })).toEqual(["MANIFEST-000777: missing, but CURRENT names it"]);
});

test("a manifest with bytes behind its end, or cut short", () => {
  const bytes = bytesOf(IMAGE, MANIFEST);
  expect(problemsOf({ [MANIFEST]: Buffer.concat([bytes, Buffer.alloc(1)]) })).toContainEqual(
    expect.stringMatching(/bytes behind CLEAN END/),
  );
  const { cleanEnd } = frameLog(bytes, Number(MANIFEST.slice(9)), "manifest");
  expect(problemsOf({ [MANIFEST]: bytes.subarray(0, cleanEnd!.offset + 5) }, OPEN)).toContainEqual(
    expect.stringMatching(/MANIFEST.*cut short/),
  );
  expect(problemsOf({ [MANIFEST]: flipped(bytes, cleanEnd!.offset - 1) })).toContainEqual(
    expect.stringMatching(/promises more/),
  );
  expect(problemsOf({ [MANIFEST]: flipped(bytes, 30) })).toContainEqual(
    expect.stringMatching(/checksum of the header/),
  );
});

test("a live table that is missing, has another size, tag or number, or a block that does not verify", () => {
  const bytes = bytesOf(IMAGE, TABLE);
  const number = Number.parseInt(TABLE, 10);
  const change = (fields: Partial<TableEntry>): string[] =>
    storeProblemTexts(
      withManifest((tables) => tables.map((table) => (table.number === number ? { ...table, ...fields } : table))),
      ROOT,
      OPEN,
    );
  expect(change({})).toEqual([]);
  expect(problemsOf({ [TABLE]: undefined })).toEqual([`${TABLE}: missing`]);
  expect(problemsOf({ [TABLE]: bytes.subarray(0, -1) })).toContainEqual(
    expect.stringMatching(/bytes, the manifest says/),
  );
  expect(change({ size: bytes.length + 1 })).toEqual([expect.stringMatching(/bytes, the manifest says/)]);
  expect(change({ tag: 7 })).toEqual([`${TABLE}: its footer has another tag than the manifest`]);
  expect(change({ epoch: 777 })).toContainEqual(expect.stringMatching(/epoch \d+, the manifest says 777/));
  expect(change({ entries: 777 })).toEqual([expect.stringMatching(/entries \d+, the manifest says 777/)]);
  const other = namesWith(IMAGE, ".sst")[0]!;
  expect(problemsOf({ [TABLE]: bytesOf(IMAGE, other) })).toContain(
    `${TABLE}: its footer says it is number ${Number.parseInt(other, 10)}`,
  );
  for (const { offset, role } of frameTable(bytes).blocks)
    expect(problemsOf({ [TABLE]: flipped(bytes, offset) })).toEqual([
      expect.stringMatching(role === "data" || role === "filter" ? /block at \d+ does not verify/ : /checksum of the/),
    ]);
});

test("whatever else stands in the directory", () => {
  const table = bytesOf(IMAGE, TABLE);
  const cases: [string, RegExp][] = [
    ["000999.sst", /000999.sst: is not live/],
    ["MANIFEST-000999", /MANIFEST-000999: is not the manifest/],
    ["CURRENT.tmp", /CURRENT.tmp: an unexpected file/],
    ["7.log", /7.log: an unexpected file/],
    ["0000007.log", /0000007.log: an unexpected file/],
    ["lost/rubbish", /lost.rubbish: an unexpected file/],
    ["000001.log", /000001.log: retired/],
    ["000999.log", /000999.log: off the chain/],
    [`${LOG.slice(0, 6)}.sst`, /has the number of \d+.log/],
  ];
  for (const [name, problem] of cases)
    expect(problemsOf({ [name]: table })).toContainEqual(expect.stringMatching(problem));
  expect(problemsOf({ "lost/000001.log-77": table })).toEqual([]);
});

test("numbers that are not below the next one", () => {
  expect(
    storeProblemTexts(
      withManifest((tables) => tables, 900),
      ROOT,
      OPEN,
    ),
  ).toEqual(["MANIFEST-000900: number 900 is not below the next, 900"]);
});

test("a chain of logs with a link that is missing, short, or of another store", () => {
  const store = new MemoryStore();
  const big = { ...SMALL, writeBufferSize: 1 << 16 };
  store.session((db) => db.put("a", "b".repeat(900)), big);
  store.session((db) => db.put("c", "d"), big);
  const image = store.image();
  const [older, newer] = namesWith(image, ".log") as [string, string];
  const problems = (changes: Parameters<typeof changed>[1]): string[] =>
    storeProblemTexts(changed(image, changes), ROOT, CLOSED);
  expect(problems({})).toEqual([]);
  expect(problems({ [older]: undefined })).toEqual([`${older}: of the chain, is missing`]);
  expect(problems({ [older]: flipped(bytesOf(image, older), 50) })).toEqual([`${older}: of the chain, has no header`]);
  expect(problems({ [older]: flipped(bytesOf(image, older), 700) })).toEqual([
    expect.stringMatching(/: good up to \d+ alone, its successor says/),
  ]);
  expect(problems({ [newer]: flipped(bytesOf(image, newer), 50) })).toContain(`${newer}: off the chain of logs`);
  const log = new LogEncoder("wal", { fileNumber: Number.parseInt(newer, 10) });
  expect(problems({ [newer]: log.bytes })).toContain(`${newer}: another database id`);
});

test("CLEAN ENDs that differ, or name another manifest or size", () => {
  const size = craftedManifest({}).bytes.length;
  const problems = (...ends: [number, number, number][]): string[] =>
    storeProblemTexts(crafted({ manifestEnd: ends[0]!, logEnd: ends[1]! }), ROOT, CLOSED);
  expect(problems([5, 1, size], [5, 1, size])).toEqual([]);
  for (const other of [
    [6, 1, size],
    [5, 7, size],
    [5, 1, size - 1],
  ] as [number, number, number][])
    expect(problems([5, 1, size], other)).toEqual(["000002.log: ends in another CLEAN END than the manifest"]);
  for (const other of [
    [5, 7, size],
    [5, 1, size - 1],
  ] as [number, number, number][])
    expect(problems(other, other)).toEqual(["MANIFEST-000001: CLEAN END names another manifest or another size"]);
  expect(problems([0, 1, size], [0, 1, size])).toEqual([
    "MANIFEST-000001: CLEAN END's last sequence number is less than the manifest's",
  ]);
});

test("levels that are unsound", () => {
  const level6 = (tables: readonly TableEntry[]): TableEntry => tables.find(({ level }) => level === 6)!;
  const cases: [RegExp, (tables: readonly TableEntry[]) => readonly TableEntry[]][] = [
    [/of level 6 overlap/, (tables) => [...tables, { ...level6(tables), number: 800 }]],
    [/of one epoch/, (tables) => tables.map((table) => ({ ...table, epoch: 1 }))],
    [
      /is not newer than/,
      (tables) => tables.map((table) => (table.level === 0 ? { ...table, leastSequence: 1 } : table)),
    ],
    [
      /smallest above largest/,
      (tables) => tables.map(({ smallest, largest, ...rest }) => ({ ...rest, smallest: largest, largest: smallest })),
    ],
    [/least sequence number above/, (tables) => tables.map((table) => ({ ...table, leastSequence: 1e6 }))],
    [/above the manifest's last/, (tables) => tables.map((table) => ({ ...table, greatestSequence: 1e6 }))],
    [/more deletes than entries/, (tables) => tables.map((table) => ({ ...table, deletes: 1e6 }))],
    [
      /a bound's sequence number/,
      (tables) => tables.map((table) => ({ ...table, smallest: { ...table.smallest, sequence: 0 } })),
    ],
    [/a version of a bound as new/, (tables) => [...tables, { ...level6(tables), number: 800, level: 5 }]],
  ];
  for (const [problem, change] of cases)
    expect(storeProblemTexts(withManifest(change), ROOT, OPEN)).toContainEqual(expect.stringMatching(problem));
});

test("tables that meet below an exclusive bound do not overlap", () => {
  const at = (level: number, largestKind: 1 | 15): string[] =>
    storeProblemTexts(
      withManifest((tables) => {
        const [table] = tables as [TableEntry];
        const sequence = table.greatestSequence;
        const point = (key: string): TableEntry["smallest"] => ({ key, sequence, kind: 1 });
        const end = largestKind === 15 ? { key: "m", sequence: 2 ** 53 - 1, kind: 15 } : point("m");
        return [
          { ...table, level, number: 801, smallest: point("a"), largest: end },
          { ...table, level, number: 802, smallest: point("m"), largest: point("z") },
        ];
      }),
      ROOT,
      OPEN,
    ).filter((problem) => problem.includes("overlap"));
  expect(at(3, 15)).toEqual([]);
  expect(at(3, 1).length).toBe(1);
});

test("a store after a salvage, with lost/, is closed", () => {
  const store = new MemoryStore();
  const db = store.open();
  for (let i = 0; i < 20; i++) db.put(`k${i}`, "v".repeat(100));
  const [name] = namesWith(store.image(), ".log");
  const file = store.env.open(`${ROOT}/${name}`, "rw");
  file.write(Buffer.from("damage"), 700);
  file.close();
  const copy = MemoryStore.of(store.image());
  copy.session(() => undefined, { ...SMALL, walRecoveryMode: "skipCorrupted" });
  expect(namesWith(copy.image(), "lost/").length).toBe(1);
  expect(storeProblemTexts(copy.image(), ROOT, CLOSED)).toEqual([]);
});

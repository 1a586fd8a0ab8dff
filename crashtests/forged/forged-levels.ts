// Manifests that put real tables where they do not belong, or say what is not so of them.

import { open, type Database } from "tinykv";
import { encodeCurrent, manifestName } from "tinykv/formats";
import {
  ContentStore,
  encodeEdit,
  frameManifest,
  ImageEnv,
  LogEncoder,
  STORE,
  type EditField,
  type TableEntry,
} from "tinykv/harness";
import type { Forged, ForgedVerdict } from "./forgery.ts";

/** A number that nothing has. */
const FORGED = 900;

/** Tables in level 0, of which the newer one overlaps the older, and one in a deeper level that both overlap. */
function makeStore(): { files: Record<string, Uint8Array>; tables: readonly TableEntry[]; manifest: number } {
  const env = new ImageEnv();
  const db: Database = open(STORE, { env, background: "manual" });
  const fill = (from: string, to: string, value: string): void => {
    db.put(from, value);
    db.put(to, value);
    db.flush();
  };
  fill("a", "m", "deep");
  db.compactRange();
  fill("c", "p", "older");
  fill("b", "n", "newer");
  db.close();
  const files: Record<string, Uint8Array> = {};
  for (const [path, { bytes }] of env.capture(new ContentStore()).files) files[path.slice(STORE.length + 1)] = bytes;
  const name = Object.keys(files).find((file) => file.startsWith("MANIFEST-"))!;
  const manifest = Number(name.slice("MANIFEST-".length));
  return { files, tables: frameManifest(files[name]!, manifest).state!.tables, manifest };
}

type Change = (tables: Tables) => readonly TableEntry[];

interface Tables {
  readonly deep: TableEntry;
  readonly older: TableEntry;
  readonly newer: TableEntry;
}

const CHANGES: readonly (readonly [what: string, expected: ForgedVerdict, change: Change])[] = [
  [
    "the tables as they are",
    { a: "deep", b: "newer", c: "older", m: "deep", n: "newer", p: "older" },
    (tables) => [tables.deep, tables.older, tables.newer],
  ],
  [
    "two tables of a deep level overlap",
    "refused",
    ({ deep, older, newer }) => [deep, newer, { ...older, level: deep.level }],
  ],
  [
    "two tables of a deep level, one within the other",
    "refused",
    ({ older, newer }) => [
      { ...older, level: 6, smallest: { ...older.smallest, key: "a" } },
      { ...newer, level: 6 },
    ],
  ],
  ["two tables of one epoch", "refused", ({ deep, older, newer }) => [deep, older, { ...newer, epoch: older.epoch }]],
  [
    "epochs upside down",
    "refused",
    ({ deep, older, newer }) => [deep, { ...older, epoch: newer.epoch }, { ...newer, epoch: older.epoch }],
  ],
  ["a table twice", "refused", ({ deep, older, newer }) => [deep, older, newer, { ...newer, epoch: newer.epoch + 1 }]],
  [
    "an older version above a newer one",
    "refused",
    ({ deep, older }) => [
      { ...deep, level: 2 },
      { ...older, level: 3, smallest: { ...older.smallest, key: "a" }, largest: { ...older.largest, key: "m" } },
    ],
  ],
  ["a table that is missing", "refused", ({ deep, older, newer }) => [deep, older, { ...newer, number: 700 }]],
  [
    "bounds upside down",
    "refused",
    ({ deep, older, newer }) => [deep, older, { ...newer, smallest: newer.largest, largest: newer.smallest }],
  ],
  [
    "sequence numbers upside down",
    "refused",
    ({ deep, older, newer }) => [deep, older, { ...newer, leastSequence: newer.greatestSequence + 1 }],
  ],
  [
    "more deletes than entries",
    "refused",
    ({ deep, older, newer }) => [deep, older, { ...newer, deletes: newer.entries + 1 }],
  ],
  ["another size", "refused", ({ deep, older, newer }) => [deep, older, { ...newer, size: newer.size + 1 }]],
  ["another tag", "refused", ({ deep, older, newer }) => [deep, older, { ...newer, tag: (newer.tag % 1000) + 1 }]],
  ["too few entries", "reported", ({ deep, older, newer }) => [deep, older, { ...newer, entries: newer.entries - 1 }]],
  [
    "too narrow bounds",
    "reported",
    ({ deep, older, newer }) => [deep, older, { ...newer, largest: { ...newer.largest, key: "mm" } }],
  ],
  ["a level that no store has", "refused", ({ deep, older, newer }) => [{ ...deep, level: 12 }, older, newer]],
];

export function forgedLevels(): readonly Forged[] {
  const { files, tables, manifest } = makeStore();
  const [newer, older] = tables.filter(({ level }) => level === 0).sort((a, b) => b.epoch - a.epoch) as [
    TableEntry,
    TableEntry,
  ];
  const deep = tables.find(({ level }) => level > 0)!;
  const { state } = frameManifest(files[manifestName(manifest)]!, manifest);
  return CHANGES.map(([what, expected, change]) => {
    const fields: EditField[] = [
      { field: "comparator", name: state!.comparator },
      { field: "databaseId", id: state!.databaseId },
      { field: "logNumber", value: state!.logNumber },
      { field: "nextFileNumber", value: FORGED + 1 },
      { field: "lastSequence", value: state!.lastSequence },
      ...change({ deep, older, newer }).map((table): EditField => ({ field: "newTable", table })),
    ];
    const header = { fileNumber: FORGED, databaseId: state!.databaseId, blockSize: 32_768 };
    const edits = new LogEncoder("manifest", header).full(encodeEdit(fields));
    const { [manifestName(manifest)]: _, ...rest } = files;
    return { what, expected, files: { ...rest, [manifestName(FORGED)]: edits.bytes, CURRENT: encodeCurrent(FORGED) } };
  });
}

// Sound stores at the edges of the format: both say so, the engine serves what was written, goes on in them, and leaves them
// sound.

import type { Options } from "tinykv";
import { expect, test } from "vitest";
import { keyOf, keyBytes } from "../keys.ts";
import { edgePlans, type EdgePlan } from "./encode/edge-plans.ts";
import { encodeStore } from "./encode/store-encoder.ts";
import type { StorePlan } from "./encode/store-plan.ts";
import { frameLog } from "./log-framing.ts";
import { readStoreContents, visibleEntries } from "./store-contents.ts";
import { storeProblemTexts } from "./store-judge.ts";
import { logName, manifestName, tableName } from "./store-names.ts";
import { ROOT } from "./stores.test-support.ts";
import { imageOfFiles, openFiles, sessionOn, verdictOf, type StoreFiles } from "./stores-encoded.test-support.ts";
import { frameTable, type TableBlock } from "./table-framing.ts";
import { BYTEWISE } from "./version-soundness.ts";

type Entries = [key: string, value: string][];

/** What the plan says, worked out without either decoder. */
function plannedEntries({ tables, logs }: StorePlan): Entries {
  const newest = new Map<string, { sequence: number; value: string | undefined }>();
  const add = (key: string, sequence: number, value: Uint8Array | undefined): void => {
    if ((newest.get(key)?.sequence ?? 0) > sequence) return;
    newest.set(key, { sequence, value: value && Buffer.from(value).toString("latin1") });
  };
  for (const { shape } of tables) for (const { key, sequence, value } of shape.versions) add(key, sequence, value);
  for (const { batches } of logs)
    for (const { firstSequence, operations } of batches)
      for (const [i, { key, value }] of operations.entries()) add(key, firstSequence + i, value);
  const visible = [...newest].flatMap(([key, { value }]): Entries => (value === undefined ? [] : [[key, value]]));
  return visible.sort(([a], [b]) => (a < b ? -1 : 1));
}

function optionsOf({ plan, levels = 7 }: EdgePlan): Options {
  const { comparator: name } = plan;
  const compare = (a: Uint8Array, b: Uint8Array): number => Buffer.compare(a, b);
  return { numLevels: levels, ...(name !== BYTEWISE && { comparator: { name, compare } }) };
}

function readByInspector(files: StoreFiles): Entries {
  const entries = visibleEntries(readStoreContents(imageOfFiles(files), ROOT));
  return entries.map(([key, value]) => [key, Buffer.from(value).toString("latin1")]);
}

function servedBy(files: StoreFiles, options: Options, closed: boolean): Entries {
  const db = openFiles(files, options);
  expect(db.recovery).toMatchObject({ clean: closed, tornBytes: 0, skipped: [] });
  const served = [...db.iterate()].map(([key, value]): [string, string] => [keyOf(key), value.toString("latin1")]);
  for (const [key, value] of served) expect(db.get(keyBytes(key))?.toString("latin1") === value).toBe(true);
  db.close();
  return served;
}

/** Without the large ones in a failure's text. */
function isSame(a: Entries, b: Entries): boolean {
  return a.length === b.length && a.every(([key, value], i) => key === b[i]![0] && value === b[i]![1]);
}

const PLANS = edgePlans();

test.each(PLANS.map((edge) => [edge.name, edge] as const))("%s", (_, edge) => {
  const files = encodeStore(edge.plan);
  const expected = plannedEntries(edge.plan);
  const options = optionsOf(edge);
  expect(storeProblemTexts(imageOfFiles(files), ROOT, { open: !edge.plan.closed })).toEqual([]);
  expect(isSame(readByInspector(files), expected)).toBe(true);
  for (const readOnly of [true, false]) {
    expect(verdictOf(files, { ...options, readOnly })).toMatchObject({ ok: true, problems: [] });
    expect(isSame(servedBy(files, { ...options, readOnly }, edge.plan.closed), expected)).toBe(true);
  }
  const after = sessionOn(files, options, (db) => {
    const write = (): void => db.put("\x80more", "written now");
    if (edge.isFull) expect(write).toThrow(/sequence numbers are exhausted/);
    else write();
    db.compactRange();
    expect(db.verify()).toMatchObject({ ok: true });
  });
  expect(storeProblemTexts(imageOfFiles(after), ROOT, { open: false })).toEqual([]);
  const more: Entries = edge.isFull ? [] : [["\xc2\x80more", "written now"]];
  expect(
    isSame(
      readByInspector(after),
      [...expected, ...more].sort(([a], [b]) => (a < b ? -1 : 1)),
    ),
  ).toBe(true);
});

test("the block ends are where they are said to be", () => {
  for (const { name, plan } of PLANS) {
    const left = /end (\d+) bytes before/.exec(name)?.[1];
    if (left === undefined) continue;
    const files = encodeStore(plan);
    const [log, manifest] = [plan.logs[0]!.number, plan.manifest.number];
    for (const { size } of [
      frameLog(files.get(logName(log))!, log, "wal"),
      frameLog(files.get(manifestName(manifest))!, manifest, "manifest"),
    ])
      expect([name, (512 - (size % 512)) % 512]).toEqual([name, Number(left)]);
  }
  expect(new Set(PLANS.map(({ name }) => name)).size).toBe(PLANS.length);
});

test("the offsets of a block are wide from 65,536 on", () => {
  const flags = [65_535, 65_536].map((start) => {
    const { plan } = PLANS.find(({ name }) => name === `an entry that starts at ${start}`)!;
    const bytes = encodeStore(plan).get(tableName(plan.tables[0]!.shape.number))!;
    const blocks = frameTable(bytes).blocks.filter(({ role }) => role === "data");
    const [{ offset, length }] = blocks as [TableBlock];
    expect(blocks.length).toBe(1);
    // Behind two entries and three offsets.
    const end = offset + length;
    expect(start).toBe(bytes[offset + 1] === 1 ? bytes.readUInt32LE(end - 12) : bytes.readUInt16LE(end - 10));
    return bytes[offset + 1];
  });
  expect(flags).toEqual([0, 1]);
});

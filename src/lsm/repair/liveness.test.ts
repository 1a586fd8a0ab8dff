import { expect, test } from "vitest";
import { decideLiveness, type Liveness, type ManifestFact, type TableFact } from "./liveness.ts";

/** A table by number: its tag is ten times that. */
function table(
  number: number,
  more: Partial<TableFact & TableFact["provenance"]> & { of?: number[]; besides?: number[] } = {},
): TableFact {
  const { of = [], besides = [], isWhole = true, logNumber = 0, repairedLogs } = more;
  const references = (numbers: number[]): { number: number; tag: number }[] =>
    numbers.map((one) => ({ number: one, tag: one * 10 }));
  const provenance = {
    inputs: references(of),
    obsolete: references(besides),
    logNumber,
    ...(repairedLogs && { repairedLogs }),
  };
  return { number, tag: number * 10, isWhole, provenance: "provenance" in more ? more.provenance : provenance };
}

function manifest(live: number[], more: Partial<ManifestFact> = {}): ManifestFact {
  return {
    isWhole: true,
    live: new Map(live.map((number) => [number, number * 10])),
    removed: new Set(),
    firstNextNumber: 1,
    logNumber: 0,
    ...more,
  };
}

function dead(tables: TableFact[], known?: ManifestFact, logs: number[] = []): number[] {
  return [...decide(tables, known, logs).dead.keys()].sort((a, b) => a - b);
}

function decide(tables: TableFact[], known?: ManifestFact, logs: number[] = []): Liveness {
  return decideLiveness(tables, new Set(logs), known);
}

test("without a manifest the inputs of a compaction are dead once one of them is gone or a later table names its output", () => {
  expect(dead([table(2), table(3, { of: [1, 2] })])).toEqual([2]);
  expect(dead([table(1), table(2), table(3, { of: [1, 2] }), table(4, { of: [3] }), table(5, { of: [4] })])).toEqual([
    1, 2, 3,
  ]);
});

test("without a manifest a compaction whose inputs are all there and whole may not have been finished: all are read", () => {
  expect(dead([table(1), table(2), table(3, { of: [1, 2] })])).toEqual([]);
});

test("a table that is not whole says nothing of others", () => {
  expect(dead([table(2), table(3, { of: [1, 2], isWhole: false })])).toEqual([]);
});

test("obsolete tables are dead, by number and tag", () => {
  expect(dead([table(1), table(2, { besides: [1] })])).toEqual([1]);
  expect(dead([{ ...table(1), tag: 77 }, table(2, { besides: [1] })])).toEqual([]);
  expect(dead([{ ...table(1), tag: undefined }, table(2, { besides: [1] })])).toEqual([1]);
});

test("a table cannot name one that is as new as itself, or newer", () => {
  expect(dead([table(1, { besides: [1, 2] }), table(2, { besides: [2, 3] }), table(3)])).toEqual([]);
});

test("a complete manifest is right: what it names is live whatever others say, what it could name and does not is dead", () => {
  const known = manifest([1, 2], { firstNextNumber: 9 });
  expect(dead([table(1), table(2), table(5), table(7, { besides: [1] })], known)).toEqual([5, 7]);
  expect(dead([table(1), table(2), table(12, { of: [1, 2] })], known)).toEqual([]);
});

test("a table newer than all that a complete manifest knows is read if it is whole, and was being written if it is not", () => {
  const known = manifest([1], { firstNextNumber: 9 });
  expect(dead([table(1), table(12)], known)).toEqual([]);
  expect(dead([table(1), table(12, { isWhole: false })], known)).toEqual([12]);
});

test("a table that a whole manifest names and that is gone is missed; the other inputs of a job that took it are live", () => {
  const known = manifest([1, 2], { firstNextNumber: 3 });
  const { dead: none, missing, isCertain } = decide([table(2), table(3, { of: [1, 2] })], known);
  expect([[...none.keys()], missing, isCertain]).toEqual([[], [1], true]);
  expect(dead([table(2), table(3, { of: [1, 2] }), table(4, { of: [1, 2], isWhole: false })], known)).toEqual([4]);
  expect(decide([table(2)], { ...known, isWhole: false }).missing).toEqual([1]);
});

test("a whole manifest is an old one if a later table speaks of tables that it does not know, or of its own as obsolete", () => {
  const known = manifest([1, 2], { firstNextNumber: 3 });
  const later = table(9, { of: [2, 5] });
  expect(decide([table(1), table(2), later], known)).toMatchObject({ isCertain: false, missing: [] });
  expect(dead([table(1), table(2), later], known)).toEqual([2]);
  // All inputs gone: nobody deletes just these.
  expect(decide([table(9, { of: [1, 2] })], known)).toMatchObject({ isCertain: false, missing: [] });
  expect(decide([table(1), table(9, { besides: [2] })], known)).toMatchObject({ isCertain: false, missing: [] });
  // What stands in the log that it asks for was flushed, and the log is gone.
  expect(decide([table(1), table(2), table(9, { logNumber: 7 })], known)).toMatchObject({
    isCertain: false,
    logNumber: 7,
  });
  // A damaged table is live if the manifest may be an old one.
  expect(dead([table(1), table(2), table(7, { isWhole: false }), later], known)).toEqual([2]);
});

test("a job's inputs are all dead or all live", () => {
  const jobs = [table(1), table(2), table(3, { of: [1, 2] }), table(4, { of: [1, 2] })];
  expect(dead(jobs)).toEqual([]);
  expect(dead([...jobs, table(5, { of: [4] })])).toEqual([1, 2]);
  expect(dead(jobs, manifest([1, 2], { isWhole: false }))).toEqual([]);
});

test("the first table of a repair speaks for those behind it, which name the logs alone", () => {
  const repaired = [
    table(9, { of: [1], repairedLogs: [] }),
    table(10, { repairedLogs: [] }),
    table(11, { repairedLogs: [] }),
  ];
  expect(dead([table(1), ...repaired])).toEqual([9, 10, 11]);
  expect(dead(repaired)).toEqual([]);
  expect(dead(repaired.slice(1))).toEqual([]);
  const fromLogs = [table(9, { repairedLogs: [4] }), table(10, { repairedLogs: [4] })];
  expect(dead(fromLogs, undefined, [4])).toEqual([9, 10]);
  expect(dead(fromLogs, undefined, [])).toEqual([]);
});

test("what a manifest removed is dead, the rest of a damaged one is believed with its tables there", () => {
  const known = manifest([2], { isWhole: false, removed: new Set([1]), firstNextNumber: 9 });
  expect(dead([table(1), table(2), table(5)], known)).toEqual([1]);
});

test("tables of a repair do not count while every file that it read is there", () => {
  const repaired = table(9, { of: [1, 2], repairedLogs: [4] });
  expect(dead([table(1), table(2), repaired], undefined, [4])).toEqual([9]);
  expect(dead([table(1), table(2), repaired], undefined, [])).toEqual([1, 2]);
  expect(dead([table(2), repaired], undefined, [4])).toEqual([2]);
  expect(dead([table(1), table(2), repaired], manifest([9], { firstNextNumber: 10 }), [4])).toEqual([1, 2]);
  expect(
    dead(
      [table(1), table(2, { isWhole: false }), table(9, { of: [1, 2], repairedLogs: [4], isWhole: false })],
      undefined,
      [4],
    ),
  ).toEqual([9]);
});

test("for a damaged table the dead ones that it replaced are known, through dead ones between them", () => {
  const tables = [
    table(1),
    table(2),
    table(3, { of: [1, 2] }),
    table(5, { of: [3], isWhole: false }),
    table(8, { besides: [1, 2, 3] }),
  ];
  expect(decide(tables).replaced).toEqual(new Map([[5, [1, 2, 3]]]));
});

test("logs are dead below the number that a manifest, a compaction, or a flush that somebody knows of gives", () => {
  const flush = table(5, { logNumber: 7 });
  expect(decide([flush]).logNumber).toBe(7);
  expect(decide([flush], manifest([], { logNumber: 3 }), [3])).toMatchObject({ logNumber: 3, flushedBelow: 7 });
  expect(decide([flush], manifest([], { logNumber: 3 })).logNumber).toBe(7);
  expect(decide([flush], manifest([5], { logNumber: 3, isWhole: false }), [3]).logNumber).toBe(7);
  expect(decide([{ ...flush, isWhole: false }]).logNumber).toBe(0);
});

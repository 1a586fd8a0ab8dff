// What can be read of a damaged table: nothing is thrown but for a newer version, everything is a problem at some place of
// the file, and a table that opens and verifies is read whole.

import { Kind, salvageTable, type SalvagedTable } from "tinykv/formats";
import { fileOf } from "../files.ts";
import { Broken, demand, sameBytes, type Target } from "../target.ts";
import { openTable, scan, tableTarget } from "./table.ts";
import { BYTEWISE, TAG, type Entry } from "./values.ts";

const FILE = "000007.sst";
const NUMBER = 7;

export const salvageTarget: Target = {
  name: "salvage",
  modules: ["src/sst/table-salvage", "src/sst/salvage-parts", "src/sst/data-walk", "src/sst/block-search"],
  bytesMax: tableTarget.bytesMax,
  memory: "sum",
  misplaced: (error) => `salvage throws ${error.message}`,
  seed: tableTarget.seed,
  dissect: tableTarget.dissect,
  run(bytes) {
    // Every other time as if a manifest knew the table.
    const known = bytes.length % 2 === 0 ? { tag: TAG } : {};
    const table = salvageTable({ file: fileOf(bytes), name: FILE, number: NUMBER, order: BYTEWISE, ...known });
    const entries: Entry[] = [];
    table.visit((key, sequence, kind, value, offset) => {
      demand(offset >= 0 && offset < bytes.length, "an entry is of a block of the file");
      if (kind !== Kind.deleteRange) entries.push({ key: key.slice(), sequence, kind, value: value.slice() });
    });
    checkPlaces(table, bytes.length);
    if (isSound(bytes)) checkWhole(table, entries, bytes);
  },
};

function checkPlaces({ problems, places }: SalvagedTable, size: number): void {
  for (const { offset, length, problem } of problems) {
    demand(problem.length > 0, "a problem says what it is");
    demand(offset >= 0 && length >= 0 && offset + length <= size, `a problem is inside the file: ${problem}`);
  }
  for (const { offset, length } of places) demand(offset >= 0 && offset + length <= size, "a block is inside the file");
}

function isSound(bytes: Uint8Array): boolean {
  let problems = 0;
  try {
    openTable(bytes).verify(() => problems++);
  } catch {
    return false;
  }
  return problems === 0;
}

function checkWhole(table: SalvagedTable, entries: readonly Entry[], bytes: Uint8Array): void {
  demand(table.isWhole, `a sound table is read whole: ${table.problems[0]?.problem ?? ""}`);
  const scanned = scan(openTable(bytes).cursor(), bytes.length);
  demand(scanned.length === entries.length, "all of its entries are read");
  for (const [i, { key, value }] of scanned.entries())
    if (!sameBytes(key, entries[i]!.key) || !sameBytes(value, entries[i]!.value)) throw new Broken("and the same ones");
}

import { expect, test } from "vitest";
import { FEATURES, type Feature, featuresIn } from "../inspector/format-features.ts";
import { formatCells, missingCells } from "./coverage-cells.ts";
import type { CoverageCell } from "./coverage.ts";

const CELL: CoverageCell = {
  barrier: "flush.table",
  place: "before",
  phase: "write",
  loss: "kill, then power",
  images: 3,
  shown: 0b101,
};
const [ONE, , THREE] = Object.keys(FEATURES) as Feature[];

test("cells are lines in order, without their numbers", () => {
  const text = formatCells({ cells: [CELL, { ...CELL, place: "after", shown: 0 }] });
  expect(text).toBe(
    `after; flush.table; write; kill, then power:\nbefore; flush.table; write; kill, then power: ${ONE} ${THREE}\n`,
  );
  const all = Object.keys(FEATURES).map((_, i) => featuresIn(1 << i));
  expect(all).toEqual(Object.keys(FEATURES).map((feature) => [feature]));
});

test("what is gone is named, what has come is no matter", () => {
  const text = formatCells({ cells: [CELL] });
  const more = formatCells({
    cells: [
      { ...CELL, shown: 0b111 },
      { ...CELL, place: "inside" },
    ],
  });
  expect(missingCells(text, text)).toEqual([]);
  expect(missingCells(text, more)).toEqual([]);
  expect(missingCells(more, text)).toEqual([
    `before; flush.table; write; kill, then power: ${Object.keys(FEATURES)[1]}`,
    "inside; flush.table; write; kill, then power",
  ]);
});

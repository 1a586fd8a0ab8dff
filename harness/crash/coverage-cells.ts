// The cells that a campaign reached, as a text that is committed: a line for each place of a crash, with the parts of the
// formats that its images showed. What stands there must be reached by every later version.
//
//   before; flush.table; write; kill, then power: header full edit
//
// A line is a sync's place, its name, what the store was doing, what took it down; no cell has a colon in its name.

import { type Feature, featuresIn } from "../inspector/format-features.ts";
import { cellName, type Coverage } from "./coverage.ts";

export function formatCells({ cells }: Pick<Coverage, "cells">): string {
  const lines = cells.map((cell) => `${cellName(cell)}: ${featuresIn(cell.shown).join(" ")}`.trimEnd());
  return `${lines.sort().join("\n")}\n`;
}

/** What one text has and another one has not: cells, and parts of the formats that no image of a cell showed. */
export function missingCells(wanted: string, reached: string): string[] {
  const found = parseCells(reached);
  return [...parseCells(wanted)].flatMap(([cell, features]) => {
    const shown = found.get(cell);
    if (!shown) return [cell];
    return features.filter((feature) => !shown.includes(feature)).map((feature) => `${cell}: ${feature}`);
  });
}

function parseCells(text: string): Map<string, readonly Feature[]> {
  const lines = text.split("\n").filter((line) => line !== "");
  return new Map(
    lines.map((line) => {
      const [cell, features = ""] = line.split(":");
      return [cell!, features.split(" ").filter((word) => word !== "") as Feature[]];
    }),
  );
}

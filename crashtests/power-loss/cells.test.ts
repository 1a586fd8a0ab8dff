// A ratchet: what crashes of a fixed piece of work have once reached, they must reach for ever. Hardly anything of it is drawn:
// every crash of every single operation, and of what follows in its recovery; every crash of two logs of the tour, which have
// more of the formats; samples stand for all survivals only where too much is pending. One thread does the work: images that
// recover alike are looked at once, the first one for all.
//
// UPDATE_GOLDENS=1 writes the cells anew: what is gone then must be worth what it was given up for.

import { readFileSync, writeFileSync } from "node:fs";
import { formatCells, mergeCoverage, missingCells, SILENT_HOST, type Coverage } from "tinykv/harness";
import { expect, test } from "vitest";
import { runOne, runSequences } from "./campaign.ts";
import { SEQUENCE_CONFIGS } from "./sequences.ts";
import { TOUR } from "./tour.ts";

const CELLS = new URL("cells.txt", import.meta.url);
/** All chunk types, and files from 1 to beyond 10, recycled logs and two levels. */
const LOGS = TOUR.slice(0, 2);

async function reached(): Promise<string> {
  const parts: Coverage[] = [];
  const { coverage, findings } = await runSequences(
    { seed: "1", length: 1, recovery: 1, configs: [SEQUENCE_CONFIGS[1]!] },
    SILENT_HOST,
  );
  expect(findings).toEqual([]);
  parts.push(coverage);
  for (const log of LOGS) {
    const { finding, coverage } = await runOne({ ...log, seed: "1", recovery: 0 }, SILENT_HOST);
    expect(finding).toBe(undefined);
    parts.push(coverage);
  }
  return formatCells(mergeCoverage(parts));
}

test("crashes reach every cell of syncs, phases, losses and formats that they ever reached", async () => {
  const cells = await reached();
  if (process.env["UPDATE_GOLDENS"] === "1") writeFileSync(CELLS, cells);
  const committed = readFileSync(CELLS, "utf8");
  expect(committed.split("\n").length).toBeGreaterThan(200);
  expect(missingCells(committed, cells)).toEqual([]);
});

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Hunted } from "./campaign.ts";
import { readCatalogue } from "./catalogue.ts";
import { fallen, median, pageOf, secondsOnPage } from "./score.ts";

const CATALOGUE = readCatalogue();
const [first, second] = CATALOGUE.map((mutant): Hunted => ({
  mutant,
  found: true,
  by: "run",
  condition: "C8",
  message: "x",
  runs: 7,
  seconds: 2,
  ops: 3,
}));
const missed: Hunted = { ...second!, found: false, by: "", condition: "", seconds: 60, ops: 0 };

test("the page says what was found, and reads back", () => {
  const page = pageOf([first!, missed]);
  expect(page).toContain("| the engine | 1 | 2 | 50.0 % | 2.0 | 2.0 | 3 |");
  expect([...secondsOnPage(page)]).toEqual([[first!.mutant.id, 2]]);
  expect([...secondsOnPage(pageOf([{ ...first!, condition: "", ops: 0 }]))]).toEqual([[first!.mutant.id, 2]]);
});

test("what was found before must be found again, if there was time", () => {
  const before = secondsOnPage(pageOf([first!, second!]));
  expect(fallen([first!, second!], before)).toEqual([]);
  expect(fallen([first!, missed], before)).toEqual([missed.mutant.id]);
  expect(fallen([first!, { ...missed, seconds: 9 }], before)).toEqual([]);
  expect(fallen([first!, missed], new Map())).toEqual([]);
});

test("the page in docs/ is of the mutants that there are", () => {
  const page = readFileSync(new URL("../../../docs/verification-score.md", import.meta.url), "utf8");
  const [, table = ""] = page.split("## The mutants");
  const named = [...table.split("\n## ")[0]!.matchAll(/^\| ([\w.-]+) \|/gm)].map(([, id]) => id);
  expect(named.slice(1).sort()).toEqual(CATALOGUE.map(({ id }) => id).sort());
});

test("the median is one of the numbers", () => {
  expect([median([]), median([4]), median([9, 1]), median([3, 1, 2])]).toEqual([0, 4, 1, 2]);
});

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Hunted, nothingOf } from "./campaign.ts";
import { readCatalogue } from "./catalogue.ts";
import { fallen, huntedOnPage, median, merged, pageOf, secondsOnPage } from "./score.ts";

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

test("what was hunted replaces its row, the others keep theirs, and what is new was not found", () => {
  const before = huntedOnPage(pageOf([first!, { ...second!, seconds: 7 }]));
  const unreached = nothingOf(second!.mutant);
  const now = merged([{ ...missed, mutant: first!.mutant }, unreached], before);
  expect(now.map(({ mutant }) => mutant.id)).toEqual(CATALOGUE.map(({ id }) => id));
  expect(now.slice(0, 3)).toMatchObject([
    { found: false, seconds: 60 },
    { found: true, by: "run", condition: "C8", runs: 7, seconds: 7, ops: 3 },
    { found: false, runs: 0, seconds: 0 },
  ]);
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
  expect(huntedOnPage(page).map(({ mutant }) => mutant.id)).toEqual(CATALOGUE.map(({ id }) => id));
});

test("the median is one of the numbers", () => {
  expect([median([]), median([4]), median([9, 1]), median([3, 1, 2])]).toEqual([0, 4, 1, 2]);
});

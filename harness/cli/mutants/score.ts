// The score as a page of docs/, written by the command that keeps it; what stands there must not become less.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE } from "../../../fuzz/instrument.ts";
import { type Hunted, nothingOf } from "./campaign.ts";
import { readCatalogue } from "./catalogue.ts";
import { readRows, readUnobservable } from "./rows.ts";

const FILE = join(PACKAGE, "docs/verification-score.md");

/** A mutant that was found before and is looked for at least so many times as long must be found again … */
export const SLACK_TIMES = 5;
/** … and no shorter than this: machines stop for a while. */
const SLACK_SECONDS = 5;

/** How many of how many. */
export interface Score {
  readonly found: number;
  readonly all: number;
}

export function scoreOf(hunted: readonly Hunted[]): Score {
  return { found: hunted.filter(({ found }) => found).length, all: hunted.length };
}

/** Mutants that were found when the page was written and now were not, though there was time. */
export function fallen(hunted: readonly Hunted[], secondsBefore: ReadonlyMap<string, number>): string[] {
  return hunted
    .filter(({ mutant, found, seconds }) => {
      const before = secondsBefore.get(mutant.id);
      return !found && before !== undefined && seconds >= Math.max(SLACK_SECONDS, SLACK_TIMES * before);
    })
    .map(({ mutant }) => mutant.id);
}

/** Of the mutants that the page says were found: after how many seconds. */
export function secondsOnPage(page: string = readPage()): Map<string, number> {
  return new Map(huntedOnPage(page).flatMap((one) => (one.found ? [[one.mutant.id, one.seconds] as const] : [])));
}

/** Writes what was found now, and of mutants that were not hunted what stood there before. */
export function writePage(hunted: readonly Hunted[]): void {
  writeFileSync(FILE, pageOf(merged(hunted, huntedOnPage(readPage()))));
}

/** All mutants that there are: as they were found now, or else before. */
export function merged(now: readonly Hunted[], before: readonly Hunted[]): readonly Hunted[] {
  const known = new Map([...before, ...now.filter(({ runs }) => runs > 0)].map((one) => [one.mutant.id, one]));
  return readCatalogue().map((mutant) => ({ ...(known.get(mutant.id) ?? nothingOf(mutant)), mutant }));
}

function readPage(): string {
  return existsSync(FILE) ? readFileSync(FILE, "utf8") : "";
}

const ROW =
  /^\| (?<id>[\w.-]+) \| [\w-]+ \| (?<by>[\w-]+|\*\*none\*\*) \| (?<condition>(?:C\d+)?) \| (?<runs>\d+) \| (?<seconds>[\d.]+) \| (?<ops>\d*) \|$/gm;

/** The rows of a page, of mutants that there are. */
export function huntedOnPage(page: string): readonly Hunted[] {
  const mutants = new Map(readCatalogue().map((mutant) => [mutant.id, mutant]));
  return [...page.matchAll(ROW)].flatMap(({ groups = {} }) => {
    const mutant = mutants.get(groups["id"]!);
    const found = groups["by"] !== NOBODY;
    const numbers = { runs: Number(groups["runs"]), seconds: Number(groups["seconds"]), ops: Number(groups["ops"]) };
    const words = { by: found ? groups["by"]! : "", condition: groups["condition"]!, message: "" };
    return mutant ? [{ mutant, found, ...words, ...numbers }] : [];
  });
}

const NOBODY = "**none**";

/** The page. */
export function pageOf(hunted: readonly Hunted[]): string {
  const engine = hunted.filter(({ mutant }) => mutant.of === "engine");
  const harness = hunted.filter(({ mutant }) => mutant.of === "harness");
  return `${[
    "# The verification score",
    "",
    "Known bugs, planted one at a time (`harness/mutants/`), and what finds them. Written by `tinykv-harness mutants --score`;",
    "each was looked for on one core, for at most 60 seconds, by all suites in turn, none of which knew what there was to find.",
    "`runs` are op logs, crash images, runs with a fault, damaged stores and inputs of decoders until then; `operations` are",
    "those of the op log that shows the bug, made smaller, none where a file alone shows it. A run of some of them replaces their",
    "rows; the others keep theirs.",
    "",
    "| mutants of | found | all | part | seconds, median | seconds, most | operations, median |",
    "|---|---|---|---|---|---|---|",
    totals("the engine", engine),
    totals("the harness", harness),
    "",
    "## Time to detection by suite",
    "",
    "| suite | finds first | seconds, median | seconds, most | runs, median |",
    "|---|---|---|---|---|",
    ...groups(
      hunted.filter(({ found }) => found),
      ({ by }) => by,
    ).map(([by, group]) => suiteRow(by, group)),
    "",
    "## By class",
    "",
    "| class | found | all |",
    "|---|---|---|",
    ...groups(hunted, ({ mutant }) => mutant.class).map(
      ([name, group]) => `| ${name} | ${scoreOf(group).found} | ${group.length} |`,
    ),
    "",
    "## The mutants",
    "",
    "| mutant | class | found by | condition | runs | seconds | operations |",
    "|---|---|---|---|---|---|---|",
    ...hunted.map(mutantRow),
    "",
    "## Bugs that real engines had",
    "",
    "What was planted for each, or why it cannot exist here.",
    "",
    "| row | what was wrong | planted as | if not as it was: why |",
    "|---|---|---|---|",
    ...readRows().map(({ row, what, mutants, why = "" }) => `| ${row} | ${what} | ${mutants.join(", ")} | ${why} |`),
    "",
    "## Comparisons that are not turned round",
    "",
    "Of those in recovery, in the picker, in the merging and in the visible cursor; asserts are not counted.",
    "",
    "| where | comparison | why |",
    "|---|---|---|",
    ...readUnobservable().map(
      ({ file, comparison, why }) => `| ${file} | \`${comparison.replaceAll("|", "\\|")}\` | ${why} |`,
    ),
  ].join("\n")}\n`;
}

function totals(name: string, hunted: readonly Hunted[]): string {
  const { found, all } = scoreOf(hunted);
  const part = all === 0 ? "" : `${((100 * found) / all).toFixed(1)} %`;
  const seconds = hunted.filter((one) => one.found).map((one) => one.seconds);
  const ops = hunted.filter((one) => one.found && one.ops > 0).map((one) => one.ops);
  return `| ${name} | ${found} | ${all} | ${part} | ${number(median(seconds))} | ${number(Math.max(0, ...seconds))} | ${median(ops)} |`;
}

function suiteRow(by: string, group: readonly Hunted[]): string {
  const seconds = group.map((one) => one.seconds);
  const runs = median(group.map((one) => one.runs));
  return `| ${by} | ${group.length} | ${number(median(seconds))} | ${number(Math.max(...seconds))} | ${runs} |`;
}

function mutantRow({ mutant, found, by, condition, runs, seconds, ops }: Hunted): string {
  const what = found
    ? [by, condition, runs, number(seconds), ops > 0 ? ops : ""]
    : [NOBODY, "", runs, number(seconds), ""];
  return `| ${[mutant.id, mutant.class, ...what].join(" | ")} |`;
}

function groups(hunted: readonly Hunted[], name: (one: Hunted) => string): [string, Hunted[]][] {
  const byName = new Map<string, Hunted[]>();
  for (const one of hunted) byName.set(name(one), [...(byName.get(name(one)) ?? []), one]);
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The lower one of the two in the middle; 0 of nothing. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? 0;
}

function number(seconds: number): string {
  return seconds.toFixed(1);
}

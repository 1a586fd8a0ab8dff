// What a run covered: where crashes fell among the syncs of the engine, and what its images showed of the formats. Shades go
// with numbers, never without.

import { BARRIERS, type Barrier } from "tinykv/env";
import type { Coverage, CoverageCell, CrashLoss, CrashPhase, CrashPlace } from "../crash/coverage.ts";
import { FEATURES, type Feature } from "../inspector/format-features.ts";
import { markup, type Content, type Markup } from "./markup.ts";
import { scrolling } from "./page.ts";
import type { Section } from "./sections.ts";

const PHASES: readonly CrashPhase[] = [
  "create",
  "write",
  "async write",
  "flush",
  "compaction",
  "sync",
  "checkpoint",
  "reopen",
  "close",
  "read",
  "recovery",
];
const LOSSES: readonly CrashLoss[] = ["power", "kill", "old bytes", "kill, then power", "power, then power"];
const PLACES: readonly CrashPlace[] = ["before", "inside", "after"];

/** Shades between nothing and the most. */
const SHADES = 5;

export const COVERAGE_STYLE = `
.heat th, .heat td { padding: .2rem .4rem; border: 1px solid var(--paper); } .heat td { text-align: right; }
.heat thead th { vertical-align: bottom; border-bottom: 1px solid var(--line); }
.heat tbody th { white-space: nowrap; padding-left: 0; position: sticky; left: 0; background: var(--paper); font: inherit;
  font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.heat .of { padding-left: .9rem; color: var(--faint); } .heat .group { border-left: 2px solid var(--line); }
.heat .name { writing-mode: vertical-rl; rotate: 180deg; text-align: left; font-weight: 400; }
.heat .nothing { color: var(--faint); } .heat tr.whole { border-top: 1px solid var(--line); }
.heat .h1 { background: light-dark(#edf4fb, #18293a); } .heat .h2 { background: light-dark(#d3e5f5, #1a3a56); }
.heat .h3 { background: light-dark(#aecfec, #1b476b); } .heat .h4 { background: light-dark(#86b7e0, #1d5684); }
.heat .h5 { background: light-dark(#5fa0d4, #1f6499); }
@media print { .heat { font-size: 7.9pt; } .heat th, .heat td { padding: .1rem .22rem; } }`;

export function coverageSections({ cells, features }: Coverage): Section[] {
  return [
    { title: "Where crashes fell", content: [overview(cells), everyCell(cells)] },
    { title: "What images showed of the formats", content: featureTable(features) },
  ];
}

function sum(cells: readonly CoverageCell[]): number {
  return cells.reduce((total, { images }) => total + images, 0);
}

/** Few letters: 950, 1.2k, 34k, 5.6M. */
export function shortCount(count: number): string {
  const [value, unit] = count >= 1e6 ? [count / 1e6, "M"] : count >= 1000 ? [count / 1000, "k"] : [count, ""];
  return unit === ""
    ? String(value)
    : `${value < 10 ? (Math.floor(value * 10) / 10).toFixed(1) : Math.floor(value)}${unit}`;
}

// By the power of ten: the rare ones are what somebody looks for.
function cell(count: number, most: number, group = false): Markup {
  const edge = group ? " group" : "";
  if (count === 0) return markup`<td class="nothing${edge}">0</td>`;
  const shade = Math.min(SHADES, 1 + Math.floor((Math.log10(count) / Math.log10(most + 1)) * SHADES));
  return markup`<td class="h${shade}${edge}">${shortCount(count)}</td>`;
}

function overview(cells: readonly CoverageCell[]): Markup {
  const phases = PHASES.filter((phase) => cells.some((one) => one.phase === phase));
  const byBarrier = new Map(BARRIERS.map((barrier) => [barrier, cells.filter((one) => one.barrier === barrier)]));
  const of = (barrier: Barrier, phase: CrashPhase): number =>
    sum(byBarrier.get(barrier)!.filter((one) => one.phase === phase));
  const most = Math.max(1, ...BARRIERS.flatMap((barrier) => phases.map((phase) => of(barrier, phase))));
  const heads = phases.map((phase) => markup`<th scope="col"><span class="name">${phase}</span></th>`);
  const rows = BARRIERS.map((barrier) => {
    const all = sum(byBarrier.get(barrier)!);
    const counts = phases.map((phase) => cell(of(barrier, phase), most));
    return markup`<tr><th scope="row">${barrier}</th>${counts}<td class="${all === 0 ? "nothing" : ""}">${all === 0 ? "never" : shortCount(all)}</td></tr>\n`;
  });
  return heatTable({
    name: "syncs by phase",
    caption:
      "Images judged about each sync (before it, inside it, after it), by what the store was doing when it was taken down. A sync that is never met belongs to what this run does not do.",
    head: markup`<tr><th scope="col">sync</th>${heads}<th scope="col">all</th></tr>`,
    rows,
  });
}

function everyCell(cells: readonly CoverageCell[]): Markup {
  const columns = LOSSES.flatMap((loss) =>
    PLACES.map((place) => ({ loss, place })).filter((column) => cells.some((one) => isIn(one, column))),
  );
  const losses = LOSSES.filter((loss) => columns.some((column) => column.loss === loss));
  const isFirst = ({ loss, place }: Column): boolean => columns.find((column) => column.loss === loss)!.place === place;
  const counts = (some: readonly CoverageCell[]): number[] =>
    columns.map((column) => sum(some.filter((one) => isIn(one, column))));
  const groups = BARRIERS.map((barrier) => cells.filter((one) => one.barrier === barrier)).filter(
    (some) => some.length > 0,
  );
  const most = Math.max(1, ...groups.flatMap(counts));
  const row = (head: Markup, some: readonly CoverageCell[], kind: string): Markup =>
    markup`<tr class="${kind}">${head}${counts(some).map((count, i) => cell(count, most, isFirst(columns[i]!)))}</tr>\n`;
  const rows = groups.map((some) => {
    const phases = PHASES.filter((phase) => some.some((one) => one.phase === phase));
    const { barrier } = some[0]!;
    return [
      row(markup`<th scope="row">${barrier}</th>`, some, "whole"),
      phases.map((phase) =>
        row(
          markup`<th scope="row" class="of">${phase}</th>`,
          some.filter((one) => one.phase === phase),
          "",
        ),
      ),
    ];
  });
  const groupHeads = losses.map((loss) => {
    const count = columns.filter((column) => column.loss === loss).length;
    return markup`<th scope="colgroup" colspan="${count}" class="group">${loss}</th>`;
  });
  const heads = columns.map(
    (column) =>
      markup`<th scope="col" class="${isFirst(column) ? "group" : ""}"><span class="name">${column.place}</span></th>`,
  );
  return heatTable({
    name: "syncs by loss and place",
    caption:
      "The same by what took the store down and where: between the sync before and this one, with a part of what this one is about on the disk, behind it up to the next. “then power”: a power cut in the recovery from what stands before it.",
    head: markup`<tr><th scope="col" rowspan="2">sync, phase</th>${groupHeads}</tr><tr>${heads}</tr>`,
    rows,
  });
}

interface Column {
  readonly loss: CrashLoss;
  readonly place: CrashPlace;
}

function isIn(one: CoverageCell, { loss, place }: Column): boolean {
  return one.loss === loss && one.place === place;
}

function featureTable(features: Readonly<Record<Feature, number>>): Markup {
  const counts = Object.entries(FEATURES).map(([feature, what]) => ({ what, images: features[feature as Feature] }));
  const most = Math.max(1, ...counts.map(({ images }) => images));
  const rows = counts.map(({ what, images }) => {
    const shown: Content = images === 0 ? markup`<td class="bad">in none</td>` : cell(images, most);
    return markup`<tr><th scope="row">${what}</th>${shown}</tr>\n`;
  });
  return heatTable({
    name: "features",
    caption: "How many of the images that were opened contained it",
    head: markup`<tr><th scope="col">feature</th><th scope="col">images</th></tr>`,
    rows,
  });
}

interface HeatTable {
  readonly name: string;
  readonly caption: string;
  readonly head: Markup;
  readonly rows: Content;
}

function heatTable({ name, caption, head, rows }: HeatTable): Markup {
  return markup`<p class="faint">${caption}.</p>${scrolling(
    name,
    markup`<table class="heat"><caption>${name}</caption><thead>${head}</thead><tbody>
${rows}</tbody></table>`,
  )}`;
}

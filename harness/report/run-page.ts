// The page of a run: what its suites did, what they covered, and what they found if they found anything.

import { type Condition, CONDITIONS } from "../conditions.ts";
import type { Coverage } from "../crash/coverage.ts";
import { COVERAGE_STYLE, coverageSections, shortCount } from "./coverage-sections.ts";
import { markup, type Content, type Markup } from "./markup.ts";
import { renderPage, table } from "./page.ts";
import { breakable, facts, sectionsMarkup, verdict, type Section } from "./sections.ts";

export interface RunPage {
  readonly command: string;
  readonly seed: string;
  readonly seconds: number;
  /** As somebody would type it. */
  readonly line: string;
  readonly suites: readonly SuiteRow[];
  /** Reasons other than failures why it is not ok. */
  readonly complaints: readonly string[];
  readonly coverage?: Coverage;
}

export interface SuiteRow {
  readonly suite: string;
  readonly units: number;
  readonly ops: number;
  readonly seconds: number;
  /** `page`: of the failure, seen from this one. */
  readonly failures: readonly { readonly condition: string; readonly message: string; readonly page: string }[];
  /** Runs by configuration. */
  readonly configs?: Readonly<Record<string, number>>;
  /** What was done so many times, for the table of conditions and for those who want to know. */
  readonly counters?: Readonly<Record<string, number>>;
  /** Tables of counts: calls that were made to fail, operations by kind. */
  readonly tables?: readonly CountTable[];
}

export interface CountTable {
  readonly title: string;
  readonly counts: Readonly<Record<string, number>>;
}

const STYLE = `${COVERAGE_STYLE}
.counts { columns: 14rem auto; padding: 0; margin: .4rem 0 1rem; list-style: none; font-size: .86rem; }
.counts li { break-inside: avoid; display: flex; gap: .6rem; justify-content: space-between; border-bottom: 1px solid var(--line); }`;

export function runPage(run: RunPage): string {
  const { command, seed, seconds, suites, complaints, coverage } = run;
  const failures = suites.flatMap((suite) => suite.failures);
  const isOk = failures.length === 0 && complaints.length === 0;
  const found =
    failures.length === 0
      ? "Nothing was found"
      : `${failures.length} ${failures.length === 1 ? "failure" : "failures"} found`;
  const sections: Section[] = [
    { title: "Failures", content: failures.length === 0 ? undefined : failureList(suites) },
    { title: "Suites", content: suiteTable(suites) },
    ...(coverage ? coverageSections(coverage) : []),
    { title: "Conditions", content: conditionTable(suites) },
    { title: "Configurations", content: configurationTable(suites) },
    ...suites.flatMap(({ tables = [] }) => tables.map(({ title, counts }) => ({ title, content: countList(counts) }))),
  ];
  const body = [
    verdict(isOk ? "passed" : "failed", {
      label: isOk ? "ok" : "not ok",
      title: failures.length === 0 && complaints.length > 0 ? complaints[0]! : found,
      about: complaints.map((complaint) => markup`${complaint}. `),
    }),
    facts([
      ["command", markup`<code>${run.line}</code>`],
      ["seed", seed],
      ["took", `${seconds.toFixed(0)} s`],
      ["on", `node ${process.versions.node}, ${process.platform} ${process.arch}`],
    ]),
    sectionsMarkup(sections),
  ];
  return renderPage({ title: `TinyKV ${command}, seed ${seed}: ${isOk ? "ok" : "not ok"}`, style: STYLE, body });
}

function failureList(suites: readonly SuiteRow[]): Markup {
  const items = suites.flatMap(({ suite, failures }) =>
    failures.map(
      ({ condition, message, page }) =>
        markup`<li><span class="bad">${condition}</span> in ${suite}: <a href="${page}">${message}</a></li>`,
    ),
  );
  return markup`<ul class="files">${items}</ul>`;
}

function suiteTable(suites: readonly SuiteRow[]): Markup {
  const rows = suites.map(({ suite, units, ops, seconds, failures, counters = {} }) => [
    suite,
    units,
    ops,
    seconds.toFixed(1),
    Object.entries(counters)
      .map(([name, count]) => `${name} ${shortCount(count)}`)
      .join(", "),
    failures.length === 0
      ? markup`<span class="good">ok</span>`
      : markup`<span class="bad">${failures.length} failed</span>`,
  ]);
  const number = (label: string): { label: string; kind: "number" } => ({ label, kind: "number" });
  const columns = [
    { label: "suite" },
    number("units"),
    number("operations"),
    number("seconds"),
    { label: "of that" },
    { label: "result", kind: "word" as const },
  ];
  return table({ name: "suites", caption: "Each had its share of the time", columns, rows });
}

/** What judges a condition: a counter of a suite, or its operations. */
type Checked = readonly [suite: string, counter: string, what: string];

const IMAGES: Checked = ["crash", "images", "crash images"];
const SECOND: Checked = ["crash", "second", "images of crashes in recovery"];
const EXAMINED: Checked = ["crash", "tier2", "images asked everything"];
const OPERATIONS: Checked = ["run", "ops", "operations beside the model"];
const CONFIGURATIONS: Checked = ["meta", "ops", "answers under other configurations"];
const FAULTS: Checked = ["faults", "runs", "runs with a failing call or a full disk"];
const KILLS: Checked = ["kill", "checked", "killed stores"];
const INPUTS: Checked = ["fuzz", "units", "mutated inputs"];

const CHECKED: Readonly<Record<Condition, readonly Checked[] | string>> = {
  C1: [IMAGES, KILLS, FAULTS],
  C2: [IMAGES, KILLS, FAULTS],
  C3: [IMAGES, KILLS, FAULTS],
  C4: [IMAGES, KILLS, FAULTS],
  C5: [IMAGES, KILLS, FAULTS],
  C6: [IMAGES, KILLS, FAULTS],
  C7: [EXAMINED, IMAGES],
  C8: [OPERATIONS, EXAMINED],
  C9: [SECOND],
  C10: [SECOND],
  C11: [EXAMINED],
  C12: [EXAMINED],
  C13: [EXAMINED],
  C14: [FAULTS],
  C15: [IMAGES, EXAMINED],
  C16: [IMAGES, EXAMINED],
  C17: [IMAGES, EXAMINED],
  C18: [EXAMINED],
  C19: [FAULTS],
  C20: [FAULTS],
  C21: [FAULTS],
  C22: [INPUTS],
  C23: [FAULTS],
  C24: [OPERATIONS],
  C25: [OPERATIONS],
  C26: [CONFIGURATIONS, OPERATIONS],
  C27: "what --double-check is for",
  C28: [OPERATIONS, IMAGES, FAULTS],
  C29: [KILLS],
  C30: "a test of its own, with stores of every released version",
};

function conditionTable(suites: readonly SuiteRow[]): Markup {
  const rows = Object.entries(CONDITIONS).map(([condition, demand]) => {
    const how = CHECKED[condition as Condition];
    return [
      condition,
      demand,
      typeof how === "string" ? markup`<span class="faint">not here: ${how}</span>` : judgedBy(how, suites),
    ];
  });
  const columns = [{ label: "condition" }, { label: "demands" }, { label: "judged here" }];
  return table({ name: "conditions", caption: "What each was judged by in this run, and how often", columns, rows });
}

function judgedBy(checked: readonly Checked[], suites: readonly SuiteRow[]): Content {
  const parts = checked.flatMap(([name, counter, what]) => {
    const suite = suites.find((row) => row.suite === name);
    const count = counter === "ops" ? suite?.ops : counter === "units" ? suite?.units : suite?.counters?.[counter];
    return count === undefined || count === 0 ? [] : [`${shortCount(count)} ${what}`];
  });
  return parts.length > 0 ? parts.join(", ") : markup`<span class="faint">not in this run</span>`;
}

function configurationTable(suites: readonly SuiteRow[]): Content {
  const withConfigs = suites.filter(({ configs }) => configs && Object.keys(configs).length > 0);
  if (withConfigs.length === 0) return undefined;
  const names = [...new Set(withConfigs.flatMap(({ configs }) => Object.keys(configs!)))].sort();
  const rows = names.map((name) => [breakable(name), ...withConfigs.map(({ configs }) => configs![name] ?? 0)]);
  const columns = [
    { label: "configuration" },
    ...withConfigs.map(({ suite }) => ({ label: suite, kind: "number" as const })),
  ];
  return table({ name: "configurations", caption: "Runs under each, by suite", columns, rows });
}

function countList(counts: Readonly<Record<string, number>>): Content {
  const items = Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1));
  if (items.length === 0) return undefined;
  return markup`<ul class="counts">${items.map(([name, count]) => markup`<li><span>${breakable(name)}</span> <span>${count}</span></li>`)}</ul>`;
}

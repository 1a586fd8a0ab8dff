// The report as one page that needs nothing else: no script, no font, no address.

import { markup, renderPage, table, type Column, type Content, type Markup } from "tinykv/harness";
import type { HistogramReport } from "../measure/histogram.ts";
import { workloadNamed } from "../workloads/catalogue.ts";
import { mixedSection } from "./mixed-section.ts";
import { microseconds, type BenchReport, type Result } from "./report.ts";
import { medianOf } from "./statistics.ts";
import { barChart, lineChart, type Line } from "./svg.ts";
import { RESULT_HEAD, resultRow, TARGET_HEAD, targetRow } from "./table.ts";

/** A colour for each contestant, in the order of the report; told apart also by most of those who see few colours. */
const COLORS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a8a00"];
/** Bins of a distribution in a decade of time. */
const BINS = 12;

const STYLE = `
tr.met td:last-child { color: var(--good); } tr.missed td:last-child { color: var(--bad); }
td, th { white-space: nowrap; } .charts svg { width: 100%; max-width: 720px; height: auto; }
.grid { stroke: var(--line); } .whisker { stroke: currentColor; } .label { opacity: .7; } path { stroke-width: 1.5; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1rem 2rem; }
.legend span { margin-right: 1em; } .legend i { display: inline-block; width: .8em; height: .8em; margin-right: .3em; }`;

export function benchPage(report: BenchReport): string {
  const body = [
    head(report),
    report.targets.length > 0 ? targetSection(report) : undefined,
    report.mixed ? mixedSection(report.mixed) : undefined,
    workloadSections(report),
    report.results.length > 0 ? resultSection(report) : undefined,
  ];
  return renderPage({ title: "TinyKV benchmarks", style: STYLE, body });
}

function head({ machine, began, setting, contestants }: BenchReport): Markup {
  const memory = (machine.memoryBytes / 2 ** 30).toFixed(0);
  const facts = `${machine.cpu}, ${machine.cores} cores, ${memory} GiB, ${machine.fileSystem}, ${machine.system}, Node ${machine.node}`;
  const rows = contestants.map(({ name, version, durability }) => [name, version, durability.noSync, durability.sync]);
  const columns = ["engine", "version", "a write with sync: false survives", "with sync: true"];
  const caption = `${setting.rounds} rounds, engines in turn; bars are medians, whiskers the least and the greatest round. Latencies come from a process of their own with a clock around each operation.`;
  return markup`<h1>TinyKV benchmarks</h1>
<p>${facts}; ${began}; seed ${setting.seed}, options ${JSON.stringify(setting.options)}.</p>
${rows.length > 0 ? table({ name: "engines", caption, columns: columnsOf(columns), rows }) : undefined}`;
}

function targetSection({ targets }: BenchReport): Markup {
  const rows = targets.map(targetRow);
  const classes = targets.map(({ outcome }) => ({ met: "met", "not met": "missed", "not measured": "" })[outcome]);
  const caption = "Times in µs an operation; the ratio is of throughput, of the medians of neighbouring rounds.";
  return markup`<h2>Targets</h2>${table({ name: "targets", caption, columns: columnsOf(TARGET_HEAD), rows, classes })}`;
}

function resultSection({ results }: BenchReport): Markup {
  const caption =
    "w/byte: bytes written for each byte put; disk/live: space for each byte live; RSS: the most memory, in MiB; the latency of fillbatch is that of a batch.";
  const columns = columnsOf(RESULT_HEAD);
  return markup`<h2>Everything</h2>${table({ name: "results", caption, columns, rows: results.map(resultRow) })}`;
}

function columnsOf(labels: readonly string[]): Column[] {
  return labels.map((label) => ({ label }));
}

function workloadSections({ results, contestants }: BenchReport): Content {
  const colors = new Map(contestants.map(({ name }, index) => [name, COLORS[index % COLORS.length]!]));
  const groups = new Map<string, Result[]>();
  for (const result of results) {
    const title = `${result.workload}, ${result.keys} keys, values of ${result.valueBytes} bytes`;
    groups.set(title, [...(groups.get(title) ?? []), result]);
  }
  const sections = [...groups].map(([title, group]) => workloadSection(title, group, colors));
  return sections.length > 0 ? [markup`<h2>Workloads</h2>`, ...sections] : undefined;
}

function workloadSection(title: string, group: readonly Result[], colors: ReadonlyMap<string, string>): Markup {
  const bars = group.flatMap(({ contestant, rounds }) => {
    if (rounds.length === 0) return [];
    const rates = rounds.map((round) => 1e6 / microseconds(round));
    const value = medianOf(rates);
    const color = colors.get(contestant) ?? COLORS[0]!;
    return [
      {
        label: contestant,
        value,
        least: Math.min(...rates),
        greatest: Math.max(...rates),
        text: `${short(value)}/s`,
        color,
      },
    ];
  });
  const lines = group.flatMap(({ contestant, latency }): Line[] => {
    const color = colors.get(contestant) ?? COLORS[0]!;
    return latency?.histogram ? [{ label: contestant, color, points: density(latency.histogram) }] : [];
  });
  const chart = lineChart(lines, {
    xLabel: "time of an operation",
    yLabel: "share of the operations",
    logX: true,
    logY: true,
    showX: duration,
    showY: (share) => `${short(share * 100)} %`,
  });
  const { what } = workloadNamed(group[0]!.workload);
  return markup`<h3>${title}</h3><p>${what}</p><div class="charts"><div>${barChart(bars)}</div><div>${chart}</div></div>`;
}

/** Shares of the operations over time, in bins that are alike on a logarithmic scale. */
export function density({ buckets, count }: HistogramReport): [number, number][] {
  const bins = new Map<number, number>();
  for (const [least, n] of buckets) {
    const bin = Math.floor(Math.log10(Math.max(1, least)) * BINS);
    bins.set(bin, (bins.get(bin) ?? 0) + n);
  }
  return [...bins].toSorted(([a], [b]) => a - b).map(([bin, n]) => [10 ** ((bin + 0.5) / BINS), n / count]);
}

/** Nanoseconds, as people say them. */
export function duration(nanoseconds: number): string {
  if (nanoseconds >= 1e9) return `${short(nanoseconds / 1e9)} s`;
  if (nanoseconds >= 1e6) return `${short(nanoseconds / 1e6)} ms`;
  return nanoseconds >= 1000 ? `${short(nanoseconds / 1000)} µs` : `${short(nanoseconds)} ns`;
}

function short(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`;
  if (value >= 1e4) return `${Number((value / 1e3).toPrecision(3))} k`;
  return String(Number(value.toPrecision(3)));
}

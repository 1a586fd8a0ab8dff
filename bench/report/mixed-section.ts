import { markup, type Markup } from "tinykv/harness";
import type { MixedReport, MixedSecond } from "../mixed/mixed-report.ts";
import { printMixed } from "./mixed-summary.ts";
import { lineChart, type Axes, type Line } from "./svg.ts";

const MIB = 1 << 20;
const COLORS = ["#0072b2", "#e69f00", "#d55e00", "#009e73"];

/** Throughput, latencies and memory over the time of a mixed run. */
export function mixedSection(report: MixedReport): Markup {
  const { seconds } = report;
  const time = { xLabel: "seconds", showX: String, showY: (value: number) => String(Number(value.toPrecision(3))) };
  const lines = (...of: [label: string, pick: (second: MixedSecond) => number][]): Line[] =>
    of.map(([label, pick], i) => ({
      label,
      color: COLORS[i]!,
      points: seconds.map((second): [number, number] => [second.second, pick(second)]),
    }));
  const chart = (title: string, of: readonly Line[], axes: Axes): Markup =>
    markup`<div><h3>${title}</h3>${lineChart(of, axes)}</div>`;
  const inMicroseconds = (pick: (second: MixedSecond) => number) => (second: MixedSecond) => pick(second) / 1000;
  const charts = [
    chart("Throughput", lines(["operations a second", ({ ops }) => ops]), { ...time, yLabel: "operations a second" }),
    chart(
      "Latency",
      lines(
        ["p50", inMicroseconds(({ p50 }) => p50)],
        ["p99.9", inMicroseconds(({ p999 }) => p999)],
        ["the slowest", inMicroseconds(({ max }) => max)],
      ),
      { ...time, yLabel: "µs", logY: true },
    ),
    chart("Memory", lines(["resident", ({ rssBytes }) => rssBytes / MIB]), { ...time, yLabel: "MiB" }),
    chart("Tables", tables(report), { ...time, yLabel: "tables a level" }),
  ];
  return markup`<h2>Mixed run</h2><pre>${printMixed(report)}</pre><div class="charts">${charts}</div>`;
}

function tables({ shapes }: MixedReport): Line[] {
  const levels = Math.max(0, ...shapes.map(({ levelTables }) => levelTables.length));
  return Array.from({ length: levels }, (_, level): Line => ({
    label: `level ${level}`,
    color: `hsl(${(level * 47) % 360} 70% 45%)`,
    points: shapes.map(({ second, levelTables }): [number, number] => [second, levelTables[level] ?? 0]),
  })).filter(({ points }) => points.some(([, count]) => count > 0));
}

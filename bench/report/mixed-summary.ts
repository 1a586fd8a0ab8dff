import type { HistogramReport } from "../measure/histogram.ts";
import type { MixedReport } from "../mixed/mixed-report.ts";
import { medianOf } from "./statistics.ts";

const MIB = 1 << 20;

/** What a mixed run prints. */
export function printMixed(report: MixedReport): string {
  const { engine, keys, valueBytes, minutes, shares, ops, seconds, histograms, stalls, fillSeconds } = report;
  const mix = Object.entries(shares).map(([kind, share]) => `${share} % ${kind}`);
  const rates = seconds.map((second) => second.ops);
  const sizes = seconds.map(({ rssBytes }) => rssBytes / MIB);
  const lines = [
    `${engine}: ${keys} keys, values of ${valueBytes} bytes, ${minutes} minutes of ${mix.join(", ")}; filled in ${fillSeconds.toFixed(0)} s`,
    `operations: ${ops}; clock: ${report.clockNanoseconds.toFixed(0)} ns, inside each time`,
    ...Object.entries(histograms).map(([kind, histogram]) => `${kind.padEnd(8)} ${times(histogram)}`),
    stalls
      ? `stalls: ${stalls.count}, longest ${stalls.longestMilliseconds.toFixed(1)} ms, together ${(stalls.totalMilliseconds / 1000).toFixed(1)} s, causes ${JSON.stringify(stalls.causes)}`
      : "stalls: not told by this engine",
    `written per byte put: ${report.writtenBytes === undefined ? "?" : (report.writtenBytes / report.storedBytes).toFixed(2)}`,
    `peak memory: ${(report.peakRssBytes / MIB).toFixed(0)} MiB`,
  ];
  if (seconds.length === 0) return lines.join("\n");
  const last = sizes.slice(-Math.ceil(sizes.length / 10));
  return [
    ...lines,
    `operations a second: median ${medianOf(rates).toFixed(0)}, least ${Math.min(...rates)}, greatest ${Math.max(...rates)}`,
    `memory: median ${medianOf(sizes).toFixed(0)} MiB, of the last tenth ${medianOf(last).toFixed(0)} MiB`,
  ].join("\n");
}

function times({ p50, p90, p99, p999, max }: HistogramReport): string {
  const parts = { p50, p90, p99, "p99.9": p999, max };
  const shown = Object.entries(parts).map(([name, nanoseconds]) => `${name} ${(nanoseconds / 1000).toFixed(1)}`);
  return `${shown.join("  ")} µs`;
}

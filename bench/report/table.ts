// What a run prints: the results, and the targets.

import type { Measurement } from "../measure/measurement.ts";
import { microseconds, microsecondsOf, type BenchReport, type Result, type TargetResult } from "./report.ts";
import { medianOf } from "./statistics.ts";

const RIGHT = /^[-+≤≥]?[\d.]/;

export function printReport(report: BenchReport): string {
  const { machine, setting, contestants } = report;
  const head = [
    `${machine.cpu}, ${machine.cores} cores, ${(machine.memoryBytes / 2 ** 30).toFixed(0)} GiB, ${machine.fileSystem}, ${machine.system}, Node ${machine.node}`,
    `${setting.rounds} rounds, interleaved; medians; µs an operation; latencies from a process of their own`,
    ...contestants.map(
      ({ name, version, durability }) => `${name} ${version}: sync: false survives ${durability.noSync}`,
    ),
  ];
  const targets = report.targets.length === 0 ? [] : ["", ...align(TARGET_HEAD, report.targets.map(targetRow))];
  return [...head, "", ...align(RESULT_HEAD, report.results.map(resultRow)), ...targets].join("\n");
}

export const RESULT_HEAD: readonly string[] =
  "workload keys value engine ops µs/op spread p50 p90 p99 p99.9 max w/byte disk/live RSS stalls calls".split(" ");

export function resultRow(result: Result): string[] {
  const { workload, keys, valueBytes, contestant, rounds, latency, unsupported, failed } = result;
  const first = [workload, count(keys), count(valueBytes), contestant];
  const none = failed === undefined ? unsupported : "FAILED";
  if (none !== undefined) return [...first, "", "", "", "", "", "", "", "", "", "", "", "", none];
  const times = rounds.map(microseconds);
  const histogram = latency?.histogram;
  const percentiles = histogram && [histogram.p50, histogram.p90, histogram.p99, histogram.p999, histogram.max];
  return [
    ...first,
    count(medianOf(rounds.map(({ ops }) => ops))),
    number(microsecondsOf(result)),
    `${number(Math.min(...times))}–${number(Math.max(...times))}`,
    ...(percentiles?.map((nanoseconds) => number(nanoseconds / 1000)) ?? ["", "", "", "", ""]),
    share(rounds, ({ writtenBytes, storedBytes }) => ratio(writtenBytes, storedBytes)),
    share(rounds, ({ diskBytes, liveBytes }) => ratio(diskBytes, liveBytes)),
    share(rounds, ({ peakRssBytes }) => peakRssBytes && peakRssBytes / 2 ** 20, 0),
    stallsOf([...rounds, ...(latency ? [latency] : [])]),
    rounds[0]?.call ?? "",
  ];
}

function ratio(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined || b === 0 ? undefined : a / b;
}

function share(
  rounds: readonly Measurement[],
  of: (round: Measurement) => number | undefined,
  digits: number = 2,
): string {
  const values = rounds.flatMap((round) => of(round) ?? []);
  return values.length === 0 ? "" : medianOf(values).toFixed(digits);
}

function stallsOf(rounds: readonly Measurement[]): string {
  const worst = rounds
    .flatMap(({ stalls }) => (stalls && stalls.count > 0 ? [stalls] : []))
    .toSorted((a, b) => b.longestMilliseconds - a.longestMilliseconds)[0];
  if (!worst) return rounds.some(({ stalls }) => stalls) ? "0" : "";
  const causes = Object.entries(worst.causes).map(([cause, times]) => `${times} ${cause}`);
  return `${causes.join(", ")}, ≤ ${number(worst.longestMilliseconds)} ms`;
}

export const TARGET_HEAD: readonly string[] = [
  "target",
  "keys",
  "ours",
  "peer",
  "ratio",
  "spread",
  "wanted",
  "against",
  "outcome",
];

export function targetRow(target: TargetResult): string[] {
  const { workload, keys, ours, peer, value, least, greatest, wanted, unit, against, outcome } = target;
  const bound = `${against.startsWith("≤") ? "≤" : "≥"} ${number(wanted)} ${unit}`;
  return [
    workload,
    count(keys),
    number(ours),
    number(peer),
    number(value),
    value === undefined ? "" : `${number(least)}–${number(greatest)}`,
    bound,
    against,
    outcome,
  ];
}

function number(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "";
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(value >= 1 ? 2 : 3);
}

function count(value: number): string {
  if (value % 1_000_000 === 0 && value > 0) return `${value / 1_000_000}M`;
  return value % 1000 === 0 && value > 0 ? `${value / 1000}k` : String(value);
}

function align(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const isNumeric = head.map((_, column) => rows.some((row) => RIGHT.test(row[column] ?? "")) && column > 0);
  return all.map((row) =>
    row
      .map((cell, column) => (isNumeric[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join("  ")
      .trimEnd(),
  );
}

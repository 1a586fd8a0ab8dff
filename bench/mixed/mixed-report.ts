import type { HistogramReport } from "../measure/histogram.ts";
import type { StallReport } from "../stores/store.ts";

/** What a mixed run writes down every second. Latencies in nanoseconds. */
export interface MixedSecond {
  readonly second: number;
  readonly ops: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly rssBytes: number;
}

/** A mixed run: how it went over time, and as a whole. */
export interface MixedReport {
  readonly engine: string;
  readonly keys: number;
  readonly valueBytes: number;
  readonly minutes: number;
  readonly shares: Readonly<Record<string, number>>;
  readonly fillSeconds: number;
  readonly ops: number;
  readonly seconds: readonly MixedSecond[];
  readonly histograms: Readonly<Record<string, HistogramReport>>;
  readonly clockNanoseconds: number;
  readonly stalls?: StallReport;
  /** Tables a level, every so often. */
  readonly shapes: readonly { readonly second: number; readonly levelTables: readonly number[] }[];
  readonly peakRssBytes: number;
  readonly writtenBytes?: number;
  readonly storedBytes: number;
}

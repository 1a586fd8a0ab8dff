// `engines --results`: each engine through each suite, as one table in Markdown. A cell says how much was tried and what was
// found; why a suite or an engine could not be tried is said there too.

import { availableParallelism } from "node:os";
import { OWN_ENGINE } from "../engine.ts";
import type { Capability } from "../capabilities.ts";
import {
  chooseEngine,
  EngineError,
  EngineMissing,
  engineOf,
  listPeers,
  ownDriver,
  type EngineChoice,
} from "../engines/find-engines.ts";
import type { StdioEngine } from "../engines/stdio/stdio-engine.ts";
import type { WorkloadName } from "../workloads/mixes.ts";
import { runCampaign } from "./campaign.ts";
import { foreignCrash } from "./crash-foreign.ts";
import { keepAll } from "./keep.ts";
import { driverKills } from "./kill.ts";
import { UsageError } from "./options.ts";
import { finish, printResult, say, type ReportedFailure } from "./report.ts";
import type { RunTask } from "./tasks.ts";

export interface ResultsOptions {
  readonly seed: string;
  readonly ops: number;
  readonly rounds: number;
  readonly images: number;
  /** None: ours and those that are installed. */
  readonly engines: readonly string[];
  readonly artifacts: string;
  readonly json: boolean;
}

/** What a suite made of an engine. */
interface Cell {
  /** "operations", "reads", "kills", "images": of what there were so many. */
  readonly of: string;
  readonly count: number;
  readonly failures: readonly ReportedFailure[];
  /** Reasons other than failures why it is not ok. */
  readonly complaints: readonly string[];
  /** Why it was not tried, or what of it was not covered. */
  readonly remarks: readonly string[];
}

interface Row {
  readonly engine: string;
  /** Why there are no cells. */
  readonly missing?: string;
  readonly cells: readonly (Cell | undefined)[];
}

/** What was asked for: a driver, or why it cannot be started here. */
interface Candidate {
  readonly name: string;
  readonly driver: Driver | string;
}

type Driver = Extract<EngineChoice, { kind: "driver" }>;

const SUITES = ["differential", "batches", "snapshots", "kill, synced", "kill, not synced", "crash images"] as const;
/** Operations of a recorded run: each is a crash point or several; with a small buffer, so that logs are rotated. */
const RECORDED_OPS = 600;
const RECORDED_CONFIG = "writeBufferSize=65536";
/** What reads a snapshot. */
const SNAPSHOT_READS = ["snapshotGet", "snapshotScan"] as const;

/**
 * Prints the table, then the line of every command; exit 1 if something was found, or if a suite tried too little to mean
 * anything. Throws UsageError for what is no engine, before anything runs; what is not installed has a row that says so.
 */
export async function printEngineResults(options: ResultsOptions): Promise<number> {
  const begin = performance.now();
  const candidates = namesOf(options).map(candidateNamed);
  const rows: Row[] = [];
  for (const { name, driver } of candidates) {
    if (typeof driver === "string") {
      say(driver);
      rows.push({ engine: name, missing: driver, cells: [] });
      continue;
    }
    say(`${name} …`);
    rows.push({ engine: name, cells: await cellsOf(driver, options) });
  }
  const { seed, json } = options;
  const cells = rows.flatMap((row) => row.cells.flatMap((cell) => cell ?? []));
  const seconds = (performance.now() - begin) / 1000;
  const ops = cells.filter(({ of }) => of === "operations").reduce((sum, { count }) => sum + count, 0);
  const failures = [...new Set(cells.flatMap((cell) => cell.failures))];
  const complaints = rows.flatMap((row) =>
    row.cells.flatMap((cell) => (cell?.complaints ?? []).map((complaint) => `${row.engine}: ${complaint}`)),
  );
  if (!json) printResult(tableOf(rows));
  const counters = json ? { suites: SUITES, rows } : { engines: rows.length };
  return finish({ command: "engines", seed, ops, seconds, failures, complaints, counters }, json);
}

function namesOf({ engines }: ResultsOptions): string[] {
  if (engines.length > 0) return [...engines];
  return [OWN_ENGINE, ...installedPeers()];
}

function installedPeers(): string[] {
  return listPeers().flatMap(({ name, version }) => (version === undefined ? [] : name));
}

// Ours goes through the same door as all others: its driver.
function candidateNamed(name: string): Candidate {
  try {
    const choice = name === OWN_ENGINE ? ownDriver() : chooseEngine(name);
    engineOf(choice);
    return { name, driver: choice as Driver };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    // What is installed and does not start may be built for another version of Node.
    if (error instanceof EngineMissing || installedPeers().includes(name)) return { name, driver: error.message };
    throw new UsageError(error.message);
  }
}

async function cellsOf(driver: Driver, options: ResultsOptions): Promise<(Cell | undefined)[]> {
  const { capabilities } = engineOf(driver) as StdioEngine;
  const offers = (needed: Capability): boolean => capabilities.has(needed);
  const mixed = await differential(driver, "mixed", options);
  const snapshots = SNAPSHOT_READS.reduce((sum, kind) => sum + (mixed.kinds[kind] ?? 0), 0);
  return [
    mixed.cell,
    offers("batch") ? (await differential(driver, "batch-heavy", options)).cell : undefined,
    offers("snapshot") ? { ...mixed.cell, of: "reads", count: snapshots } : undefined,
    kills(driver, 1, options),
    kills(driver, 0, options),
    await crashImages(driver, options),
  ];
}

async function differential(
  { name }: Driver,
  workload: WorkloadName,
  { seed, ops, artifacts }: ResultsOptions,
): Promise<{ cell: Cell; kinds: Readonly<Record<string, number>> }> {
  const task: RunTask = { kind: "run", seed, workload, ops, configs: ["default"], hashed: false, engine: name };
  const { ops: count, counters, found } = await runCampaign(task);
  const failures = await keepAll(artifacts, found);
  const kinds = (counters["kinds"] ?? {}) as Readonly<Record<string, number>>;
  return { cell: { of: "operations", count, failures, complaints: [], remarks: [] }, kinds };
}

function kills(driver: Driver, syncRatio: number, { seed, rounds, artifacts }: ResultsOptions): Cell {
  const { failures, complaints = [], counters } = driverKills({ seed, rounds, artifacts, syncRatio }, driver);
  return { of: "kills", count: Number(counters["rounds"]), failures, complaints, remarks: [] };
}

async function crashImages({ name, command }: Driver, options: ResultsOptions): Promise<Cell> {
  const { seed, images, artifacts } = options;
  const asked = {
    seed,
    images,
    artifacts,
    ops: RECORDED_OPS,
    config: RECORDED_CONFIG,
    workload: "mixed",
    engine: name,
  } as const;
  const { failures, counters } = await foreignCrash(asked, { kind: "driver", name, command });
  const skipped = counters["skipped"];
  const remarks = typeof skipped === "string" ? [skipped] : (counters["notCovered"] as readonly string[]);
  return { of: "images", count: Number(counters["images"]), failures, complaints: [], remarks };
}

function tableOf(rows: readonly Row[]): string {
  const remarks: string[] = [];
  const note = (engine: string, cell: Cell): string => {
    if (cell.remarks.length === 0) return "";
    remarks.push(`${engine}: ${cell.remarks.join("; ")}.`);
    return ` [${remarks.length}]`;
  };
  const lines = rows.map(({ engine, missing, cells }) => {
    if (missing !== undefined) return `| ${[engine, missing, ...SUITES.slice(1).map(() => "")].join(" | ")} |`;
    const words = cells.map((cell) => (cell ? inWords(cell) + note(engine, cell) : "not offered"));
    return `| ${[engine, ...words].join(" | ")} |`;
  });
  return [
    `| engine | ${SUITES.join(" | ")} |`,
    `|---|${SUITES.map(() => "---|").join("")}`,
    ...lines,
    "",
    ...remarks.map((remark, i) => `[${i + 1}] ${remark}`),
    `Node ${process.versions.node}, ${availableParallelism()} cores.`,
  ].join("\n");
}

function inWords({ count, of, failures, complaints }: Cell): string {
  const found = [...[...new Set(failures.map(({ condition }) => condition))].sort(), ...complaints];
  return `${found.length === 0 ? "ok" : found.join(", ")}, ${count} ${of}`;
}

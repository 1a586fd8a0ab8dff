// What a repair takes from where, and what it knows to be missing: decided from the survey, before anything is written.

import type { SalvageGap } from "../../sst/table-salvage.ts";
import { CURRENT, logName, manifestName, tableName } from "../file-names.ts";
import type { TableMeta } from "../table-meta.ts";
import type { Liveness } from "./liveness.ts";
import type { LogSurvey } from "./log-survey.ts";
import { gone, lostOfLogs } from "./log-losses.ts";
import type { LostPart } from "./report.ts";
import type { StoreSurvey } from "./survey.ts";
import type { TableSurvey } from "./table-survey.ts";

/** A dead file that is asked for the keys which a damaged table has lost. */
export interface Filler {
  readonly source: { readonly table: TableSurvey } | { readonly log: LogSurvey };
  readonly wants: readonly Wanting[];
}

/** What a damaged table has lost. */
export interface Wanting {
  readonly of: TableSurvey;
  readonly gaps: readonly SalvageGap[];
  /** What it held, where anything says so. */
  readonly range: Pick<TableMeta, "smallest" | "largest" | "leastSequence" | "greatestSequence"> | undefined;
}

export interface RepairPlan {
  readonly liveness: Liveness;
  /** Merged: whole tables as they are, of damaged ones what can be read. */
  readonly tables: readonly TableSurvey[];
  readonly logs: readonly LogSurvey[];
  readonly fillers: readonly Filler[];
  /** Files that get a second name in lost/ before they are removed. */
  readonly kept: readonly string[];
  /** Files that should be there and are not, or hold nothing that can be read, and what logs have lost. */
  readonly missing: readonly LostPart[];
  /** Not below any number that anything carries. */
  readonly lastSequence: number;
}

export function planRepair(survey: StoreSurvey, liveness: Liveness): RepairPlan {
  const tables = survey.tables.filter(({ number }) => !liveness.dead.has(number));
  const logs = survey.logs.filter(({ number }) => number >= liveness.logNumber);
  return {
    liveness,
    tables,
    logs,
    fillers: fillersOf(survey, liveness, tables),
    kept: keptFiles(survey, liveness),
    missing: [...missingTables(survey, liveness), ...lostOfLogs(survey, liveness)],
    lastSequence: lastSequenceOf(survey),
  };
}

function fillersOf(survey: StoreSurvey, liveness: Liveness, tables: readonly TableSurvey[]): Filler[] {
  const byNumber = new Map(survey.tables.map((table) => [table.number, table]));
  const wanting = new Map<number, Wanting[]>();
  const fillers: Filler[] = [];
  for (const of of tables) {
    const { gaps, provenance, properties } = of;
    if (of.isWhole || gaps.length === 0) continue;
    const want = { of, gaps, range: properties ?? survey.manifest?.tables.get(of.number) };
    for (const number of liveness.replaced.get(of.number) ?? [])
      wanting.set(number, [...(wanting.get(number) ?? []), want]);
    // A flush read no table: what it wrote had stood in logs.
    if (provenance?.inputs.length !== 0 || !properties) continue;
    for (const log of survey.logs) {
      if (log.number < Math.min(provenance.logNumber, liveness.logNumber))
        fillers.push({ source: { log }, wants: [want] });
    }
  }
  for (const [number, wants] of wanting) fillers.push({ source: { table: byNumber.get(number)! }, wants });
  return fillers;
}

// Everything that was not read to its last byte, and everything dead of which no manifest says that it is.
function keptFiles(survey: StoreSurvey, { dead, logNumber, isCertain }: Liveness): string[] {
  const { tables, logs, emptyLogs, manifest, badManifests, foreign, currentProblem, hasCurrent } = survey;
  const doubtful = tables.filter(({ number, isWhole }) => !isWhole || dead.get(number)?.isSure === false);
  const unsure = logs.filter(
    ({ number, gaps }) => gaps.length > 0 || (number < logNumber && number >= (manifest?.logNumber ?? 0)),
  );
  const damaged = emptyLogs.filter(({ bytes }) => bytes > 0);
  return [
    ...(hasCurrent && currentProblem !== undefined ? [CURRENT] : []),
    ...(manifest && !isCertain ? [manifestName(manifest.number)] : []),
    ...badManifests.map(({ file }) => file),
    ...doubtful.map(({ number }) => tableName(number)),
    ...[...unsure, ...damaged].map(({ number }) => logName(number)),
    ...foreign.map(({ file }) => file),
  ];
}

function missingTables({ manifest }: StoreSurvey, { missing }: Liveness): LostPart[] {
  const known = missing.flatMap((number) => manifest?.tables.get(number) ?? []);
  return known.map((table) => ({ ...gone(tableName(table.number), table.size, "missing"), ...rangeOf(table) }));
}

export function rangeOf(
  table: Pick<TableMeta, "smallest" | "largest" | "leastSequence" | "greatestSequence">,
): Pick<LostPart, "keys" | "sequences"> {
  const { smallest, largest, leastSequence, greatestSequence } = table;
  return {
    keys: [{ from: Buffer.from(smallest.key), upTo: Buffer.from(largest.key) }],
    sequences: [{ least: leastSequence, greatest: greatestSequence }],
  };
}

function lastSequenceOf({ manifest, tables, logs }: StoreSurvey): number {
  const numbers = [
    manifest?.lastSequence ?? 0,
    manifest?.cleanEnd?.lastSequence ?? 0,
    ...[...(manifest?.tables.values() ?? [])].map(({ greatestSequence }) => greatestSequence),
    ...tables.map(({ greatestSequence }) => greatestSequence),
    ...logs.map(({ lastSequence }) => lastSequence),
  ];
  return numbers.reduce((most, number) => Math.max(most, number), 0);
}

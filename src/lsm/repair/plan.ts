// What a repair takes from where, and what it knows to be missing: decided from the survey, before anything is written.

import type { SalvageGap } from "../../sst/table-salvage.ts";
import { CURRENT, logName, manifestName, tableName } from "../file-names.ts";
import type { TableMeta } from "../table-meta.ts";
import type { Liveness } from "./liveness.ts";
import type { LogSurvey } from "./log-survey.ts";
import type { LostPart, LostSequences } from "./report.ts";
import type { StoreSurvey } from "./survey.ts";
import type { TableSurvey } from "./table-survey.ts";

/** A dead file that is asked for the keys which a damaged table has lost. */
export interface Filler {
  readonly source: { readonly table: TableSurvey } | { readonly log: LogSurvey };
  /** The damaged table. */
  readonly of: TableSurvey;
  readonly gaps: readonly SalvageGap[];
}

export interface RepairPlan {
  readonly liveness: Liveness;
  /** Merged: whole tables as they are, of damaged ones what can be read. */
  readonly tables: readonly TableSurvey[];
  readonly logs: readonly LogSurvey[];
  readonly fillers: readonly Filler[];
  /** Files that get a second name in lost/ before they are removed. */
  readonly kept: readonly string[];
  /** Files that should be there and are not, or hold nothing that can be read. */
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
    missing: [...missingTables(survey), ...missingLogs(survey, liveness, logs)],
    lastSequence: lastSequenceOf(survey),
  };
}

function fillersOf(survey: StoreSurvey, liveness: Liveness, tables: readonly TableSurvey[]): Filler[] {
  const byNumber = new Map(survey.tables.map((table) => [table.number, table]));
  return tables.flatMap((of): Filler[] => {
    const { gaps, provenance } = of;
    if (of.isWhole || gaps.length === 0) return [];
    const replaced = (liveness.replaced.get(of.number) ?? []).flatMap((number) => byNumber.get(number) ?? []);
    // A flush read no table: what it wrote had stood in logs.
    const isFlush = provenance?.inputs.length === 0;
    const logs = isFlush
      ? survey.logs.filter(({ number }) => number < Math.min(provenance.logNumber, liveness.logNumber))
      : [];
    return [
      ...replaced.map((table) => ({ source: { table }, of, gaps })),
      ...logs.map((log) => ({ source: { log }, of, gaps })),
    ];
  });
}

// Everything that was not read to its last byte, and everything dead of which no manifest says that it is.
function keptFiles(survey: StoreSurvey, { dead, logNumber }: Liveness): string[] {
  const { tables, logs, emptyLogs, manifest, badManifests, foreign, currentProblem, hasCurrent } = survey;
  const doubtful = tables.filter(({ number, isWhole }) => !isWhole || dead.get(number)?.isSure === false);
  const unsure = logs.filter(
    ({ number, gaps }) => gaps.length > 0 || (number < logNumber && number >= (manifest?.logNumber ?? 0)),
  );
  const empty = emptyLogs.filter(({ number, bytes }) => bytes > 0 && number >= logNumber);
  return [
    ...(hasCurrent && currentProblem !== undefined ? [CURRENT] : []),
    ...(manifest && !manifest.isWhole ? [manifestName(manifest.number)] : []),
    ...badManifests.map(({ file }) => file),
    ...doubtful.map(({ number }) => tableName(number)),
    ...[...unsure, ...empty].map(({ number }) => logName(number)),
    ...foreign.map(({ file }) => file),
  ];
}

// A table that the manifest names and that is not there is lost, unless a later one says that it was replaced.
function missingTables({ manifest, tables }: StoreSurvey): LostPart[] {
  const replaced = new Set<number>();
  for (const { isWhole, provenance } of tables) {
    if (!isWhole || !provenance) continue;
    for (const { number } of [...provenance.inputs, ...provenance.obsolete]) replaced.add(number);
  }
  const there = new Set(tables.map(({ number }) => number));
  const missing = [...(manifest?.tables.values() ?? [])].filter(
    ({ number }) => !there.has(number) && !replaced.has(number),
  );
  return missing.map((table) => ({ ...gone(tableName(table.number), table.size, "missing"), ...rangeOf(table) }));
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

function missingLogs(survey: StoreSurvey, { logNumber }: Liveness, logs: readonly LogSurvey[]): LostPart[] {
  const there = new Set(logs.filter(({ header }) => header).map(({ number }) => number));
  const missing: LostPart[] = [];
  const problemOf = (number: number): string =>
    survey.emptyLogs.find((log) => log.number === number)?.problem ?? "missing";
  let before = 0;
  for (const { header, lastSequence } of logs) {
    const named = header?.predecessor;
    if (header && named && named.number >= logNumber && !there.has(named.number)) {
      const sequences = numbersBetween(before, header.lastSequence);
      missing.push({ ...gone(logName(named.number), named.size, problemOf(named.number)), sequences });
    }
    before = Math.max(before, lastSequence);
  }
  const named = new Set(missing.map(({ file }) => file));
  return [...missing, ...missingNewest(survey, logNumber, logs).filter(({ file }) => !named.has(file))];
}

// A store that was closed says how far its newest log went. One that was not has a log at least, in which writes may have
// been that nobody witnessed.
function missingNewest(
  { manifest, emptyLogs }: StoreSurvey,
  logNumber: number,
  logs: readonly LogSurvey[],
): LostPart[] {
  const newest = logs.findLast(({ header }) => header);
  const last = newest?.lastSequence ?? manifest?.lastSequence ?? 0;
  const promised = manifest?.cleanEnd && !newest?.cleanEnd ? manifest.cleanEnd.lastSequence : undefined;
  const lost: LostPart[] = [];
  for (const { number, bytes, problem } of emptyLogs) {
    if (number >= logNumber && bytes > 0 && number > (newest?.number ?? 0))
      lost.push({ ...gone(logName(number), bytes, problem), sequences: numbersBetween(last, promised ?? 0) });
  }
  if (lost.length > 0 || !manifest) return lost;
  const isGone = newest === undefined || (promised !== undefined && promised > last && newest.gaps.length === 0);
  if (!isGone) return lost;
  const file = newest === undefined ? logName(manifest.logNumber) : `the log behind ${logName(newest.number)}`;
  return [{ ...gone(file, 0, "missing"), sequences: numbersBetween(last, promised ?? 0) }];
}

function gone(file: string, length: number, problem: string): LostPart {
  return { file, damage: [{ offset: 0, length, problem }], keys: [], sequences: [], filledFrom: [] };
}

function numbersBetween(before: number, greatest: number): LostSequences[] {
  return greatest > before ? [{ least: before + 1, greatest }] : [];
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

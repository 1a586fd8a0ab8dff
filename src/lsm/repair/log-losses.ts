// What logs have lost: in gaps, with a header, or as whole files, told by the numbers before and behind.
//
//   at least      one more than the last number before: in the same log, in the one before it, in what was flushed before it
//   at most       what comes next says: a record, the next log's header, the CLEAN END that the manifest was closed with;
//                 without any of them nobody knows how much had followed
//
// What was flushed stands in tables: nothing is lost with its log.

import { SEQUENCE_MAX } from "../../common/internal-key.ts";
import { logName } from "../file-names.ts";
import type { Liveness } from "./liveness.ts";
import type { LogSurvey } from "./log-survey.ts";
import type { LostPart, LostSequences } from "./report.ts";
import type { StoreSurvey } from "./survey.ts";

/** The parts that are lost of logs which hold, or held, what stands in no table. */
export function lostOfLogs(survey: StoreSurvey, liveness: Liveness): LostPart[] {
  const { emptyLogs, manifest } = survey;
  const logs = survey.logs.filter(({ number }) => number >= liveness.flushedBelow);
  const parts: LostPart[] = [];
  const there = new Set(logs.map(({ number }) => number));
  for (const [i, log] of logs.entries()) {
    const before = Math.max(flushedBefore(survey, log.number), ...logs.slice(Math.max(0, i - 1), i).map(lastOf));
    parts.push(
      ...missingBefore(log, there, before, survey, liveness),
      ...gapsOf(log, before, boundBehind(logs, i, survey)),
    );
  }
  const newest = logs.at(-1);
  const promised = manifest?.cleanEnd?.lastSequence;
  const isThere = newest !== undefined && (promised === undefined || tellsEnd(newest, promised));
  const empty = emptyLogs.filter(
    ({ number, bytes }) => bytes > 0 && number > (newest?.number ?? liveness.flushedBelow - 1),
  );
  if (isThere && empty.length === 0) return parts;
  const last = Math.max(newest ? lastOf(newest) : 0, flushedBefore(survey, Number.MAX_SAFE_INTEGER));
  const sequences = between(last, promised ?? SEQUENCE_MAX);
  if (sequences.length === 0) return parts;
  if (empty.length > 0)
    return [
      ...parts,
      ...empty.map(({ number, bytes, problem }) => ({ ...gone(logName(number), bytes, problem), sequences })),
    ];
  if (!manifest && promised === undefined) return parts;
  const file =
    newest === undefined
      ? logName(Math.max(manifest!.logNumber, liveness.flushedBelow))
      : `the log behind ${logName(newest.number)}`;
  return parts.some((part) => part.file === file) ? parts : [...parts, { ...gone(file, 0, "missing"), sequences }];
}

export function gone(file: string, length: number, problem: string): LostPart {
  return { file, damage: [{ offset: 0, length, problem }], keys: [], sequences: [], filledFrom: [] };
}

// Logs that this one names, directly before it, and that are not there, or without a header.
function missingBefore(
  { header }: LogSurvey,
  there: ReadonlySet<number>,
  before: number,
  { emptyLogs }: StoreSurvey,
  { flushedBelow }: Liveness,
): LostPart[] {
  const named = header?.predecessor;
  if (!header || !named || named.number < flushedBelow || there.has(named.number)) return [];
  const sequences = between(before, header.lastSequence);
  if (sequences.length === 0) return [];
  const problem = emptyLogs.find(({ number }) => number === named.number)?.problem ?? "missing";
  return [{ ...gone(logName(named.number), named.size, problem), sequences }];
}

function gapsOf({ number, header, gaps }: LogSurvey, before: number, behind: number): LostPart[] {
  const sequences: LostSequences[] = [];
  const damage = [];
  for (const { offset, length, problem, sequences: known } of gaps) {
    const lost = header ? (known === "none" || !known ? [] : [known]) : between(before, behind);
    if (lost.length === 0) continue;
    sequences.push(...lost);
    damage.push({ offset, length, problem });
  }
  return damage.length === 0 ? [] : [{ file: logName(number), damage, keys: [], sequences, filledFrom: [] }];
}

function boundBehind(logs: readonly LogSurvey[], i: number, { manifest }: StoreSurvey): number {
  const next = logs.slice(i + 1).find(({ header }) => header);
  return next?.header?.lastSequence ?? manifest?.cleanEnd?.lastSequence ?? SEQUENCE_MAX;
}

// Whether the newest log says, or its last gap tells, up to where it had gone.
function tellsEnd({ header, cleanEnd, gaps }: LogSurvey, promised: number): boolean {
  if (!header || cleanEnd?.lastSequence === promised) return true;
  return cleanEnd === undefined && gaps.length > 0;
}

function lastOf({ lastSequence }: LogSurvey): number {
  return lastSequence;
}

// The greatest number in a table when log `number` was the first that recovery would have read, or before.
function flushedBefore({ tables }: StoreSurvey, number: number): number {
  let most = 0;
  for (const { provenance, isWhole, greatestSequence } of tables) {
    if (isWhole && provenance && provenance.logNumber <= number) most = Math.max(most, greatestSequence);
  }
  return most;
}

function between(before: number, greatest: number): LostSequences[] {
  return greatest > before ? [{ least: before + 1, greatest }] : [];
}

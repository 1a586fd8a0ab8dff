// The shape of a store as text, 80 columns wide: levels with a bar for their share of the bytes, their tables while they
// are few, and the files around them.
//
//   LEVEL  SHARE OF BYTES                TABLES        SIZE     ENTRIES  SCORE
//   L0     ██████████··············           2     1.3 KiB          14   0.50
//            epoch 3  000009.sst   700 B    "key-010" … "key-050"
//   L6     ████████████████████████           1     2.7 KiB          60   0.00
//            000005.sst            2.7 KiB  "key-000" … "key-059"
//   logs       1, 2.0 KiB: 000006.log
//   manifest   MANIFEST-000001, 1.1 KiB, closed

import type { Stats } from "../lsm/stats.ts";
import type { Survey, SurveyedFile, SurveyedTable } from "../lsm/survey.ts";
import { readable } from "./encoding.ts";

const COLUMNS = 80;
const BAR_WIDTH = 24;
/** A level with more tables than this is drawn with its first ones only. */
const TABLES_SHOWN_MOST = 8;
/** Two keys and an ellipsis fit behind a table's name, epoch and size. */
const KEY_WIDTH = 19;
/** Names behind a count. */
const NAMES_SHOWN_MOST = 6;

export interface DrawnLevel {
  readonly level: number;
  readonly tables: number;
  readonly bytes: number;
  readonly entries: number;
  /** Undefined: only an open store knows. */
  readonly score: number | undefined;
}

/** The levels that the files tell of, for a store that does not open. */
export function levelsOfSurvey({ tables }: Survey): DrawnLevel[] {
  const deepest = tables.reduce((most, { level }) => Math.max(most, level ?? 0), 0);
  return Array.from({ length: deepest + 1 }, (_, level) => {
    const own = tables.filter((table) => table.level === level);
    return {
      level,
      tables: own.length,
      bytes: own.reduce((sum, { meta }) => sum + (meta?.size ?? 0), 0),
      entries: own.reduce((sum, { meta }) => sum + (meta?.entries ?? 0), 0),
      score: undefined,
    };
  });
}

export function drawLsm(
  levels: readonly DrawnLevel[],
  survey: Survey,
  stats: Stats | undefined,
  hex: boolean,
): string[] {
  const lines = [heading()];
  const most = Math.max(1, ...levels.map(({ bytes }) => bytes));
  for (const level of levels) {
    lines.push(drawLevel(level, most));
    const tables = survey.tables.filter((table) => table.level === level.level);
    for (const table of tables.slice(0, TABLES_SHOWN_MOST)) lines.push(drawTable(table, level.level === 0, hex));
    if (tables.length > TABLES_SHOWN_MOST) lines.push(`         and ${tables.length - TABLES_SHOWN_MOST} more`);
  }
  if (stats) {
    const { count, entries, bytes } = stats.memtables;
    lines.push(fact("memtables", `${count}, ${entries} entries, ${sizeText(bytes)}`));
  }
  return [...lines, ...drawFiles(survey)];
}

function heading(): string {
  return `LEVEL  ${"SHARE OF BYTES".padEnd(BAR_WIDTH)}  ${"TABLES".padStart(8)}  ${"SIZE".padStart(10)}  ${"ENTRIES".padStart(12)}  ${"SCORE".padStart(6)}`;
}

function drawLevel({ level, tables, bytes, entries, score }: DrawnLevel, most: number): string {
  const bar = "█".repeat(Math.ceil((bytes / most) * BAR_WIDTH)).padEnd(BAR_WIDTH, "·");
  const name = `L${level}`.padEnd(5);
  const numbers = [String(tables).padStart(8), sizeText(bytes).padStart(10), String(entries).padStart(12)];
  return `${name}  ${bar}  ${numbers.join("  ")}  ${(score === undefined ? "?" : score.toFixed(2)).padStart(6)}`;
}

function drawTable({ name, size, meta }: SurveyedTable, isLevel0: boolean, hex: boolean): string {
  const epoch = isLevel0 && meta ? `epoch ${meta.epoch}  ` : "";
  const title = `${epoch}${name}`.padEnd(20);
  const bytes = (size === undefined ? "MISSING" : sizeText(size)).padStart(9);
  const keys = meta
    ? `  ${shorten(readable(meta.smallest.key, hex))} … ${shorten(readable(meta.largest.key, hex))}`
    : "";
  return `       ${title} ${bytes}${keys}`;
}

function drawFiles({ manifest, otherManifests, tables, logs, lost, foreign }: Survey): string[] {
  const live = logs.filter(({ isLive }) => isLive);
  const lines = [fact("logs", files(live))];
  if (manifest) {
    const { log, edits } = manifest;
    const size = sizeText(log.size);
    lines.push(fact("manifest", `${manifestText(manifest.number)}, ${size}, ${edits} edits, ${log.verdict}`));
  } else lines.push(fact("manifest", "none can be read"));
  const obsolete = [
    ...tables.filter(({ level }) => level === undefined),
    ...logs.filter(({ isLive }) => !isLive),
    ...otherManifests,
  ];
  if (obsolete.length > 0) lines.push(fact("unnamed", `${files(obsolete)} (not of the live version)`));
  if (lost.length > 0) lines.push(fact("lost/", namesText(lost)));
  if (foreign.length > 0) lines.push(fact("foreign", namesText(foreign)));
  return lines;
}

function manifestText(number: number): string {
  return `MANIFEST-${String(number).padStart(6, "0")}`;
}

function fact(title: string, text: string): string {
  const line = `${title.padEnd(10)} ${text}`;
  return line.length <= COLUMNS ? line : `${line.slice(0, COLUMNS - 1)}…`;
}

function files(list: readonly SurveyedFile[]): string {
  const bytes = list.reduce((sum, { size }) => sum + (size ?? 0), 0);
  const names = namesText(list.map(({ name }) => name));
  return `${list.length}, ${sizeText(bytes)}${list.length > 0 ? `: ${names}` : ""}`;
}

function namesText(names: readonly string[]): string {
  const rest = names.length - NAMES_SHOWN_MOST;
  return names.slice(0, NAMES_SHOWN_MOST).join(" ") + (rest > 0 ? ` and ${rest} more` : "");
}

function shorten(text: string): string {
  return text.length <= KEY_WIDTH ? text : `${text.slice(0, KEY_WIDTH - 1)}…`;
}

export function sizeText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${units[unit]}`;
}

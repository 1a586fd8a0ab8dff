import type { KeyOrder } from "../../common/comparator.ts";
import { visitBatch } from "../../memtable/write-batch.ts";
import { logName, tableName } from "../file-names.ts";
import type { StoreContext } from "../store-context.ts";
import { GapSet } from "./gap-set.ts";
import { replayLog, type LogSurvey } from "./log-survey.ts";
import type { RepairPlan, Wanting } from "./plan.ts";
import type { Spill } from "./sources.ts";
import { salvage, withTable, type TableSurvey } from "./table-survey.ts";

/** How many entries each file gave, by its name. */
export type Gathered = ReadonlyMap<string, number>;

/** Puts everything that is not in a whole, live table into the spill: damaged tables, logs, and what fills gaps. */
export function gatherEntries(context: StoreContext, plan: RepairPlan, spill: Spill): Gathered {
  const gathered = new Map<string, number>();
  const note = (file: string, entries: number): void => {
    gathered.set(file, (gathered.get(file) ?? 0) + entries);
  };
  for (const table of plan.tables) {
    if (table.meta) note(tableName(table.number), table.entries);
    else note(tableName(table.number), gatherTable(context, table, spill, undefined));
  }
  for (const log of plan.logs) {
    let entries = 0;
    replayLog({ ...context, number: log.number }, log, (payload, file, offset) => {
      entries += spill.addBatch(payload, file, offset);
    });
    note(logName(log.number), entries);
  }
  for (const { source, wants } of plan.fillers) {
    const lacks = wants.map((want) => lackOf(context.order, want));
    const isWanted: IsWanted = (key, sequence) => lacks.some((isLacking) => isLacking(key, sequence));
    if ("table" in source) note(tableName(source.table.number), gatherTable(context, source.table, spill, isWanted));
    else note(logName(source.log.number), gatherLog(context, source.log, spill, isWanted));
  }
  return gathered;
}

/** Of a dead file only what a damaged table held and has lost. */
type IsWanted = (key: Uint8Array, sequence: number) => boolean;

function lackOf(order: KeyOrder, { gaps, range }: Wanting): IsWanted {
  const lost = new GapSet(order, gaps);
  return (key, sequence) => {
    if (range) {
      if (sequence < range.leastSequence || sequence > range.greatestSequence) return false;
      if (order.compare(key, range.smallest.key) < 0 || order.compare(key, range.largest.key) > 0) return false;
    }
    return lost.has(key);
  };
}

function gatherTable(
  { env, path, order }: StoreContext,
  { number, tag }: TableSurvey,
  spill: Spill,
  isWanted: IsWanted | undefined,
): number {
  const place = { env, path, order, number, tag };
  let entries = 0;
  withTable(place, (file) => {
    salvage(place, file).visit((key, sequence, kind, value) => {
      if (isWanted && !isWanted(key, sequence)) return;
      if (spill.add(key, sequence, kind, value)) entries++;
    });
  });
  return entries;
}

function gatherLog(context: StoreContext, log: LogSurvey, spill: Spill, isWanted: IsWanted): number {
  let entries = 0;
  replayLog({ ...context, number: log.number }, log, (payload, file, offset) => {
    visitBatch(payload, file, offset, (kind, sequence, key, value) => {
      if (isWanted(key, sequence) && spill.add(key, sequence, kind, value)) entries++;
    });
  });
  return entries;
}

import { visitBatch } from "../../memtable/write-batch.ts";
import { logName, tableName } from "../file-names.ts";
import type { StoreContext } from "../store-context.ts";
import { replayLog } from "./log-survey.ts";
import type { Filler, RepairPlan } from "./plan.ts";
import { liesInGap, type Spill } from "./sources.ts";
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
  for (const filler of plan.fillers) {
    const { source } = filler;
    if ("table" in source) note(tableName(source.table.number), gatherTable(context, source.table, spill, filler));
    else note(logName(source.log.number), gatherLog(context, filler, source.log, spill));
  }
  return gathered;
}

function gatherTable(
  { env, path, order }: StoreContext,
  { number, tag }: TableSurvey,
  spill: Spill,
  filler: Filler | undefined,
): number {
  const place = { env, path, order, number, tag };
  let entries = 0;
  withTable(place, (file) => {
    salvage(place, file).visit((key, sequence, kind, value) => {
      if (filler && !liesInGap(order, filler.gaps, key)) return;
      if (spill.add(key, sequence, kind, value)) entries++;
    });
  });
  return entries;
}

// Of a log only what the flush can have written.
function gatherLog(
  context: StoreContext,
  { gaps, of }: Filler,
  log: Parameters<typeof replayLog>[1],
  spill: Spill,
): number {
  const { order } = context;
  const { leastSequence = 0, greatestSequence = 0 } = of.properties ?? {};
  let entries = 0;
  replayLog({ ...context, number: log.number }, log, (payload, file, offset) => {
    visitBatch(payload, file, offset, (kind, sequence, key, value) => {
      if (sequence < leastSequence || sequence > greatestSequence || !liesInGap(order, gaps, key)) return;
      if (spill.add(key, sequence, kind, value)) entries++;
    });
  });
  return entries;
}

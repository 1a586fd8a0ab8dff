import { CURRENT, logName, manifestName, tableName } from "../file-names.ts";
import type { ManifestState } from "../manifest.ts";
import type { Gathered } from "./gather.ts";
import type { LogSurvey } from "./log-survey.ts";
import type { SalvageGap } from "../../sst/table-salvage.ts";
import { rangeOf, type Filler, type RepairPlan } from "./plan.ts";
import type { LostKeys, LostPart, RepairedFile, RepairReport } from "./report.ts";
import type { StoreSurvey } from "./survey.ts";
import type { TableSurvey } from "./table-survey.ts";

/** For a store that was left as it is. */
export function soundReport({ tables, logs, manifest, currentProblem }: StoreSurvey): RepairReport {
  const reason = "the store is sound";
  const live = tables.filter(({ number }) => manifest?.live.has(number));
  const whole = (file: string): RepairedFile => ({ file, state: "whole", use: "unused", reason, entries: 0 });
  return {
    ok: currentProblem === undefined,
    rebuilt: false,
    isCertain: true,
    files: [
      ...tables.map(({ number }) => whole(tableName(number))),
      ...logs.map((log) => ({ ...whole(logName(log.number)), state: stateOf(log) })),
    ],
    lost: [],
    moved: [],
    tables: live.length,
    entries: live.reduce((sum, { entries }) => sum + entries, 0),
    lastSequence: Math.max(manifest?.lastSequence ?? 0, ...logs.map(({ lastSequence }) => lastSequence)),
  };
}

export interface Told {
  readonly survey: StoreSurvey;
  readonly plan: RepairPlan;
  readonly gathered: Gathered;
  readonly moved: readonly string[];
  readonly state: ManifestState;
}

export function reportOf({ survey, plan, gathered, moved, state }: Told): RepairReport {
  const { version } = state;
  const lost = [...plan.missing, ...lostTableParts(plan, gathered)];
  return {
    ok: lost.length === 0,
    rebuilt: true,
    isCertain: plan.liveness.isCertain,
    files: filesOf(survey, plan, gathered),
    lost,
    moved,
    tables: version.tableCount,
    entries: version.totalEntries,
    lastSequence: state.lastSequence,
  };
}

function filesOf(survey: StoreSurvey, plan: RepairPlan, gathered: Gathered): RepairedFile[] {
  const { currentProblem, manifest, badManifests, tables, logs, emptyLogs, foreign } = survey;
  const unused = (file: string, reason: string, state: RepairedFile["state"] = "damaged"): RepairedFile => ({
    file,
    state,
    use: "unused",
    reason,
    entries: 0,
  });
  const rebuilt = (file: string, problem: string | undefined): RepairedFile => ({
    file,
    state: problem === undefined ? "whole" : problem === "missing" ? "missing" : "damaged",
    use: "rebuilt",
    reason: problem ?? "the new one names the new tables",
    entries: 0,
  });
  const others = [
    rebuilt(CURRENT, currentProblem),
    ...(manifest ? [rebuilt(manifestName(manifest.number), manifest.problems[0]?.problem)] : []),
    ...badManifests.map(({ file, problem }) => rebuilt(file, problem)),
    ...tables.map((table) => tableFile(table, plan, gathered)),
    ...logs.map((log): RepairedFile => {
      const { number, gaps, entries } = log;
      const file = logName(number);
      const state = stateOf(log);
      if (plan.logs.some((log) => log.number === number))
        return { file, state, use: "merged", reason: gaps[0]?.problem ?? "live", entries };
      return usedForGaps(file, state, "what it holds stands in tables", gathered);
    }),
    ...emptyLogs.map(({ number, problem }) => unused(logName(number), problem)),
    ...foreign.map(({ file, problem }) => unused(file, problem, "whole")),
  ];
  const listed = new Set(others.map(({ file }) => file));
  const missing = plan.missing.filter(({ file }) => !listed.has(file));
  return [...others, ...missing.map(({ file }) => unused(file, "it should be there", "missing"))];
}

function stateOf({ gaps, tornBytes }: LogSurvey): RepairedFile["state"] {
  if (gaps.length > 0) return "damaged";
  return tornBytes > 0 ? "torn" : "whole";
}

function tableFile(
  { number, isWhole, problems }: TableSurvey,
  { liveness }: RepairPlan,
  gathered: Gathered,
): RepairedFile {
  const file = tableName(number);
  const state = isWhole ? "whole" : "damaged";
  const death = liveness.dead.get(number);
  if (death) return usedForGaps(file, state, death.reason, gathered);
  return { file, state, use: "merged", reason: problems[0]?.problem ?? "live", entries: gathered.get(file) ?? 0 };
}

function usedForGaps(file: string, state: RepairedFile["state"], reason: string, gathered: Gathered): RepairedFile {
  const entries = gathered.get(file) ?? 0;
  return { file, state, use: entries > 0 ? "gaps" : "unused", reason, entries };
}

// Damage to an index or a filter loses nothing: the entries are counted.
function lostTableParts({ tables, fillers, lastSequence }: RepairPlan, gathered: Gathered): LostPart[] {
  return tables.flatMap((table): LostPart[] => {
    const { number, isWhole, problems, gaps, properties, entries } = table;
    const isAllThere = gaps.length === 0 && properties !== undefined && entries >= properties.entries;
    if (isWhole || isAllThere) return [];
    const sources = fillers
      .filter(({ wants }) => wants.some(({ of }) => of === table))
      .map(({ source }) => nameOf(source));
    const filledFrom = sources.filter((source) => (gathered.get(source) ?? 0) > 0);
    const bounds = properties && rangeOf(properties);
    const held = bounds?.sequences ?? [];
    return [
      {
        file: tableName(number),
        damage: problems,
        keys: gaps.length === 0 ? (bounds?.keys ?? []) : gaps.map((gap) => keysOf(gap, bounds?.keys[0])),
        // What deleted an older entry may be gone with another input, and have had any later number.
        sequences: filledFrom.length > 0 ? held.map(({ least }) => ({ least, greatest: lastSequence })) : held,
        filledFrom,
      },
    ];
  });
}

// A gap without a bound ends where the table does.
function keysOf({ after, upTo }: SalvageGap, bounds: LostKeys | undefined): LostKeys {
  const last = upTo ?? bounds?.upTo;
  return {
    ...(after ? { after } : bounds?.from && { from: bounds.from }),
    ...(last && { upTo: last }),
  };
}

function nameOf(source: Filler["source"]): string {
  return "table" in source ? tableName(source.table.number) : logName(source.log.number);
}

// Everything that can be known of a store before a byte of it is changed: every manifest, table and log is read whole.

import { equalBytes } from "../../common/bytes.ts";
import type { KeyOrder } from "../../common/comparator.ts";
import { CorruptionError } from "../../common/errors.ts";
import type { CheckedEnv } from "../../util/checked-env.ts";
import type { LogHeader } from "../../wal/log-format.ts";
import { CURRENT, logName, manifestName, tableName } from "../file-names.ts";
import { readCurrent } from "../manifest.ts";
import type { DirectoryListing } from "../store-directory.ts";
import { readLogHeader, surveyHeaderless, surveyLog, type FoundHeader, type LogSurvey } from "./log-survey.ts";
import { checkComparator, surveyManifest, type ManifestSurvey } from "./manifest-survey.ts";
import { surveyTable, type TableSurvey } from "./table-survey.ts";

export interface SurveyPlace {
  readonly env: CheckedEnv;
  readonly path: string;
  readonly order: KeyOrder;
  readonly listing: DirectoryListing;
}

export interface NamedProblem {
  readonly file: string;
  readonly problem: string;
}

export interface EmptyLog {
  readonly number: number;
  readonly bytes: number;
  readonly problem: string;
}

export interface StoreSurvey {
  /** Why CURRENT is of no use; undefined if it names a manifest that can be read. */
  readonly currentProblem: string | undefined;
  readonly hasCurrent: boolean;
  /** The one that CURRENT names or, failing that, the newest that can be read. */
  readonly manifest: ManifestSurvey | undefined;
  /** Manifests of which nothing can be read. */
  readonly badManifests: readonly NamedProblem[];
  /** Undefined if nothing that can be read tells. */
  readonly databaseId: Uint8Array | undefined;
  readonly tables: readonly TableSurvey[];
  /** Ascending. */
  readonly logs: readonly LogSurvey[];
  /** Logs that hold nothing that anybody can tell: never written to, or damaged beyond that. */
  readonly emptyLogs: readonly EmptyLog[];
  /** Files of another store. */
  readonly foreign: readonly NamedProblem[];
}

/** Reads a store whole. Throws COMPARATOR_MISMATCH, FORMAT_UNSUPPORTED and IO_ERROR. */
export function surveyStore(place: SurveyPlace, progress: (done: number, total: number) => void): StoreSurvey {
  const { env, path, order, listing } = place;
  const total = listing.manifests.length + listing.tables.length + listing.logs.length;
  let done = 0;
  const step = <T>(result: T): T => {
    progress(++done, total);
    return result;
  };
  const current = currentOf(place);
  const manifests = listing.manifests.map((number) => ({
    number,
    found: step(surveyManifest(env, path, number, order)),
  }));
  const main = manifests.find(({ number, found }) => number === current.number && typeof found !== "string");
  const readable = manifests.flatMap(({ found }) => (typeof found === "string" ? [] : [found]));
  const manifest = main && typeof main.found !== "string" ? main.found : readable.at(-1);
  const all = listing.tables.map((number) => {
    return step(surveyTable({ env, path, order, number, tag: manifest?.live.get(number) }));
  });
  const headers = listing.logs.map((number) => ({ number, ...readLogHeader({ env, path, number }) }));
  for (const { number, header } of headers) if (header) checkComparator(order, header.comparatorName, logName(number));
  const databaseId = manifest?.databaseId ?? mostFrequent(all, headers);
  const isForeign = (id: Uint8Array | undefined): boolean =>
    id !== undefined && databaseId !== undefined && !equalBytes(id, databaseId);
  const foreignTables = all.filter(({ properties }) => isForeign(properties?.databaseId));
  const foreignLogs = headers.filter(({ header }) => isForeign(header?.databaseId));
  const own = headers.filter((log) => !foreignLogs.includes(log));
  const logs = surveyLogs(place, own, manifest);
  for (let i = 0; i < listing.logs.length; i++) step(undefined);
  const problem = "belongs to another store";
  return {
    currentProblem: current.problem ?? (main ? undefined : "names a manifest that cannot be read"),
    hasCurrent: listing.hasCurrent,
    manifest,
    badManifests: manifests.flatMap(({ number, found }) =>
      typeof found === "string" ? [{ file: manifestName(number), problem: found }] : [],
    ),
    databaseId,
    tables: all.filter((table) => !foreignTables.includes(table)),
    logs,
    emptyLogs: own.filter(({ header, held }) => !header && !held),
    foreign: [
      ...foreignTables.map(({ number }) => tableName(number)),
      ...foreignLogs.map(({ number }) => logName(number)),
    ].map((file) => ({ file, problem })),
  };
}

function currentOf({ env, path }: SurveyPlace): { readonly number?: number; readonly problem?: string } {
  try {
    const number = readCurrent(env, path);
    return number === undefined ? { problem: "missing" } : { number };
  } catch (error) {
    if (!(error instanceof CorruptionError) || error.file !== CURRENT) throw error;
    return { problem: error.problem };
  }
}

interface FoundLog extends FoundHeader {
  readonly number: number;
}

function surveyLogs(
  { env, path }: SurveyPlace,
  found: readonly FoundLog[],
  manifest: ManifestSurvey | undefined,
): LogSurvey[] {
  const surveys: LogSurvey[] = [];
  let successor: LogHeader | undefined;
  for (const { number, header, held, problem } of found.toReversed()) {
    const place = { env, path, number };
    if (header) surveys.unshift(surveyLog(place, successor, manifest));
    else if (held) surveys.unshift(surveyHeaderless(place, problem));
    successor = header ?? successor;
  }
  return surveys;
}

// Whose files are the most; of two as frequent the one met later, in the newer file.
function mostFrequent(tables: readonly TableSurvey[], logs: readonly FoundLog[]): Uint8Array | undefined {
  const votes = new Map<string, number>();
  const ids = [
    ...tables.map(({ properties }) => properties?.databaseId),
    ...logs.map(({ header }) => header?.databaseId),
  ];
  let best: string | undefined;
  for (const id of ids) {
    if (!id) continue;
    const name = Buffer.from(id).toString("hex");
    const count = (votes.get(name) ?? 0) + 1;
    votes.set(name, count);
    if (best === undefined || count >= (votes.get(best) ?? 0)) best = name;
  }
  return best === undefined ? undefined : Buffer.from(best, "hex");
}

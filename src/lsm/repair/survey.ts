// Everything that can be known of a store before a byte of it is changed: every manifest, table and log is read whole.
//
// Whose store it is, most of its files say; what belongs to another one, or is not what its name says, holds nothing of it.

import { equalBytes } from "../../common/bytes.ts";
import type { KeyOrder } from "../../common/comparator.ts";
import { areRelated, familyOf } from "../../common/database-id.ts";
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
  /** Manifests of which nothing can be read, or of another store. */
  readonly badManifests: readonly NamedProblem[];
  /** Undefined if nothing that can be read tells. */
  readonly databaseId: Uint8Array | undefined;
  readonly tables: readonly TableSurvey[];
  /** Ascending. */
  readonly logs: readonly LogSurvey[];
  /** Logs that hold nothing that anybody can tell: never written to, or damaged beyond that. */
  readonly emptyLogs: readonly EmptyLog[];
  /** Tables and logs of another store, and tables that are not those that their names say. */
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
  const found = listing.manifests.map((number) => step({ number, found: surveyManifest(env, path, number, order) }));
  const readable = found.flatMap(({ found: one }) => (typeof one === "string" ? [] : [one]));
  const headers = listing.logs.map((number) => ({ number, ...readLogHeader({ env, path, number }) }));
  for (const { number, header } of headers) if (header) checkComparator(order, header.comparatorName, logName(number));
  const tables = listing.tables.map((number) => step(surveyTable({ env, path, order, number, tag: undefined })));
  const named = readable.find(({ number }) => number === current.number);
  const databaseId = ownerOf(tables, headers, readable, named);
  const isOwn = (id: Uint8Array | undefined): boolean =>
    id === undefined || databaseId === undefined || equalBytes(id, databaseId);
  const isRelated = (id: Uint8Array | undefined): boolean =>
    id === undefined || databaseId === undefined || areRelated(id, databaseId);
  const own = readable.filter((one) => isOwn(one.databaseId));
  const manifest = named && isOwn(named.databaseId) ? named : own.at(-1);
  const retagged = tables.map((table) => {
    const tag = manifest?.live.get(table.number);
    return tag === undefined || table.isWhole ? table : surveyTable({ env, path, order, number: table.number, tag });
  });
  const known = retagged.map((table) => ({ ...table, stranger: strangeness(table, manifest, isRelated) }));
  const ownHeaders = headers.filter(({ header }) => isOwn(header?.databaseId));
  const logs = surveyLogs(place, ownHeaders, manifest);
  for (let i = 0; i < listing.logs.length; i++) step(undefined);
  return {
    currentProblem: current.problem ?? (manifest && manifest === named ? undefined : "names a manifest of no use"),
    hasCurrent: listing.hasCurrent,
    manifest,
    badManifests: found.flatMap(({ number, found: one }) => {
      const file = manifestName(number);
      if (typeof one === "string") return [{ file, problem: one }];
      return isOwn(one.databaseId) ? [] : [{ file, problem: ELSEWHERE }];
    }),
    databaseId,
    tables: known.filter(({ stranger }) => stranger === undefined),
    logs,
    emptyLogs: ownHeaders.filter(({ header, held }) => !header && !held),
    foreign: [
      ...known.flatMap(({ number, stranger }) => (stranger ? [{ file: tableName(number), problem: stranger }] : [])),
      ...headers
        .filter(({ header }) => !isOwn(header?.databaseId))
        .map(({ number }) => ({ file: logName(number), problem: ELSEWHERE })),
    ],
  };
}

const ELSEWHERE = "belongs to another store";

// Tags are never given twice: what has another one than the manifest knows is another table.
function strangeness(
  { number, tag, properties, stranger }: TableSurvey,
  manifest: ManifestSurvey | undefined,
  isRelated: (id: Uint8Array | undefined) => boolean,
): string | undefined {
  if (!isRelated(properties?.databaseId)) return ELSEWHERE;
  const wanted = manifest?.live.get(number);
  if (stranger !== undefined || wanted === undefined || tag === undefined || tag === wanted) return stranger;
  return "is another table of this number";
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
    if (header) surveys.push(surveyLog(place, successor, manifest));
    else if (held) surveys.push(surveyHeaderless(place, problem));
    successor = header ?? successor;
  }
  return surveys.reverse();
}

// Of which family the most files are; of that, whose manifests and logs, which belong to one store alone, are the most.
function ownerOf(
  tables: readonly TableSurvey[],
  logs: readonly FoundLog[],
  manifests: readonly ManifestSurvey[],
  named: ManifestSurvey | undefined,
): Uint8Array | undefined {
  const known = (ids: readonly (Uint8Array | undefined)[]): Uint8Array[] => ids.flatMap((id) => id ?? []);
  const ofManifests = known(manifests.map(({ databaseId }) => databaseId));
  const ofTables = known(tables.map(({ properties }) => properties?.databaseId));
  const ofLogs = known(logs.map(({ header }) => header?.databaseId));
  const relative = mostNamed([...ofManifests, ...ofTables, ...ofLogs], familyOf, named?.databaseId);
  if (!relative) return undefined;
  const related = (id: Uint8Array): boolean => areRelated(id, relative);
  const first = named && related(named.databaseId) ? named.databaseId : undefined;
  const own = [...ofManifests, ...ofLogs].filter(related);
  return mostNamed(own, (id) => id, first) ?? mostNamed(ofTables.filter(related), (id) => id, undefined);
}

// Among as many, what the manifest says that CURRENT names, else the newer files.
function mostNamed(
  ids: readonly Uint8Array[],
  nameOf: (id: Uint8Array) => Uint8Array,
  named: Uint8Array | undefined,
): Uint8Array | undefined {
  const name = (id: Uint8Array): string => Buffer.from(nameOf(id)).toString("hex");
  const votes = new Map<string, number>();
  for (const id of ids) votes.set(name(id), (votes.get(name(id)) ?? 0) + 1);
  let best: Uint8Array | undefined;
  for (const id of named ? [...ids, named] : ids)
    if (!best || votes.get(name(id))! >= votes.get(name(best))!) best = id;
  return best;
}

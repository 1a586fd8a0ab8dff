// What single contents say, kept for as long as the content lives: images of one campaign share most of their files. What
// several tables say together is kept with the first of them.

import type { FileContent } from "../disk/image.ts";
import type { EditField, TableEntry } from "./edit-framing.ts";
import { keyOrderProblems, type OrderedTable } from "./key-order.ts";
import { readLogContents } from "./log-contents.ts";
import { frameLog, type CleanEnd, type FramedLog, type LogEnd, type LogHeader } from "./log-framing.ts";
import { frameManifest, type FramedManifest, type ManifestState } from "./manifest-framing.ts";
import type { StoreProblem } from "./problem.ts";
import { contentProblems, versionsOf, type ContentProblem } from "./table-contents.ts";
import { frameTable, type Footer, type TableProperties } from "./table-framing.ts";
import { soundnessProblems } from "./version-soundness.ts";

export interface LogFacts {
  readonly header: LogHeader | undefined;
  readonly size: number;
  readonly end: LogEnd["kind"];
  readonly cleanEnd: CleanEnd | undefined;
  /** In words: something promises bytes behind the end. */
  readonly promise: string | undefined;
}

/** What the records of a log with a header hold. */
export interface LogSequences {
  /** Undefined: it holds nothing. */
  readonly first: number | undefined;
  /** That before the log, if it holds nothing. */
  readonly last: number;
  /** Of a record or of CLEAN END. */
  readonly problem: string | undefined;
}

export interface ManifestFacts {
  readonly state: ManifestState | undefined;
  /** Why there is no state. */
  readonly problem: string | undefined;
  readonly size: number;
  readonly cleanEnd: CleanEnd | undefined;
  /** What stands behind its last record and is no CLEAN END, or behind that. */
  readonly torn: string | undefined;
  /** Of its header and records, though they add up to a state. */
  readonly wrong: readonly string[];
  readonly unsound: readonly string[];
}

export interface TableFacts {
  readonly footer: Footer | undefined;
  readonly properties: TableProperties | undefined;
  readonly problem: string | undefined;
  /** Offset of the first block that does not verify. */
  readonly badBlock: number | undefined;
  /** Of what is in its blocks, if they can be read. */
  readonly contents: readonly ContentProblem[];
  /** Nothing is wrong with it by itself. */
  readonly isSound: boolean;
}

/** A table of a version, and its file. */
export interface PlacedTable {
  readonly entry: TableEntry;
  readonly content: FileContent;
}

const logs = new WeakMap<FileContent, Map<string, LogFacts>>();
const sequences = new WeakMap<FileContent, Map<string, LogSequences>>();
const manifests = new WeakMap<FileContent, Map<string, ManifestFacts>>();
const tables = new WeakMap<FileContent, TableFacts>();
const orders = new WeakMap<FileContent, Map<string, readonly StoreProblem[]>>();

/** Of a content under the name of log `number`, read up to `limit` if a successor names one. */
export function logFacts(content: FileContent, number: number, limit?: number): LogFacts {
  return remembered(logs, content, `${number} ${limit}`, () => {
    const { header, size, end, cleanEnd, promise } = frameLog(content.bytes, number, "wal", limit);
    return { header, size, end: end.kind, cleanEnd, promise: promise && promiseText(end.offset, promise.offset) };
  });
}

/** Of the same, if it has a header. */
export function logSequences(content: FileContent, number: number, limit?: number): LogSequences {
  return remembered(sequences, content, `${number} ${limit}`, () => {
    const { operations, lastSequence, problem } = readLogContents(frameLog(content.bytes, number, "wal", limit));
    return { first: operations[0]?.sequence, last: lastSequence, problem };
  });
}

export function manifestFacts(content: FileContent, number: number): ManifestFacts {
  return remembered(manifests, content, `${number}`, () => {
    const manifest = frameManifest(content.bytes, number);
    const { log, state, problem } = manifest;
    const unsound = state ? soundnessProblems(state) : [];
    const wrong = wrongOf(manifest);
    return { state, problem, size: log.size, cleanEnd: log.cleanEnd, torn: tornText(log), wrong, unsound };
  });
}

export function tableFacts(content: FileContent): TableFacts {
  let facts = tables.get(content);
  if (!facts) {
    const table = frameTable(content.bytes);
    const { footer, properties, problem, blocks } = table;
    const badBlock = blocks.find((block) => !block.verifies)?.offset;
    const isReadable = problem === undefined && badBlock === undefined;
    const contents = isReadable ? contentProblems(content.bytes, table) : [];
    facts = { footer, properties, problem, badBlock, contents, isSound: isReadable && contents.length === 0 };
    tables.set(content, facts);
  }
  return facts;
}

/** What is wrong between tables that are each sound. */
export function orderFacts(placed: readonly PlacedTable[]): readonly StoreProblem[] {
  if (placed.length < 2) return [];
  const key = placed.map(({ entry, content }) => `${entry.level} ${entry.number} ${entry.epoch} ${content.id}`).join();
  return remembered(orders, placed[0]!.content, key, () => keyOrderProblems(placed.map(orderedTable)));
}

function orderedTable({ entry, content }: PlacedTable): OrderedTable {
  return { entry, versions: versionsOf(content.bytes, frameTable(content.bytes)) };
}

function remembered<T>(
  memory: WeakMap<FileContent, Map<string, T>>,
  content: FileContent,
  key: string,
  make: () => T,
): T {
  let byKey = memory.get(content);
  if (!byKey) memory.set(content, (byKey = new Map()));
  let facts = byKey.get(key);
  if (facts === undefined) byKey.set(key, (facts = make()));
  return facts;
}

const SNAPSHOT_FIELDS = ["comparator", "databaseId", "logNumber", "nextFileNumber", "lastSequence"] as const;
const REPEATED_FIELDS = ["nextFileNumber", "lastSequence"] as const;

// The first record is a complete snapshot, each later one repeats what every edit does; the header tells the same store.
function wrongOf({ log, edits, state }: FramedManifest): string[] {
  if (!log.header || !state) return [];
  const wrong: string[] = [];
  for (const [i, edit] of edits.entries()) {
    const fields = new Set<EditField["field"]>(edit.map(({ field }) => field));
    for (const field of i === 0 ? SNAPSHOT_FIELDS : REPEATED_FIELDS)
      if (!fields.has(field)) wrong.push(`record ${i} has no ${field}`);
  }
  if (log.header.databaseId !== state.databaseId) wrong.push("its header has another database id than its records");
  if (log.header.comparatorName !== state.comparator) wrong.push("its header has another comparator than its records");
  return wrong;
}

function tornText({ end, length, promise }: FramedLog): string | undefined {
  if (promise) return promiseText(end.offset, promise.offset);
  if (end.offset === length) return undefined;
  return end.kind === "cleanEnd" ? `bytes behind CLEAN END at ${end.offset}` : `${end.problem} at ${end.problemOffset}`;
}

function promiseText(end: number, offset: number): string {
  return `ends at ${end}, but the chunk at ${offset} promises more`;
}

// C15, C16, C17 judged from the files alone: everything that CURRENT leads to is there and is what its references say,
// and nothing else stands in the directory.
//
// Called for every crash image: what one content says is kept with the content (content-facts.ts).

import type { FileContent, Image } from "../disk/image.ts";
import { familyOf, FormatProblem } from "./byte-source.ts";
import { logFacts, manifestFacts, tableFacts, type LogFacts, type ManifestFacts } from "./content-facts.ts";
import type { LogHeader } from "./log-header.ts";
import type { ManifestState, TableEntry } from "./manifest-framing.ts";
import { decodeCurrent, logName, lostName, manifestName, storeFileName, tableName } from "./store-names.ts";
import type { TableProperties } from "./table-properties.ts";

export interface ClosureOptions {
  /** The store is open, else it has been closed cleanly. */
  readonly open: boolean;
  /** In session with walRecycle: one retired log may wait for its reuse. */
  readonly recycle?: boolean;
}

/**
 * What is wrong with the store in the directory `root`, after a successful writable open with no job under way and no
 * cursor, or after a clean close. Empty: nothing.
 */
export function closureProblems(image: Image, root: string, { open, recycle = false }: ClosureOptions): string[] {
  const listing = new Listing(image, root);
  const { problems } = listing;
  const manifest = findManifest(listing);
  if (manifest === undefined) return problems;
  const { number, facts } = manifest;
  if (facts.torn !== undefined) problems.push(`${manifestName(number)}: ${facts.torn}`);
  if (facts.state === undefined) return [...problems, `${manifestName(number)}: ${facts.problem}`];
  problems.push(...facts.unsound);
  for (const table of facts.state.tables) judgeTable(listing, facts.state, table);
  const newest = judgeLogs(listing, facts.state);
  if (!open) judgeCleanEnds(problems, number, facts, newest);
  judgeNumbers(listing, facts.state, number);
  judgeRest(listing, facts.state, open && recycle ? 1 : 0);
  return problems;
}

/** The directory by kinds and numbers, and the problems found so far. */
class Listing {
  readonly problems: string[] = [];
  readonly logs = new Map<number, FileContent>();
  readonly tables = new Map<number, FileContent>();
  readonly manifests = new Map<number, FileContent>();
  current: FileContent | undefined;

  constructor(image: Image, root: string) {
    const prefix = `${root}/`;
    for (const [path, content] of image.files) {
      if (path.startsWith(prefix)) this.#add(path.slice(prefix.length), content);
    }
    for (const path of image.directories) {
      const name = path.startsWith(prefix) ? path.slice(prefix.length) : "lost";
      if (name !== "lost") this.problems.push(`unexpected directory ${name}`);
    }
  }

  #add(name: string, content: FileContent): void {
    const parsed = storeFileName(name);
    switch (parsed?.kind) {
      case "lock":
        break;
      case "current":
        this.current = content;
        break;
      case "log":
        this.logs.set(parsed.number, content);
        break;
      case "table":
        this.tables.set(parsed.number, content);
        break;
      case "manifest":
        this.manifests.set(parsed.number, content);
        break;
      default:
        if (!name.startsWith("lost/") || !lostName(name.slice(5))) this.problems.push(`unexpected file ${name}`);
    }
  }
}

function findManifest({ problems, current, manifests }: Listing): { number: number; facts: ManifestFacts } | undefined {
  if (current === undefined) {
    problems.push("no CURRENT");
    return undefined;
  }
  try {
    const number = decodeCurrent(current.bytes);
    const content = manifests.get(number);
    if (content) return { number, facts: manifestFacts(content, number) };
    problems.push(`CURRENT names ${manifestName(number)}, which is missing`);
  } catch (error) {
    if (!(error instanceof FormatProblem)) throw error;
    problems.push(`CURRENT: ${error.message}`);
  }
  return undefined;
}

function judgeTable({ problems, tables }: Listing, state: ManifestState, entry: TableEntry): void {
  const say = (problem: string): unknown => problems.push(`${tableName(entry.number)}: ${problem}`);
  const content = tables.get(entry.number);
  if (content === undefined) {
    say("missing");
    return;
  }
  if (content.size !== entry.size) say(`has ${content.size} bytes, the manifest says ${entry.size}`);
  const { problem, badBlock, footer, properties } = tableFacts(content);
  if (footer && footer.fileNumber !== entry.number) say(`its footer says it is number ${footer.fileNumber}`);
  if (footer && footer.tag !== entry.tag) say("its footer has another tag than the manifest");
  if (problem !== undefined) say(problem);
  else if (badBlock !== undefined) say(`the block at ${badBlock} does not verify`);
  if (properties) for (const difference of differences(properties, state, entry)) say(`properties: ${difference}`);
}

const COUNTS = ["epoch", "leastSequence", "greatestSequence", "entries", "deletes"] as const;
const BOUNDS = ["smallest", "largest"] as const;

function differences(properties: TableProperties, state: ManifestState, entry: TableEntry): string[] {
  const found: string[] = [];
  if (familyOf(properties.databaseId) !== familyOf(state.databaseId)) found.push("a database id of another family");
  if (properties.comparatorName !== state.comparator) found.push("another comparator");
  for (const name of COUNTS)
    if (properties[name] !== entry[name]) found.push(`${name} ${properties[name]}, the manifest says ${entry[name]}`);
  for (const name of BOUNDS) {
    const [a, b] = [properties[name], entry[name]];
    if (a.key !== b.key || a.sequence !== b.sequence || a.kind !== b.kind) found.push(`${name} is not the manifest's`);
  }
  return found;
}

/** The chain from the newest log with a header back below the log number; what is off it has no place. */
function judgeLogs({ problems, logs }: Listing, state: ManifestState): LogFacts | undefined {
  const needed = [...logs.keys()].filter((number) => number >= state.logNumber).sort((a, b) => a - b);
  const chain = new Set<number>();
  let number = needed.findLast((number) => logFacts(logs.get(number)!, number).header !== undefined);
  if (number === undefined) {
    problems.push(`no log at or above ${state.logNumber} has a header`);
    return undefined;
  }
  const newest = logFacts(logs.get(number)!, number);
  if (newest.promise !== undefined) problems.push(`${logName(number)}: ${newest.promise}`);
  let limit: number | undefined;
  while (number >= state.logNumber) {
    chain.add(number);
    const header = judgeLog(problems, logs.get(number), number, state, limit);
    if (header === undefined) break;
    if (header.predecessorNumber === 0 && number !== state.logNumber)
      problems.push(`${logName(number)} has no predecessor and is not the log number ${state.logNumber}`);
    number = header.predecessorNumber;
    limit = header.predecessorSize;
    if (number === 0) break;
  }
  for (const log of needed) if (!chain.has(log)) problems.push(`${logName(log)} is off the chain of logs`);
  return newest;
}

function judgeLog(
  problems: string[],
  content: FileContent | undefined,
  number: number,
  state: ManifestState,
  limit: number | undefined,
): LogHeader | undefined {
  const facts = content && logFacts(content, number, limit);
  if (!facts?.header) {
    problems.push(`${logName(number)}, of the chain, ${facts ? "has no header" : "is missing"}`);
    return undefined;
  }
  const { header } = facts;
  if (header.databaseId !== state.databaseId) problems.push(`${logName(number)}: another database id`);
  if (header.comparatorName !== state.comparator) problems.push(`${logName(number)}: another comparator`);
  if (limit !== undefined && facts.end !== "limit")
    problems.push(`${logName(number)} is good up to ${facts.size} alone, its successor says ${limit}`);
  return header;
}

// After a close: the newest log and the manifest end in the same words, which name this manifest and its size.
function judgeCleanEnds(problems: string[], number: number, manifest: ManifestFacts, log: LogFacts | undefined): void {
  const [a, b] = [manifest.cleanEnd, log?.cleanEnd];
  if (!a) problems.push("the manifest does not end in CLEAN END");
  if (!b) problems.push("the newest log does not end in CLEAN END");
  if (!a || !b) return;
  if (a.lastSequence !== b.lastSequence || a.manifestNumber !== b.manifestNumber || a.manifestSize !== b.manifestSize)
    problems.push("log and manifest end in different CLEAN ENDs");
  if (a.manifestNumber !== number || a.manifestSize !== manifest.size)
    problems.push("CLEAN END names another manifest or another size");
  if (a.lastSequence < manifest.state!.lastSequence)
    problems.push("CLEAN END's last sequence number is less than the manifest's");
}

// Logs begun since the last edit may have numbers that the manifest does not know of.
function judgeNumbers({ problems, logs, tables, manifests }: Listing, state: ManifestState, manifest: number): void {
  const seen = new Set<number>();
  for (const number of [...logs.keys(), ...tables.keys(), ...manifests.keys()]) {
    if (seen.has(number)) problems.push(`number ${number} is that of two files`);
    seen.add(number);
  }
  for (const number of [manifest, state.logNumber, ...state.tables.map((table) => table.number)])
    if (number >= state.nextFileNumber)
      problems.push(`number ${number} is not below the next, ${state.nextFileNumber}`);
}

function judgeRest(
  { problems, current, logs, tables, manifests }: Listing,
  state: ManifestState,
  waiting: number,
): void {
  const live = new Set(state.tables.map((table) => table.number));
  for (const number of tables.keys()) if (!live.has(number)) problems.push(`${tableName(number)} is not live`);
  const named = decodeCurrent(current!.bytes);
  for (const number of manifests.keys())
    if (number !== named) problems.push(`${manifestName(number)} is not the manifest`);
  const retired = [...logs.keys()].filter((number) => number < state.logNumber);
  if (retired.length > waiting) problems.push(`${retired.map(logName).join(", ")}: retired`);
}

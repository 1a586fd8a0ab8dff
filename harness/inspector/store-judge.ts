// C15, C16, C17 judged from the files alone: everything that CURRENT leads to is there and is what its references say, its
// contents are in the order that levels and sequence numbers want, and nothing else stands in the directory.
//
// Called for every crash image: what one content says is kept with the content (content-facts.ts).

import type { Image } from "../disk/image.ts";
import { familyOf, FormatProblem } from "./byte-source.ts";
import {
  logFacts,
  logSequences,
  manifestFacts,
  orderFacts,
  tableFacts,
  type LogFacts,
  type ManifestFacts,
} from "./content-facts.ts";
import { FILE_NUMBER_MAX } from "./limits.ts";
import type { LogHeader } from "./log-framing.ts";
import type { ManifestState, TableEntry } from "./manifest-framing.ts";
import { problemText, type StoreProblem } from "./problem.ts";
import { StoreListing } from "./store-listing.ts";
import { decodeCurrent, logName, manifestName, tableName } from "./store-names.ts";
import type { TableProperties } from "./table-properties.ts";

export interface JudgeOptions {
  /** The store is open, else it has been closed cleanly. */
  readonly open: boolean;
  /** In session with walRecycle: one retired log may wait for its reuse. */
  readonly recycle?: boolean;
}

/**
 * What is wrong with the store in the directory `root`, after a successful writable open with no job under way and no
 * cursor, or after a clean close. Empty: nothing.
 */
export function storeProblems(image: Image, root: string, { open, recycle = false }: JudgeOptions): StoreProblem[] {
  const listing = new StoreListing(image, root);
  const manifest = findManifest(listing);
  if (manifest === undefined) return listing.problems;
  const { number, facts } = manifest;
  const name = manifestName(number);
  if (facts.torn !== undefined) listing.say("C15", name, facts.torn);
  for (const problem of facts.wrong) listing.say("C15", name, problem);
  if (facts.state === undefined) {
    listing.say("C15", name, facts.problem!);
    return listing.problems;
  }
  for (const problem of facts.unsound) listing.say("C16", name, problem);
  for (const table of facts.state.tables) judgeTable(listing, facts.state, table);
  judgeOrder(listing, facts.state);
  const newest = new LogChain(listing, facts.state).judge();
  if (!open) judgeCleanEnds(listing, number, facts, newest);
  judgeNumbers(listing, facts.state, number);
  judgeRest(listing, facts.state, open && recycle ? 1 : 0);
  return listing.problems;
}

/** The same in words. */
export function storeProblemTexts(image: Image, root: string, options: JudgeOptions): string[] {
  return storeProblems(image, root, options).map(problemText);
}

function findManifest(listing: StoreListing): { number: number; facts: ManifestFacts } | undefined {
  const { current, manifests } = listing;
  if (current === undefined) {
    listing.say("C15", "CURRENT", "missing");
    return undefined;
  }
  try {
    const number = decodeCurrent(current.bytes);
    const content = manifests.get(number);
    if (content) return { number, facts: manifestFacts(content, number) };
    listing.say("C15", manifestName(number), "missing, but CURRENT names it");
  } catch (error) {
    if (!(error instanceof FormatProblem)) throw error;
    listing.say("C15", "CURRENT", error.message);
  }
  return undefined;
}

function judgeTable(listing: StoreListing, state: ManifestState, entry: TableEntry): void {
  const name = tableName(entry.number);
  const say = (problem: string): void => listing.say("C15", name, problem);
  const content = listing.tables.get(entry.number);
  if (content === undefined) {
    say("missing");
    return;
  }
  if (content.size !== entry.size) say(`has ${content.size} bytes, the manifest says ${entry.size}`);
  const { problem, badBlock, footer, properties, contents } = tableFacts(content);
  if (footer && footer.fileNumber !== entry.number) say(`its footer says it is number ${footer.fileNumber}`);
  if (footer && footer.tag !== entry.tag) say("its footer has another tag than the manifest");
  if (problem !== undefined) say(problem);
  else if (badBlock !== undefined) say(`the block at ${badBlock} does not verify`);
  for (const { condition, problem } of contents) listing.say(condition, name, problem);
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

// Over tables that are each as they should be.
function judgeOrder(listing: StoreListing, state: ManifestState): void {
  const tables = state.tables.flatMap((entry) => {
    const content = listing.tables.get(entry.number);
    return content && tableFacts(content).isSound ? [{ entry, content }] : [];
  });
  listing.problems.push(...orderFacts(tables));
}

interface NewestLog {
  readonly name: string;
  readonly facts: LogFacts;
}

interface Successor {
  readonly name: string;
  readonly header: LogHeader;
}

/** The chain from the newest log with a header back below the log number; what is off it has no place. */
class LogChain {
  readonly #listing: StoreListing;
  readonly #state: ManifestState;
  /** The greatest sequence number in a table: what logs hold is newer. */
  readonly #inTables: number;

  constructor(listing: StoreListing, state: ManifestState) {
    this.#listing = listing;
    this.#state = state;
    this.#inTables = state.tables.reduce((most, { greatestSequence }) => Math.max(most, greatestSequence), 0);
  }

  /** Gives the newest log. */
  judge(): NewestLog | undefined {
    const { logs } = this.#listing;
    const { logNumber } = this.#state;
    const needed = [...logs.keys()].filter((number) => number >= logNumber).sort((a, b) => a - b);
    const chain = new Set<number>();
    let number = needed.findLast((number) => logFacts(logs.get(number)!, number).header !== undefined);
    if (number === undefined) {
      this.#listing.say("C15", logName(logNumber), "no log at or above it has a header");
      return undefined;
    }
    const newest = logFacts(logs.get(number)!, number);
    if (newest.promise !== undefined) this.#listing.say("C15", logName(number), newest.promise);
    const result = { name: logName(number), facts: newest };
    let successor: Successor | undefined;
    while (number >= logNumber) {
      chain.add(number);
      const facts = this.#log(number, successor);
      if (facts?.header === undefined) break;
      const { header } = facts;
      if (header.predecessorNumber === 0 && number !== logNumber)
        this.#listing.say("C15", logName(number), `has no predecessor and is not the log number ${logNumber}`);
      successor = { name: logName(number), header };
      number = header.predecessorNumber;
      if (number === 0) break;
    }
    for (const log of needed) if (!chain.has(log)) this.#offChain(log);
    return result;
  }

  #offChain(number: number): void {
    const { header } = logFacts(this.#listing.logs.get(number)!, number);
    this.#listing.say(header ? "C15" : "C17", logName(number), "off the chain of logs");
  }

  #log(number: number, successor: Successor | undefined): LogFacts | undefined {
    const limit = successor?.header.predecessorSize;
    const say = (problem: string): void => this.#listing.say("C15", logName(number), problem);
    const content = this.#listing.logs.get(number);
    const facts = content && logFacts(content, number, limit);
    if (!facts?.header) {
      say(facts ? "of the chain, has no header" : "of the chain, is missing");
      return undefined;
    }
    const { header } = facts;
    if (header.databaseId !== this.#state.databaseId) say("another database id");
    if (header.comparatorName !== this.#state.comparator) say("another comparator");
    if (limit !== undefined && facts.end !== "limit")
      say(`good up to ${facts.size} alone, its successor says ${limit}`);
    const { first, last, problem } = logSequences(content!, number, limit);
    if (problem !== undefined) say(problem);
    if (successor && last > successor.header.lastSequenceBefore) {
      const problem = `begins behind sequence number ${successor.header.lastSequenceBefore}, log ${number} ends with ${last}`;
      this.#listing.say("C15", successor.name, problem);
    }
    if (first !== undefined && first <= this.#inTables)
      this.#listing.say("C16", logName(number), `begins at sequence number ${first}, tables have later ones`);
    return facts;
  }
}

// After a close: the newest log and the manifest end in the same words, which name this manifest and its size. Where the
// manifest ends so, it is the log that gives way.
function judgeCleanEnds(
  listing: StoreListing,
  number: number,
  manifest: ManifestFacts,
  log: NewestLog | undefined,
): void {
  const say = (problem: string): void => listing.say("C15", manifestName(number), problem);
  const [a, b] = [manifest.cleanEnd, log?.facts.cleanEnd];
  if (!a) say("does not end in CLEAN END");
  if (log && !b) listing.say("C15", log.name, "does not end in CLEAN END");
  if (!a || !log || !b) return;
  if (a.lastSequence !== b.lastSequence || a.manifestNumber !== b.manifestNumber || a.manifestSize !== b.manifestSize)
    listing.say("C15", log.name, "ends in another CLEAN END than the manifest");
  if (a.manifestNumber !== number || a.manifestSize !== manifest.size)
    say("CLEAN END names another manifest or another size");
  if (a.lastSequence < manifest.state!.lastSequence)
    say("CLEAN END's last sequence number is less than the manifest's");
}

// Logs begun since the last edit may have numbers that the manifest does not know of.
function judgeNumbers(listing: StoreListing, state: ManifestState, manifest: number): void {
  const { logs, tables, manifests } = listing;
  const seen = new Map<number, string>();
  const note = (numbers: Iterable<number>, nameOf: (number: number) => string): void => {
    for (const number of numbers) {
      const name = nameOf(number);
      if (seen.has(number)) listing.say("C15", name, `has the number of ${seen.get(number)}`);
      if (number > FILE_NUMBER_MAX) listing.say("C15", name, "a number that no store reaches");
      seen.set(number, name);
    }
  };
  note(manifests.keys(), manifestName);
  note(logs.keys(), logName);
  note(tables.keys(), tableName);
  if (state.nextFileNumber > FILE_NUMBER_MAX)
    listing.say("C15", manifestName(manifest), `a next file number that no store reaches: ${state.nextFileNumber}`);
  for (const number of [manifest, state.logNumber, ...state.tables.map((table) => table.number)])
    if (number >= state.nextFileNumber)
      listing.say("C15", manifestName(manifest), `number ${number} is not below the next, ${state.nextFileNumber}`);
}

function judgeRest(listing: StoreListing, state: ManifestState, waiting: number): void {
  const { current, logs, tables, manifests } = listing;
  const live = new Set(state.tables.map((table) => table.number));
  for (const number of tables.keys()) if (!live.has(number)) listing.say("C17", tableName(number), "is not live");
  const named = decodeCurrent(current!.bytes);
  for (const number of manifests.keys())
    if (number !== named) listing.say("C17", manifestName(number), "is not the manifest");
  const retired = [...logs.keys()].filter((number) => number < state.logNumber);
  if (retired.length > waiting) for (const number of retired) listing.say("C17", logName(number), "retired");
}

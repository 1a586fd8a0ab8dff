// What a store holds, from its files alone: what a reader of a recovered store must see.

import type { Image } from "../disk/image.ts";
import type { Key } from "../keys.ts";
import type { BatchOperation } from "./batch-operations.ts";
import { FormatProblem } from "./byte-source.ts";
import type { TableVersion } from "./data-block.ts";
import type { TableEntry } from "./edit-framing.ts";
import { readLogContents } from "./log-contents.ts";
import { frameLog, type FramedLog } from "./log-framing.ts";
import { frameManifest, type FramedManifest, type ManifestState } from "./manifest-framing.ts";
import { readRangeDeletes, type RangeDelete } from "./range-deletes.ts";
import { versionsOf } from "./table-contents.ts";
import { frameTable, type FramedTable } from "./table-framing.ts";
import { StoreListing } from "./store-listing.ts";
import { decodeCurrent, logName, manifestName, tableName } from "./store-names.ts";

export interface TableContents {
  readonly entry: TableEntry;
  readonly table: FramedTable;
  readonly versions: readonly TableVersion[];
  readonly rangeDeletes: readonly RangeDelete[];
}

export interface LogContentsOfStore {
  readonly log: FramedLog;
  readonly operations: readonly BatchOperation[];
}

export interface StoreContents {
  readonly manifest: FramedManifest;
  readonly state: ManifestState;
  /** By level and number. */
  readonly tables: readonly TableContents[];
  /** The chain, oldest first. */
  readonly logs: readonly LogContentsOfStore[];
}

/** Reads what CURRENT leads to. Throws FormatProblem for the first thing that is wrong. */
export function readStoreContents(image: Image, root: string): StoreContents {
  const listing = new StoreListing(image, root);
  const number = decodeCurrent(present(listing.current?.bytes, "CURRENT"));
  const manifest = frameManifest(present(listing.manifests.get(number)?.bytes, manifestName(number)), number);
  const { state } = manifest;
  if (!state) throw new FormatProblem(0, `${manifestName(number)}: ${manifest.problem}`);
  const tables = state.tables.map((entry) => {
    const name = tableName(entry.number);
    return readTable(entry, name, present(listing.tables.get(entry.number)?.bytes, name));
  });
  return { manifest, state, tables, logs: readChain(listing, state) };
}

/** Every key with the value that is visible now, in bytewise order. */
export function visibleEntries({ tables, logs }: StoreContents): [Key, Uint8Array][] {
  const newest = new Map<Key, { readonly sequence: number; readonly value: Uint8Array | undefined }>();
  const rangeDeletes = tables.flatMap((table) => table.rangeDeletes);
  const add = ({ key, sequence, value }: Pick<TableVersion, "key" | "sequence" | "value">): void => {
    const known = newest.get(key);
    if (!known || known.sequence < sequence) newest.set(key, { sequence, value });
  };
  for (const { versions } of tables) versions.forEach(add);
  for (const { operations } of logs) operations.forEach(add);
  const visible: [Key, Uint8Array][] = [];
  for (const [key, { sequence, value }] of newest) {
    if (value === undefined) continue;
    const covers = (one: RangeDelete): boolean => one.start <= key && key < one.end && one.sequence > sequence;
    if (!rangeDeletes.some(covers)) visible.push([key, value]);
  }
  return visible.sort(([a], [b]) => (a < b ? -1 : 1));
}

function present<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new FormatProblem(0, `${name} is missing`);
  return value;
}

function readTable(entry: TableEntry, name: string, bytes: Uint8Array): TableContents {
  const table = frameTable(bytes);
  if (table.problem !== undefined) throw new FormatProblem(0, `${name}: ${table.problem}`);
  const block = table.blocks.find(({ role }) => role === "rangeDeletes");
  const rangeDeletes = block ? readRangeDeletes(bytes, block) : [];
  return { entry, table, versions: [...versionsOf(bytes, table)], rangeDeletes };
}

function readChain({ logs }: StoreListing, { logNumber }: ManifestState): LogContentsOfStore[] {
  const numbers = [...logs.keys()].filter((number) => number >= logNumber).sort((a, b) => b - a);
  const chain: LogContentsOfStore[] = [];
  let number = numbers.find((candidate) => frameLog(logs.get(candidate)!.bytes, candidate, "wal").header) ?? 0;
  let limit: number | undefined;
  while (number >= logNumber) {
    const name = logName(number);
    const log = frameLog(present(logs.get(number)?.bytes, name), number, "wal", limit);
    if (!log.header) throw new FormatProblem(0, `${name}: ${log.headerProblem}`);
    const { operations, problem } = readLogContents(log);
    if (problem !== undefined) throw new FormatProblem(0, `${name}: ${problem}`);
    chain.unshift({ log, operations });
    ({ predecessorNumber: number, predecessorSize: limit } = log.header);
  }
  return chain;
}

import { Random } from "../../workloads/random.ts";
import type { EditField, TableEntry } from "../edit-framing.ts";
import { NUMBER_MAX } from "../limits.ts";
import { encodeCurrent, logName, manifestName, tableName } from "../store-names.ts";
import { encodeBatch, encodeEdit } from "./edit-encoder.ts";
import { LogEncoder, type HeaderFields } from "./log-encoder.ts";
import type { CleanEndPlan, LogPlan, StorePlan, TablePlan } from "./store-plan.ts";
import { encodeTable } from "./table-encoder.ts";

/** The files of a store by name. The same plan gives the same bytes. */
export function encodeStore(plan: StorePlan): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const entries: TableEntry[] = [];
  for (const table of plan.tables) {
    const { bytes, entry } = encodePlanned(table);
    files.set(tableName(entry.number), bytes);
    entries.push({ ...entry, ...table.entry });
  }
  const manifest = encodeManifest(plan, entries);
  const manifestSize = manifest.size;
  const end = { lastSequence: lastSequenceOf(plan), manifestNumber: plan.manifest.number, manifestSize };
  for (const [number, log] of encodeLogs(plan, end)) files.set(logName(number), log.bytes);
  addEnd(plan, manifest, end, "manifest");
  files.set(manifestName(plan.manifest.number), manifest.bytes);
  files.set("CURRENT", encodeCurrent(plan.manifest.number));
  return files;
}

/** The last sequence number in the store. */
export function lastSequenceOf({ lastSequence, logs }: StorePlan): number {
  const batches = logs.flatMap((log) => log.batches);
  const last = batches.reduce(
    (most, { firstSequence, operations }) => Math.max(most, firstSequence + operations.length - 1),
    lastSequence,
  );
  return Math.min(last, NUMBER_MAX);
}

function encodePlanned({ level, shape }: TablePlan): { bytes: Buffer; entry: TableEntry } {
  const { bytes, properties } = encodeTable(shape);
  const { number, tag } = shape;
  const { epoch, smallest, largest, leastSequence, greatestSequence, entries, deletes } = properties;
  const bounds = { smallest, largest, leastSequence, greatestSequence };
  return { bytes, entry: { level, number, size: bytes.length, tag, epoch, ...bounds, entries, deletes } };
}

function encodeManifest(plan: StorePlan, entries: readonly TableEntry[]): LogEncoder {
  const { manifest, hooks, seed } = plan;
  const log = new LogEncoder("manifest", headerOf(plan, manifest));
  const edits = editsOf(plan, entries);
  addRecords(log, (hooks.edits?.(edits) ?? edits).map(encodeEdit), `${seed}:manifest`);
  hooks.log?.(log, manifest.number);
  return log;
}

// A snapshot, and edits behind it that add the tables which came last.
function editsOf(plan: StorePlan, entries: readonly TableEntry[]): EditField[][] {
  const { comparator, databaseId, logNumber, nextFileNumber, lastSequence, laterTables, cursors } = plan;
  const repeated: EditField[] = [
    { field: "nextFileNumber", value: nextFileNumber },
    { field: "lastSequence", value: lastSequence },
  ];
  const first = entries.slice(0, Math.max(0, entries.length - laterTables));
  const snapshot: EditField[] = [
    { field: "comparator", name: comparator },
    { field: "databaseId", id: databaseId },
    { field: "logNumber", value: logNumber },
    ...repeated,
    ...first.map((table): EditField => ({ field: "newTable", table })),
    ...[...cursors].map(([level, key]): EditField => ({ field: "cursor", level, key })),
  ];
  const later = entries.slice(first.length).map((table): EditField[] => [...repeated, { field: "newTable", table }]);
  return [snapshot, ...later];
}

function encodeLogs(plan: StorePlan, end: CleanEndPlan): Map<number, LogEncoder> {
  const logs = new Map<number, LogEncoder>();
  let before: Partial<HeaderFields> = { lastSequenceBefore: sequenceBefore(plan) };
  for (const [i, one] of plan.logs.entries()) {
    const log = new LogEncoder("wal", { ...headerOf(plan, one), ...before, ...one.header });
    addRecords(log, one.batches.map(encodePlannedBatch), `${plan.seed}:log:${one.number}`);
    plan.hooks.log?.(log, one.number);
    logs.set(one.number, log);
    before = {
      predecessorNumber: one.number,
      predecessorSize: log.size,
      lastSequenceBefore: Math.max(before.lastSequenceBefore!, lastOf(one)),
    };
    if (i === plan.logs.length - 1) addEnd(plan, log, end, "log");
  }
  return logs;
}

function headerOf({ comparator, databaseId }: StorePlan, file: StorePlan["manifest"]): HeaderFields {
  const { number, tag, blockSize, header } = file;
  return { comparatorName: comparator, databaseId, fileNumber: number, tag, blockSize, ...header };
}

// What tables hold was there before the first log.
function sequenceBefore({ tables }: StorePlan): number {
  const all = tables.flatMap(({ shape }) => [...shape.versions, ...shape.rangeDeletes]);
  return all.reduce((most, { sequence }) => Math.max(most, sequence), 0);
}

function lastOf({ batches }: LogPlan): number {
  const last = batches.at(-1);
  return last ? last.firstSequence + last.operations.length - 1 : 0;
}

function encodePlannedBatch({
  firstSequence,
  operations,
  bytes,
}: StorePlan["logs"][number]["batches"][number]): Buffer {
  const encoded = encodeBatch(firstSequence, operations);
  return bytes?.(encoded) ?? encoded;
}

// Now and then a sync has covered what is there.
function addRecords(log: LogEncoder, records: readonly Buffer[], seed: string): void {
  const random = new Random(seed);
  let synced = 0;
  for (const record of records) {
    if (random.chance(1, 3)) synced = log.size;
    log.record(record, synced);
  }
}

function addEnd(plan: StorePlan, log: LogEncoder, end: CleanEndPlan, where: "log" | "manifest"): void {
  if (!plan.closed) return;
  const { cleanEnd } = plan.hooks;
  const said = cleanEnd ? cleanEnd(end, where) : end;
  if (said) log.cleanEnd(said.lastSequence, said.manifestNumber, said.manifestSize);
}

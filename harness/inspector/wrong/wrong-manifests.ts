// Manifests that are wrong: records that add up to no version, or to one that the files do not have; and the promises that
// log and manifest make each other when a store is closed.

import type { EditField, TableEntry } from "../edit-framing.ts";
import type { CleanEndPlan, StorePlan } from "../encode/store-plan.ts";
import { encodeChunk } from "../encode/log-encoder.ts";
import { FILE_NUMBER_MAX } from "../limits.ts";
import { logName, manifestName } from "../store-names.ts";
import { frameLog } from "../log-framing.ts";
import { withStoreHooks, type Spoil, type SpoilFiles, type WrongClass } from "./wrong-class.ts";

type Edits = readonly (readonly EditField[])[];

/** Changes the records; undefined: not of this store. */
function edits(
  change: (edits: Edits, plan: StorePlan) => Edits,
  fits: (plan: StorePlan) => boolean = () => true,
): Spoil {
  return (plan) => (fits(plan) ? withStoreHooks(plan, { edits: (all) => change(all, plan) }) : undefined);
}

const inSnapshot = (change: (fields: readonly EditField[], plan: StorePlan) => readonly EditField[]): Spoil =>
  edits(([first, ...rest], plan) => [change(first!, plan), ...rest]);

const inTables = (change: (table: TableEntry) => TableEntry): Spoil =>
  edits((all) =>
    all.map((fields) => fields.map((one) => (one.field === "newTable" ? { ...one, table: change(one.table) } : one))),
  );

const without = (fields: readonly EditField[], name: EditField["field"]): EditField[] =>
  fields.filter(({ field }) => field !== name);

const hasLaterEdits = ({ laterTables, tables }: StorePlan): boolean => laterTables > 0 && tables.length > 0;

const CLOSED = { closed: true } as const;

/** Ends of log and manifest; undefined: none. */
function cleanEnd(
  name: string,
  change: (end: CleanEndPlan, where: "log" | "manifest") => CleanEndPlan | undefined,
): WrongClass {
  return { name, condition: "C15", base: CLOSED, spoil: (plan) => withStoreHooks(plan, { cleanEnd: change }) };
}

/** Changes the bytes of the manifest. */
function manifestBytes(change: (bytes: Buffer, plan: StorePlan) => Buffer): SpoilFiles {
  return (files, plan) => {
    const name = manifestName(plan.manifest.number);
    files.set(name, change(files.get(name)!, plan));
    return true;
  };
}

const SINGLE_FIELDS = ["comparator", "databaseId", "logNumber", "nextFileNumber", "lastSequence"] as const;

export const WRONG_MANIFESTS: readonly WrongClass[] = [
  ...SINGLE_FIELDS.map((field): WrongClass => ({
    name: `a manifest without: ${field}`,
    condition: "C15",
    spoil: edits((all) => all.map((one) => without(one, field))),
  })),
  ...(["nextFileNumber", "lastSequence"] as const).map((field): WrongClass => ({
    name: `a snapshot that leaves a field to a later edit: ${field}`,
    condition: "C15",
    spoil: edits(([first, ...rest]) => [without(first!, field), ...rest], hasLaterEdits),
  })),
  ...(["nextFileNumber", "lastSequence"] as const).map((field): WrongClass => ({
    name: `an edit that does not repeat: ${field}`,
    condition: "C15",
    spoil: edits(([first, ...rest]) => [first!, ...rest.map((one) => without(one, field))], hasLaterEdits),
  })),
  {
    name: "a table twice in the manifest",
    condition: "C15",
    spoil: inSnapshot((fields) => [...fields, ...fields.filter(({ field }) => field === "newTable").slice(0, 1)]),
  },
  {
    name: "a field twice in a record",
    condition: "C15",
    spoil: inSnapshot((fields) => [...fields, ...fields.filter(({ field }) => field === "logNumber")]),
  },
  {
    name: "an edit that removes a table that is not there",
    condition: "C15",
    spoil: edits((all, { nextFileNumber, lastSequence }) => [
      ...all,
      [
        { field: "nextFileNumber", value: nextFileNumber },
        { field: "lastSequence", value: lastSequence },
        { field: "removedTable", level: 1, number: 777_777 },
      ],
    ]),
  },
  {
    name: "an unknown field that must be known",
    condition: "C15",
    spoil: inSnapshot((fields) => [...fields, { field: "unknown", tag: 1000, bytes: Buffer.from([1]) }]),
  },
  {
    name: "a field with bytes left over",
    condition: "C15",
    spoil: inSnapshot((fields) => [
      ...without(fields, "logNumber"),
      { field: "unknown", tag: 6, bytes: Buffer.from([1, 1]) },
    ]),
  },
  { name: "a table on level 12", condition: "C15", spoil: inTables((table) => ({ ...table, level: 12 })) },
  {
    name: "a bound of no kind",
    condition: "C15",
    spoil: inTables((table) => ({ ...table, largest: { ...table.largest, kind: 7 } })),
  },
  {
    name: "a next file number that a table has",
    condition: "C15",
    spoil: (plan) => ({ ...plan, nextFileNumber: plan.tables.at(-1)!.shape.number }),
  },
  {
    name: "a next file number that the log has",
    condition: "C15",
    spoil: (plan) => ({ ...plan, nextFileNumber: plan.logNumber }),
  },
  {
    name: "a next file number that the manifest has",
    condition: "C15",
    spoil: (plan) => ({ ...plan, nextFileNumber: plan.manifest.number }),
  },
  {
    name: "a next file number that no store reaches",
    condition: "C15",
    spoil: (plan) => ({ ...plan, nextFileNumber: FILE_NUMBER_MAX + 1 }),
  },
  {
    name: "a manifest whose header has another database id",
    condition: "C15",
    spoil: (plan) => ({ ...plan, manifest: { ...plan.manifest, header: { databaseId: "ab".repeat(16) } } }),
  },
  {
    name: "a manifest whose header has another comparator",
    condition: "C15",
    spoil: (plan) => ({ ...plan, manifest: { ...plan.manifest, header: { comparatorName: "another" } } }),
  },
  {
    name: "a manifest of another number than its name's",
    condition: "C15",
    spoil: (plan) => ({ ...plan, manifest: { ...plan.manifest, header: { fileNumber: plan.manifest.number + 1 } } }),
  },
  cleanEnd("a log without CLEAN END, though the manifest has one", (end, where) => (where === "log" ? undefined : end)),
  {
    // What a crash inside a close leaves.
    ...cleanEnd("a manifest without CLEAN END, though the log has one", (end, where) =>
      where === "log" ? end : undefined,
    ),
    unseen: "mended",
  },
  cleanEnd("CLEAN ENDs of different sequence numbers", (end, where) =>
    where === "log" ? { ...end, lastSequence: end.lastSequence + 1 } : end,
  ),
  cleanEnd("a CLEAN END of another manifest", (end) => ({ ...end, manifestNumber: end.manifestNumber + 1 })),
  cleanEnd("a CLEAN END of another size of the manifest", (end) => ({ ...end, manifestSize: end.manifestSize - 1 })),
  {
    name: "a CLEAN END below the last sequence number",
    condition: "C15",
    base: CLOSED,
    spoil: (plan) =>
      plan.logs.at(-1)!.batches.length === 0
        ? undefined
        : withStoreHooks(plan, { cleanEnd: (end) => ({ ...end, lastSequence: end.lastSequence - 1 }) }),
  },
  {
    name: "bytes behind the manifest's CLEAN END",
    condition: "C15",
    unseen: "mended",
    base: CLOSED,
    spoilFiles: manifestBytes((bytes) => Buffer.concat([bytes, Buffer.alloc(7)])),
  },
  {
    name: "a flipped bit in a record of a manifest that was closed",
    condition: "C15",
    base: CLOSED,
    spoilFiles(files, plan, random) {
      const name = manifestName(plan.manifest.number);
      const bytes = Buffer.from(files.get(name)!);
      const { records } = frameLog(bytes, plan.manifest.number, "manifest");
      const record = random.pick(records);
      bytes[random.between(record.offset, record.end - 1)]! ^= 1;
      files.set(name, bytes);
      return true;
    },
  },
  {
    // All records stand in front of it, and the log's CLEAN END says so.
    name: "a chunk of no type in front of the manifest's CLEAN END",
    condition: "C15",
    unseen: "mended",
    base: CLOSED,
    spoil: (plan) => withStoreHooks(plan, { log: (log, number) => foreignChunk(log, number, plan) }),
  },
  {
    name: "a manifest that is missing",
    condition: "C15",
    spoilFiles: (files, plan) => files.delete(manifestName(plan.manifest.number)),
  },
  {
    name: "a log that is missing",
    condition: "C15",
    base: CLOSED,
    spoilFiles: (files, plan) => files.delete(logName(plan.logs.at(-1)!.number)),
  },
];

function foreignChunk(
  log: { bytes: Buffer; raw(bytes: Uint8Array): unknown },
  number: number,
  { manifest }: StorePlan,
): void {
  if (number !== manifest.number) return;
  log.raw(encodeChunk({ type: 9, payload: Buffer.alloc(0) }, log.bytes.length, number, manifest.tag));
}

// A store in words, for goldens: everything that the inspector reads out of its files.

import { keyBytes, type Key } from "../keys.ts";
import type { BatchOperation } from "./batch-operations.ts";
import type { TableVersion } from "./data-block.ts";
import type { EditField, InternalKey, TableEntry } from "./edit-framing.ts";
import type { FramedLog } from "./log-framing.ts";
import type { LogContentsOfStore, StoreContents, TableContents } from "./store-contents.ts";

export function storeText(store: StoreContents): string {
  const lines = [
    ...logLines("manifest", store.manifest.log),
    ...store.manifest.edits.flatMap((edit, i) => [`record ${i}`, ...edit.map((field) => `  ${fieldText(field)}`)]),
    ...endLines(store.manifest.log),
    ...store.logs.flatMap(logText),
    ...store.tables.flatMap(tableText),
  ];
  return `${lines.join("\n")}\n`;
}

function logText({ log, operations }: LogContentsOfStore): string[] {
  return [
    "",
    ...logLines("log", log),
    ...operations.map((operation) => `  ${versionText(operation)}`),
    ...endLines(log),
  ];
}

function logLines(what: string, { number, length, header }: FramedLog): string[] {
  const { tag, blockSize, databaseId, comparatorName, end } = header!;
  const { predecessorNumber, predecessorSize, lastSequenceBefore } = header!;
  return [
    `${what} ${number}, ${length} bytes, tag ${hex(tag)}, blocks of ${blockSize}, ${databaseId}, ${comparatorName}`,
    `header to ${end}, behind log ${predecessorNumber} of size ${predecessorSize}, sequence number ${lastSequenceBefore}`,
  ];
}

function endLines({ records, passedOver, cleanEnd, size, end, promise }: FramedLog): string[] {
  const lines = records.map((record, i) => `record ${i} from ${record.offset} to ${record.end}`);
  for (const { offset, type } of passedOver) lines.push(`passed over: type ${type} at ${offset}`);
  if (cleanEnd) {
    const { lastSequence, manifestNumber, manifestSize, syncedOffset } = cleanEnd;
    lines.push(`clean end: sequence number ${lastSequence}, manifest ${manifestNumber} of size ${manifestSize}`);
    lines.push(`all before ${syncedOffset} synced`);
  }
  lines.push(`size ${size}, ${end.kind} at ${end.offset}${end.problem === undefined ? "" : `: ${end.problem}`}`);
  if (promise) lines.push(`the chunk at ${promise.offset} promises ${promise.syncedOffset}`);
  return lines;
}

function fieldText(field: EditField): string {
  switch (field.field) {
    case "newTable":
      return `new table ${entryText(field.table)}`;
    case "removedTable":
      return `removed table ${field.number} of level ${field.level}`;
    case "cursor":
      return `cursor of level ${field.level}: ${keyText(field.key)}`;
    case "unknown":
      return `unknown field ${field.tag} of ${field.bytes.length} bytes`;
    default:
      return Object.values(field).join(" ");
  }
}

function entryText(table: TableEntry): string {
  const { level, number, size, tag, epoch, smallest, largest, leastSequence, greatestSequence } = table;
  return [
    `${number} on level ${level}, ${size} bytes, tag ${hex(tag)}, epoch ${epoch}`,
    `${internalKeyText(smallest)} to ${internalKeyText(largest)}`,
    `sequence numbers ${leastSequence} to ${greatestSequence}, ${table.entries} entries, ${table.deletes} deletes`,
  ].join(", ");
}

function tableText({ entry, table, versions, rangeDeletes }: TableContents): string[] {
  const { unknown, ...properties } = table.properties!;
  return [
    "",
    `table ${entry.number}`,
    ...table.blocks.map(
      ({ role, name, offset, length, verifies }) =>
        `${role}${name === "" || name === role ? "" : ` ${name}`} at ${offset}, ${length} bytes${verifies ? "" : ", does not verify"}`,
    ),
    ...table.index.map(({ separator, offset }) => `separator ${internalKeyText(separator)} of the block at ${offset}`),
    ...versions.map((version) => `  ${version.offset} ${versionText(version)}`),
    ...rangeDeletes.map(({ start, end, sequence }) => `  ${keyText(start)} to ${keyText(end)} deleted at ${sequence}`),
    ...Object.entries(properties).map(([name, value]) => `${name} ${propertyText(value)}`),
    ...unknown.map(({ tag, bytes }) => `unknown property ${tag} of ${bytes.length} bytes`),
  ];
}

function propertyText(value: unknown): string {
  return typeof value === "object" && "key" in value! ? internalKeyText(value as InternalKey) : JSON.stringify(value);
}

function versionText({ key, sequence, value }: BatchOperation | TableVersion): string {
  return `${sequence} ${keyText(key)} ${value === undefined ? "deleted" : valueText(value)}`;
}

const VALUE_SHOWN_MAX = 24;

function valueText(value: Uint8Array): string {
  const text = JSON.stringify(Buffer.from(value.subarray(0, VALUE_SHOWN_MAX)).toString("latin1"));
  return value.length <= VALUE_SHOWN_MAX ? text : `${text}… ${value.length} bytes`;
}

function internalKeyText({ key, sequence, kind }: InternalKey): string {
  return `${keyText(key)}@${sequence}/${kind}`;
}

function keyText(key: Key): string {
  return /^[ -~]*$/.test(key) ? JSON.stringify(key) : `0x${keyBytes(key).toString("hex")}`;
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}

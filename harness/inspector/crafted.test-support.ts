// Stores of one manifest and one log, made byte by byte.

import { ContentStore, makeImage, type Image } from "../disk/image.ts";
import type { EditField, TableEntry } from "./edit-framing.ts";
import { encodeEdit } from "./encode/edit-encoder.ts";
import { u32, u64 } from "./encode/fields.ts";
import { LogEncoder } from "./encode/log-encoder.ts";
import { encodeCurrent, logName, manifestName } from "./store-names.ts";
import { ROOT } from "./stores.test-support.ts";

export interface Crafted {
  readonly manifest?: number;
  readonly logNumber?: number;
  readonly next?: number;
  readonly tables?: readonly Partial<TableEntry>[];
  /** Of the manifest's record; its header and the log have an id of their own. */
  readonly recordId?: string;
  /** lastSequence, manifest number, manifest size; undefined: no CLEAN END. */
  readonly manifestEnd?: readonly [number, number, number];
  readonly logEnd?: readonly [number, number, number];
  readonly syncedOffset?: number;
  readonly files?: Readonly<Record<string, Uint8Array>>;
}

export const CRAFTED_ID = "0123456789abcdef0123456789abcdef";
/** A batch of nothing. */
const RECORD = Buffer.concat([u64(1), u32(0)]);
const KEY = { key: "k", sequence: 1, kind: 1 };
const TABLE: TableEntry = {
  level: 0,
  number: 3,
  size: 100,
  tag: 5,
  epoch: 1,
  smallest: KEY,
  largest: KEY,
  leastSequence: 1,
  greatestSequence: 1,
  entries: 1,
  deletes: 0,
};

/** How large its manifest is, as CLEAN END would say. */
export function craftedManifest(crafted: Crafted): LogEncoder {
  const { manifest = 1, logNumber = 2, next = 50, tables = [], recordId = CRAFTED_ID } = crafted;
  const fields: EditField[] = [
    { field: "comparator", name: "tinykv.bytewise" },
    { field: "databaseId", id: recordId },
    { field: "logNumber", value: logNumber },
    { field: "nextFileNumber", value: next },
    { field: "lastSequence", value: 1 },
    ...tables.map((table): EditField => ({ field: "newTable", table: { ...TABLE, ...table } })),
  ];
  const header = { fileNumber: manifest, databaseId: CRAFTED_ID, blockSize: 32_768 };
  return new LogEncoder("manifest", header).full(encodeEdit(fields));
}

export function crafted(fields: Crafted = {}): Image {
  const { manifest = 1, logNumber = 2, manifestEnd, logEnd, syncedOffset, files = {} } = fields;
  const edits = craftedManifest(fields);
  if (manifestEnd) edits.cleanEnd(...manifestEnd);
  const log = new LogEncoder("wal", { fileNumber: logNumber, databaseId: CRAFTED_ID }).full(RECORD, syncedOffset);
  if (logEnd) log.cleanEnd(...logEnd);
  const contents = new ContentStore();
  const all = {
    CURRENT: encodeCurrent(manifest),
    [manifestName(manifest)]: edits.bytes,
    [logName(logNumber)]: log.bytes,
    ...files,
  };
  return makeImage(
    Object.entries(all).map(([name, bytes]) => [`${ROOT}/${name}`, contents.of(bytes)]),
    ["/d", ROOT],
  );
}

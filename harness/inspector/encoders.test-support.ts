// The least encoder of logs and edits, for files that are wrong on purpose.

import { crc32 } from "node:zlib";
import { keyBytes } from "../keys.ts";
import { unreachable } from "../unreachable.ts";
import type { EditField, InternalKey, TableEntry } from "./edit-framing.ts";
import type { LogHeader, LogKind } from "./log-framing.ts";

export interface ChunkFields {
  readonly type: number;
  readonly syncedOffset?: number;
  readonly payload: Uint8Array;
}

/** A log under construction: chunks go where they are put, right or wrong. */
export class LogEncoder {
  readonly #number: number;
  readonly #tag: number;
  bytes: Buffer;

  constructor(kind: LogKind, header: Partial<LogHeader> & { readonly fileNumber: number }) {
    const { fileNumber, tag = 0x1234_5678, blockSize = 512, comparatorName = "tinykv.bytewise" } = header;
    this.#number = fileNumber;
    this.#tag = tag;
    const fields = Buffer.concat([
      Buffer.from(kind === "wal" ? "TKVW" : "TKVM"),
      u32(1),
      u64(0),
      u64(0),
      u32(tag),
      u32(blockSize),
      Buffer.from(header.databaseId ?? "0123456789abcdef0123456789abcdef", "hex"),
      u64(fileNumber),
      lp(Buffer.from(comparatorName)),
      ...(kind === "wal"
        ? [u64(header.predecessorNumber ?? 0), u64(header.predecessorSize ?? 0), u64(header.lastSequenceBefore ?? 0)]
        : []),
    ]);
    this.bytes = encodeChunk({ type: 16, payload: fields }, 0, fileNumber, 0);
  }

  add(chunk: ChunkFields): this {
    return this.raw(encodeChunk(chunk, this.bytes.length, this.#number, this.#tag));
  }

  full(payload: Uint8Array | string, syncedOffset = 0): this {
    return this.add({ type: 1, syncedOffset, payload: Buffer.from(payload) });
  }

  cleanEnd(lastSequence: number, manifestNumber: number, manifestSize: number): this {
    const payload = Buffer.concat([u64(lastSequence), u64(manifestNumber), u64(manifestSize)]);
    return this.add({ type: 17, syncedOffset: this.bytes.length, payload });
  }

  raw(bytes: Uint8Array): this {
    this.bytes = Buffer.concat([this.bytes, bytes]);
    return this;
  }
}

export function encodeChunk(
  { type, syncedOffset = 0, payload }: ChunkFields,
  offset: number,
  number: number,
  tag: number,
): Buffer {
  const length = Buffer.from([payload.length % 256, payload.length >> 8]);
  const body = Buffer.concat([length, Buffer.from([type]), u32(number % 2 ** 32), u64(syncedOffset), payload]);
  return Buffer.concat([u32((crc32(body) + tag + offset + 4) % 2 ** 32), body]);
}

export function encodeEdit(fields: readonly EditField[]): Buffer {
  return Buffer.concat(fields.map(encodeField));
}

function encodeField(field: EditField): Buffer {
  switch (field.field) {
    case "comparator":
      return tagged(2, Buffer.from(field.name));
    case "databaseId":
      return tagged(4, Buffer.from(field.id, "hex"));
    case "logNumber":
      return tagged(6, varint(field.value));
    case "nextFileNumber":
      return tagged(8, varint(field.value));
    case "lastSequence":
      return tagged(10, varint(field.value));
    case "newTable":
      return tagged(12, encodeTable(field.table));
    case "removedTable":
      return tagged(14, varint(field.level), varint(field.number));
    case "cursor":
      return tagged(17, varint(field.level), keyBytes(field.key));
    case "unknown":
      return tagged(field.tag, field.bytes);
    default:
      return unreachable(field);
  }
}

function encodeTable(table: TableEntry): Buffer {
  const { level, number, size, tag, epoch, smallest, largest, leastSequence, greatestSequence } = table;
  return Buffer.concat([
    ...[level, number, size, tag, epoch].map(varint),
    encodeKey(smallest),
    encodeKey(largest),
    ...[leastSequence, greatestSequence, table.entries, table.deletes].map(varint),
  ]);
}

function encodeKey({ key, sequence, kind }: InternalKey): Buffer {
  return Buffer.concat([lp(keyBytes(key)), varint(sequence), Buffer.from([kind])]);
}

function tagged(tag: number, ...parts: Uint8Array[]): Buffer {
  return Buffer.concat([varint(tag), lp(Buffer.concat(parts))]);
}

export function lp(bytes: Uint8Array): Buffer {
  return Buffer.concat([varint(bytes.length), bytes]);
}

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) + 0x80);
  return Buffer.from([...bytes, value]);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

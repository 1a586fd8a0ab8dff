// The records of manifests and write-ahead logs.

import { keyBytes } from "../../keys.ts";
import { unreachable } from "../../unreachable.ts";
import type { BatchOperation } from "../batch-operations.ts";
import type { EditField, TableEntry } from "../edit-framing.ts";
import { internalKey, lp, tagged, u32, u64, u8, varint } from "./fields.ts";

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
    internalKey(smallest),
    internalKey(largest),
    ...[leastSequence, greatestSequence, table.entries, table.deletes].map(varint),
  ]);
}

export type OperationFields = Pick<BatchOperation, "kind" | "key" | "value">;

/** `count`: what the record says, if it lies. */
export function encodeBatch(
  firstSequence: number,
  operations: readonly OperationFields[],
  count: number = operations.length,
): Buffer {
  const parts = operations.map(({ kind, key, value }) =>
    Buffer.concat([u8(kind), lp(keyBytes(key)), ...(value ? [lp(value)] : [])]),
  );
  return Buffer.concat([u64(firstSequence), u32(count), ...parts]);
}

import type { InternalCursor } from "../common/cursor.ts";
import { Kind, SEQUENCE_MAX } from "../common/internal-key.ts";
import { visitBatch } from "../memtable/write-batch.ts";
import { LogReader } from "../wal/log-reader.ts";
import { logName, tableName } from "./file-names.ts";
import { joinPath } from "./store-context.ts";
import type { LogExtent, Readable } from "./store.ts";

/** One version of a key, somewhere. */
export interface FoundVersion {
  readonly where: "memtable" | "log" | "table";
  readonly file: string | undefined;
  readonly level: number | undefined;
  readonly sequence: number;
  readonly kind: "put" | "delete";
  readonly value: Buffer | undefined;
}

/** Every version of `key` in every memtable, live log and table, newest layer first; throws CorruptionError, IO_ERROR. */
export function findVersions(store: Readable, key: Uint8Array): FoundVersion[] {
  const found: FoundVersion[] = [];
  const { order } = store.context;
  const collect = (cursor: InternalCursor, place: Pick<FoundVersion, "where" | "file" | "level">): void => {
    for (cursor.seek(key, SEQUENCE_MAX); cursor.valid && order.compare(cursor.key, key) === 0; cursor.next()) {
      found.push(version(place, cursor.sequence, cursor.kind, cursor.value));
    }
  };
  for (const memtable of store.memtables()) {
    collect(memtable.cursor(), { where: "memtable", file: undefined, level: undefined });
  }
  // What the logs held is in the memtables too; once a writer has moved on, their files may be others.
  const logs = store.hasMovedOn() ? [] : store.logs();
  for (const log of logs) found.push(...findInLog(store, log, key));
  for (const { level, table } of store.pins.current.tables()) {
    const cursor = store.tables.reader(table).cursor({ fillCache: false });
    collect(cursor, { where: "table", file: tableName(table.number), level });
  }
  return found;
}

function findInLog({ context }: Readable, { number, size }: LogExtent, key: Uint8Array): FoundVersion[] {
  const name = logName(number);
  const file = context.env.open(joinPath(context.path, name), "r");
  const found: FoundVersion[] = [];
  try {
    const reader = LogReader.open({ file, name, number, kind: "wal", limit: size });
    for (let record = reader.next(); record; record = reader.next()) {
      visitBatch(record.payload, name, record.offset, (kind, sequence, candidate, value) => {
        if (context.order.compare(candidate, key) !== 0) return;
        found.push(version({ where: "log", file: name, level: undefined }, sequence, kind, value));
      });
    }
  } finally {
    file.close();
  }
  return found;
}

function version(
  place: Pick<FoundVersion, "where" | "file" | "level">,
  sequence: number,
  kind: Kind,
  value: Uint8Array,
): FoundVersion {
  const isPut = kind === Kind.put;
  return { ...place, sequence, kind: isPut ? "put" : "delete", value: isPut ? Buffer.from(value) : undefined };
}

// Sound stores at the edges of the format, one edge each: the least, the greatest, the last that fits.

import type { Key } from "../../keys.ts";
import { compareInternalKeys, KIND_DELETE, KIND_PUT, type EditField } from "../edit-framing.ts";
import { FILE_NUMBER_MAX, KEY_BYTES_MAX, NUMBER_MAX } from "../limits.ts";
import { BYTEWISE } from "../version-soundness.ts";
import type { BatchPlan, LogPlan, StorePlan, TablePlan } from "./store-plan.ts";
import type { PlannedVersion, TableShape } from "./table-encoder.ts";

export interface EdgePlan {
  readonly name: string;
  readonly plan: StorePlan;
  /** No sequence number is left: it can be read, and not written. */
  readonly isFull?: true;
  /** Levels that it must be opened with. Default: 7. */
  readonly levels?: number;
}

const DATABASE_ID = "0123456789abcdef0123456789abcdef";
/** The least: a block then ends soon. */
const LOG_BLOCK = 512;
/** A value that takes many chunks and a block of its own. */
const LARGE_VALUE_BYTES = 3 << 20;
/** The last place to which an offset of 16 bits leads. */
const NARROW_MAX = 0xffff;
/** The greatest level of the format. */
const LEVEL_MAX = 11;
/** For the files of the test. */
const NUMBERS_LEFT = 100;
/** In front of a chunk's payload. */
const CHUNK_HEADER_SIZE = 19;
/** More than CLEAN END takes: as many bytes may be left of a block. */
const LEFT_MAX = 63;

interface Parts {
  readonly tables?: readonly TableParts[];
  /** Each log as its batches. */
  readonly logs?: readonly (readonly BatchPlan[])[];
  readonly firstNumber?: number;
  readonly closed?: boolean;
  readonly lastSequence?: number;
  readonly comparator?: string;
  readonly tag?: number;
  readonly logBlock?: number;
  readonly cursors?: ReadonlyMap<number, Key>;
  readonly laterTables?: number;
  readonly moreEdits?: number;
  readonly batchBytes?: BatchPlan["bytes"];
}

interface TableParts extends Partial<Pick<TableShape, "blockSize" | "indexBlockSize" | "bloomBitsPerKey">> {
  readonly level: number;
  readonly versions: readonly PlannedVersion[];
}

const put = (key: Key, sequence: number, value: string | Uint8Array = `${sequence}`): PlannedVersion => ({
  key,
  sequence,
  kind: KIND_PUT,
  value: Buffer.from(value as string, "latin1"),
});
const gone = (key: Key, sequence: number): PlannedVersion => ({ key, sequence, kind: KIND_DELETE });

function batch(firstSequence: number, ...versions: readonly Omit<PlannedVersion, "sequence">[]): BatchPlan {
  return { firstSequence, operations: versions.map(({ key, kind, value }) => ({ key, kind, value })) };
}

function planOf(parts: Parts): StorePlan {
  const { tables = [], logs = [[]], firstNumber = 1, comparator = BYTEWISE, tag = 7, logBlock = LOG_BLOCK } = parts;
  const logNumber = firstNumber + tables.length;
  const manifestNumber = logNumber + logs.length;
  const shapes = tables.map((table, i) => tablePlan(table, { number: firstNumber + i, tag, comparator, logNumber }));
  const most = Math.max(0, ...tables.flatMap(({ versions }) => versions.map(({ sequence }) => sequence)));
  const nextFileNumber = manifestNumber + 1;
  const lastSequence = parts.lastSequence ?? most;
  const repeated: EditField[] = [
    { field: "nextFileNumber", value: nextFileNumber },
    { field: "lastSequence", value: lastSequence },
  ];
  return {
    comparator,
    databaseId: DATABASE_ID,
    manifest: { number: manifestNumber, tag, blockSize: logBlock },
    logNumber,
    nextFileNumber,
    lastSequence,
    tables: shapes,
    laterTables: parts.laterTables ?? 0,
    cursors: parts.cursors ?? new Map(),
    logs: logs.map((batches, i): LogPlan => ({ number: logNumber + i, tag, blockSize: logBlock, batches })),
    closed: parts.closed ?? true,
    seed: "edge",
    hooks: {
      edits: (edits) => [...edits, ...Array.from({ length: parts.moreEdits ?? 0 }, () => repeated)],
    },
  };
}

type Numbered = Pick<TableShape, "number" | "tag" | "comparator" | "logNumber">;

function tablePlan({ level, versions, ...sizes }: TableParts, numbered: Numbered): TablePlan {
  const shape: TableShape = {
    ...numbered,
    epoch: numbered.number,
    databaseId: DATABASE_ID,
    versions: versions.toSorted(compareInternalKeys),
    rangeDeletes: [],
    blockSize: 4096,
    indexBlockSize: 1 << 18,
    bloomBitsPerKey: 10,
    creationTime: 0,
    inputs: [],
    obsolete: [],
    hooks: {},
    ...sizes,
  };
  return { level, shape };
}

/** The longest key, and one that differs from it in its last byte alone. */
const LONGEST: Key = "k".repeat(KEY_BYTES_MAX);
const ALMOST: Key = `${"k".repeat(KEY_BYTES_MAX - 1)}j`;
const LARGE = "v".repeat(LARGE_VALUE_BYTES);
const BYTES: readonly Key[] = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i));

// A block of three entries whose last starts at `start`: behind two bytes, an empty prefix of one, and two entries.
function blockWithLastAt(start: number): PlannedVersion[] {
  const [prefix, small, large] = [3, 1 + 1 + 1 + 1 + 1 + 1, 1 + 1 + 1 + 3 + 1];
  return [put("a", 1, "1"), put("b", 2, "x".repeat(start - prefix - small - large)), put("c", 3)];
}

function ofTables(): EdgePlan[] {
  const levels = Array.from({ length: LEVEL_MAX + 1 }, (_, level) => level);
  const each = (level: number): TableParts => ({
    level,
    versions: [put("k", 100 - level), put(`k${level}`, 50 - level)],
  });
  return [
    { name: "nothing at all", plan: planOf({}) },
    { name: "one entry in a table: a put", plan: planOf({ tables: [{ level: 6, versions: [put("k", 1)] }] }) },
    { name: "one entry in a table: a delete", plan: planOf({ tables: [{ level: 6, versions: [gone("k", 1)] }] }) },
    { name: "an empty key, an empty value", plan: planOf({ tables: [{ level: 0, versions: [put("", 1, "")] }] }) },
    {
      name: "each byte a key",
      plan: planOf({
        tables: [{ level: 3, blockSize: 16, indexBlockSize: 16, versions: BYTES.map((k, i) => put(k, i + 1)) }],
      }),
    },
    {
      name: "the longest keys, which share all but their last byte",
      plan: planOf({ tables: [{ level: 1, blockSize: 8 << 20, versions: [put(LONGEST, 1), put(ALMOST, 2)] }] }),
    },
    {
      name: "the longest keys, each in a block of its own",
      plan: planOf({ tables: [{ level: 1, versions: [put(LONGEST, 1), put(ALMOST, 2), put(ALMOST, 3)] }] }),
    },
    {
      name: "a large value",
      plan: planOf({ tables: [{ level: 1, versions: [put("a", 1), put("k", 2, LARGE), put("z", 3)] }] }),
    },
    ...[NARROW_MAX, NARROW_MAX + 1].map((start): EdgePlan => ({
      name: `an entry that starts at ${start}`,
      plan: planOf({ tables: [{ level: 2, blockSize: 1 << 20, versions: blockWithLastAt(start) }] }),
    })),
    { name: "every level", levels: LEVEL_MAX + 1, plan: planOf({ tables: levels.toReversed().map(each) }) },
    {
      name: "many tables of level 0, one key",
      plan: planOf({ tables: Array.from({ length: 60 }, (_, i) => ({ level: 0, versions: [put("k", i + 1)] })) }),
    },
    {
      name: "a filter of many bits",
      plan: planOf({ tables: [{ level: 4, bloomBitsPerKey: 100, versions: BYTES.map((k, i) => put(k, i + 1)) }] }),
    },
    {
      name: "each table an edit of its own",
      plan: planOf({ tables: levels.slice(0, 7).toReversed().map(each), laterTables: 7 }),
    },
  ];
}

function ofNumbers(): EdgePlan[] {
  const table = (sequence: number): TableParts => ({ level: 1, versions: [put("k", sequence)] });
  return [
    ...[1, 0xffff_ffff].map((tag): EdgePlan => ({
      name: `tag ${tag}`,
      plan: planOf({ tag, tables: [table(1)], logs: [[batch(2, put("l", 2))]] }),
    })),
    ...[0, 1, 2].map((back): EdgePlan => ({
      name: `file numbers across 2^32, from ${back} below`,
      plan: planOf({ firstNumber: 2 ** 32 - back, tables: [table(1)], logs: [[batch(2, put("l", 2))]] }),
    })),
    {
      name: "file numbers just below the last",
      plan: planOf({
        firstNumber: FILE_NUMBER_MAX - NUMBERS_LEFT,
        tables: [table(1)],
        logs: [[batch(2, put("l", 2))]],
      }),
    },
    {
      name: "the last sequence number in a table",
      isFull: true,
      plan: planOf({ tables: [table(NUMBER_MAX)] }),
    },
    {
      name: "the last sequence number in a log",
      isFull: true,
      plan: planOf({ tables: [table(1)], logs: [[batch(NUMBER_MAX - 1, put("a", 1), put("b", 2))]] }),
    },
    {
      name: "the last sequence number lost",
      isFull: true,
      plan: planOf({ tables: [table(1)], lastSequence: NUMBER_MAX }),
    },
  ];
}

function ofLogs(): EdgePlan[] {
  const repeat = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
  return [
    { name: "an empty key and an empty value in a log", plan: planOf({ logs: [[batch(1, put("", 1, ""))]] }) },
    { name: "the longest key in a log", plan: planOf({ logs: [[batch(1, put(LONGEST, 1), gone(ALMOST, 2))]] }) },
    { name: "a large value in a log", plan: planOf({ logs: [[batch(1, put("k", 1, LARGE))]], logBlock: 32_768 }) },
    { name: "empty batches", plan: planOf({ logs: [[batch(1), batch(1, put("k", 1)), batch(5), batch(9)]] }) },
    { name: "nothing in a log that was not closed", plan: planOf({ closed: false }) },
    { name: "a chain of ten logs", plan: planOf({ logs: repeat(10, (i) => [batch(i + 1, put(`${i}`, i + 1))]) }) },
    { name: "a chain of ten logs without anything", plan: planOf({ logs: repeat(10, () => []) }) },
    { name: "edits that say nothing", plan: planOf({ moreEdits: 100 }) },
    { name: "a snapshot with a long compaction cursor", plan: planOf({ cursors: new Map([[1, LONGEST]]) }) },
    {
      name: "a batch of many operations",
      plan: planOf({ logs: [[batch(1, ...repeat(3000, (i) => put(`${i}`, i + 1)))]] }),
    },
    ...["t", "ü".repeat(127) + "x"].map((comparator): EdgePlan => ({
      name: `a comparator's name of ${Buffer.byteLength(comparator)} bytes`,
      plan: planOf({
        comparator,
        tables: [{ level: 1, versions: [put("k", 1), put("l", 2)] }],
        logs: [[batch(3, put("m", 3))]],
      }),
    })),
  ];
}

/** Logs and manifests whose last record ends so many bytes before its block. */
function ofBlockEnds(): EdgePlan[] {
  return Array.from({ length: LEFT_MAX + 1 }, (_, left) => left).flatMap((left) =>
    [true, false].map((closed): EdgePlan => ({
      name: `log and manifest end ${left} bytes before a block's end, ${closed ? "closed" : "killed"}`,
      plan: planOf({
        closed,
        logs: [[paddedBatch(left)]],
        cursors: new Map([[1, "c".repeat(cursorBytes(left))]]),
      }),
    })),
  );
}

// Behind the header, in one chunk up to the place.
function paddedBatch(left: number): BatchPlan {
  const [header, batchHeader, operation] = [CHUNK_HEADER_SIZE + 81 + BYTEWISE.length, 12, 1 + 1 + 1 + 2];
  const value = LOG_BLOCK - left - header - CHUNK_HEADER_SIZE - batchHeader - operation;
  return batch(1, put("k", 1, "v".repeat(value)));
}

function cursorBytes(left: number): number {
  const [header, fields] = [CHUNK_HEADER_SIZE + 57 + BYTEWISE.length, 2 + BYTEWISE.length + 18 + 3 + 3 + 3];
  return LOG_BLOCK - left - header - CHUNK_HEADER_SIZE - fields - 4;
}

export function edgePlans(): EdgePlan[] {
  return [...ofTables(), ...ofNumbers(), ...ofLogs(), ...ofBlockEnds()];
}

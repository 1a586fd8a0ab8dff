import { expect, test } from "vitest";
import { assert } from "../common/assert.ts";
import { CorruptionError, TinyKVError } from "../common/errors.ts";
import { SEQUENCE_MAX } from "../common/internal-key.ts";
import { BlockCache } from "./block-cache.ts";
import {
  actualGet,
  buildTable,
  bytesOf,
  expectedGet,
  FILE_NAME,
  openTable,
  put,
  randomEntries,
  show,
  type BuiltTable,
  type Entry,
} from "./test-tables.ts";
import type { TableReader } from "./table-reader.ts";

const RANGES = [{ start: bytesOf("a"), end: bytesOf("b"), sequence: 3 }];
const ENTRIES = randomEntries(77, 40);
const ONE_LEVEL = buildTable(ENTRIES, { blockSize: 128, ranges: RANGES });
const TWO_LEVELS = buildTable(ENTRIES, { blockSize: 64, indexBlockSize: 60, ranges: RANGES });

function damaged(table: BuiltTable, change: (bytes: Uint8Array) => void): BuiltTable {
  const bytes = table.bytes.slice();
  change(bytes);
  return { ...table, bytes };
}

/** Reads everything in every way; what is not the right answer must be a CorruptionError of this file. Says which. */
function readAll(table: TableReader, entries: readonly Entry[]): "right" | "detected" {
  let detected = false;
  const attempt = (action: () => void): void => {
    try {
      action();
    } catch (error) {
      expectCorruption(error);
      detected = true;
    }
  };
  for (const { key, sequence } of entries) {
    attempt(() => expect(actualGet(table, key, sequence)).toBe(expectedGet(entries, key, sequence)));
  }
  attempt(() => {
    const cursor = table.cursor();
    const seen: string[] = [];
    for (cursor.first(); cursor.valid; cursor.next()) seen.push(show(cursor));
    expect(seen).toEqual(entries.map(show));
  });
  return detected ? "detected" : "right";
}

function expectCorruption(error: unknown): asserts error is CorruptionError {
  if (!(error instanceof CorruptionError)) throw error;
  expect(error.file).toBe(FILE_NAME);
  expect(error.offset).toBeGreaterThanOrEqual(0);
}

function openOrCorruption(table: BuiltTable): TableReader | undefined {
  try {
    return openTable(table, { cache: new BlockCache(0) });
  } catch (error) {
    expectCorruption(error);
    assert(error.offset <= table.bytes.length, "the place is in the file");
    return undefined;
  }
}

function problemsOf(table: TableReader): string[] {
  const problems: string[] = [];
  table.verify((offset, problem) => problems.push(`${offset}: ${problem}`));
  return problems;
}

test.each([
  ["one level", ONE_LEVEL],
  ["two levels", TWO_LEVELS],
])("every flipped byte is detected by open or verify, and reads are right or throw: %s", (_, built) => {
  for (let at = 0; at < built.bytes.length; at++) {
    const flipped = damaged(built, (bytes) => (bytes[at]! ^= 1 << (at % 8)));
    const table = openOrCorruption(flipped);
    if (table === undefined) continue;
    expect(problemsOf(table), `byte ${at}`).not.toEqual([]);
    expect(readAll(table, ENTRIES), `byte ${at}`).toBe("detected");
  }
});

test("verify of an open table reports every byte that is flipped under it, near where it is", () => {
  for (const built of [ONE_LEVEL, TWO_LEVELS]) {
    const { bytes } = damaged(built, () => {});
    const table = openTable({ ...built, bytes });
    const places = [...table.blocks()];
    for (let at = 0; at < bytes.length; at++) {
      bytes[at]! ^= 0x10;
      const offsets: number[] = [];
      table.verify((offset) => offsets.push(offset));
      const place = places.findLast(({ offset }) => offset <= at)!;
      expect(
        offsets.some((offset) => offset >= place.offset && offset <= place.offset + place.length),
        `byte ${at}`,
      ).toBe(true);
      bytes[at]! ^= 0x10;
    }
    expect(problemsOf(table)).toEqual([]);
  }
});

test("every truncation is refused, told the old size or the new", () => {
  for (let size = 0; size < ONE_LEVEL.bytes.length; size++) {
    const bytes = ONE_LEVEL.bytes.subarray(0, size);
    expect(() => openTable({ ...ONE_LEVEL, bytes })).toThrow(CorruptionError);
    expect(() => openTable({ ...ONE_LEVEL, bytes }, { size: ONE_LEVEL.bytes.length })).toThrow(CorruptionError);
  }
});

// Found by the fuzzer of whole stores: a table cut to nothing was reported to end early at the place of its footer, far behind
// the end of the file.
test("a table that was cut is said to end where it ends", () => {
  const size = ONE_LEVEL.bytes.length;
  for (let end = 0; end < size; end++) {
    const cut = { ...ONE_LEVEL, bytes: ONE_LEVEL.bytes.subarray(0, end) };
    expect(() => openTable(cut, { size })).toThrow(expect.objectContaining({ offset: end, file: FILE_NAME }));
  }
});

test("a file truncated while it is open is an error or the right answer", () => {
  const whole = ONE_LEVEL.bytes;
  for (let size = 0; size < whole.length; size += 13) {
    let bytes = whole;
    const source = {
      read: (buffer: Uint8Array, position: number): number => {
        const part = bytes.subarray(position, position + buffer.length);
        buffer.set(part);
        return part.length;
      },
    };
    const table = openTable(ONE_LEVEL, { source, cache: new BlockCache(0) });
    bytes = whole.subarray(0, size);
    readAll(table, ENTRIES);
    expect(problemsOf(table)).not.toEqual([]);
  }
});

test("a file longer than its table is refused, and so is a zeroed range", () => {
  const longer = new Uint8Array(ONE_LEVEL.bytes.length + 1);
  longer.set(ONE_LEVEL.bytes);
  expect(() => openTable({ ...ONE_LEVEL, bytes: longer }, { size: ONE_LEVEL.bytes.length })).toThrow(
    "longer than its table",
  );
  expect(() => openTable({ ...ONE_LEVEL, bytes: longer })).toThrow(CorruptionError);
  for (let start = 0; start < ONE_LEVEL.bytes.length - 64; start += 64) {
    const table = openOrCorruption(damaged(ONE_LEVEL, (bytes) => bytes.fill(0, start, start + 64)));
    if (table === undefined) continue;
    expect(problemsOf(table)).not.toEqual([]);
    expect(readAll(table, ENTRIES)).toBe("detected");
  }
});

// Same lengths everywhere, so that blocks can change places.
function uniformEntries(value: string): Entry[] {
  return Array.from({ length: 64 }, (_, i) => put(`key ${100 + i}`, 1000 + i, `${value} of ${100 + i}`));
}

test("blocks that changed places do not verify", () => {
  const entries = uniformEntries("value");
  const built = buildTable(entries, { blockSize: 128 });
  const data = [...openTable(built).blocks()].filter(({ kind }) => kind === "data");
  const [a, b] = [data[2]!, data[3]!];
  expect(a.length).toBe(b.length);
  const swapped = damaged(built, (bytes) => {
    bytes.set(built.bytes.subarray(a.offset, a.offset + a.length + 5), b.offset);
    bytes.set(built.bytes.subarray(b.offset, b.offset + b.length + 5), a.offset);
  });
  const table = openTable(swapped);
  expect(readAll(table, entries)).toBe("detected");
  expect(problemsOf(table)).toEqual([`${a.offset}: block checksum`, `${b.offset}: block checksum`]);
});

test("a block left over from an earlier life of the file does not verify, its twin of the same life does", () => {
  const entries = uniformEntries("newer");
  const built = buildTable(entries, { blockSize: 128 });
  for (const [tag, outcome] of [
    [0x1234_5678, "detected"],
    [built.summary.tag, "right"],
  ] as const) {
    const earlier = buildTable(entries, { blockSize: 128, tag });
    expect(earlier.bytes.length).toBeGreaterThan(500);
    const mixed = damaged(built, (bytes) => bytes.set(earlier.bytes.subarray(0, 500)));
    expect(readAll(openTable(mixed), entries)).toBe(outcome);
  }
});

test("a table of another tag, size, number, database or comparator is refused by name", () => {
  const built = ONE_LEVEL;
  expect(() => openTable(built, { tag: 5 })).toThrow("another life");
  expect(() => openTable(built, { number: 8 })).toThrow("the table is number 7");
  expect(() => openTable(built, { size: built.bytes.length - 1 })).toThrow(CorruptionError);
  expect(() => openTable(built, { databaseId: new Uint8Array(16) })).toThrow("another database");
  const other = { name: "other", compare: () => 0 };
  const order = Object.assign(Object.create(built.order) as typeof built.order, { comparator: other });
  expect(() => openTable(built, { order })).toThrow(expect.objectContaining({ code: "TINYKV_COMPARATOR_MISMATCH" }));
});

test("an error of the disk is IO_ERROR with its cause, never corruption and never an absent key", () => {
  let broken = false;
  const source = {
    read: (buffer: Uint8Array, position: number): number => {
      if (broken) throw Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
      const part = ONE_LEVEL.bytes.subarray(position, position + buffer.length);
      buffer.set(part);
      return part.length;
    },
  };
  const table = openTable(ONE_LEVEL, { source });
  broken = true;
  const failure = expect.objectContaining({ code: "TINYKV_IO_ERROR" });
  expect(() => table.get(ENTRIES[0]!.key, SEQUENCE_MAX)).toThrow(failure);
  expect(() => table.verify(() => {})).toThrow(failure);
  expect(() => openTable(ONE_LEVEL, { source })).toThrow(TinyKVError);
});

// Tables in memory, and the sorted arrays they are compared with, for the tests of this folder.

import { bytewise, KeyOrder, type Comparator } from "../common/comparator.ts";
import { compareBytes } from "../common/bytes.ts";
import { crc32, placedChecksum } from "../common/crc32.ts";
import { compareInternalKeys, Kind, type InternalKey } from "../common/internal-key.ts";

import { MemoryEnv } from "../util/memory-env.ts";
import { readFully } from "../util/file-io.ts";
import { Prng } from "../util/prng.ts";
import { BlockCache } from "./block-cache.ts";
import type { RangeDelete } from "./range-deletes.ts";
import { TableBuilder, type TableBuilderOptions, type TableSummary } from "./table-builder.ts";
import { putStoredChecksum, putTrailer, type TableProvenance } from "./table-format.ts";
import { TableReader, type TableReaderOptions, type TableSource } from "./table-reader.ts";

export interface Entry extends InternalKey {
  readonly value: Uint8Array;
}

export interface BuiltTable {
  readonly bytes: Uint8Array;
  readonly summary: TableSummary;
  readonly order: KeyOrder;
}

export const bytewiseOrder: KeyOrder = new KeyOrder(bytewise);

/** Without separator or successor, and in an order that shares nothing with byte order. */
export const reverse: Comparator = { name: "test.reverse", compare: (a, b) => compareBytes(b, a) };
export const reverseOrder: KeyOrder = new KeyOrder(reverse);

export const PROVENANCE: TableProvenance = {
  inputs: [
    { number: 3, tag: 0xffff_ffff },
    { number: 4, tag: 1 },
  ],
  obsolete: [{ number: 2 ** 53 - 1, tag: 77 }],
  logNumber: 12,
};

export const FILE_NUMBER = 7;
export const FILE_NAME = "000007.sst";
export const DATABASE_ID: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => i);
export const TAG = 0xdead_beef;

export interface BuildOptions extends Partial<Omit<TableBuilderOptions, "file" | "identity">> {
  readonly tag?: number;
  readonly fileNumber?: number;
  readonly epoch?: number;
  readonly ranges?: readonly RangeDelete[];
  readonly shortCounts?: boolean;
}

export function buildTable(entries: readonly Entry[], options: BuildOptions = {}): BuiltTable {
  const order = options.order ?? bytewiseOrder;
  const file = new MemoryEnv({ shortCounts: options.shortCounts ?? false }).open("/table", "wx");
  const builder = new TableBuilder({
    file,
    order,
    blockSize: options.blockSize ?? 4096,
    indexBlockSize: options.indexBlockSize ?? 256 << 10,
    bloomBitsPerKey: options.bloomBitsPerKey ?? 10,
    identity: {
      fileNumber: options.fileNumber ?? FILE_NUMBER,
      databaseId: DATABASE_ID,
      tag: options.tag ?? TAG,
      epoch: options.epoch ?? 5,
      creationTime: 1_700_000_000_000,
      comparatorName: order.comparator.name,
    },
  });
  for (const { start, end, sequence } of options.ranges ?? []) builder.addRangeDelete(start, end, sequence);
  for (const { key, sequence, kind, value } of entries) builder.add(key, sequence, kind, value);
  const summary = builder.finish(PROVENANCE);
  const bytes = new Uint8Array(file.size());
  readFully(file, bytes, 0);
  return { bytes, summary, order };
}

export function sourceOf(bytes: Uint8Array): TableSource {
  return {
    read: (buffer, position) => {
      const part = bytes.subarray(position, position + buffer.length);
      buffer.set(part);
      return part.length;
    },
  };
}

/** Opens `table` as it was built, or with what `options` change. */
export function openTable(table: BuiltTable, options: Partial<TableReaderOptions> = {}): TableReader {
  return TableReader.open({
    source: sourceOf(table.bytes),
    name: FILE_NAME,
    number: FILE_NUMBER,
    size: table.bytes.length,
    tag: table.summary.tag,
    databaseId: DATABASE_ID,
    order: table.order,
    cache: new BlockCache(1 << 20),
    ...options,
  });
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function put(key: string | Uint8Array, sequence: number, value: string | Uint8Array): Entry {
  return { key: toBytes(key), sequence, kind: Kind.put, value: toBytes(value) };
}

export function del(key: string | Uint8Array, sequence: number): Entry {
  return { key: toBytes(key), sequence, kind: Kind.delete, value: new Uint8Array(0) };
}

export function sorted(entries: readonly Entry[], order: KeyOrder = bytewiseOrder): Entry[] {
  return [...entries].sort((a, b) => compareInternalKeys(order, a, b));
}

/** Entries with shared prefixes, several versions a key, tombstones, empty keys and values; sorted, none twice. */
export function randomEntries(seed: number, count: number, order: KeyOrder = bytewiseOrder): Entry[] {
  const prng = new Prng(seed);
  const below = (most: number): number => prng.next() % most;
  const entries = new Map<string, Entry>();
  while (entries.size < count) {
    const prefix = ["", "a", "aa", "user/0", "\xff\xff"][below(5)]!;
    const key = Buffer.from(prefix + below(count).toString(below(2) === 0 ? 2 : 36), "latin1");
    const versions = below(4) === 0 ? 1 + below(12) : 1;
    for (let version = 0; version < versions; version++) {
      const sequence = 1 + below(4 * count);
      const value = Buffer.alloc(below(10) === 0 ? below(300) : below(20), below(256));
      const entry = below(4) === 0 ? del(key, sequence) : put(key, sequence, value);
      entries.set(`${key.toString("hex")}@${sequence}`, entry);
    }
  }
  return sorted([...entries.values()], order);
}

/** Entry by entry what a cursor shows, as text that compares and prints well. */
export function show(entry: InternalKey & { readonly value: Uint8Array }): string {
  const value =
    entry.value.length > 40 ? `${entry.value.length} × ${entry.value[0]}` : Buffer.from(entry.value).toString("hex");
  const key = entry.key.length > 100 ? `${entry.key.length} × ${entry.key[0]}` : Buffer.from(entry.key).toString("hex");
  return `${key}@${entry.sequence}/${entry.kind}=${value}`;
}

/** What get(key, sequence) must answer, by looking at every entry. */
export function expectedGet(entries: readonly Entry[], key: Uint8Array, sequence: number): string {
  const found = entries.find((entry) => compareBytes(entry.key, key) === 0 && entry.sequence <= sequence);
  if (found === undefined) return "absent";
  return found.kind === Kind.put ? Buffer.from(found.value).toString("hex") : "deleted";
}

/** table.get() with a value that is a plain array. */
export function getPlain(table: TableReader, key: Uint8Array, sequence: number): Uint8Array | symbol | undefined {
  const found = table.get(key, sequence);
  return found instanceof Uint8Array ? Uint8Array.from(found) : found;
}

export function actualGet(table: TableReader, key: Uint8Array, sequence: number): string {
  const found = table.get(key, sequence);
  if (found === undefined) return "absent";
  return typeof found === "symbol" ? "deleted" : Buffer.from(found).toString("hex");
}

function toBytes(input: string | Uint8Array): Uint8Array {
  return typeof input === "string" ? bytesOf(input) : input;
}

/** Changes the content of the block (or footer) at `offset` and makes its checksum right again: a lie, not damage. */
export function forge(
  table: BuiltTable,
  place: { readonly kind: string; readonly offset: number; readonly length: number },
  change: (block: Uint8Array) => void,
): BuiltTable {
  const bytes = table.bytes.slice();
  const block = bytes.subarray(place.offset, place.offset + place.length);
  change(block);
  const { tag } = table.summary;
  if (place.kind === "footer") {
    block.fill(0, 56, 60);
    putStoredChecksum(block, 56, placedChecksum(crc32(block), tag, place.offset));
  } else putTrailer(bytes.subarray(place.offset), place.length, tag, place.offset);
  return { ...table, bytes };
}

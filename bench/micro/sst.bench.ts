// Sorted tables: microseconds an operation, medians of five rounds. `node dist/bench/micro/sst.bench.js`

import { pathToFileURL } from "node:url";
import { bytewise, KeyOrder } from "../../src/common/comparator.ts";
import { Kind, KIND_MAX, SEQUENCE_MAX } from "../../src/common/internal-key.ts";
import { BlockBuilder } from "../../src/sst/block-builder.ts";
import { BlockCache } from "../../src/sst/block-cache.ts";
import { BlockCursor } from "../../src/sst/block-cursor.ts";
import { BloomBuilder, BloomFilter, bloomHash } from "../../src/sst/bloom-filter.ts";
import { TableBuilder } from "../../src/sst/table-builder.ts";
import { TableReader } from "../../src/sst/table-reader.ts";
import { MemoryEnv } from "../../src/util/memory-env.ts";

/** Entries of 16 and 100 bytes: a table of 11 MiB, more than any processor's cache and less than the block cache. */
const ENTRIES = 100_000;
const VALUE = new Uint8Array(100).fill(0x61);
const ROUNDS = 5;

const ORDER = new KeyOrder(bytewise);
const KEYS = Array.from({ length: ENTRIES }, (_, i) => keyOf(2 * i));
/** Keys between those of the table. */
const GAPS = Array.from({ length: ENTRIES }, (_, i) => keyOf(2 * i + 1));

/** Prints a line for each operation. */
export function run(): void {
  const shuffled = shuffle(KEYS);
  const gaps = shuffle(GAPS);
  const filter = makeFilter();
  const block = makeBlock();
  const { build, table } = makeTable();
  const cursor = table.cursor();
  print("build a table, per entry", build);
  measure("search in a block of 4 KiB", () => searchBlock(block.cursor, block.keys));
  measure("hash a key", () => sum(shuffled, (key) => bloomHash(key) & 1));
  measure("filter, key in it (hash included)", () => sum(shuffled, (key) => Number(filter.mayContain(bloomHash(key)))));
  measure("filter, key not in it (hash included)", () => sum(gaps, (key) => Number(filter.mayContain(bloomHash(key)))));
  measure("get, warm cache, random hit", () => sum(shuffled, (key) => (table.get(key, SEQUENCE_MAX) ? 1 : 0)));
  measure("get, warm cache, random miss", () => sum(gaps, (key) => (table.get(key, SEQUENCE_MAX) ? 1 : 0)));
  measure("seek, random", () => sum(shuffled, (key) => (cursor.seek(key, SEQUENCE_MAX), cursor.sequence & 1)));
  measure("scan forward, positions only", () => {
    let seen = 0;
    for (cursor.first(); cursor.valid; cursor.next()) seen++;
    return seen;
  });
  measure("scan forward, key and value read", () => {
    let bytes = 0;
    for (cursor.first(); cursor.valid; cursor.next()) bytes += cursor.key[15]! + cursor.value.length;
    return bytes;
  });
  measure("scan backward, key and value read", () => {
    let bytes = 0;
    for (cursor.last(); cursor.valid; cursor.prev()) bytes += cursor.key[15]! + cursor.value.length;
    return bytes;
  });
}

/** Keeps results alive: a loop whose result nobody sees may be left out by the compiler. */
let sink = 0;

function measure(name: string, action: () => number): void {
  print(
    name,
    Array.from({ length: ROUNDS }, () => timed(() => (sink += action()))),
  );
}

function print(name: string, rounds: readonly number[]): void {
  const median = [...rounds].sort((a, b) => a - b)[rounds.length >> 1]!;
  console.log(`${name.padEnd(42)}${((median * 1e6) / ENTRIES).toFixed(3).padStart(8)} us`);
}

/** Seconds. */
function timed(action: () => void): number {
  const start = performance.now();
  action();
  return (performance.now() - start) / 1000;
}

function sum(keys: readonly Uint8Array[], of: (key: Uint8Array) => number): number {
  let total = 0;
  for (const key of keys) total += of(key);
  return total;
}

function keyOf(i: number): Uint8Array {
  return new TextEncoder().encode(String(i).padStart(16, "0"));
}

// Fisher and Yates, with a generator of its own: the same order in every run.
function shuffle(keys: readonly Uint8Array[]): Uint8Array[] {
  const shuffled = [...keys];
  let state = 1;
  for (let i = shuffled.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const j = state % (i + 1);
    [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
  }
  return shuffled;
}

function makeFilter(): BloomFilter {
  const builder = new BloomBuilder(10);
  for (const key of KEYS) builder.add(bloomHash(key));
  return BloomFilter.decode(builder.finish()!, 0, "bench.sst")!;
}

function makeBlock(): { cursor: BlockCursor; keys: Uint8Array[] } {
  const builder = new BlockBuilder(ORDER);
  const keys = KEYS.slice(5000, 5035);
  for (const key of keys) builder.add(key, 1_000_000, Kind.put, VALUE);
  const { bytes, length } = builder.finish();
  const cursor = new BlockCursor(ORDER, "bench.sst");
  cursor.load(bytes.slice(0, length), 0);
  return { cursor, keys };
}

function searchBlock(cursor: BlockCursor, keys: readonly Uint8Array[]): number {
  let total = 0;
  for (let i = 0; i < ENTRIES; i++) total += cursor.seek(keys[(i * 13) % keys.length]!, SEQUENCE_MAX, KIND_MAX);
  return total;
}

function makeTable(): { build: number[]; table: TableReader } {
  const file = new MemoryEnv().open("/table", "wx");
  let size = 0;
  const build = Array.from({ length: ROUNDS }, () => {
    file.truncate(0);
    return timed(() => {
      const builder = new TableBuilder({
        file,
        order: ORDER,
        blockSize: 4096,
        indexBlockSize: 256 << 10,
        bloomBitsPerKey: 10,
        identity: {
          fileNumber: 1,
          databaseId: new Uint8Array(16),
          tag: 1,
          epoch: 1,
          creationTime: 0,
          comparatorName: bytewise.name,
        },
      });
      KEYS.forEach((key, i) => builder.add(key, i, Kind.put, VALUE));
      size = builder.finish({ inputs: [], obsolete: [], logNumber: 0 }).size;
    });
  });
  const cache = new BlockCache(64 << 20);
  return { build, table: TableReader.open({ source: file, name: "bench.sst", number: 1, size, order: ORDER, cache }) };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) run();

// Nanoseconds an insert, get and next of the memtable, against a Map with string keys and against a sorted array (its
// inserts one by one are quadratic, so it is filled and sorted at once). `node dist/bench/micro/memtable.bench.js`

import { pathToFileURL } from "node:url";
import { KeyOrder, bytewise } from "../../src/common/comparator.ts";
import { Kind, SEQUENCE_MAX } from "../../src/common/internal-key.ts";
import { Memtable } from "../../src/memtable/memtable.ts";
import { Prng } from "../../src/util/prng.ts";

const ENTRIES = [35_000, 300_000] as const;
/** A fill of 35,000 entries alone is too short to time. */
const OPERATIONS_LEAST = 300_000;
const VALUE = Buffer.alloc(100, "v");
const ORDER = new KeyOrder(bytewise);

export type Operation = "insert" | "get" | "next";

export interface Subject {
  readonly name: string;
  /** Makes an empty one for these keys. */
  make(keys: readonly Buffer[]): Record<Operation, () => number>;
}

/** The memtable and a Map; others compare themselves with them. */
export const BASE_SUBJECTS: readonly Subject[] = [
  { name: "memtable", make: memtableSubject },
  { name: "map", make: mapSubject },
];

const subjects: readonly Subject[] = [...BASE_SUBJECTS, { name: "sorted array", make: arraySubject }];

/** Prints a line for each subject, size and order. */
export function run(): void {
  compareSubjects(subjects, ENTRIES);
}

export function compareSubjects(compared: readonly Subject[], sizes: readonly number[]): void {
  console.log("subject        entries  order        insert ns    get ns   next ns");
  for (const entries of sizes) {
    for (const ascending of [false, true]) {
      const keys = makeKeys(entries, ascending);
      for (const subject of compared) report(subject, keys, ascending);
    }
  }
}

function report(subject: Subject, keys: readonly Buffer[], ascending: boolean): void {
  const rounds = Math.max(2, Math.ceil(OPERATIONS_LEAST / keys.length));
  const best: Record<Operation, number> = { insert: Infinity, get: Infinity, next: Infinity };
  for (let round = 0; round < rounds; round++) {
    const made = subject.make(keys);
    for (const operation of ["insert", "get", "next"] as const) {
      const begin = process.hrtime.bigint();
      made[operation]();
      const nanoseconds = Number(process.hrtime.bigint() - begin) / keys.length;
      best[operation] = Math.min(best[operation], nanoseconds);
    }
  }
  const times = [best.insert, best.get, best.next].map((time) => time.toFixed(0).padStart(10)).join("");
  const order = ascending ? "ascending" : "random";
  console.log(`${subject.name.padEnd(14)} ${String(keys.length).padStart(7)}  ${order.padEnd(10)} ${times}`);
}

function makeKeys(count: number, ascending: boolean): Buffer[] {
  const keys = Array.from({ length: count }, (_, i) => Buffer.from(String(i).padStart(16, "0")));
  const prng = new Prng(1);
  for (let i = count - 1; i > 0 && !ascending; i--) {
    const j = prng.next() % (i + 1);
    [keys[i], keys[j]] = [keys[j]!, keys[i]!];
  }
  return keys;
}

function memtableSubject(keys: readonly Buffer[]): Record<Operation, () => number> {
  const capacity = Memtable.bytesFor(keys.length, keys.length * 116);
  const memtable = new Memtable({ order: ORDER, capacity, seed: 1 });
  return {
    insert: () => {
      let sequence = 0;
      for (const key of keys) memtable.insert(Kind.put, ++sequence, key, VALUE);
      return sequence;
    },
    get: () => {
      let found = 0;
      for (const key of keys) if (memtable.get(key, SEQUENCE_MAX) !== undefined) found++;
      return found;
    },
    next: () => {
      const cursor = memtable.cursor();
      let bytes = 0;
      for (cursor.first(); cursor.valid; cursor.next()) bytes += cursor.key.length + cursor.value.length;
      return bytes;
    },
  };
}

function mapSubject(keys: readonly Buffer[]): Record<Operation, () => number> {
  const map = new Map<string, Uint8Array>();
  return {
    insert: () => {
      for (const key of keys) map.set(key.toString("latin1"), Buffer.from(VALUE));
      return map.size;
    },
    get: () => {
      let found = 0;
      for (const key of keys) if (map.get(key.toString("latin1")) !== undefined) found++;
      return found;
    },
    next: () => {
      let bytes = 0;
      for (const [key, value] of map) bytes += key.length + value.length;
      return bytes;
    },
  };
}

function arraySubject(keys: readonly Buffer[]): Record<Operation, () => number> {
  const entries: { key: string; value: Uint8Array }[] = [];
  const find = (key: string): number => {
    let low = 0;
    for (let high = entries.length; low < high;) {
      const middle = (low + high) >> 1;
      if (entries[middle]!.key < key) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    insert: () => {
      for (const key of keys) entries.push({ key: key.toString("latin1"), value: Buffer.from(VALUE) });
      entries.sort((a, b) => (a.key < b.key ? -1 : 1));
      return entries.length;
    },
    get: () => {
      let found = 0;
      for (const key of keys) {
        const text = key.toString("latin1");
        if (entries[find(text)]?.key === text) found++;
      }
      return found;
    },
    next: () => {
      let bytes = 0;
      for (const { key, value } of entries) bytes += key.length + value.length;
      return bytes;
    },
  };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) run();

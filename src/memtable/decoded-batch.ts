// The reading side of a batch: payload bytes to operations. Everything is validated before the first operation is given out.

import { assert } from "../common/assert.ts";
import { EMPTY } from "../common/bytes.ts";
import type { KeyOrder } from "../common/comparator.ts";
import { invalidArgument } from "../common/errors.ts";
import { Kind } from "../common/internal-key.ts";
import { headOf } from "../common/key-heads.ts";
import { OperationScanner, decodeBatchHeader } from "./batch-format.ts";
import type { Memtable } from "./memtable.ts";

// The fields of an operation in DecodedBatch's list of places.
const KEY_START = 0;
const KEY_END = 1;
const VALUE_START = 2;
const VALUE_END = 3;
const FIELDS = 4;

/** A put may have an empty value; a delete has none, and this in its place. No position in a payload is negative. */
const NO_VALUE = -1;

/** A head of 32 bits and an index below this fit a double exactly; larger batches are sorted by comparisons. */
const PACKED_MOST = 2 ** 20;

const NOTHING = { bytes: EMPTY, start: 0, end: 0 };

/**
 * Calls `visit` for each operation of a payload, in order; key and value (empty for a delete) are views of the payload.
 *
 * Throws CorruptionError, or FORMAT_UNSUPPORTED for an operation of a later version, before the first call.
 */
export function visitBatch(
  payload: Uint8Array,
  file: string,
  base: number,
  visit: (kind: Kind, sequence: number, key: Uint8Array, value: Uint8Array) => void,
): void {
  const { firstSequence, count } = decodeBatchHeader(payload, file, base);
  const checked = new OperationScanner(payload, file, base);
  for (let i = 0; i < count; i++) checked.next();
  checked.expectEnd();
  const scanner = new OperationScanner(payload, file, base);
  for (let i = 0; i < count; i++) {
    scanner.next();
    const key = payload.subarray(scanner.keyStart, scanner.keyEnd);
    const value = scanner.kind === Kind.put ? payload.subarray(scanner.valueStart, scanner.valueEnd) : EMPTY;
    visit(scanner.kind, firstSequence + i, key, value);
  }
}

/** A payload whose operations are known by place, to be inserted in the order of their keys. It keeps a view of the payload. */
export class DecodedBatch {
  readonly firstSequence: number;
  readonly count: number;
  /** The sum of the lengths of all keys and values. */
  readonly payloadBytes: number;
  readonly #payload: Uint8Array;
  // FIELDS elements an operation. A plain array for a single one: a typed array costs a call to make.
  readonly #places: Int32Array | number[];
  #sorted: Uint32Array | undefined;
  #sortedBy: KeyOrder | undefined;

  /** Throws CorruptionError, or FORMAT_UNSUPPORTED for an operation of a later version. */
  constructor(payload: Uint8Array, file: string, base: number) {
    const { firstSequence, count } = decodeBatchHeader(payload, file, base);
    const places = allocatePlaces(count);
    const scanner = new OperationScanner(payload, file, base);
    let bytes = 0;
    for (let at = 0; at < places.length; at += FIELDS) {
      scanner.next();
      places[at + KEY_START] = scanner.keyStart;
      places[at + KEY_END] = scanner.keyEnd;
      places[at + VALUE_START] = scanner.kind === Kind.put ? scanner.valueStart : NO_VALUE;
      places[at + VALUE_END] = scanner.valueEnd;
      bytes += scanner.keyEnd - scanner.keyStart + scanner.valueEnd - scanner.valueStart;
    }
    scanner.expectEnd();
    this.firstSequence = firstSequence;
    this.count = count;
    this.payloadBytes = bytes;
    this.#payload = payload;
    this.#places = places;
  }

  /** The operations' indices, by key and then by sequence number, both ascending. */
  sortedBy(order: KeyOrder): Uint32Array {
    if (this.#sorted && this.#sortedBy === order) return this.#sorted;
    const sorted = new Uint32Array(this.count);
    for (let i = 0; i < sorted.length; i++) sorted[i] = i;
    if (!this.#ascends(order)) {
      if (order.isBytewise && this.count <= PACKED_MOST) this.#sortByHeads(order, sorted);
      else sorted.sort((a, b) => this.#compareKeys(order, a, b) || a - b);
    }
    this.#sorted = sorted;
    this.#sortedBy = order;
    return sorted;
  }

  /** Compares as insertInto will, so that a custom comparator that throws does it while nothing is written yet. */
  checkComparator(memtable: Memtable, order: KeyOrder): void {
    if (order.isBytewise) return;
    for (const i of this.sortedBy(order)) memtable.findOnly(this.#key(i));
  }

  /** Inserts all operations, in the order of their keys; false, with nothing changed, if they are not certain to fit. */
  insertInto(memtable: Memtable, order: KeyOrder): boolean {
    if (!memtable.fits(this.count, this.payloadBytes)) return false;
    if (this.count === 1) this.#insert(memtable, 0);
    else for (const i of this.sortedBy(order)) this.#insert(memtable, i);
    return true;
  }

  #insert(memtable: Memtable, i: number): void {
    const places = this.#places;
    const at = i * FIELDS;
    const start = places[at + VALUE_START]!;
    const isPut = start !== NO_VALUE;
    const bytes = this.#payload;
    const key = { bytes, start: places[at + KEY_START]!, end: places[at + KEY_END]! };
    const value = isPut ? { bytes, start, end: places[at + VALUE_END]! } : NOTHING;
    const kind = isPut ? Kind.put : Kind.delete;
    const inserted = memtable.insertPlaces(kind, this.firstSequence + i, key, value);
    assert(inserted, "a batch that fits is inserted whole");
  }

  #key(i: number): Uint8Array {
    return this.#payload.subarray(this.#places[i * FIELDS + KEY_START], this.#places[i * FIELDS + KEY_END]);
  }

  // The four bytes behind what all keys begin with, and the index, as one number each: those are sorted without a call
  // into JavaScript, and what has equal heads, mostly little, is sorted again by its keys.
  #sortByHeads(order: KeyOrder, sorted: Uint32Array): void {
    const places = this.#places;
    const prefix = this.#commonPrefix();
    const packed = new Float64Array(sorted.length);
    for (let i = 0; i < packed.length; i++) {
      const start = places[i * FIELDS + KEY_START]! + prefix;
      packed[i] = headOf(this.#payload, start, places[i * FIELDS + KEY_END]!) * PACKED_MOST + i;
    }
    packed.sort();
    let runStart = 0;
    let runHead = -1;
    for (let i = 0; i < packed.length; i++) {
      const head = Math.floor(packed[i]! / PACKED_MOST);
      sorted[i] = packed[i]! - head * PACKED_MOST;
      if (head === runHead) continue;
      this.#sortByKeys(order, sorted, runStart, i);
      runStart = i;
      runHead = head;
    }
    this.#sortByKeys(order, sorted, runStart, packed.length);
  }

  #sortByKeys(order: KeyOrder, sorted: Uint32Array, start: number, end: number): void {
    if (end - start < 2) return;
    sorted.subarray(start, end).sort((a, b) => this.#compareKeys(order, a, b) || a - b);
  }

  /** How many bytes all keys begin with. */
  #commonPrefix(): number {
    const places = this.#places;
    const bytes = this.#payload;
    const first = places[KEY_START]!;
    let prefix = places[KEY_END]! - first;
    for (let at = FIELDS; at < places.length && prefix > 0; at += FIELDS) {
      const start = places[at + KEY_START]!;
      const most = Math.min(prefix, places[at + KEY_END]! - start);
      prefix = 0;
      while (prefix < most && bytes[start + prefix] === bytes[first + prefix]) prefix++;
    }
    return prefix;
  }

  #ascends(order: KeyOrder): boolean {
    for (let i = 1; i < this.count; i++) if (this.#compareKeys(order, i - 1, i) > 0) return false;
    return true;
  }

  #compareKeys(order: KeyOrder, a: number, b: number): number {
    const places = this.#places;
    const aStart = places[a * FIELDS + KEY_START]!;
    const aEnd = places[a * FIELDS + KEY_END]!;
    const bStart = places[b * FIELDS + KEY_START]!;
    const bEnd = places[b * FIELDS + KEY_END]!;
    return order.compareRanges(this.#payload, aStart, aEnd, this.#payload, bStart, bEnd);
  }
}

function allocatePlaces(count: number): Int32Array | number[] {
  if (count === 1) return [0, 0, 0, 0];
  try {
    return new Int32Array(count * FIELDS);
  } catch (error) {
    throw invalidArgument(`no memory for a batch of ${count} operations`, error);
  }
}

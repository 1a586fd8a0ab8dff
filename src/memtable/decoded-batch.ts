// The reading side of a batch: payload bytes to operations. Everything is validated before the first operation is given out.

import { assert } from "../common/assert.ts";
import { EMPTY } from "../common/bytes.ts";
import type { KeyOrder } from "../common/comparator.ts";
import { invalidArgument } from "../common/errors.ts";
import { Kind } from "../common/internal-key.ts";
import { type BatchHeader, OperationScanner, decodeBatchHeader } from "./batch-format.ts";
import type { Memtable } from "./memtable.ts";
import {
  FIELDS,
  KEY_END,
  KEY_START,
  NO_VALUE,
  type Places,
  sortOperations,
  VALUE_END,
  VALUE_START,
} from "./operation-order.ts";

const NOTHING = { bytes: EMPTY, start: 0, end: 0 };

/**
 * Reads a payload to its end.
 *
 * Throws CorruptionError, or FORMAT_UNSUPPORTED for an operation of a later version.
 */
export function checkBatch(payload: Uint8Array, file: string, base: number): BatchHeader {
  const header = decodeBatchHeader(payload, file, base);
  const scanner = new OperationScanner(payload, file, base);
  for (let i = 0; i < header.count; i++) scanner.next();
  scanner.expectEnd();
  return header;
}

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
  const { firstSequence, count } = checkBatch(payload, file, base);
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
  readonly #places: Places;
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
    this.#sorted = sortOperations(this.#payload, this.#places, this.count, order);
    this.#sortedBy = order;
    return this.#sorted;
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
}

function allocatePlaces(count: number): Places {
  if (count === 1) return [0, 0, 0, 0];
  try {
    return new Int32Array(count * FIELDS);
  } catch (error) {
    throw invalidArgument(`no memory for a batch of ${count} operations`, error);
  }
}

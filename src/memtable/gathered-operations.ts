// Operations of many batches, to be inserted together in the order of their keys. In a list of half a million entries each
// step of a search is a cache miss, and a search takes some twenty; a key that comes next behind the one before is found
// at once. Recovery, which inserts more at a time than anybody, therefore gathers and sorts first.

import { assert } from "../common/assert.ts";
import { EMPTY, putRange } from "../common/bytes.ts";
import type { KeyOrder } from "../common/comparator.ts";
import { Kind } from "../common/internal-key.ts";
import { OperationScanner, type BatchHeader } from "./batch-format.ts";
import { Memtable } from "./memtable.ts";
import {
  FIELDS,
  KEY_END,
  KEY_START,
  NO_VALUE,
  PACKED_MOST,
  sortOperations,
  VALUE_END,
  VALUE_START,
} from "./operation-order.ts";

/** What is gathered at most: a memtable of the default size as a whole. It is held twice until it is inserted. */
const BYTES_MOST = 16 << 20;
/** The first room made; it doubles. */
const BYTES_FIRST = 64 << 10;
const OPERATIONS_FIRST = 1024;

const NOTHING = { bytes: EMPTY, start: 0, end: 0 };

export class GatheredOperations {
  #bytes = new Uint8Array(0);
  #used = 0;
  #places = new Int32Array(0);
  #sequences = new Float64Array(0);
  #count = 0;
  #memtableBytes = 0;

  /** So much of a memtable they need at most. */
  get memtableBytes(): number {
    return this.#memtableBytes;
  }

  /** Whether a batch of so many operations and payload bytes may still be added. */
  hasRoom(count: number, payloadBytes: number): boolean {
    return this.#used + payloadBytes <= BYTES_MOST && this.#count + count <= PACKED_MOST;
  }

  /** Takes over a batch that hasRoom() allows, by a copy. Throws CorruptionError; it then has taken a part. */
  add(payload: Uint8Array, { firstSequence, count }: BatchHeader, file: string, base: number): void {
    assert(this.hasRoom(count, payload.length), "what is gathered is bounded");
    this.#makeRoom(count, payload.length);
    putRange(this.#bytes, this.#used, payload, 0, payload.length);
    const places = this.#places;
    const scanner = new OperationScanner(payload, file, base);
    for (let i = 0; i < count; i++) {
      scanner.next();
      const at = this.#count * FIELDS;
      places[at + KEY_START] = this.#used + scanner.keyStart;
      places[at + KEY_END] = this.#used + scanner.keyEnd;
      places[at + VALUE_START] = scanner.kind === Kind.put ? this.#used + scanner.valueStart : NO_VALUE;
      places[at + VALUE_END] = this.#used + scanner.valueEnd;
      this.#sequences[this.#count++] = firstSequence + i;
    }
    scanner.expectEnd();
    this.#used += payload.length;
    this.#memtableBytes += Memtable.bytesFor(count, payload.length);
  }

  /** Inserts all of them, for which the memtable must have room, and is empty then. What a comparator throws passes through. */
  insertInto(memtable: Memtable, order: KeyOrder): void {
    for (const i of sortOperations(this.#bytes, this.#places, this.#count, order)) this.#insert(memtable, i);
    this.#used = this.#count = this.#memtableBytes = 0;
  }

  #insert(memtable: Memtable, i: number): void {
    const places = this.#places;
    const bytes = this.#bytes;
    const at = i * FIELDS;
    const start = places[at + VALUE_START]!;
    const isPut = start !== NO_VALUE;
    const key = { bytes, start: places[at + KEY_START]!, end: places[at + KEY_END]! };
    const value = isPut ? { bytes, start, end: places[at + VALUE_END]! } : NOTHING;
    const kind = isPut ? Kind.put : Kind.delete;
    const inserted = memtable.insertPlaces(kind, this.#sequences[i]!, key, value);
    assert(inserted, "what was gathered fits");
  }

  #makeRoom(count: number, payloadBytes: number): void {
    const bytes = this.#used + payloadBytes;
    if (bytes > this.#bytes.length) {
      const more = new Uint8Array(Math.max(bytes, 2 * this.#bytes.length, BYTES_FIRST));
      more.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = more;
    }
    const operations = this.#count + count;
    if (operations <= this.#sequences.length) return;
    const capacity = Math.max(operations, 2 * this.#sequences.length, OPERATIONS_FIRST);
    const places = new Int32Array(capacity * FIELDS);
    places.set(this.#places.subarray(0, this.#count * FIELDS));
    const sequences = new Float64Array(capacity);
    sequences.set(this.#sequences.subarray(0, this.#count));
    this.#places = places;
    this.#sequences = sequences;
  }
}

// One atomic batch: the payload of a record of the write-ahead log.

import { WriteBatch } from "tinykv";
import {
  BATCH_HEADER_BYTES,
  DecodedBatch,
  decodeBatchHeader,
  encodeBatch,
  GatheredOperations,
  Kind,
  Memtable,
  SEQUENCE_MAX,
  visitBatch,
} from "tinykv/formats";
import type { Random } from "tinykv/harness";
import { Drafter } from "../draft.ts";
import { demand, misplacedIn, sameBytes, type Target } from "../target.ts";
import { BYTEWISE, bytesOf, integerOf } from "./values.ts";

const FILE = "000006.log";
const BASE = 87;

/** The payload of a batch as fields, in a larger draft or alone. */
export function dissectBatch(drafter: Drafter): void {
  const list = drafter.newList();
  drafter.u64();
  const count = drafter.next;
  drafter.u32();
  drafter.link(count, { kind: "count", list });
  while (drafter.remaining > 0) {
    drafter.group(list, () => {
      const kind = drafter.u8();
      drafter.lengthPrefixed();
      if (kind === Kind.put) drafter.lengthPrefixed();
    });
  }
}

export function batchOf(random: Random, most: number): WriteBatch {
  const batch = new WriteBatch();
  for (let i = random.int(most + 1); i > 0; i--) {
    if (random.chance(1, 4)) batch.delete(bytesOf(random, 10));
    else batch.put(bytesOf(random, 10), bytesOf(random, 20));
  }
  return batch;
}

const again = new WriteBatch();

/** One batch in so many is inserted too: to make a memtable costs as much as twenty decodings. */
const INSERTED_EVERY = 8;

// As a write does it, and as recovery does: both memtables hold the same.
function insertBothWays(bytes: Uint8Array, decoded: DecodedBatch): void {
  const { count, payloadBytes } = decoded;
  const options = { order: BYTEWISE, capacity: Memtable.bytesFor(count, bytes.length), seed: 1 };
  const [one, other] = [new Memtable(options), new Memtable(options)];
  demand(decoded.insertInto(one, BYTEWISE), "what fits is inserted");
  demand(
    count === 0 || !decoded.insertInto(new Memtable({ ...options, capacity: 1 }), BYTEWISE),
    "no more than fits is",
  );
  const gathered = new GatheredOperations();
  gathered.add(bytes, decodeBatchHeader(bytes, FILE, BASE), FILE, BASE);
  gathered.insertInto(other, BYTEWISE);
  demand(one.entries === count && other.entries === count, "every operation is an entry");
  demand(one.dataBytes === payloadBytes && other.dataBytes === payloadBytes, "with its key and value");
  const [a, b] = [one.cursor(), other.cursor()];
  for (a.first(), b.first(); a.valid; a.next(), b.next()) {
    demand(b.valid && a.sequence === b.sequence && a.kind === b.kind, "in the same order");
    demand(sameBytes(a.key, b.key) && sameBytes(a.value, b.value), "with the same bytes");
  }
}

export const batchTarget: Target = {
  name: "batch",
  modules: [
    "src/memtable/batch-format",
    "src/memtable/decoded-batch",
    "src/memtable/gathered-operations",
    "src/memtable/operation-order",
    "src/common/byte-reader",
  ],
  bytesMax: 1024,
  memory: "sum",
  misplaced: misplacedIn(FILE, BASE),
  seed(random) {
    const batch = batchOf(random, 6);
    const sequence = Math.min(integerOf(random), SEQUENCE_MAX - Math.max(0, batch.count - 1));
    return Uint8Array.from(encodeBatch(batch, sequence));
  },
  dissect: (bytes) => {
    const drafter = new Drafter(bytes);
    return drafter.dissect(() => dissectBatch(drafter));
  },
  run(bytes) {
    const decoded = new DecodedBatch(bytes, FILE, BASE);
    const { firstSequence, count } = decodeBatchHeader(bytes, FILE, BASE);
    demand(decoded.count === count && decoded.firstSequence === firstSequence, "header and batch agree");
    again.clear();
    let sequence = firstSequence;
    visitBatch(bytes, FILE, BASE, (kind, number, key, value) => {
      demand(number === sequence++, "operations are numbered one by one");
      demand(number <= SEQUENCE_MAX, "no sequence number is beyond the largest");
      if (kind === Kind.put) again.put(key, value);
      else again.delete(key);
    });
    demand(again.count === count, "as many operations are visited as the header says");
    demand(again.payloadBytes === decoded.payloadBytes, "the payload is the keys and values");
    const order = decoded.sortedBy(BYTEWISE);
    demand(order.length === count, "all operations are sorted");
    demand(decoded.sortedBy(BYTEWISE) === order, "and only once");
    if (firstSequence % INSERTED_EVERY === 0) insertBothWays(bytes, decoded);
    const encoded = encodeBatch(again, firstSequence);
    if (sameBytes(encoded, bytes)) return;
    // Lengths may be written longer than they need be; nothing else may differ.
    demand(encoded.length < bytes.length && encoded.length >= BATCH_HEADER_BYTES, "a batch has one shortest form");
    const decodedAgain = new DecodedBatch(encoded, FILE, BASE);
    demand(decodedAgain.payloadBytes === decoded.payloadBytes, "the shortest form decodes to the same");
  },
};

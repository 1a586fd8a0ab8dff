// Forged logs whose recovery has a choice to make: what a salvage leaves out and tells, what a file without a header promises,
// what becomes of records that fill several memtables.

import { type Options, WriteBatch } from "tinykv";
import { encodeBatch } from "tinykv/formats";
import { encodeChunk, LogEncoder } from "tinykv/harness";
import {
  A,
  A_AND_B,
  batch,
  first,
  forged,
  log,
  LOG,
  manifest,
  MANIFEST,
  MANIFEST_BYTES,
  RELATED,
} from "./forged-logs.ts";
import type { Forged } from "./forgery.ts";

const SALVAGE: Options = { walRecoveryMode: "skipCorrupted" };
const ABC = { a: "1", b: "2", c: "3" };

const BLOCK_BYTES = 512;
/** Bytes of a log's header, and a few more. */
const HEADER_BYTES_MOST = 128;

const sizeOf = (encoder: LogEncoder): number => encoder.bytes.length;
const second = (): LogEncoder => first().full(batch(2, "b"));
/** A file that says nothing of itself. */
const headless = (number: number): LogEncoder => new LogEncoder("manifest", { fileNumber: number });

const SALVAGES: readonly Forged[] = [
  {
    ...forged("a salvage with a log in the middle that has no header", ABC, [
      [2, second()],
      [3, headless(3)],
      // The size of the one that is lost, which would cut the one before it.
      [4, log({ number: 4, predecessor: [3, sizeOf(first())], before: 2 }).full(batch(3, "c"))],
    ]),
    options: SALVAGE,
    told: ["000003.log"],
  },
  {
    ...forged("a salvage with a log in the middle that is gone", "refused", [
      [2, second()],
      [4, log({ number: 4, predecessor: [3, sizeOf(first())], before: 2 }).full(batch(3, "c"))],
    ]),
    options: SALVAGE,
  },
  {
    ...forged(
      "a salvage of a log that was closed, with damage in the middle",
      A_AND_B,
      [[LOG, damaged().cleanEnd(2, MANIFEST, MANIFEST_BYTES)]],
      manifest({ end: [2, MANIFEST, MANIFEST_BYTES] }),
    ),
    options: SALVAGE,
    told: ["000002.log"],
  },
  {
    ...forged("a salvage of a log that was closed, and has lost all records but one", A, [
      [LOG, hole(first()).cleanEnd(7, MANIFEST, MANIFEST_BYTES)],
    ]),
    options: SALVAGE,
    told: ["000002.log"],
    lastSequence: 7,
  },
  {
    ...forged("a salvage of a record that is no batch", { a: "1", c: "3" }, [
      [
        LOG,
        first()
          .full(Buffer.concat([batch(2, "b"), Buffer.alloc(1)]))
          .full(batch(3, "c")),
      ],
    ]),
    options: SALVAGE,
    told: ["000002.log"],
  },
  {
    ...forged("damage in the middle, without a salvage", "refused", [[LOG, damaged()]]),
  },
  {
    ...forged("nothing but what was closed will do", "refused", [[LOG, second()]]),
    options: { walRecoveryMode: "absolute" },
  },
];

// Something that is no chunk behind the first record, up to the next block: a salvage goes on there. The second record says
// that more than the first was durable.
function damaged(): LogEncoder {
  const encoder = first();
  const promised = sizeOf(encoder) + 1;
  return hole(encoder).full(batch(2, "b"), promised);
}

function hole(encoder: LogEncoder): LogEncoder {
  return encoder.raw(Buffer.alloc(BLOCK_BYTES - sizeOf(encoder), 0xff));
}

const HEADERLESS: readonly Forged[] = [
  forged("no header, and a promise of no more than one", {}, [[LOG, withoutHeader(1)]]),
  forged("no header, and a promise of records", "refused", [[LOG, withoutHeader(HEADER_BYTES_MOST)]]),
  forged("a recycled log that has no header of its own yet", A, [
    [2, first()],
    [3, log({ number: 7, predecessor: [6, 300] }).full(batch(1, "old"))],
  ]),
  forged("a related store's log, and what it promised", A, [
    [2, first()],
    [3, relatedLog()],
  ]),
];

// Zeros in the place of a header, and a chunk that was durable up to a place.
function withoutHeader(synced: number): LogEncoder {
  const encoder = headless(LOG);
  const at = HEADER_BYTES_MOST;
  const chunk = encodeChunk({ type: 1, syncedOffset: synced, payload: batch(1, "a") }, at, LOG, 0x1234_5678);
  encoder.bytes = Buffer.concat([Buffer.alloc(at), chunk]);
  return encoder;
}

function relatedLog(): LogEncoder {
  const encoder = log({ number: 3, id: RELATED, predecessor: [2, sizeOf(first())], before: 1 });
  return encoder.full(batch(2, "b"), sizeOf(encoder));
}

/** So many entries that they fill two memtables, in so few bytes that their log is kept. */
const MANY_RECORDS = 12;
const RECORD_ENTRIES = 25;
const MANY_OPTIONS: Options = { writeBufferSize: 6 << 10 };
const MANY = Object.fromEntries(
  Array.from({ length: MANY_RECORDS * RECORD_ENTRIES }, (_, n) => [String(1000 + n), ""]),
);

const FIRST_OF_MANY = "1000";
const MANY_CHANGED = { ...MANY, [FIRST_OF_MANY]: "new" };

const BATCHES: readonly Forged[] = [
  forged("a batch of three", ABC, [[LOG, log().full(batchOf(ABC))]]),
  {
    ...forged("more entries than a memtable has room for", MANY, [[LOG, closed(manyRecords())]], ended()),
    options: MANY_OPTIONS,
  },
  {
    ...forged("more entries than a memtable has room for, the first of them twice, to a reader", MANY_CHANGED, [
      [LOG, manyRecords().full(batch(Object.keys(MANY).length + 1, FIRST_OF_MANY, "new"))],
    ]),
    options: { ...MANY_OPTIONS, readOnly: true },
  },
];

function batchOf(entries: Readonly<Record<string, string>>, sequence = 1): Uint8Array {
  const all = new WriteBatch();
  for (const [key, value] of Object.entries(entries)) all.put(key, value);
  return encodeBatch(all, sequence);
}

function manyRecords(): LogEncoder {
  const encoder = log();
  const entries = Object.entries(MANY);
  for (let n = 0; n < entries.length; n += RECORD_ENTRIES)
    encoder.record(batchOf(Object.fromEntries(entries.slice(n, n + RECORD_ENTRIES)), n + 1));
  return encoder;
}

function closed(encoder: LogEncoder): LogEncoder {
  return encoder.cleanEnd(Object.keys(MANY).length, MANIFEST, MANIFEST_BYTES);
}

function ended(): LogEncoder {
  return manifest({ end: [Object.keys(MANY).length, MANIFEST, MANIFEST_BYTES] });
}

export const FORGED_RECOVERIES: readonly Forged[] = [...SALVAGES, ...HEADERLESS, ...BATCHES];

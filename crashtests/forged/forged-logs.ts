// Forged logs, and manifests that ask for them: chunks that do not go on with each other, sequence numbers that do not ascend,
// chains with a link that is missing, other stores' files.

import { WriteBatch } from "tinykv";
import { encodeBatch, encodeCurrent, logName, manifestName } from "tinykv/formats";
import { encodeEdit, LogEncoder, type EditField } from "tinykv/harness";
import type { Forged, ForgedVerdict } from "./forgery.ts";

const ID = "0123456789abcdef0123456789abcdef";
/** The same family, another store of it. */
export const RELATED = "0123456789abcdef9999999999999999";
const STRANGER = "99999999999999990123456789abcdef";
export const MANIFEST = 1;
export const LOG = 2;
const BLOCK_BYTES = 512;
const HEADER_BYTES = 19;

const FIRST = 2;
const MIDDLE = 3;
const LAST = 4;

/** One put of one key. */
export function batch(sequence: number, key: string, value: string = String(sequence)): Uint8Array {
  return encodeBatch(new WriteBatch().put(key, value), sequence);
}

export interface LogFields {
  readonly number?: number;
  readonly id?: string;
  readonly comparator?: string;
  readonly predecessor?: readonly [number: number, size: number];
  readonly before?: number;
}

export function log(fields: LogFields = {}): LogEncoder {
  const { number = LOG, id = ID, comparator, predecessor, before = 0 } = fields;
  return new LogEncoder("wal", {
    fileNumber: number,
    databaseId: id,
    lastSequenceBefore: before,
    ...(comparator !== undefined && { comparatorName: comparator }),
    ...(predecessor && { predecessorNumber: predecessor[0], predecessorSize: predecessor[1] }),
  });
}

export interface ManifestFields {
  readonly logNumber?: number;
  readonly next?: number;
  readonly recordId?: string;
  readonly comparator?: string;
  readonly first?: readonly EditField[];
  readonly end?: readonly [lastSequence: number, manifest: number, size: number];
}

export function manifest(fields: ManifestFields = {}): LogEncoder {
  const { logNumber = LOG, next = 50, recordId = ID, comparator = "tinykv.bytewise", first = [], end } = fields;
  const encoder = new LogEncoder("manifest", { fileNumber: MANIFEST, databaseId: ID, blockSize: 32_768 });
  if (first.length > 0) encoder.full(encodeEdit(first));
  encoder.full(
    encodeEdit([
      { field: "comparator", name: comparator },
      { field: "databaseId", id: recordId },
      { field: "logNumber", value: logNumber },
      { field: "nextFileNumber", value: next },
      { field: "lastSequence", value: 0 },
    ]),
  );
  return end ? encoder.cleanEnd(...end) : encoder;
}

const PLAIN = manifest();
/** Where the snapshot record ends. */
export const MANIFEST_BYTES: number = PLAIN.bytes.length;

export function forged(
  what: string,
  expected: ForgedVerdict,
  logs: readonly (readonly [number, LogEncoder])[],
  edits: LogEncoder = PLAIN,
): Forged {
  const files: Record<string, Uint8Array> = {
    CURRENT: encodeCurrent(MANIFEST),
    [manifestName(MANIFEST)]: edits.bytes,
  };
  for (const [number, encoder] of logs) files[logName(number)] = encoder.bytes;
  return { what, expected, files };
}

const one = (what: string, expected: ForgedVerdict, encoder: LogEncoder, edits?: LogEncoder): Forged =>
  forged(what, expected, [[LOG, encoder]], edits);

export const A: ForgedVerdict = { a: "1" };
export const A_AND_B: ForgedVerdict = { a: "1", b: "2" };
export const first = (): LogEncoder => log().full(batch(1, "a"));

const RECORDS: readonly Forged[] = [
  one("two records", A_AND_B, first().full(batch(2, "b"))),
  one("a gap between sequence numbers", { a: "1", b: "5" }, first().full(batch(5, "b"))),
  one("a sequence number twice", "refused", first().full(batch(1, "b"))),
  one("a sequence number that goes back", "refused", log().full(batch(7, "a")).full(batch(3, "b"))),
  one("a sequence number from before the log", "refused", log({ before: 5 }).full(batch(5, "a"))),
  one("a record that is no batch", "refused", first().full("no batch at all")),
  one("a batch with a byte too many", "refused", first().full(Buffer.concat([batch(2, "b"), Buffer.alloc(1)]))),
];

const part = (bytes: Uint8Array, from: number, to?: number): Uint8Array => bytes.subarray(from, to);
const B = batch(2, "b");
/** Behind two operations. */
const B_THIRD = batch(3, "b", "2");

const CHUNKS: readonly Forged[] = [
  one(
    "a record of three chunks",
    A_AND_B,
    first()
      .add({ type: FIRST, payload: part(B, 0, 5) })
      .add({ type: MIDDLE, payload: part(B, 5, 9) })
      .add({ type: LAST, payload: part(B, 9) }),
  ),
  one("LAST without FIRST", A, first().add({ type: LAST, payload: B })),
  one(
    "FIRST inside a record",
    A,
    first()
      .add({ type: FIRST, payload: part(B, 0, 5) })
      .add({ type: FIRST, payload: part(B, 0, 5) })
      .add({ type: LAST, payload: part(B, 5) }),
  ),
  one(
    "FULL inside a record",
    A,
    first()
      .add({ type: FIRST, payload: part(B, 0, 5) })
      .full(B),
  ),
  one("MIDDLE without FIRST, and a promise of just that", "refused", middleWithPromise()),
  one("CLEAN END inside a record", "refused", endInsideARecord()),
  one("a chunk of a type that may be skipped", A_AND_B, first().add({ type: 200, payload: B }).full(B)),
  one("a chunk of a type that may not be skipped", A, first().add({ type: 100, payload: B }).full(B)),
  one(
    "padding that is not zero",
    A,
    upToTheEnd(HEADER_BYTES - 1)
      .raw(Buffer.alloc(HEADER_BYTES - 1, 7))
      .full(B_THIRD),
  ),
  one(
    "padding",
    A_AND_B,
    upToTheEnd(HEADER_BYTES - 1)
      .raw(Buffer.alloc(HEADER_BYTES - 1))
      .full(B_THIRD),
  ),
  one(
    "an empty chunk at the end of a block",
    A_AND_B,
    upToTheEnd(HEADER_BYTES)
      .add({ type: FIRST, payload: new Uint8Array(0) })
      .add({ type: LAST, payload: B_THIRD }),
  ),
  one("a synced offset beyond its own chunk", A, first().full(B, 100_000)),
  one("a synced offset that is its own chunk's place", A_AND_B, syncedHere(first())),
];

// A MIDDLE, a LAST, and a chunk that promises what stands before the LAST.
function middleWithPromise(): LogEncoder {
  const encoder = first().add({ type: MIDDLE, payload: B });
  const promised = encoder.bytes.length;
  return encoder.add({ type: LAST, payload: new Uint8Array(0) }).full(batch(3, "c"), promised);
}

// A CLEAN END that promises the half of a record too.
function endInsideARecord(): LogEncoder {
  const encoder = first().add({ type: FIRST, payload: part(B, 0, 5) });
  encoder.size = encoder.bytes.length;
  return encoder.cleanEnd(1, 1, MANIFEST_BYTES);
}

// The put of a, and the deletion of a key so long that `left` bytes of its block are left.
function upToTheEnd(left: number): LogEncoder {
  const filled = (length: number): LogEncoder =>
    log().full(encodeBatch(new WriteBatch().put("a", "1").delete("x".repeat(length)), 1));
  // The length of a key of more than 127 bytes takes two bytes, as that of one of 128 does.
  const encoder = filled(128 + BLOCK_BYTES - left - filled(128).bytes.length);
  if (encoder.bytes.length !== BLOCK_BYTES - left)
    throw new Error(`${BLOCK_BYTES - encoder.bytes.length} bytes are left`);
  return encoder;
}

function syncedHere(encoder: LogEncoder): LogEncoder {
  return encoder.full(B, encoder.bytes.length);
}

// Something that is no chunk behind the first record, and behind that a record that says what was durable.
function promise(beyond: number): LogEncoder {
  const encoder = first();
  const at = encoder.bytes.length;
  return encoder.raw(Buffer.alloc(40, 0xff)).full(B, at + beyond);
}

const PROMISES: readonly Forged[] = [
  one("damage below what was durable", "refused", promise(1)),
  one("a tear at the end of what was durable", A, promise(0)),
  one("a CLEAN END", A, first().cleanEnd(1, 1, MANIFEST_BYTES), manifest({ end: [1, 1, MANIFEST_BYTES] })),
  one(
    "a CLEAN END that names an earlier record as the last",
    "refused",
    first().full(B).cleanEnd(1, 1, MANIFEST_BYTES),
  ),
  one(
    "CLEAN ENDs of two moments",
    "refused",
    first().cleanEnd(1, 1, MANIFEST_BYTES),
    manifest({ end: [7, 1, MANIFEST_BYTES] }),
  ),
  one("a closed manifest, and a log that is not", "refused", first(), manifest({ end: [1, 1, MANIFEST_BYTES] })),
  one("a manifest that is shorter than the log says", "refused", first().cleanEnd(1, 1, MANIFEST_BYTES + 30)),
  forged("a closed manifest, and no log", "refused", [], manifest({ end: [1, 1, MANIFEST_BYTES] })),
];

const sized = (encoder: LogEncoder): readonly [number, number] => [LOG, encoder.bytes.length];
const next = (predecessor: readonly [number, number], fields: LogFields = {}): LogEncoder =>
  log({ number: 3, predecessor, before: 1, ...fields }).full(batch(2, "b"));

const CHAINS: readonly Forged[] = [
  forged("a log and its successor", A_AND_B, [
    [2, first()],
    [3, next(sized(first()))],
  ]),
  forged("a successor that ends its predecessor early", { b: "2" }, [
    [2, first()],
    [3, next(sized(log()), { before: 0 })],
  ]),
  forged("a successor that wants more of its predecessor", "refused", [
    [2, first()],
    [3, next([LOG, first().bytes.length + 30])],
  ]),
  forged("a predecessor that is missing", "refused", [[3, next(sized(first()))]]),
  forged("a predecessor without a header", "refused", [
    [2, new LogEncoder("manifest", { fileNumber: 2, databaseId: ID })],
    [3, next(sized(first()))],
  ]),
  forged("a successor without a predecessor", "refused", [[3, log({ number: 3 }).full(batch(2, "b"))]]),
  forged("a log that no successor names", "refused", [
    [2, first()],
    [3, log({ number: 3, before: 1 }).full(batch(2, "b"))],
    [4, log({ number: 4, predecessor: [2, first().bytes.length], before: 2 }).full(batch(3, "c"))],
  ]),
  forged("a log that begins before what was replayed", "refused", [
    [2, log().full(batch(7, "a"))],
    [3, log({ number: 3, predecessor: sized(log().full(batch(7, "a"))), before: 3 }).full(batch(8, "b"))],
  ]),
  forged(
    "a log that is needed no more",
    { b: "2" },
    [
      [2, first()],
      [3, log({ number: 3 }).full(batch(2, "b"))],
    ],
    manifest({ logNumber: 3 }),
  ),
  one("a log of another store", "refused", log({ id: STRANGER }).full(batch(1, "a"))),
  forged("a log of a related store, behind ours", A, [
    [2, first()],
    [3, log({ number: 3, id: RELATED, predecessor: sized(first()), before: 1 }).full(batch(2, "b"))],
  ]),
  one("a log of another comparator", "refused", log({ comparator: "another" }).full(batch(1, "a"))),
  one(
    "a log under another number",
    "refused",
    new LogEncoder("wal", { fileNumber: 7, databaseId: ID }).full(batch(1, "a")),
    manifest({ end: [1, 1, MANIFEST_BYTES] }),
  ),
];

const MANIFESTS: readonly Forged[] = [
  one("a manifest that asks for logs from 0 on", "refused", first(), manifest({ logNumber: 0 })),
  one("a next file number that no store reaches", "refused", first(), manifest({ next: 2 ** 53 - 1 })),
  one("a snapshot record of another store", "refused", first(), manifest({ recordId: STRANGER })),
  one("a snapshot record of a related store", "refused", first(), manifest({ recordId: RELATED })),
  one(
    "an edit before the snapshot record",
    "refused",
    first(),
    manifest({ first: [{ field: "logNumber", value: 2 }] }),
  ),
];

export const FORGED_LOGS: readonly Forged[] = [...RECORDS, ...CHUNKS, ...PROMISES, ...CHAINS, ...MANIFESTS];

// A write-ahead log: chunks, records, tears, promises, salvage; and its chunks one by one.

import {
  CHUNK_HEADER_BYTES,
  ChunkType,
  chunks,
  encodeBatch,
  LogReader,
  LogWriter,
  type LogHeader,
  type LogReaderOptions,
} from "tinykv/formats";
import type { Random } from "tinykv/harness";
import { Drafter } from "../draft.ts";
import { fileOf, GrowingFile } from "../files.ts";
import { demand, misplacedIn, sameBytes, type Target } from "../target.ts";
import { batchOf, dissectBatch } from "./batch.ts";
import { DATABASE_ID, integerOf, TAG } from "./values.ts";

const FILE = "000006.log";
const NUMBER = 6;
const BLOCK_BYTES = 512;
/** Where a chunk says what it is. */
const TYPE_AT = 6;
const TYPES: ReadonlySet<number> = new Set(Object.values(ChunkType));

/** The fields of a log whose payloads `dissectPayload` knows, in a larger draft or alone. */
export function dissectLog(drafter: Drafter, dissectPayload: (drafter: Drafter) => void): void {
  const origin = drafter.next;
  const begin = drafter.position;
  let tag = -1;
  dissectChunk(drafter, -1, origin, () => {
    drafter.bytes(4);
    drafter.u32();
    drafter.u64();
    drafter.u64();
    tag = drafter.next;
    drafter.u32();
    drafter.u32();
    drafter.bytes(DATABASE_ID.length);
    drafter.u64();
    drafter.lengthPrefixed();
    while (drafter.remaining >= 8) drafter.u64();
  });
  const list = drafter.newList();
  for (;;) {
    const left = BLOCK_BYTES - ((drafter.position - begin) % BLOCK_BYTES);
    const padding = left < CHUNK_HEADER_BYTES ? left : 0;
    // What is no chunk has no fields.
    if (!TYPES.has(drafter.peek(padding + TYPE_AT) ?? 0)) return;
    drafter.group(list, () => {
      const at = drafter.next;
      drafter.bytes(padding);
      drafter.link(at, { kind: "padding", size: BLOCK_BYTES, below: CHUNK_HEADER_BYTES, origin });
      dissectChunk(drafter, tag, origin, (type) => dissectChunkPayload(drafter, type, dissectPayload));
    });
  }
}

function dissectChunkPayload(drafter: Drafter, type: number, dissectPayload: (drafter: Drafter) => void): void {
  if (type === ChunkType.full) dissectPayload(drafter);
  else if (type === ChunkType.cleanEnd) while (drafter.remaining >= 8) drafter.u64();
}

function dissectChunk(drafter: Drafter, tag: number, origin: number, inside: (type: number) => void): void {
  const at = drafter.next;
  drafter.u32();
  const from = drafter.next;
  const length = drafter.u16();
  const type = drafter.u8();
  drafter.u32();
  drafter.u64();
  const payload = drafter.next;
  drafter.within(length, () => inside(type));
  const to = drafter.next;
  drafter.link(from, { kind: "length", from: payload, to, plus: 0 });
  drafter.link(at, { kind: "checksum", from, to, tag, origin, placed: true });
}

function headerOf(random: Random): LogHeader {
  const hasPredecessor = random.chance(1, 2);
  return {
    kind: "wal",
    tag: TAG,
    blockSize: BLOCK_BYTES,
    databaseId: DATABASE_ID,
    fileNumber: NUMBER,
    comparatorName: random.pick(["tinykv.bytewise", "é"]),
    ...(hasPredecessor && { predecessor: { number: random.between(1, 5), size: integerOf(random) } }),
    lastSequence: integerOf(random),
  };
}

function seedLog(random: Random): Uint8Array {
  const file = new GrowingFile();
  const writer = LogWriter.create(file, headerOf(random));
  for (let i = random.int(4); i > 0; i--) {
    if (random.chance(1, 8)) writer.append(new Uint8Array(random.between(400, 1000)));
    else writer.append(encodeBatch(batchOf(random, 3), random.int(1000)));
    if (random.chance(1, 2)) writer.sync("log.write");
  }
  const ending = random.int(3);
  if (ending === 0) writer.appendCleanEnd({ lastSequence: integerOf(random), manifestNumber: 5, manifestSize: 99 });
  const { bytes } = file;
  if (ending !== 1) return bytes;
  // Behind the end: what another life of the file left there.
  return Buffer.concat([bytes, Buffer.alloc(random.int(64), random.int(2) * 0x5a)]);
}

export const logTarget: Target = {
  name: "log",
  modules: [
    "src/wal/log-format",
    "src/wal/log-scan",
    "src/wal/log-window",
    "src/wal/log-reader",
    "src/wal/log-chunks",
    "src/common/byte-reader",
  ],
  bytesMax: 2048,
  memory: "sum",
  misplaced: misplacedIn(FILE, 0),
  seed: seedLog,
  dissect: (bytes) => {
    const drafter = new Drafter(bytes);
    return drafter.dissect(() => dissectLog(drafter, dissectBatch));
  },
  // What is checked beside the plain reading takes turns: all of it would take four times as long.
  run(bytes) {
    const { reader, payloads } = readLog(bytes, {});
    switch (turnOf(bytes)) {
      case 0:
        return checkSalvage(bytes, payloads);
      case 1:
        return checkChunks(bytes);
      case 2:
        return reader.header ? checkEnd(reader, bytes) : checkHeaderless(reader, bytes);
      default:
        if (reader.header) checkLimit(bytes, reader.lastGoodSize, payloads.length);
        if (reader.end.kind === "clean") checkRewritten(reader, payloads);
    }
  },
};

const TURNS = 4;

// Any function of the input that mutations vary.
function turnOf(bytes: Uint8Array): number {
  return (bytes.length + (bytes[0] ?? 0) + (bytes[bytes.length >> 1] ?? 0)) % TURNS;
}

function checkSalvage(bytes: Uint8Array, payloads: readonly Uint8Array[]): void {
  const salvaged = readLog(bytes, { salvage: true });
  demand(salvaged.payloads.length >= payloads.length, "salvage finds no less");
  for (const [i, payload] of payloads.entries())
    demand(sameBytes(payload, salvaged.payloads[i]!), "salvage finds the same first");
  checkGaps(salvaged.reader, bytes.length);
}

function checkHeaderless(reader: LogReader, bytes: Uint8Array): void {
  demand(reader.lastGoodSize === 0, "without a header there is nothing");
  const promise = reader.headerlessPromise();
  demand(promise === undefined || promise.at < bytes.length, "a promise is inside the file");
}

interface ReadLog {
  readonly reader: LogReader;
  readonly payloads: Uint8Array[];
}

function readLog(bytes: Uint8Array, how: Pick<LogReaderOptions, "limit" | "salvage">): ReadLog {
  const reader = LogReader.open({ file: fileOf(bytes), name: FILE, number: NUMBER, kind: "wal", ...how });
  const payloads: Uint8Array[] = [];
  let position = 0;
  for (let record = reader.next(); record; record = reader.next()) {
    demand(record.offset >= position && record.end > record.offset, "records stand one behind the other");
    demand(record.end <= bytes.length, "a record is inside the file");
    position = record.end;
    payloads.push(Uint8Array.prototype.slice.call(record.payload));
  }
  demand(reader.lastGoodSize <= bytes.length, "a log is no longer than its file");
  return { reader, payloads };
}

function checkEnd(reader: LogReader, bytes: Uint8Array): void {
  const { end } = reader;
  demand(end.size === reader.lastGoodSize, "a log ends with its last record");
  if (end.kind !== "bad") return;
  demand(end.offset >= 0 && end.offset <= bytes.length, "the first bad chunk is inside the file");
  const promise = reader.promiseBeyond(end.offset);
  if (promise) demand(promise.at >= end.offset && promise.syncedOffset > end.offset, "a promise reaches beyond");
}

function checkLimit(bytes: Uint8Array, limit: number, count: number): void {
  const { reader, payloads } = readLog(bytes, { limit });
  demand(reader.end.kind === "limit", "a log is read exactly to its size");
  demand(payloads.length === count, "up to its size a log has all its records");
}

function checkGaps({ gaps }: LogReader, length: number): void {
  let position = 0;
  for (const gap of gaps) {
    demand(gap.offset >= position && gap.length > 0, "gaps are in order and disjoint");
    position = gap.offset + gap.length;
  }
  demand(position <= length, "gaps are inside the file");
}

// encode(decode(x)): written anew, a log that was read to its end gives the same records.
function checkRewritten({ header }: LogReader, payloads: readonly Uint8Array[]): void {
  const file = new GrowingFile();
  const writer = LogWriter.create(file, header!);
  for (const payload of payloads) writer.append(payload);
  const again = readLog(file.bytes, {});
  demand(again.reader.lastGoodSize === writer.size, "what was written anew is read to its end");
  demand(again.payloads.length === payloads.length, "it has as many records");
  for (const [i, payload] of payloads.entries()) demand(sameBytes(payload, again.payloads[i]!), "and the same ones");
}

function checkChunks(bytes: Uint8Array): void {
  let position = 0;
  for (const { offset } of chunks({ file: fileOf(bytes), name: FILE, number: NUMBER, kind: "wal" })) {
    demand(offset >= position && offset <= bytes.length, "chunks stand one behind the other");
    position = offset + 1;
  }
}

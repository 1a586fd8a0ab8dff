// What the tests of this folder share: a file in memory that can be short and can fail, and a log parser that knows
// nothing of the code under test.

import { crc32 } from "node:zlib";
import type { FileHandle } from "../util/env.ts";
import { LogReader, type LogEnd, type LogGap, type LogReaderOptions } from "./log-reader.ts";
import { LogWriter } from "./log-writer.ts";
import { CHUNK_HEADER_BYTES, encodeHeader, sealChunk, type LogHeader } from "./log-format.ts";

/** A FileHandle over an array. Reads and writes take at most `most` bytes; writes fail once `capacity` is used up. */
export class MemoryFile implements FileHandle {
  bytes: Buffer;
  most: number = Number.MAX_SAFE_INTEGER;
  capacity: number = Number.MAX_SAFE_INTEGER;
  writes = 0;
  syncs: string[] = [];
  failSync: Error | undefined;
  truncates = 0;
  failTruncate: Error | undefined;
  closed = 0;
  readsMost = 0;

  constructor(bytes: Uint8Array = Buffer.alloc(0)) {
    this.bytes = Buffer.from(bytes);
  }

  read(buffer: Uint8Array, position: number): number {
    const from = this.bytes.subarray(position, position + Math.min(buffer.length, this.most));
    buffer.set(from);
    this.readsMost = Math.max(this.readsMost, buffer.length);
    return from.length;
  }

  write(buffer: Uint8Array, position: number): number {
    const count = Math.min(buffer.length, this.most, this.capacity);
    if (count === 0 && buffer.length > 0) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
    this.capacity -= count;
    this.writes++;
    if (position + count > this.bytes.length)
      this.bytes = Buffer.concat([this.bytes, Buffer.alloc(position + count - this.bytes.length)]);
    this.bytes.set(buffer.subarray(0, count), position);
    return count;
  }

  sync(barrier: string): void {
    if (this.failSync) throw this.failSync;
    this.syncs.push(barrier);
  }

  syncAsync(): Promise<void> {
    return Promise.resolve();
  }

  truncate(size: number): void {
    this.truncates++;
    if (this.failTruncate) throw this.failTruncate;
    const more = Math.max(0, size - this.bytes.length);
    this.bytes = Buffer.concat([this.bytes.subarray(0, size), Buffer.alloc(more)]);
  }

  size(): number {
    return this.bytes.length;
  }

  close(): void {
    this.closed++;
  }
}

export const DATABASE_ID: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);

export function testHeader(changes: Partial<LogHeader> = {}): LogHeader {
  return {
    kind: "wal",
    tag: 0x89abcdef,
    blockSize: 512,
    databaseId: DATABASE_ID,
    fileNumber: 7,
    comparatorName: "tinykv.bytewise",
    predecessor: { number: 5, size: 4321 },
    lastSequence: 99,
    ...changes,
  };
}

/** `length` bytes that differ by place and by `seed`. */
export function payloadOf(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 17 + (i >> 8)) & 0xff);
}

export interface BuiltLog {
  readonly bytes: Buffer;
  readonly headerEnd: number;
  readonly payloads: readonly Uint8Array[];
  /** Where each record starts (padding not counted) and ends, as the parser below finds it. */
  readonly records: readonly { readonly offset: number; readonly end: number }[];
  readonly size: number;
}

export interface LogPlan {
  readonly header?: Partial<LogHeader>;
  readonly lengths: readonly number[];
  /** Syncs after the records of these indexes; all when missing. */
  readonly syncAfter?: readonly number[];
  readonly clean?: boolean;
  /** What the file holds before. */
  readonly over?: Uint8Array;
}

export function buildLog({ header = {}, lengths, syncAfter, clean = false, over }: LogPlan): BuiltLog {
  const file = new MemoryFile(over);
  const writer = LogWriter.create(file, testHeader(header));
  const headerEnd = writer.size;
  const payloads = lengths.map((length, i) => payloadOf(length, i + 1));
  const records: { offset: number; end: number }[] = [];
  for (const [i, payload] of payloads.entries()) {
    const before = writer.size;
    writer.append(payload);
    const left = testHeader(header).blockSize - (before % testHeader(header).blockSize);
    records.push({ offset: left < 19 ? before + left : before, end: writer.size });
    if (!syncAfter || syncAfter.includes(i)) writer.sync("log.write");
  }
  if (clean) writer.appendCleanEnd({ lastSequence: 123, manifestNumber: 6, manifestSize: 789 });
  return { bytes: file.bytes, headerEnd, payloads, records, size: writer.size };
}

/** A string of a byte a character: equal strings are found equal at once, equal arrays element by element. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

export function textsOf(payloads: readonly Uint8Array[]): string[] {
  return payloads.map(textOf);
}

export interface ReadBack {
  readonly reader: LogReader;
  /** In text form (below). */
  readonly payloads: readonly string[];
  readonly records: readonly { readonly offset: number; readonly end: number }[];
  readonly end: LogEnd;
  readonly gaps: readonly LogGap[];
}

export function readLog(bytes: Uint8Array | MemoryFile, options: Partial<LogReaderOptions> = {}): ReadBack {
  const file = bytes instanceof MemoryFile ? bytes : new MemoryFile(bytes);
  const reader = LogReader.open({ file, name: "000007.log", number: 7, kind: "wal", ...options });
  const payloads: string[] = [];
  const records: { offset: number; end: number }[] = [];
  for (let record = reader.next(); record; record = reader.next()) {
    payloads.push(textOf(record.payload));
    records.push({ offset: record.offset, end: record.end });
  }
  return { reader, payloads, records, end: reader.end, gaps: reader.gaps };
}

export interface ParsedChunk {
  readonly offset: number;
  readonly type: number;
  readonly logNumber: number;
  readonly synced: number;
  readonly payload: Buffer;
}

/** The chunks of a well-formed log, straight from the format's text; throws a plain Error for anything else. */
export function parseLog(bytes: Buffer, tag: number, blockSize: number): ParsedChunk[] {
  const parsed: ParsedChunk[] = [];
  for (let at = 0; at < bytes.length;) {
    const left = blockSize - (at % blockSize);
    if (left <= 18) {
      if (bytes.subarray(at, at + left).some((byte) => byte !== 0)) throw new Error(`padding at ${at}`);
      at += left;
      continue;
    }
    const length = bytes.readUInt16LE(at + 4);
    if (19 + length > left) throw new Error(`chunk at ${at} leaves its block`);
    const type = bytes.readUInt8(at + 6);
    const place = BigInt(at + 4);
    const sum =
      BigInt(crc32(bytes.subarray(at + 4, at + 19 + length))) +
      BigInt(type === 16 ? 0 : tag) +
      (place & 0xffffffffn) +
      (place >> 32n);
    if (BigInt(bytes.readUInt32LE(at)) !== sum % 0x1_0000_0000n) throw new Error(`checksum at ${at}`);
    const logNumber = bytes.readUInt32LE(at + 7);
    const synced = Number(bytes.readBigUInt64LE(at + 11));
    parsed.push({ offset: at, type, logNumber, synced, payload: bytes.subarray(at + 19, at + 19 + length) });
    at += 19 + length;
  }
  return parsed;
}

export interface Crafted {
  readonly type: number;
  readonly payload?: Uint8Array;
  readonly logNumber?: number;
  readonly synced?: number;
  readonly tag?: number;
}

/** The test header and these chunks, one behind the other as they are, all starting in the first block. */
export function craft(chunks: readonly Crafted[]): Buffer {
  const header = testHeader();
  let bytes = Buffer.from(encodeHeader(header));
  for (const { type, payload = payloadOf(8), logNumber = 7, synced = 0, tag = header.tag } of chunks) {
    const at = bytes.length;
    bytes = Buffer.concat([bytes, Buffer.alloc(CHUNK_HEADER_BYTES), payload]);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    sealChunk(bytes, view, at, payload.length, type, logNumber, synced, tag, at);
  }
  return bytes;
}

/** Bytes changed by `change` on a copy. */
export function changed(bytes: Uint8Array, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes);
  change(copy);
  return copy;
}

/** Stores a chunk's checksum anew, after its bytes were changed. */
export function reseal(bytes: Buffer, at: number, tag: number): void {
  const crc = crc32(bytes.subarray(at + 4, at + 19 + bytes.readUInt16LE(at + 4)));
  bytes.writeUInt32LE((crc + tag + at + 4) % 0x1_0000_0000, at);
}

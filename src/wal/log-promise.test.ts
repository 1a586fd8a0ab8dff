import { expect, test } from "vitest";
import type { FileHandle } from "../util/env.ts";
import { encodeHeader, headerBytesMin, sealChunk } from "./log-format.ts";
import { LogReader } from "./log-reader.ts";
import {
  MemoryFile,
  buildLog,
  changed,
  parseLog,
  payloadOf,
  readLog,
  reseal,
  testHeader,
  textsOf,
  type BuiltLog,
  type ParsedChunk,
} from "./log-testing.ts";

const TAG = testHeader().tag;

/** What promiseBeyond(x) must find when the bytes [from, to) of a log are damaged: by the definition, with no search. */
function expectedPromise(chunks: readonly ParsedChunk[], x: number, from: number, to: number): object | undefined {
  const witness = chunks.find(
    ({ offset, payload, synced }) =>
      offset >= x && synced > x && (offset + 19 + payload.length <= from || offset >= to),
  );
  return witness && { at: witness.offset, syncedOffset: witness.synced };
}

/** The record that a damaged byte belongs to, padding before it counted: the first that must not be returned. */
function firstDamaged(log: BuiltLog, at: number): number {
  return log.records.findIndex((record) => at < record.end);
}

test("any flipped byte behind the header ends the log before its record, and every promise that covers it is found", () => {
  for (const syncAfter of [undefined, [0, 2, 5], []]) {
    const log = buildLog({
      lengths: [0, 10, 323, 700, 30, 199, 331, 1200, 5],
      clean: true,
      ...(syncAfter && { syncAfter }),
    });
    const chunks = parseLog(log.bytes, TAG, 512);
    const texts = textsOf(log.payloads);
    let promised = 0;
    for (let at = log.headerEnd; at < log.bytes.length; at++) {
      const read = readLog(changed(log.bytes, (copy) => copy.writeUInt8(copy.readUInt8(at) ^ (1 << (at % 8)), at)));
      const damaged = firstDamaged(log, at);
      const whole = damaged < 0 ? log.records.length : damaged;
      expect(read.payloads).toEqual(texts.slice(0, whole));
      const end = read.end.kind === "bad" ? read.end : undefined;
      const x = end!.offset;
      expect(end!.size).toBe(log.records[whole - 1]?.end ?? log.headerEnd);
      // x is where the record starts, or the padding before it that is not zero.
      const record = log.records[whole];
      expect(x === (at < (record?.offset ?? log.bytes.length) ? end!.size : record!.offset) || damaged < 0).toBe(true);
      const promise = read.reader.promiseBeyond(x);
      expect(promise).toEqual(expectedPromise(chunks, x, at, at + 1));
      if (damaged >= 0 && promise) promised++;
    }
    // CLEAN END promises every record, whatever was synced before.
    expect(promised).toBeGreaterThan(log.size - log.headerEnd - 40);
  }
});

test("damage is told from a tear by what was synced: without a later witness there is no promise", () => {
  const log = buildLog({ lengths: [40, 40, 40, 40], syncAfter: [1] });
  const promiseFor = (record: number) => {
    const damaged = changed(log.bytes, (copy) => copy.fill(0, log.records[record]!.offset, log.records[record]!.end));
    return readLog(damaged).reader.promiseBeyond(log.records[record]!.offset);
  };
  const witness = { at: log.records[2]!.offset, syncedOffset: log.records[1]!.end };
  expect([0, 1, 2, 3].map(promiseFor)).toEqual([witness, witness, undefined, undefined]);
});

test("a promise is found behind a chain that breaks in each later block, at any distance", () => {
  const log = buildLog({ lengths: [40, 300_000, 700, 20], clean: true });
  const last = log.bytes.length - 43;
  // Only CLEAN END is left whole, and the length field at each block's start claims a block of its own.
  const damaged = changed(log.bytes, (copy) => {
    for (let at = log.headerEnd; at < last; at++) copy[at]! ^= 0x55;
  });
  const read = readLog(damaged);
  expect(read.end).toMatchObject({ kind: "bad", offset: log.headerEnd });
  expect(read.reader.promiseBeyond(log.headerEnd)).toEqual({ at: last, syncedOffset: log.size });
  const cut = readLog(damaged.subarray(0, damaged.length - 1));
  expect(cut.reader.promiseBeyond(log.headerEnd)).toBeUndefined();
});

test("a copy of a promising chunk promises nothing at another place, nor does one of another life", () => {
  const log = buildLog({ lengths: [40, 40, 40] });
  const [, lost, witness] = log.records;
  const chunk = log.bytes.subarray(witness!.offset, witness!.end);
  for (let gap = 0; gap < 200; gap++) {
    const bytes = Buffer.concat([log.bytes.subarray(0, lost!.offset), Buffer.alloc(gap), chunk]);
    const promise = { at: witness!.offset, syncedOffset: lost!.end };
    const inPlace = lost!.offset + gap === witness!.offset;
    expect(readLog(bytes).reader.promiseBeyond(lost!.offset)).toEqual(inPlace ? promise : undefined);
  }
  const other = buildLog({ lengths: [40, 40, 40], header: { tag: 77 } });
  const mixed = Buffer.concat([log.bytes.subarray(0, log.headerEnd), other.bytes.subarray(log.headerEnd)]);
  expect(readLog(mixed).reader.promiseBeyond(log.headerEnd)).toBeUndefined();
});

test("a log without its header is promised exactly when a chunk says that more than a header was durable", () => {
  for (const syncAfter of [undefined, [0], [4], [6], []]) {
    for (const clean of [false, true]) {
      const log = buildLog({ lengths: [0, 10, 700, 30, 331, 1200, 5], clean, ...(syncAfter && { syncAfter }) });
      const witness = parseLog(log.bytes, TAG, 512).find(({ synced }) => synced >= headerBytesMin("wal"));
      for (let at = 0; at < log.headerEnd; at++) {
        const { reader } = readLog(changed(log.bytes, (copy) => copy.writeUInt8(copy.readUInt8(at) ^ 0x40, at)));
        expect(reader.header).toBeUndefined();
        expect(reader.headerlessPromise()).toEqual(witness && { at: witness.offset, syncedOffset: witness.synced });
      }
      const wiped = readLog(changed(log.bytes, (copy) => copy.fill(0, 0, 115))).reader;
      expect(wiped.headerlessPromise()?.at).toBe(witness?.offset);
    }
  }
});

test("a header alone that was durable is promised by the first record behind it", () => {
  const file = new MemoryFile();
  const lengths = [10];
  const log = buildLog({ lengths, syncAfter: [] });
  file.write(log.bytes, 0);
  expect(readLog(changed(log.bytes, (copy) => copy.fill(0, 0, 115))).reader.headerlessPromise()).toBeUndefined();
  const synced = changed(log.bytes, (copy) => {
    copy.writeUInt32LE(115, 115 + 11);
    reseal(copy, 115, TAG);
    copy.fill(0, 0, 115);
  });
  expect(readLog(synced).reader.headerlessPromise()).toEqual({ at: 115, syncedOffset: 115 });
});

test("without a header only what fits is a promise: number, type, length, synced offset, a tag that is one", () => {
  const log = buildLog({ lengths: [40, 40] });
  const at = log.records[1]!.offset;
  const wiped = changed(log.bytes, (copy) => copy.fill(0, 0, 115));
  const promised = (change: (copy: Buffer) => void) => readLog(changed(wiped, change)).reader.headerlessPromise();
  expect(promised(() => undefined)).toEqual({ at, syncedOffset: log.records[0]!.end });
  const unfit: ((copy: Buffer) => void)[] = [
    (copy) => copy.writeUInt32LE(6, at + 7),
    (copy) => copy.writeUInt32LE(7 + (1 << 8), at + 7),
    (copy) => copy.writeUInt8(0, at + 6),
    (copy) => copy.writeUInt8(16, at + 6),
    (copy) => copy.writeUInt8(5, at + 6),
    (copy) => copy.writeUInt16LE(41, at + 4),
    (copy) => copy.writeUInt32LE(headerBytesMin("wal") - 1, at + 11),
    (copy) => copy.writeUInt32LE(at + 1, at + 11),
    (copy) => copy.writeUInt8(1, at + 15),
    (copy) => copy.writeUInt8(0xff, at + 18),
    (copy) => reseal(copy, at, 0),
  ];
  for (const change of unfit) expect(promised(change)).toBeUndefined();
  // The tag is unknown: any checksum but one implies one.
  expect(promised((copy) => copy.writeUInt32LE(12_345, at))).toBeDefined();
  expect(
    readLog(
      changed(wiped, (copy) => copy.writeUInt32LE(7 + 1, at + 7)),
      { number: 8 },
    ).reader.headerlessPromise(),
  ).toBeDefined();
});

test("a recycled file whose new header was never written promises nothing to its new number", () => {
  const old = buildLog({ lengths: [40, 700, 40], clean: true });
  const read = readLog(old.bytes, { number: 8 });
  expect(read.reader.header).toBeUndefined();
  expect(read.reader.headerlessPromise()).toBeUndefined();
  const torn = readLog(Buffer.concat([Buffer.alloc(50), old.bytes.subarray(50)]), { number: 8 });
  expect(torn.reader.headerlessPromise()).toBeUndefined();
});

/** Zeros up to `end`, with pieces of other bytes: a file of many gigabytes that holds a few hundred bytes. */
class SparseFile extends MemoryFile implements FileHandle {
  readonly #pieces: readonly [number, Uint8Array][];
  readonly #end: number;

  constructor(end: number, pieces: readonly [number, Uint8Array][]) {
    super();
    this.#end = end;
    this.#pieces = pieces;
  }

  override read(buffer: Uint8Array, position: number): number {
    buffer.fill(0);
    for (const [start, bytes] of this.#pieces) {
      for (let i = Math.max(0, position - start); i < bytes.length && start + i < position + buffer.length; i++)
        buffer[start + i - position] = bytes[i]!;
    }
    return Math.max(0, Math.min(buffer.length, this.#end - position));
  }

  override size(): number {
    return this.#end;
  }
}

test("offsets of many gigabytes are read, promised and salvaged like others", () => {
  for (const base of [2 ** 31, 2 ** 32, 2 ** 33 + 2 ** 20, 2 ** 52]) {
    const x = base - 512 + 40;
    const record = Buffer.alloc(19 + 100);
    record.set(payloadOf(100), 19);
    sealChunk(
      record,
      new DataView(record.buffer, record.byteOffset, record.length),
      0,
      100,
      1,
      7,
      x + 50,
      TAG,
      base + 512,
    );
    const pieces: [number, Uint8Array][] = [
      [0, encodeHeader(testHeader())],
      [base + 512, record],
    ];
    const file = new SparseFile(base + 1024, pieces);
    const reader = LogReader.open({ file, name: "000007.log", number: 7, kind: "wal", limit: 2000, salvage: true });
    expect(reader.promiseBeyond(x)).toEqual({ at: base + 512, syncedOffset: x + 50 });
    expect(reader.promiseBeyond(x + 50)).toBeUndefined();
    expect(reader.next()).toBeUndefined();
    expect(reader.gaps).toEqual([{ offset: 115, length: 1885, reason: "zeros where a chunk should start" }]);
  }
});

test("file numbers near 2^32 and 2^53 are told apart by the header, though their chunks carry 32 bits", () => {
  for (const fileNumber of [2 ** 32 - 1, 2 ** 32, 2 ** 32 + 7, 2 ** 53 - 1]) {
    const large = { fileNumber, lastSequence: 2 ** 53 - 1, predecessor: { number: 2 ** 32 - 2, size: 2 ** 53 - 1 } };
    const log = buildLog({ header: large, lengths: [10, 700, 10], clean: true });
    const read = readLog(log.bytes, { number: fileNumber });
    expect(read.payloads).toEqual(textsOf(log.payloads));
    expect(read.reader.header).toMatchObject(large);
    expect(readLog(log.bytes, { number: fileNumber % 2 ** 32 || 1 }).payloads).toHaveLength(
      fileNumber < 2 ** 32 ? 3 : 0,
    );
    const wiped = changed(log.bytes, (copy) => copy.fill(0, 0, 115));
    expect(readLog(wiped, { number: fileNumber }).reader.headerlessPromise()?.at).toBe(log.records[1]!.offset);
  }
});

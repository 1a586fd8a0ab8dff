import { expect, test } from "vitest";
import { encodeCleanEnd } from "./log-format.ts";
import { LogReader } from "./log-reader.ts";
import {
  MemoryFile,
  buildLog,
  changed,
  payloadOf,
  readLog,
  testHeader,
  textsOf,
  craft,
  type Crafted,
} from "./log-testing.ts";
import { AssertionError } from "../common/assert.ts";
import { TinyKVError } from "../common/errors.ts";

const TAG = testHeader().tag;
// Record 2 leaves 7 bytes of padding in its block, record 5 leaves 19 bytes.
const SMALL = { lengths: [0, 10, 323, 700, 30, 199, 331, 1200, 5] };

test("a log that is cut at any byte ends at the first record that is not whole, and nothing promises more", () => {
  for (const clean of [false, true]) {
    const log = buildLog({ ...SMALL, clean });
    for (let size = log.headerEnd; size < log.bytes.length; size++) {
      const read = readLog(log.bytes.subarray(0, size));
      const whole = log.records.filter((record) => record.end <= size).length;
      expect(read.payloads).toEqual(textsOf(log.payloads.slice(0, whole)));
      const good = log.records[whole - 1]?.end ?? log.headerEnd;
      const next = log.records[whole]?.offset ?? good;
      // Padding that is cut off, or has nothing behind it, is itself where the log ends.
      expect(read.end).toMatchObject({ kind: "bad", size: good, offset: size <= next ? good : next });
      expect(read.reader.lastGoodSize).toBe(good);
      expect(read.reader.promiseBeyond(good)).toBeUndefined();
      expect(read.gaps).toEqual([]);
    }
  }
});

test("a tail of zeros, of garbage or of one repeated byte ends the log where its records end", () => {
  const tails = [Buffer.alloc(3000), Buffer.from(payloadOf(3000, 3)), Buffer.alloc(3000, 0xff), Buffer.alloc(3000, 7)];
  for (let records = 0; records <= SMALL.lengths.length; records++) {
    const log = buildLog({ lengths: SMALL.lengths.slice(0, records) });
    for (const tail of tails) {
      const read = readLog(Buffer.concat([log.bytes, tail]));
      expect(read.payloads).toEqual(textsOf(log.payloads));
      expect(read.end).toMatchObject({ kind: "bad", size: log.size });
      expect(read.reader.promiseBeyond(log.size)).toBeUndefined();
    }
  }
});

test("chunks of an earlier life of the file never verify, not even at the same places under the same number", () => {
  const plan = { lengths: [100, 700, 30, 331, 1200, 5] };
  for (const fileNumber of [5, 7, 7 + 2 ** 32]) {
    const old = buildLog({
      ...plan,
      header: { fileNumber, tag: 1234, predecessor: { number: 3, size: 4321 } },
      clean: true,
    });
    for (let records = 0; records <= plan.lengths.length; records++) {
      const log = buildLog({ lengths: plan.lengths.slice(0, records), over: old.bytes });
      expect(log.bytes.length).toBe(old.bytes.length);
      const read = readLog(log.bytes);
      expect(read.payloads).toEqual(textsOf(log.payloads));
      expect(read.end).toMatchObject({ kind: "bad", size: log.size });
      expect(read.reader.promiseBeyond(log.size)).toBeUndefined();
      expect(readLog(log.bytes, { salvage: true }).payloads).toEqual(textsOf(log.payloads));
    }
  }
});

test("a chunk of another log number, tag or place is bad", () => {
  const good = { type: 1, payload: payloadOf(4) };
  const wrong: Crafted[] = [
    { type: 1, logNumber: 8 },
    { type: 1, tag: TAG + 1 },
    { type: 1, synced: 10_000 },
    { type: 1, synced: 2 ** 60 },
  ];
  for (const chunk of wrong) {
    const read = readLog(craft([good, chunk, good]));
    expect(read.payloads).toHaveLength(1);
    expect(read.end).toMatchObject({ kind: "bad", offset: 115 + 23 });
  }
  const moved = changed(craft([good, good, good]), (copy) => copy.copyWithin(115 + 23, 115 + 46, 115 + 69));
  expect(readLog(moved).payloads).toHaveLength(1);
});

test("chunks that do not go on with the record before them are bad, and a torn record ends the log at its FIRST", () => {
  const firstAt = 115;
  const cases: [number[], number, number][] = [
    [[3], 0, firstAt],
    [[4], 0, firstAt],
    [[1, 4, 1], 1, firstAt + 27],
    [[2, 1], 0, firstAt],
    [[2, 3, 1], 0, firstAt],
    [[2, 2, 4], 0, firstAt],
    [[1, 2, 3, 2, 4], 1, firstAt + 27],
    [[2, 3, 17], 0, firstAt],
    [[1, 16], 1, firstAt + 27],
    [[1, 5], 1, firstAt + 27],
    [[1, 0x7f], 1, firstAt + 27],
    [[1, 0], 1, firstAt + 27],
    [[1, 17], 1, firstAt + 27],
  ];
  for (const [types, records, offset] of cases) {
    const read = readLog(craft(types.map((type) => ({ type }))));
    expect({ types, records: read.payloads.length, end: read.end }).toMatchObject({
      types,
      records,
      end: { kind: "bad", offset },
    });
  }
});

test("CLEAN END inside a record is bad, and so is a chunk that leaves its block, though they verify", () => {
  const cleanEnd = { type: 17, payload: encodeCleanEnd({ lastSequence: 1, manifestNumber: 2, manifestSize: 3 }) };
  expect(readLog(craft([{ type: 1 }, cleanEnd])).end.kind).toBe("clean");
  expect(readLog(craft([{ type: 1 }, { type: 2 }, cleanEnd])).end).toMatchObject({ kind: "bad", offset: 115 + 27 });
  const fits = readLog(craft([{ type: 1, payload: payloadOf(512 - 115 - 19) }]));
  expect([fits.payloads.length, fits.end.size]).toEqual([1, 512]);
  const leaves = readLog(Buffer.concat([craft([{ type: 1, payload: payloadOf(512 - 115 - 18) }]), Buffer.alloc(600)]));
  expect(leaves.payloads).toEqual([]);
  expect(leaves.end).toMatchObject({ kind: "bad", offset: 115 });
});

test("a chunk of an unknown type with bit 7 is skipped, between records and inside one", () => {
  for (let type = 128; type < 256; type++) {
    const read = readLog(craft([{ type }, { type: 1 }, { type }, { type: 2 }, { type }, { type: 4 }, { type }]));
    expect(read.payloads).toEqual(textsOf([payloadOf(8), Buffer.concat([payloadOf(8), payloadOf(8)])]));
    expect(read.end).toMatchObject({ kind: "bad", size: 115 + 6 * 27, offset: 115 + 7 * 27 });
  }
});

test("a log ends after its CLEAN END: what follows is not read, and its size is the end of the last record", () => {
  for (const lengths of [[], [10], [700, 3], [354], [370]]) {
    const log = buildLog({ lengths, clean: true });
    const more = Buffer.concat([log.bytes, craft([{ type: 1 }]), Buffer.alloc(600, 1)]);
    for (const bytes of [log.bytes, more]) {
      const read = readLog(bytes);
      expect(read.payloads).toEqual(textsOf(log.payloads));
      expect(read.end).toEqual({
        kind: "clean",
        cleanEnd: { lastSequence: 123, manifestNumber: 6, manifestSize: 789 },
        size: log.size,
        offset: log.bytes.length - 43,
      });
      expect(readLog(bytes, { salvage: true }).gaps).toEqual([]);
    }
  }
});

test("with a limit a log is read to exactly that size or is bad", () => {
  const log = buildLog({ ...SMALL, clean: true });
  const ends = [log.headerEnd, ...log.records.map((record) => record.end)];
  const damaged = changed(log.bytes, (copy) => copy.fill(0, log.records[4]!.offset, log.records[4]!.end));
  for (let limit = 0; limit <= log.bytes.length + 50; limit++) {
    for (const bytes of [log.bytes, damaged]) {
      const read = readLog(bytes, { limit });
      const whole = log.records.filter(({ end }) => end <= limit).length;
      const seen = bytes === damaged ? Math.min(whole, 4) : whole;
      expect(read.payloads).toEqual(textsOf(log.payloads.slice(0, seen)));
      const exact = ends.includes(limit) && seen === whole;
      const end = exact ? { kind: "limit", size: limit } : { kind: "bad", size: ends[seen]! };
      expect(read.end).toMatchObject(end);
      expect(read.end.size).toBe(read.reader.lastGoodSize);
    }
  }
});

test("a FIRST may be as empty as the record it starts", () => {
  const read = readLog(
    craft([
      { type: 2, payload: payloadOf(0) },
      { type: 3, payload: payloadOf(0) },
      { type: 4, payload: payloadOf(0) },
    ]),
  );
  expect(read.payloads).toEqual([""]);
});

test("a file without a header of its own number and kind has no records, and says why", () => {
  const log = buildLog(SMALL);
  const cases: [Uint8Array, object][] = [
    [Buffer.alloc(0), {}],
    [Buffer.alloc(5000), {}],
    [log.bytes.subarray(0, 60), {}],
    [log.bytes, { number: 8 }],
    [log.bytes, { number: 7 + 2 ** 32 }],
    [log.bytes, { kind: "manifest" }],
  ];
  for (const [bytes, options] of cases) {
    const read = readLog(bytes, options);
    expect(read.reader.header).toBeUndefined();
    expect(read.reader.headerProblem).toBeTypeOf("string");
    expect(read.end).toEqual({ kind: "bad", offset: 0, size: 0, problem: read.reader.headerProblem });
    expect([read.payloads, read.reader.lastGoodSize]).toEqual([[], 0]);
    const gap = { offset: 0, length: bytes.length, reason: read.reader.headerProblem };
    expect(readLog(bytes, { ...options, salvage: true }).gaps).toEqual(bytes.length > 0 ? [gap] : []);
  }
});

test("a file is read in windows: no call asks for more than 256 KiB, and a small file is not given more than it holds", () => {
  const log = buildLog({ header: { blockSize: 32_768 }, lengths: [100, 900_000, 5] });
  const file = new MemoryFile(log.bytes);
  const read = readLog(file);
  expect(read.payloads).toHaveLength(3);
  expect(read.reader.promiseBeyond(log.headerEnd)).toEqual({
    at: log.records[1]!.offset,
    syncedOffset: log.records[0]!.end,
  });
  expect(file.readsMost).toBe(256 << 10);
  const small = new MemoryFile(log.bytes.subarray(0, 300));
  readLog(small);
  expect(small.readsMost).toBe(300);
});

test("a file that shrinks while it is read ends sooner, without another error", () => {
  const log = buildLog({ header: { blockSize: 32_768 }, lengths: [100, 100_000, 300_000, 200_000, 5] });
  for (const size of [0, 50, 115, 234, 300, 32_768, 262_144, 262_145, 400_000]) {
    for (const salvage of [false, true]) {
      const file = new MemoryFile(log.bytes);
      const reader = LogReader.open({ file, name: "000007.log", number: 7, kind: "wal", salvage });
      file.truncate(size);
      let count = 0;
      while (reader.next()) count++;
      expect(count).toBeLessThan(5);
      expect(reader.end.kind).toBe("bad");
      expect(reader.promiseBeyond(reader.end.size)).toBeUndefined();
      for (const gap of reader.gaps) expect(gap.offset + gap.length).toBeLessThanOrEqual(size);
    }
  }
});

function failingDisk(): never {
  throw Object.assign(new Error("bad sector"), { code: "EIO" });
}

test("an error of the disk is an IO_ERROR, never an end", () => {
  const log = buildLog({ header: { blockSize: 32_768 }, lengths: [100, 300_000, 5] });
  const file = new MemoryFile(log.bytes);
  const reader = LogReader.open({ file, name: "000007.log", number: 7, kind: "wal" });
  expect(reader.next()).toBeDefined();
  file.read = failingDisk;
  expect(() => reader.next()).toThrow(TinyKVError);
  expect(() => reader.next()).toThrow(AssertionError);
  expect(() => reader.promiseBeyond(0)).toThrow("reading 000007.log: bad sector");
  expect(() => LogReader.open({ file, name: "000007.log", number: 7, kind: "wal" })).toThrow(TinyKVError);
  file.size = failingDisk;
  expect(() => LogReader.open({ file, name: "000007.log", number: 7, kind: "wal" })).toThrow(TinyKVError);
});

test("a closed reader has no more records", () => {
  const reader = LogReader.open({
    file: new MemoryFile(buildLog(SMALL).bytes),
    name: "000007.log",
    number: 7,
    kind: "wal",
  });
  reader.next();
  reader.close();
  expect(reader.next()).toBeUndefined();
  expect(reader.end).toMatchObject({ kind: "bad", problem: "closed before its end" });
});

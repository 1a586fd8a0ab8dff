import { expect, test } from "vitest";
import { AssertionError, assert } from "../common/assert.ts";
import { TinyKVError } from "../common/errors.ts";
import { LogWriter } from "./log-writer.ts";
import {
  MemoryFile,
  buildLog,
  changed,
  parseLog,
  payloadOf,
  readLog,
  testHeader,
  textOf,
  textsOf,
  type ParsedChunk,
} from "./log-testing.ts";

const TAG = testHeader().tag;
const CLEAN_END = { lastSequence: 123, manifestNumber: 6, manifestSize: 789 };

/** Puts the records of a parsed log together, by the rules of the format's text. */
function recordsOf(chunks: readonly ParsedChunk[]): string[] {
  const records: Buffer[] = [];
  let open: Buffer[] | undefined;
  for (const { type, payload } of chunks) {
    assert(type > 4 || type > 2 === (open !== undefined), "the chunks make whole records");
    if (type === 2) open = [];
    open?.push(payload);
    if (type === 1) records.push(payload);
    if (type !== 4) continue;
    records.push(Buffer.concat(open!));
    open = undefined;
  }
  assert(!open, "the last record is whole");
  return textsOf(records);
}

function codeOf(action: () => void): string {
  try {
    action();
  } catch (error) {
    if (error instanceof TinyKVError) return error.code;
    throw error;
  }
  return "no error";
}

test("a record that ends or starts within 20 bytes of a block's end comes back, by the format's text and by the reader", () => {
  for (const blockSize of [512, 32_768]) {
    const headerEnd = LogWriter.create(new MemoryFile(), testHeader({ blockSize })).size;
    for (let left = 0; left <= 45; left++) {
      // The first record leaves exactly `left` bytes in its block.
      const lead = blockSize - headerEnd - 19 - left;
      for (const length of [0, 1, left, left + 1, blockSize - 19, blockSize, 3 * blockSize + left]) {
        const log = buildLog({ header: { blockSize }, lengths: [lead, length, 5], clean: true });
        const chunks = parseLog(log.bytes, TAG, blockSize);
        expect(recordsOf(chunks)).toEqual(textsOf(log.payloads));
        const read = readLog(log.bytes);
        expect(read.payloads).toEqual(textsOf(log.payloads));
        expect(read.records).toEqual(log.records);
        expect(read.end).toMatchObject({ kind: "clean", size: log.size, cleanEnd: CLEAN_END });
      }
    }
  }
});

test("a record that leaves a block's edge by -7 to 7 bytes comes back", () => {
  for (const blockSize of [512, 32_768]) {
    const headerEnd = LogWriter.create(new MemoryFile(), testHeader({ blockSize })).size;
    for (const blocks of [1, 2, 3]) {
      for (let delta = -20; delta <= 20; delta++) {
        const length = blocks * blockSize - headerEnd - 19 * blocks + delta;
        const log = buildLog({ header: { blockSize }, lengths: [length, 3, 0], clean: true });
        expect(recordsOf(parseLog(log.bytes, TAG, blockSize))).toEqual(textsOf(log.payloads));
        expect(readLog(log.bytes).payloads).toEqual(textsOf(log.payloads));
      }
    }
  }
});

test("with exactly 19 bytes left a FIRST with empty payload is written, with 18 zeros, and an empty record is FULL", () => {
  const headerEnd = LogWriter.create(new MemoryFile(), testHeader()).size;
  const tailOf = (left: number, length: number) =>
    parseLog(buildLog({ lengths: [512 - headerEnd - 19 - left, length] }).bytes, TAG, 512)
      .slice(2)
      .map(({ offset, type, payload }) => [offset, type, payload.length]);
  expect(tailOf(19, 5)).toEqual([
    [493, 2, 0],
    [512, 4, 5],
  ]);
  expect(tailOf(18, 5)).toEqual([[512, 1, 5]]);
  expect(tailOf(20, 5)).toEqual([
    [492, 2, 1],
    [512, 4, 4],
  ]);
  expect(tailOf(19, 0)).toEqual([[493, 1, 0]]);
  expect(tailOf(19, 494)).toEqual([
    [493, 2, 0],
    [512, 3, 493],
    [1024, 4, 1],
  ]);
});

test("padding over what a recycled file holds is zero", () => {
  const over = Buffer.alloc(4096, 0xee);
  for (let left = 0; left <= 60; left++) {
    const lead = 512 - 115 - 19 - left;
    const log = buildLog({ lengths: [lead, 700], clean: true, over });
    expect(log.headerEnd).toBe(115);
    const end = readLog(log.bytes).end;
    expect(end.kind).toBe("clean");
    expect(() => parseLog(log.bytes.subarray(0, log.size), TAG, 512)).not.toThrow();
    const short = buildLog({ lengths: [lead], clean: true, over });
    expect(readLog(short.bytes).end).toMatchObject({ kind: "clean", size: short.size });
  }
});

test("CLEAN END is one chunk wherever the log ends, behind a chunk that others skip where it has no room", () => {
  for (let left = 0; left <= 60; left++) {
    const log = buildLog({ lengths: [512 - 115 - 19 - left], syncAfter: [], clean: true });
    const tail = parseLog(log.bytes, TAG, 512).slice(2);
    const synced = log.size;
    const clean = { type: 17, synced, offset: left < 43 ? 512 : log.size };
    const filler = { type: 146, synced, offset: log.size };
    expect(tail).toMatchObject(left >= 19 && left < 43 ? [filler, clean] : [clean]);
    const payload = tail.at(-1)!.payload;
    expect([0, 8, 16].map((at) => Number(payload.readBigUInt64LE(at)))).toEqual([123, 6, 789]);
  }
});

test("one append is one write, and chunks carry the log number and what was synced before them", () => {
  const file = new MemoryFile();
  const writer = LogWriter.create(file, testHeader({ fileNumber: 2 ** 32 + 9 }));
  expect([file.writes, writer.recordCount, writer.syncedOffset]).toEqual([1, 0, 0]);
  writer.append(payloadOf(10));
  writer.sync("log.write");
  const synced = writer.size;
  writer.append(payloadOf(2000));
  writer.append(payloadOf(1));
  expect([file.writes, writer.recordCount, writer.syncedOffset]).toEqual([4, 3, synced]);
  const [, one, ...others] = parseLog(file.bytes, TAG, 512);
  expect(one).toMatchObject({ logNumber: 9, synced: 0 });
  for (const chunk of others) expect(chunk).toMatchObject({ logNumber: 9, synced });
  expect(file.syncs).toEqual(["log.write"]);
});

test("the synced offset is the length at the start of the sync, and a sync made elsewhere never lowers it", () => {
  const file = new MemoryFile();
  const writer = LogWriter.create(file, testHeader());
  writer.append(payloadOf(10));
  const before = writer.size;
  file.sync = () => writer.append(payloadOf(20)); // arrives while the sync is under way
  writer.sync("log.write");
  expect(writer.size).toBeGreaterThan(before);
  expect(writer.syncedOffset).toBe(before);
  writer.noteSynced(before - 5);
  expect(writer.syncedOffset).toBe(before);
  writer.noteSynced(writer.size);
  expect(writer.syncedOffset).toBe(writer.size);
  expect(() => writer.noteSynced(writer.size + 1)).toThrow(AssertionError);
});

test("a write that fails at any byte leaves the log broken, its size unchanged and what stood before readable", () => {
  const payload = payloadOf(900);
  for (let room = 0; room < 900 + 4 * 19; room++) {
    const file = new MemoryFile();
    const writer = LogWriter.create(file, testHeader());
    writer.append(payloadOf(30));
    const size = writer.size;
    file.capacity = room;
    const code = codeOf(() => writer.append(payload));
    if (code === "no error") break;
    expect(code).toBe("TINYKV_NO_SPACE");
    expect([writer.broken, writer.size, writer.recordCount]).toEqual([true, size, 1]);
    file.capacity = 1 << 20;
    expect(() => writer.append(payload)).toThrow(AssertionError);
    expect(() => writer.sync("log.write")).toThrow(AssertionError);
    expect(() => writer.appendCleanEnd(CLEAN_END)).toThrow(AssertionError);
    expect(file.bytes.length).toBe(size + room);
    expect(readLog(file).payloads).toEqual([textOf(payloadOf(30))]);
    expect(readLog(file).end).toMatchObject({ kind: "bad", offset: size, size });
    expect(room).toBeLessThan(900 + 3 * 19);
  }
});

test("a sync that failed is never tried again, and a file that takes no header is not closed", () => {
  const file = new MemoryFile();
  const writer = LogWriter.create(file, testHeader());
  file.failSync = Object.assign(new Error("gone"), { code: "EIO" });
  expect(codeOf(() => writer.sync("log.write"))).toBe("TINYKV_IO_ERROR");
  file.failSync = undefined;
  expect([writer.broken, writer.syncedOffset]).toEqual([true, 0]);
  expect(() => writer.sync("log.write")).toThrow(AssertionError);
  expect(() => writer.append(payloadOf(1))).toThrow(AssertionError);
  expect(file.syncs).toEqual([]);
  writer.close();
  writer.close();
  expect(file.closed).toBe(1);

  const full = new MemoryFile();
  full.capacity = 50;
  expect(codeOf(() => void LogWriter.create(full, testHeader()))).toBe("TINYKV_NO_SPACE");
  expect(codeOf(() => void LogWriter.create(new MemoryFile(), testHeader({ comparatorName: "" })))).toBe(
    "TINYKV_INVALID_ARGUMENT",
  );
  expect(full.closed).toBe(0);
});

test("nothing follows CLEAN END but a sync", () => {
  const file = new MemoryFile();
  const writer = LogWriter.create(file, testHeader());
  writer.append(payloadOf(5));
  writer.sync("close.log");
  const size = writer.size;
  writer.appendCleanEnd(CLEAN_END);
  writer.sync("close.log-end");
  expect([writer.size, writer.recordCount]).toEqual([size, 1]);
  expect(() => writer.append(payloadOf(5))).toThrow(AssertionError);
  expect(() => writer.appendCleanEnd(CLEAN_END)).toThrow(AssertionError);
});

test("short writes and short reads change nothing", () => {
  const plan = { lengths: [0, 5, 1500, 300, 40_000], clean: true };
  const expected = buildLog(plan);
  for (const most of [1, 7, 500]) {
    const file = new MemoryFile();
    file.most = most;
    const writer = LogWriter.create(file, testHeader());
    for (const payload of expected.payloads.slice(0, 4)) {
      writer.append(payload);
      writer.sync("log.write");
    }
    expect(file.bytes).toEqual(expected.bytes.subarray(0, file.bytes.length));
    const slow = new MemoryFile(expected.bytes);
    slow.most = most;
    expect(readLog(slow).payloads).toEqual(textsOf(expected.payloads));
  }
});

test("a large record does not disturb the small ones that share its buffer later", () => {
  const lengths = [10, 3 << 20, 11, 2 << 20, 0, 12];
  const log = buildLog({ header: { blockSize: 32_768 }, lengths });
  expect(readLog(log.bytes).payloads.map((payload, i) => payload === textOf(log.payloads[i]!))).toEqual(
    lengths.map(() => true),
  );
  expect(
    readLog(changed(log.bytes, (copy) => copy.writeUInt8(~copy.readUInt8(1 << 20) & 0xff, 1 << 20))).payloads,
  ).toHaveLength(1);
});

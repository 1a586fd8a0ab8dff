import { expect, test } from "vitest";
import { chunks } from "./log-chunks.ts";
import type { LogSource } from "./log-window.ts";
import {
  MemoryFile,
  buildLog,
  craft,
  changed,
  parseLog,
  readLog,
  testHeader,
  textsOf,
  type BuiltLog,
  type ReadBack,
} from "./log-testing.ts";

const TAG = testHeader().tag;
// Record 2 leaves 7 bytes of padding in its block, record 5 leaves 19 bytes.
const LENGTHS = [0, 10, 323, 700, 30, 199, 331, 1200, 5];

/** Header, good records, gaps and what is left (zero padding, FILLER and CLEAN END) are the file, without an overlap. */
function expectAddsUp(log: BuiltLog, read: ReadBack): void {
  const parts = [
    { offset: 0, end: log.headerEnd },
    ...read.records,
    ...read.gaps.map(({ offset, length }) => ({ offset, end: offset + length })),
  ].sort((a, b) => a.offset - b.offset);
  let at = 0;
  for (const part of [...parts, { offset: log.size, end: log.size }]) {
    expect(part.offset).toBeGreaterThanOrEqual(Math.min(at, log.size));
    // Between parts there is nothing but the padding of a block's end.
    const between = part.offset - at;
    expect(between <= 0 || (between < 19 && part.offset % 512 === 0)).toBe(true);
    expect(part.end).toBeGreaterThanOrEqual(part.offset);
    at = Math.max(at, part.end);
  }
}

function sourceOf(bytes: Uint8Array): LogSource {
  return { file: new MemoryFile(bytes), name: "000007.log", number: 7, kind: "wal" };
}

/** From each run of damaged records to the next good one, or to CLEAN END or the file's end. */
function expectedGaps(log: BuiltLog, damaged: readonly number[], after: number): { offset: number; length: number }[] {
  const gaps: { offset: number; length: number }[] = [];
  for (const i of damaged) {
    const offset = log.records[i]!.offset;
    const end = log.records[i + 1]?.offset ?? after;
    const last = gaps.at(-1);
    if (last && damaged.includes(i - 1)) gaps[gaps.length - 1] = { offset: last.offset, length: end - last.offset };
    else gaps.push({ offset, length: end - offset });
  }
  return gaps;
}

test("salvage keeps every record that is whole and lists each gap, for every set of damaged records", () => {
  for (const clean of [false, true]) {
    const log = buildLog({ lengths: LENGTHS, clean });
    const after = clean ? parseLog(log.bytes, TAG, 512).find(({ type }) => type >= 17)!.offset : log.bytes.length;
    for (let set = 0; set < 1 << LENGTHS.length; set++) {
      const damaged = LENGTHS.map((_, i) => i).filter((i) => (set >> i) & 1);
      const bytes = changed(log.bytes, (copy) => {
        for (const i of damaged) {
          const { offset, end } = log.records[i]!;
          const at = offset + ((set * 7919) % (end - offset));
          copy.writeUInt8(copy.readUInt8(at) ^ 0xff, at);
        }
      });
      const read = readLog(bytes, { salvage: true });
      expect(read.payloads).toEqual(textsOf(log.payloads.filter((_, i) => !damaged.includes(i))));
      expect(read.gaps.map(({ offset, length }) => ({ offset, length }))).toEqual(expectedGaps(log, damaged, after));
      expect(read.end.kind).toBe(clean ? "clean" : "bad");
      expectAddsUp(log, read);
    }
  }
});

test("salvage leaves out exactly the record of any flipped byte, padding too", () => {
  const log = buildLog({ lengths: LENGTHS, clean: true });
  for (let at = log.headerEnd; at < log.size; at++) {
    const bytes = changed(log.bytes, (copy) => copy.writeUInt8(copy.readUInt8(at) ^ 0x10, at));
    const read = readLog(bytes, { salvage: true });
    const lost = log.records.findIndex(({ offset, end }) => offset <= at && at < end);
    expect(read.payloads).toEqual(textsOf(log.payloads.filter((_, i) => i !== lost)));
    expect(read.gaps).toHaveLength(1);
    expect(read.gaps[0]!.offset).toBeLessThanOrEqual(at);
    expect(read.gaps[0]!.offset + read.gaps[0]!.length).toBeGreaterThan(at);
    expect(read.end.kind).toBe("clean");
    expectAddsUp(log, read);
  }
});

test("a record begun inside another is kept, one that was broken off is the gap before it", () => {
  for (const types of [
    [2, 1, 1],
    [2, 3, 1, 1],
    [3, 4, 1, 2, 4],
    [1, 2, 2, 4],
    [2, 0x90, 1, 1],
  ]) {
    const read = readLog(craft(types.map((type) => ({ type }))), { salvage: true });
    expect(read.payloads).toHaveLength(2);
    expect(read.gaps).toHaveLength(1);
    expect(read.gaps[0]!.length % 27).toBe(0);
  }
});

test("a torn tail is the last gap and starts where the log ends; an end without a tail has none", () => {
  const log = buildLog({ lengths: LENGTHS });
  expect(readLog(log.bytes, { salvage: true }).gaps).toEqual([]);
  for (const tail of [Buffer.alloc(1), Buffer.alloc(600), Buffer.alloc(600, 9)]) {
    const read = readLog(Buffer.concat([log.bytes, tail]), { salvage: true });
    expect(read.payloads).toEqual(textsOf(log.payloads));
    expect(read.end).toMatchObject({ kind: "bad", offset: log.size, size: log.size });
    expect(read.gaps).toMatchObject([{ offset: log.size, length: tail.length }]);
  }
});

test("with a limit salvage looks at nothing behind it", () => {
  const log = buildLog({ lengths: LENGTHS, clean: true });
  const { offset, end } = log.records[3]!;
  const bytes = changed(log.bytes, (copy) => copy.writeUInt8(copy.readUInt8(offset + 20) ^ 1, offset + 20));
  for (let limit = log.headerEnd; limit <= log.size; limit++) {
    const read = readLog(bytes, { salvage: true, limit });
    const kept = log.payloads.filter((_, i) => i !== 3 && log.records[i]!.end <= limit);
    expect(read.payloads).toEqual(textsOf(kept));
    const exact = limit === read.reader.lastGoodSize;
    expect(read.end.kind).toBe(exact ? "limit" : "bad");
    for (const gap of read.gaps) expect(gap.offset + gap.length).toBeLessThanOrEqual(limit);
    expect(read.gaps.some((gap) => gap.offset === offset)).toBe(limit > offset);
    const last = read.gaps.at(-1);
    expect(exact || last!.offset + last!.length === limit).toBe(true);
  }
  expect(readLog(bytes, { salvage: true, limit: end }).gaps).toMatchObject([{ offset, length: end - offset }]);
  // A log whose successor says that more follows does not end at a CLEAN END.
  for (const limit of [log.bytes.length, log.bytes.length + 1000]) {
    const read = readLog(bytes, { salvage: true, limit });
    expect(read.payloads).toHaveLength(LENGTHS.length - 1);
    expect(read.end).toMatchObject({ kind: "bad", offset: log.size, size: log.size });
    expect(read.gaps.at(-1)).toMatchObject({ offset: log.size, length: log.bytes.length - log.size });
  }
});

test("the chunks of a log are listed as they stand, a bad one with what is wrong, the next wherever it is", () => {
  const log = buildLog({ lengths: LENGTHS, clean: true });
  const all = parseLog(log.bytes, TAG, 512).map(({ offset, type, logNumber, synced, payload }) => {
    return { offset, type, length: payload.length, syncedOffset: synced, logNumber, ok: true };
  });
  expect([...chunks(sourceOf(log.bytes))]).toEqual(all);
  for (const [i, chunk] of all.entries()) {
    const bytes = changed(log.bytes, (copy) => copy.writeUInt8(copy.readUInt8(chunk.offset) ^ 1, chunk.offset));
    const bad = { ...chunk, ok: false, problem: i === 0 ? "file header checksum" : "chunk checksum" };
    expect([...chunks(sourceOf(bytes))]).toEqual(i === 0 ? [bad] : all.with(i, bad));
  }
  for (let size = 0; size < log.bytes.length; size++) {
    const listed = [...chunks(sourceOf(log.bytes.subarray(0, size)))];
    const whole = all.filter(({ offset, length }) => offset + 19 + length <= size);
    expect(listed.filter(({ ok }) => ok)).toEqual(whole);
    expect(listed.length - whole.length).toBeLessThanOrEqual(1);
  }
});

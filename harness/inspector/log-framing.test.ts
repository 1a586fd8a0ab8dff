import { expect, test } from "vitest";
import { u64 } from "./encode/fields.ts";
import { encodeChunk, LogEncoder } from "./encode/log-encoder.ts";
import { frameLog, type FramedLog } from "./log-framing.ts";
import { busySession, bytesOf, flipped, MemoryStore, namesWith, SMALL } from "./stores.test-support.ts";

const DUMPED = Buffer.from(
  `06a3e3ed 6000 10 02000000 0000000000000000 544b5657 01000000 00000000000000000000000000000000 4299e2b3 00800000
   db9cd6d9f4a55dbc2708a2ce5806b996 0200000000000000 0f 74696e796b762e6279746577697365
   000000000000000000000000000000000000000000000000
   335588d9 1500 01 02000000 0000000000000000 0100000000000000 01000000 0103666f6f 03626172
   922b3aa9 1800 11 02000000 9b00000000000000 0100000000000000 0100000000000000 9a00000000000000`.replaceAll(/\s/g, ""),
  "hex",
);

function frame(encoder: LogEncoder, limit?: number): FramedLog {
  return frameLog(encoder.bytes, 6, "wal", limit);
}

function wal(): LogEncoder {
  return new LogEncoder("wal", { fileNumber: 6 });
}

const HEADER = wal().bytes.length;

test("the log that docs/formats.md dumps is framed as it says", () => {
  const log = frameLog(DUMPED, 2, "wal");
  expect(log.header).toEqual({
    tag: 0xb3e29942,
    blockSize: 32_768,
    databaseId: "db9cd6d9f4a55dbc2708a2ce5806b996",
    fileNumber: 2,
    comparatorName: "tinykv.bytewise",
    predecessorNumber: 0,
    predecessorSize: 0,
    lastSequenceBefore: 0,
    fieldsEnd: 115,
    end: 115,
  });
  expect(log.records.map(({ offset, end, syncedOffset }) => [offset, end, syncedOffset])).toEqual([[115, 155, 0]]);
  expect(log.cleanEnd).toEqual({
    offset: 155,
    end: 198,
    syncedOffset: 155,
    lastSequence: 1,
    manifestNumber: 1,
    manifestSize: 154,
  });
  expect([log.size, log.end, log.promise]).toEqual([
    155,
    { offset: 198, kind: "cleanEnd", problem: undefined, problemOffset: 198 },
    undefined,
  ]);
});

test("a log of the engine holds one record a write, whole over block borders", () => {
  const store = new MemoryStore();
  const values = Array.from({ length: 60 }, (_, i) => Buffer.alloc((i * 37) % 1100, i));
  store.session(
    (db) => {
      for (const [i, value] of values.entries()) db.put(`k${i}`, value);
    },
    { ...SMALL, writeBufferSize: 1 << 20 },
  );
  const log = frameLog(bytesOf(store.image(), "000002.log"), 2, "wal");
  expect(log.records.length).toBe(60);
  for (const [i, value] of values.entries())
    expect(Buffer.from(log.records[i]!.payload.slice(-value.length || Infinity))).toEqual(value);
  expect(log.cleanEnd?.lastSequence).toBe(60);
  for (const { offset, syncedOffset } of log.records.slice(1)) expect(syncedOffset).toBeGreaterThan(offset - 1200);
});

test("every flipped bit of a log ends it before the damage, or makes its header invalid; nothing throws", () => {
  const store = new MemoryStore();
  store.session(busySession);
  const image = store.image();
  const [name] = namesWith(image, ".log");
  const bytes = bytesOf(image, name!);
  const number = Number.parseInt(name!, 10);
  const whole = frameLog(bytes, number, "wal");
  for (let offset = 0; offset < bytes.length; offset++) {
    const log = frameLog(flipped(bytes, offset, offset % 8), number, "wal");
    if (offset < whole.header!.end) expect(log.headerProblem).toBeDefined();
    else expect([log.cleanEnd, log.end.offset <= offset && log.size <= offset]).toEqual([undefined, true]);
  }
  for (let length = 0; length < bytes.length; length++) {
    const log = frameLog(bytes.subarray(0, length), number, "wal");
    expect([log.size <= length, log.end.offset <= length]).toEqual([true, true]);
  }
});

test("a record in pieces is joined; one that is cut short ends the log where it begins", () => {
  const first = { type: 2, payload: Buffer.from("ab") };
  const middle = { type: 3, payload: Buffer.from("cd") };
  const last = { type: 4, payload: Buffer.from("e") };
  const joined = frame(
    wal()
      .add(first)
      .add(middle)
      .add({ type: 146, payload: Buffer.alloc(3) })
      .add(last),
  );
  expect(joined.records.map(({ payload }) => Buffer.from(payload).toString())).toEqual(["abcde"]);
  const cut = frame(wal().full("x").add(first).add(middle));
  expect([cut.size, cut.end.offset, cut.end.problemOffset - cut.end.offset]).toEqual([HEADER + 20, HEADER + 20, 42]);
  for (const wrong of [last, middle]) expect(frame(wal().add(wrong)).end.problem).toMatch(/without its FIRST/);
  for (const wrong of [first, { type: 1, payload: Buffer.alloc(0) }])
    expect(frame(wal().add(first).add(wrong)).end.problem).toMatch(/without its LAST/);
  expect(frame(wal().add(first).cleanEnd(1, 1, 1)).end.problem).toMatch(/without its LAST/);
});

test("each way in which a chunk is bad ends the log at it", () => {
  const good = (): LogEncoder => wal().full("x");
  const at = HEADER + 20;
  const chunk = (number: number, tag: number, fields = {}): Buffer =>
    encodeChunk({ type: 1, payload: Buffer.from("y"), ...fields }, at, number, tag);
  const cases: [LogEncoder, string][] = [
    [good(), "end of file"],
    [good().raw(Buffer.alloc(18)), "cut short"],
    [good().raw(Buffer.alloc(60)), "log number"],
    [good().raw(chunk(7, 0x1234_5678)), "log number"],
    [good().raw(chunk(6, 0x1234_5679)), "checksum"],
    [good().add({ type: 16, payload: Buffer.alloc(0) }), "type"],
    [good().add({ type: 5, payload: Buffer.alloc(0) }), "type"],
    [good().add({ type: 1, payload: Buffer.alloc(500) }), "reaches beyond its block or the file"],
    [good().add({ type: 1, syncedOffset: at + 1, payload: Buffer.alloc(0) }), "synced offset beyond the chunk"],
    [good().add({ type: 17, payload: Buffer.alloc(23) }), "CLEAN END that is not 24 bytes of integers"],
    [good().add({ type: 17, payload: Buffer.alloc(24, 255) }), "CLEAN END that is not 24 bytes of integers"],
  ];
  for (const [encoder, problem] of cases) {
    const log = frame(encoder);
    expect([log.end.problem, log.end.offset, log.records.length]).toEqual([problem, at, 1]);
  }
});

test("chunks of types from 128 on are passed over; what follows is read", () => {
  const log = frame(
    wal()
      .add({ type: 200, payload: Buffer.from("later") })
      .full("x"),
  );
  expect([log.records.length, log.passedOver.map(({ type }) => type)]).toEqual([1, [200]]);
});

test("padding of up to 18 zeros is passed, and must be zero and all there", () => {
  for (let left = 0; left <= 18; left++) {
    const encoder = wal();
    encoder.full(Buffer.alloc(512 - HEADER - 19 - left));
    const end = encoder.bytes.length;
    expect(frameLog(Buffer.concat([encoder.bytes, Buffer.alloc(left)]), 6, "wal").end.offset).toBe(512);
    if (left > 0) {
      const cut = frameLog(Buffer.concat([encoder.bytes, Buffer.alloc(left - 1)]), 6, "wal");
      expect([cut.end.offset, cut.end.problem]).toEqual([end, left > 1 ? "padding cut short" : "end of file"]);
      const dirty = Buffer.concat([encoder.bytes, Buffer.alloc(left), Buffer.alloc(60)]);
      dirty[end + left - 1] = 1;
      expect(frameLog(dirty, 6, "wal").end).toMatchObject({ offset: end, problem: "padding is not zero" });
    }
    expect(frame(encoder.raw(Buffer.alloc(left)).full("next")).records.length).toBe(2);
  }
});

test("a valid chunk behind the end is a promise if it witnesses bytes beyond it", () => {
  const at = HEADER + 20;
  for (const junk of [1, 30, 600]) {
    const behind = (syncedOffset: number): FramedLog =>
      frame(wal().full("x").raw(Buffer.alloc(junk, 3)).full("y", syncedOffset));
    expect(behind(at).promise).toBeUndefined();
    expect(behind(at).tail.chunks.length).toBe(1);
    expect(behind(at + 1).promise).toEqual({ offset: at + junk, syncedOffset: at + 1 });
  }
  // In a later block the chain is followed from its start, and behind its break every byte is tried.
  const later = wal()
    .raw(Buffer.alloc(1024 - HEADER, 3))
    .full("y", HEADER)
    .raw(Buffer.alloc(5, 9))
    .full("z", 1000);
  expect(frame(later).promise).toEqual({ offset: 1024 + 20 + 5, syncedOffset: 1000 });
});

test("a limit ends a log exactly there; CLEAN END before it is bad", () => {
  const encoder = wal().full("one").full("two");
  const first = frame(encoder).records[0]!.end;
  expect(frame(encoder, first)).toMatchObject({ size: first, end: { kind: "limit", offset: first } });
  expect(frame(encoder, first).records.length).toBe(1);
  expect(frame(encoder, HEADER)).toMatchObject({ size: HEADER, end: { kind: "limit" } });
  expect(frame(encoder, first + 1)).toMatchObject({ size: first, end: { kind: "bad" } });
  expect(frame(encoder, HEADER - 1).end.kind).toBe("bad");
  const pieces = wal()
    .add({ type: 2, payload: Buffer.from("a") })
    .add({ type: 4, payload: Buffer.from("b") });
  expect(frame(pieces, HEADER + 20)).toMatchObject({ size: HEADER, end: { kind: "bad", offset: HEADER } });
  expect(frame(encoder.cleanEnd(2, 1, 1), encoder.bytes.length).end.problem).toMatch(/CLEAN END before/);
});

test("what follows CLEAN END is not read", () => {
  const log = frame(wal().full("x").cleanEnd(1, 2, 3).full("y", HEADER));
  expect(log).toMatchObject({ end: { kind: "cleanEnd", offset: HEADER + 63 }, promise: undefined, size: HEADER + 20 });
  expect(log.records.length).toBe(1);
});

test("a file without a header promises something only by a chunk of its number that witnesses more than a header", () => {
  const encoder = wal().full("x").full("y", HEADER);
  const bytes = Buffer.from(encoder.bytes);
  bytes.fill(0, 0, HEADER);
  expect(frameLog(bytes, 6, "wal").promise).toEqual({ offset: HEADER + 20, syncedOffset: HEADER });
  expect(frameLog(bytes, 7, "wal").promise).toBeUndefined();
  expect(frameLog(bytes.subarray(0, HEADER + 30), 6, "wal").promise).toBeUndefined();
  expect(frameLog(new Uint8Array(3000), 6, "wal").promise).toBeUndefined();
  const little = wal().full("y", 100).bytes.fill(0, 0, HEADER);
  expect(frameLog(little, 6, "wal").promise).toBeUndefined();
});

test("headers of later versions are unsupported, other wrong ones hold nothing", () => {
  const again = (change: (payload: Buffer) => unknown): FramedLog => {
    const payload = Buffer.from(wal().bytes.subarray(19));
    change(payload);
    return frameLog(encodeChunk({ type: 16, payload }, 0, 6, 0), 6, "wal");
  };
  expect(again((payload) => payload).header).toBeDefined();
  expect(again((payload) => payload.writeUInt32LE(2, 4)).unsupported).toBe(true);
  expect(again((payload) => payload.writeUInt8(1, 15)).unsupported).toBe(true);
  const wrong: [RegExp, (payload: Buffer) => unknown][] = [
    [/magic/, (payload) => payload.write("TKVM")],
    [/format version 0/, (payload) => payload.writeUInt32LE(0, 4)],
    [/tag 0/, (payload) => payload.writeUInt32LE(0, 24)],
    [/block size 513/, (payload) => payload.writeUInt32LE(513, 28)],
    [/block size 65536/, (payload) => payload.writeUInt32LE(65_536, 28)],
    [/file number 8/, (payload) => payload.writeUInt8(8, 48)],
    [/comparator name/, (payload) => payload.writeUInt8(0, 56)],
    [/predecessor 6/, (payload) => payload.set(u64(6), 72)],
    [/2\^53-1/, (payload) => payload.fill(255, 80, 88)],
  ];
  for (const [problem, change] of wrong) {
    const log = again(change);
    expect([log.header, log.unsupported]).toEqual([undefined, false]);
    expect(log.headerProblem).toMatch(problem);
  }
});

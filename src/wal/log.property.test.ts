import * as fc from "fast-check";
import { expect, test } from "vitest";
import { LogWriter } from "./log-writer.ts";
import { MemoryFile, parseLog, payloadOf, readLog, testHeader, textsOf, type ParsedChunk } from "./log-testing.ts";

const TAG = testHeader().tag;

type Step = { readonly append: number } | "sync" | "late sync" | "clean end";

interface Written {
  readonly bytes: Buffer;
  readonly payloads: readonly string[];
  readonly chunks: readonly ParsedChunk[];
  readonly blockSize: number;
}

function write(blockSize: number, steps: readonly Step[], over: Uint8Array): Written {
  const file = new MemoryFile(over);
  const writer = LogWriter.create(file, testHeader({ blockSize }));
  const payloads: Uint8Array[] = [];
  let earlier = writer.size;
  let end = writer.size;
  for (const step of steps) {
    if (step === "sync") writer.sync("log.write");
    else if (step === "late sync") writer.noteSynced(earlier);
    else if (step === "clean end") {
      writer.appendCleanEnd({ lastSequence: 1, manifestNumber: 2, manifestSize: 3 });
      end = writer.size + 19 + 24 + 512;
      break;
    } else {
      earlier = writer.size;
      payloads.push(payloadOf(step.append, payloads.length));
      writer.append(payloads.at(-1)!);
      end = writer.size;
    }
  }
  const bytes = file.bytes;
  return { bytes, payloads: textsOf(payloads), chunks: chunksUpTo(bytes, blockSize, end), blockSize };
}

/** The chunks of this life; behind them may stand anything. */
function chunksUpTo(bytes: Buffer, blockSize: number, end: number): ParsedChunk[] {
  for (let to = Math.min(end, bytes.length); ; to--) {
    try {
      return parseLog(bytes.subarray(0, to), TAG, blockSize);
    } catch {
      if (to === 0) throw new Error("not even a header");
    }
  }
}

type Mutation = (bytes: Buffer, blockSize: number) => Buffer;

/** `a`, `b` and `c` are fractions of what they choose from. */
const MUTATIONS: Record<string, (a: number, b: number, c: number) => Mutation> = {
  none: () => (bytes) => bytes,
  flip: (a, b) => (bytes) => fillAt(bytes, a * bytes.length, 1, (at) => bytes[at]! ^ (1 + Math.floor(b * 255))),
  zero: (a, b) => (bytes) => fillAt(bytes, a * bytes.length, b * bytes.length, () => 0),
  noise: (a, b, c) => (bytes) => fillAt(bytes, a * bytes.length, b * 600, (at) => (at * 2654435761 * (c + 1)) >>> 11),
  cut: (a) => (bytes) => bytes.subarray(0, Math.floor(a * bytes.length)),
  grow: (a, b) => (bytes) => Buffer.concat([bytes, Buffer.alloc(Math.floor(a * 2000), Math.floor(b * 255))]),
  repeat: (a, b) => (bytes) =>
    Buffer.concat([bytes, bytes.subarray(Math.floor(a * bytes.length), Math.floor(a * bytes.length + b * 900))]),
  remove: (a, b) => (bytes) =>
    Buffer.concat([
      bytes.subarray(0, Math.floor(a * bytes.length)),
      bytes.subarray(Math.floor(a * bytes.length + 1 + b * 600)),
    ]),
  move: (a, b, c) => (bytes) => bytes.copyWithin(c * bytes.length, a * bytes.length, (a + b * (1 - a)) * bytes.length),
  swapBlocks: (a, b) => (bytes, blockSize) => {
    const blocks = Math.floor(bytes.length / blockSize);
    const [i, j] = [Math.floor(a * blocks) * blockSize, Math.floor(b * blocks) * blockSize];
    const kept = Buffer.from(bytes);
    if (blocks === 0) return bytes;
    bytes.set(kept.subarray(i, i + blockSize), j);
    bytes.set(kept.subarray(j, j + blockSize), i);
    return bytes;
  },
};

function fillAt(bytes: Buffer, from: number, length: number, value: (at: number) => number): Buffer {
  const start = Math.floor(from);
  for (let at = start; at < Math.min(bytes.length, start + Math.ceil(length)); at++) bytes[at] = value(at) & 0xff;
  return bytes;
}

const fraction = fc.double({ min: 0, max: 0.999999, noNaN: true });
const length = fc.oneof(
  fc.nat(60),
  fc.nat(1600),
  fc.integer({ min: 330, max: 512 }),
  fc.constantFrom(0, 474, 493, 986),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ append: length }) },
  { weight: 3, arbitrary: fc.constant("sync" as const) },
  { weight: 1, arbitrary: fc.constant("late sync" as const) },
  { weight: 1, arbitrary: fc.constant("clean end" as const) },
);
const mutation = fc.tuple(fc.constantFrom(...Object.keys(MUTATIONS)), fraction, fraction, fraction);
// What an earlier life left: other chunks of the same number, at the same places.
const before = fc.constantFrom(0, 1, 2).map((kind) => {
  if (kind === 0) return new Uint8Array(0);
  const file = new MemoryFile();
  const writer = LogWriter.create(file, testHeader({ tag: 5 }));
  for (let i = 0; i < 20; i++) {
    writer.append(payloadOf(i * 17 * kind, 9));
    writer.sync("log.write");
  }
  return file.bytes;
});

function isSubsequence(part: readonly string[], whole: readonly string[]): boolean {
  let at = 0;
  for (const item of part) {
    at = whole.indexOf(item, at) + 1;
    if (at === 0) return false;
  }
  return true;
}

function mutate(written: Written, [name, a, b, c]: [string, number, number, number]): Buffer {
  return MUTATIONS[name]!(a, b, c)(Buffer.from(written.bytes), written.blockSize);
}

/** Whether a chunk still stands as it was written. */
function isIntact({ offset, payload }: ParsedChunk, written: Written, bytes: Buffer): boolean {
  const end = offset + 19 + payload.length;
  return bytes.subarray(offset, end).equals(written.bytes.subarray(offset, end));
}

const log = fc.record({
  blockSize: fc.constantFrom(512, 1024, 32_768),
  steps: fc.array(step, { maxLength: 25 }),
  over: before,
});

test("after any one mutation the reader returns a prefix of what was written, and finds a promise exactly if one is intact", () => {
  fc.assert(
    fc.property(log, mutation, ({ blockSize, steps, over }, change) => {
      const written = write(blockSize, steps, over);
      const bytes = mutate(written, change);
      const { payloads, end, reader } = readLog(bytes);
      expect(payloads).toEqual(written.payloads.slice(0, payloads.length));
      expect(change[0] !== "none" || payloads.length === written.payloads.length).toBe(true);
      if (end.kind !== "bad") return;
      const promise = reader.header ? reader.promiseBeyond(end.offset) : reader.headerlessPromise();
      const witness = written.chunks.find(
        (chunk) => chunk.offset >= end.offset && chunk.synced > end.offset && isIntact(chunk, written, bytes),
      );
      // Without a header no checksum can be verified: then a chunk with a flipped bit, or a copy of one, may count too.
      const exact = reader.header !== undefined;
      expect(exact ? promise : promise !== undefined || !witness).toEqual(
        exact ? witness && { at: witness.offset, syncedOffset: witness.synced } : true,
      );
    }),
    { numRuns: 900 },
  );
});

test("after any one mutation salvage returns a subsequence of what was written, with every record that is intact", () => {
  fc.assert(
    fc.property(log, mutation, ({ blockSize, steps, over }, change) => {
      const written = write(blockSize, steps, over);
      const bytes = mutate(written, change);
      const plain = readLog(bytes);
      const { payloads, gaps, reader } = readLog(bytes, { salvage: true });
      expect(isSubsequence(payloads, written.payloads)).toBe(true);
      expect(payloads.slice(0, plain.payloads.length)).toEqual(plain.payloads);
      const whole = written.chunks.filter((chunk) => chunk.type === 1 && isIntact(chunk, written, bytes));
      expect(payloads.length).toBeGreaterThanOrEqual(reader.header ? whole.length : 0);
      let at = 0;
      for (const gap of gaps) {
        expect(gap.offset).toBeGreaterThanOrEqual(at);
        expect(gap.length).toBeGreaterThan(0);
        at = gap.offset + gap.length;
      }
      expect(at).toBeLessThanOrEqual(bytes.length);
    }),
    { numRuns: 1000 },
  );
});

test("any bytes behind a header, and any bytes at all, are read without an error", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), fc.boolean(), fc.boolean(), (noise, behindHeader, salvage) => {
      const start = behindHeader ? write(512, [], new Uint8Array(0)).bytes : Buffer.alloc(0);
      const read = readLog(Buffer.concat([start, noise]), { salvage });
      expect(read.payloads).toEqual([]);
      expect(read.end.kind).toBe("bad");
    }),
    { numRuns: 1000 },
  );
});

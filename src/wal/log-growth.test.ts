// A log that is synced often is longer than what stands in it, so that its syncs find the file's size unchanged.

import { expect, test } from "vitest";
import { LogWriter } from "./log-writer.ts";
import { MemoryFile, readLog, testHeader } from "./log-testing.ts";

const STEP = 4096;

interface Growing {
  readonly file: MemoryFile;
  readonly log: LogWriter;
  /** Appends a record and syncs it; the length of the file at the sync. */
  put(text: string): number;
}

function growing(file: MemoryFile = new MemoryFile()): Growing {
  const log = LogWriter.create(file, testHeader());
  const put = (text: string): number => {
    log.append(Buffer.from(text));
    log.growAhead(STEP);
    log.sync("log.write");
    return file.bytes.length;
  };
  return { file, log, put };
}

const texts = (count: number): string[] => Array.from({ length: count }, (_, i) => `record ${i + 100}`);

test("a log that is hardly synced is as long as what stands in it", () => {
  const { log, put } = growing();
  for (const text of texts(3)) expect(put(text)).toBe(log.size);
});

test("from the fourth sync on the length changes once a step, before the sync of what goes beyond it", () => {
  const { file, log, put } = growing();
  const lengths = texts(400).map(put);
  expect(new Set(lengths.slice(3)).size).toBe(file.truncates);
  expect(file.truncates).toBeLessThanOrEqual(Math.ceil(log.size / STEP));
  expect(file.truncates).toBeGreaterThan(2);
  expect(lengths.every((length, i) => i < 3 || length >= log.header.blockSize)).toBe(true);
  expect(file.bytes.length).toBeLessThanOrEqual(log.size + STEP);
});

test("G2: what was never written behind the last record is a tear, and all records are there", () => {
  const { file, put } = growing();
  texts(50).forEach(put);
  const { payloads, end } = readLog(file.bytes);
  expect(payloads).toEqual(texts(50));
  expect(end.kind).toBe("bad");
});

test("a recycled file is not made longer before its earlier life's length is used up", () => {
  const { file, put } = growing(new MemoryFile(Buffer.alloc(2000, 0xee)));
  for (const text of texts(20)) expect(put(text)).toBe(2000);
  texts(60).forEach(put);
  expect(file.truncates).toBe(1);
});

test("a file that cannot be made longer is left alone for good, and is written and synced as before", () => {
  const { file, log } = growing();
  file.failTruncate = new Error("no");
  let failures = 0;
  for (const text of texts(30)) {
    log.append(Buffer.from(text));
    try {
      log.growAhead(STEP);
    } catch {
      failures++;
    }
    log.sync("log.write");
  }
  expect([failures, file.truncates]).toEqual([1, 1]);
  expect(file.bytes.length).toBe(log.size);
  expect(readLog(file.bytes).records).toHaveLength(30);
});

import fc from "fast-check";
import { BARRIERS, type OpenMode } from "tinykv/env";
import { expect, test } from "vitest";
import { parseTrace, printTrace, traceHash, TraceSyntaxError } from "./trace-file.ts";
import type { CallKind, Trace, TraceCall, TraceEvent } from "./trace.ts";

const natural = fc.oneof(fc.nat(), fc.maxSafeNat());
const path = fc.oneof(fc.constantFrom("/d/store/CURRENT", "", "-", "error=x"), fc.string({ unit: "grapheme" }));
const barrier = fc.constantFrom(...BARRIERS);
const bytes = fc.uint8Array({ maxLength: 100 });
const named = { path };
const renamed = { from: path, to: path };
const opened = { file: natural };

const fields: Record<CallKind, Record<string, fc.Arbitrary<unknown>>> = {
  open: { path, mode: fc.constantFrom<OpenMode>("r", "rw", "wx"), file: natural },
  close: opened,
  read: { file: natural, position: natural, count: natural },
  write: { file: natural, position: natural, bytes },
  truncate: { file: natural, size: natural },
  size: opened,
  sync: { file: natural, barrier },
  syncBegin: { file: natural, barrier, sync: natural },
  syncEnd: { sync: natural },
  makeDirectory: named,
  removeDirectory: named,
  readDirectory: named,
  stat: named,
  rename: renamed,
  link: renamed,
  unlink: named,
  syncDirectory: { path, barrier },
  lock: named,
  release: named,
  now: {},
  sleep: {},
  randomBytes: { count: natural },
};

const ended = {
  error: fc.oneof(fc.constantFrom("EIO", "TINYKV_LOCKED", ""), fc.string({ unit: "grapheme" })),
  applied: fc.constantFrom("none", "part", "whole"),
};

const calls = Object.entries(fields).map(([call, model]) => {
  const required = ["call", ...Object.keys(model)];
  return fc.record({ call: fc.constant(call), ...model, ...ended }, { requiredKeys: required as "call"[] });
});
const begin = fc.record({ mark: fc.constant("begin"), op: natural });
const end = fc.record({ mark: fc.constant("end"), op: natural, acknowledged: fc.boolean() });
const event = fc.oneof(begin, end, ...calls) as unknown as fc.Arbitrary<TraceEvent>;
const traces = fc.array(event, { maxLength: 30 });

const TRACE: Trace = [
  { mark: "begin", op: 7 },
  { call: "lock", path: "/d/LOCK" },
  { call: "open", path: "/d/LOCK", mode: "rw", file: 1 },
  { call: "open", path: "/d/a b", mode: "wx", file: 2 },
  { call: "write", file: 1, position: 0, bytes: Buffer.from("pid") },
  { call: "write", file: 2, position: 0, bytes: Buffer.from("abc"), applied: "part" },
  { call: "syncBegin", file: 1, barrier: "log.write", sync: 1 },
  { call: "sync", file: 2, barrier: "log.write", error: "EIO", applied: "part" },
  { call: "syncEnd", sync: 1 },
  { call: "rename", from: "/d/LOCK", to: "/d/b" },
  { mark: "end", op: 7, acknowledged: false },
];

const TEXT = `# tinykv-trace v1
begin 7
lock /d/LOCK
open 1 rw /d/LOCK
open 2 wx /d/a\\x20b
write 1 0 cGlk
write 2 0 YWJj applied=part
syncBegin 1 log.write 1
sync 2 log.write error=EIO applied=part
syncEnd 1
rename /d/LOCK /d/b
end 7 failed
`;

const isLock = (path: string): boolean => path.endsWith("LOCK");

test("a trace is read as it was written", () => {
  fc.assert(
    fc.property(traces, (trace) => {
      const text = printTrace(trace);
      expect(text.split("\n")).toHaveLength(trace.length + 2);
      expect(text).toMatch(/^[ -~\n]*$/);
      expect(parseTrace(text)).toEqual(trace.map((event) => ({ ...event }))); // fast-check's records have no prototype
    }),
    { numRuns: 500 },
  );
});

test("the text is the one that the files of past failures have", () => {
  expect(printTrace(TRACE)).toBe(TEXT);
  expect(printTrace(parseTrace(TEXT))).toBe(TEXT);
});

test("empty lines and comments are skipped, line ends may be those of Windows", () => {
  const text = TEXT.replaceAll("\n", "\r\n# comment\r\n\r\n");
  expect(printTrace(parseTrace(text))).toBe(TEXT);
});

test("a line that printTrace does not write is an error that names the line", () => {
  const wrong = [
    "opn 1 r /a",
    "open 1 r",
    "open 1 a /a",
    "open x r /a",
    "open 1 r /a more",
    "close",
    "close 1 ",
    "close  1",
    "close 01",
    "close 1.5",
    "close 9007199254740992",
    "close 1 error=\\",
    "close 1 applied=some",
    "close 1 applied=none error=EIO",
    "close 1 error=EIO error=EIO",
    "write 1 0 YW",
    "write 1 0 Y!Jj",
    "write 1 0",
    "sync 1 log.writ",
    "stat /a\\",
    "stat é",
    "end 1",
    "end 1 maybe",
    "begin 1 error=EIO",
    "__proto__ 1",
    " ",
  ];
  for (const line of wrong) {
    const parse = (): unknown => parseTrace(`# tinykv-trace v1\nnow\n${line}\n`);
    expect(parse, line).toThrow(TraceSyntaxError);
    expect(parse, line).toThrow(/^line 3: /);
  }
});

test("any text is a trace or a TraceSyntaxError", () => {
  const changed = fc.tuple(fc.nat({ max: TEXT.length }), fc.string({ maxLength: 3 }), fc.nat({ max: 5 }));
  fc.assert(
    fc.property(changed, ([at, inserted, removed]) => {
      const text = TEXT.slice(0, at) + inserted + TEXT.slice(at + removed);
      try {
        const trace = parseTrace(text);
        expect(parseTrace(printTrace(trace))).toEqual(trace);
      } catch (error) {
        expect(error).toBeInstanceOf(TraceSyntaxError);
      }
    }),
    { numRuns: 500 },
  );
});

test("a trace of another version, or none at all, is refused at line 1", () => {
  for (const text of ["", "# tinykv-trace v2\n", "# tinykv-ops v1\n", "now\n"]) {
    expect(() => parseTrace(text)).toThrow(/^line 1: /);
  }
});

test("equal traces have equal hashes, and every event and its every field counts", () => {
  fc.assert(
    fc.property(traces, traces, (one, other) => {
      expect(traceHash(one) === traceHash(other)).toBe(printTrace(one) === printTrace(other));
      expect(traceHash(parseTrace(printTrace(one)))).toBe(traceHash(one));
    }),
  );
  const hashes = TRACE.map((_, i) => traceHash(TRACE.toSpliced(i, 1)));
  expect(new Set([...hashes, traceHash(TRACE)]).size).toBe(TRACE.length + 1);
});

test("what belongs to an ignored path is left out of the hash: its calls, its files' calls, their syncs", () => {
  const rest = TRACE.filter((event) => {
    if ("mark" in event) return true;
    return "file" in event ? event.file === 2 : false;
  });
  expect(rest).toHaveLength(5);
  expect(traceHash(TRACE, isLock)).toBe(traceHash(rest));
  expect(traceHash(TRACE, isLock)).not.toBe(traceHash(TRACE));
});

test("an ignored file's number says nothing about other files", () => {
  const written: TraceCall = { call: "write", file: 2, position: 0, bytes: Buffer.from("xyz") };
  expect(traceHash([...TRACE, written], isLock)).not.toBe(traceHash(TRACE, isLock));
});

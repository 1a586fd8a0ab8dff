import { expect, test } from "vitest";
import type { TraceCall, TraceEvent } from "tinykv/harness";
import { FailStopCheck, failStopProblems } from "./fail-stop-check.ts";

const LOG = "/d/store/000002.log";
const TABLE = "/d/store/000003.sst";

const lock: TraceEvent = { call: "lock", path: "/d/store/LOCK" };
const release: TraceEvent = { call: "release", path: "/d/store/LOCK" };
const open = (path: string, file: number, mode: "r" | "rw" | "wx" = "wx"): TraceCall => ({
  call: "open",
  path,
  mode,
  file,
});
const sync = (file: number, error?: string): TraceCall => ({
  call: "sync",
  file,
  barrier: "log.write",
  ...(error !== undefined && { error }),
});
const write = (file: number): TraceCall => ({ call: "write", file, position: 0, bytes: new Uint8Array(1) });
const syncDirectory = (path: string, error?: string): TraceCall => ({
  call: "syncDirectory",
  path,
  barrier: "flush.directory",
  ...(error !== undefined && { error }),
});

function problemsOf(...trace: TraceEvent[]): readonly string[] {
  return failStopProblems([lock, ...trace]);
}

test("a run without a failed sync has no problem", () => {
  expect(problemsOf(open(LOG, 1), write(1), sync(1), write(1), sync(1), syncDirectory("/d/store"), release)).toEqual(
    [],
  );
});

const syncBegin = (file: number, n = 1): TraceCall => ({ call: "syncBegin", file, barrier: "log.group", sync: n });
const syncEnd = (error?: string, n = 1): TraceCall => ({
  call: "syncEnd",
  sync: n,
  ...(error !== undefined && { error }),
});

test("an asynchronous sync fails when it ends: from then on nothing is written or synced, what is under way may end", () => {
  const second = [open(LOG, 1), open(LOG, 2, "rw"), syncBegin(2), write(1), sync(1), syncBegin(2, 2)];
  expect(problemsOf(...second, syncEnd(), syncEnd(undefined, 2), write(1))).toEqual([]);
  expect(problemsOf(...second, syncEnd("EIO"), syncEnd(undefined, 2), release)).toEqual([]);
  expect(problemsOf(...second, syncEnd("EIO"), write(1))).toHaveLength(1);
  expect(problemsOf(...second, syncEnd("EIO"), syncBegin(2, 3))).toHaveLength(2);
  expect(problemsOf(...second, syncEnd("EIO"), release, lock, sync(1))).toHaveLength(1);
});

test("a failed sync and then nothing but closing is right", () => {
  expect(problemsOf(open(LOG, 1), sync(1, "EIO"), { call: "close", file: 1 }, release)).toEqual([]);
});

test("a failed sync that is tried again is found, through another descriptor and in a later session too", () => {
  const failed = [open(LOG, 1), sync(1, "EIO")];
  expect(problemsOf(...failed, sync(1))).toHaveLength(2);
  expect(problemsOf(...failed, release, lock, open(LOG, 2, "rw"), sync(2))).toEqual([
    `log.write syncs ${LOG} although log.write failed for it`,
  ]);
});

test("a file of the same name in a new life may be synced", () => {
  const unlink: TraceEvent = { call: "unlink", path: LOG };
  expect(problemsOf(open(LOG, 1), sync(1, "EIO"), release, lock, unlink, open(LOG, 2), sync(2))).toEqual([]);
});

test("a rename keeps what failed, of a file and of the files of a directory", () => {
  const renamed = (from: string, to: string): TraceEvent => ({ call: "rename", from, to });
  const later = [release, lock];
  const file = [renamed(LOG, "/d/store/000009.log"), open("/d/store/000009.log", 2, "rw"), sync(2)];
  expect(problemsOf(open(LOG, 1), sync(1, "EIO"), ...later, ...file)).toHaveLength(1);
  const moved = [renamed("/d/store", "/d/other"), open("/d/other/000002.log", 2, "rw"), sync(2)];
  expect(problemsOf(open(LOG, 1), sync(1, "EIO"), release, ...moved)).toHaveLength(1);
});

test.each([
  ["write", write(2)],
  ["truncate", { call: "truncate", file: 2, size: 0 }],
  ["sync of another file", sync(2)],
  ["unlink", { call: "unlink", path: TABLE }],
  ["creation", open("/d/store/000007.sst", 7)],
  ["rename", { call: "rename", from: "/d/store/CURRENT.tmp", to: "/d/store/CURRENT" }],
  ["sync of the directory", syncDirectory("/d/store")],
] as [string, TraceEvent][])("after a failed sync a %s is found, until the lock is given up", (_, event) => {
  for (const failed of [sync(1, "EIO"), syncDirectory("/d/store", "EIO")]) {
    const before = [open(LOG, 1), open(TABLE, 2), failed];
    expect(problemsOf(...before, event)).toHaveLength(1);
    expect(problemsOf(...before, release, lock, event)).toEqual([]);
  }
});

test("a table whose sync failed does not stop the store, but it is not synced again", () => {
  const failed = [open(LOG, 1), open(TABLE, 2), sync(2, "EIO")];
  expect(problemsOf(...failed, write(1), sync(1), { call: "unlink", path: TABLE })).toEqual([]);
  expect(problemsOf(...failed, sync(2))).toHaveLength(1);
});

test("what fails in the directory of a checkpoint is no matter of the store", () => {
  const copy = "/d/copy.tmp/000002.log";
  expect(
    problemsOf(open(LOG, 1), open(copy, 2), sync(2, "EIO"), syncDirectory("/d", "EIO"), write(1), sync(1)),
  ).toEqual([]);
});

test("a kill forgives the store, not the file", () => {
  const check = new FailStopCheck();
  for (const event of [lock, open(LOG, 1), open(TABLE, 2), sync(1, "EIO")]) check.note(event);
  expect(check.isStopped("/d/store")).toBe(true);
  const next = check.afterKill();
  for (const event of [lock, open(TABLE, 1, "rw"), sync(1)]) next.note(event);
  expect(next.problems).toEqual([]);
  for (const event of [open(LOG, 2, "rw"), sync(2)]) next.note(event);
  expect(next.problems).toHaveLength(1);
});

// Writes that failed and may have happened all the same, and writes in flight.

import { expect, test } from "vitest";
import { numbered } from "./arbitraries.ts";
import { keyBytes, type Key } from "./keys.ts";
import { changesOf, isWrite, type Op, type WriteOp } from "./op.ts";
import { Oracle, type Verdict } from "./oracle.ts";
import type { RecoveredEntry } from "./recovered.ts";
import { expandValue, type ValueRef } from "./values.ts";

function writes(...ops: Op[]): WriteOp[] {
  return numbered(ops).filter(isWrite);
}

const put = (key: Key, sync = false): Op => ({
  id: 0,
  kind: "put",
  key,
  value: { incarnation: 0, id: 0, length: 24 },
  sync,
});
const del = (key: Key): Op => ({ id: 0, kind: "delete", key, sync: false });
const range = (from: Key, to: Key): Op => ({ id: 0, kind: "deleteRange", from, to, sync: false });
const later = (key: Key, tag: string): Op => ({ ...put(key, true), kind: "putAsync", tag }) as Op;

/** The state that a list of writes makes. */
function made(...ops: WriteOp[]): RecoveredEntry[] {
  const state = new Map<Key, ValueRef>();
  for (const change of ops.flatMap(changesOf)) {
    if (change.kind === "put") state.set(change.key, change.value);
    else if (change.kind === "delete") state.delete(change.key);
    else for (const key of state.keys()) if (key >= change.from && key < change.to) state.delete(key);
  }
  const keys = [...state.keys()].sort();
  return keys.map((key) => [keyBytes(key), expandValue(key, state.get(key)!)]);
}

function resultOf(verdict: Verdict): string {
  return verdict.ok ? "accepted" : verdict.violation.condition;
}

test("a write that was refused never happened", () => {
  const oracle = new Oracle();
  const [a, b] = writes(put("a"), put("b")) as [WriteOp, WriteOp];
  oracle.returned(oracle.issue(a));
  oracle.refused(oracle.issue(b));
  expect(oracle.model.scan().map(([key]) => key)).toEqual(["a"]);
  expect(resultOf(oracle.judge(oracle.window("kill"), made(a)))).toBe("accepted");
  expect(resultOf(oracle.judge(oracle.window("kill"), made(a, b)))).toBe("C4");
});

test("a write that failed is invisible now, and wholly there or wholly not after a reopen", () => {
  const oracle = new Oracle();
  const [a, b, c] = writes(put("a"), put("b"), del("a")) as [WriteOp, WriteOp, WriteOp];
  oracle.returned(oracle.issue(a));
  oracle.failed(oracle.issue(b));
  oracle.failed(oracle.issue(c));
  expect(oracle.model.scan().map(([key]) => key)).toEqual(["a"]);
  const window = oracle.window("kill");
  for (const history of [[a], [a, b], [a, c], [a, b, c]]) {
    expect(oracle.judge(window, made(...history))).toMatchObject({
      ok: true,
      happened: history.length === 1 ? [] : history.slice(1),
    });
  }
  expect(resultOf(oracle.judge(window, made(b)))).toBe("accepted");
});

test("half of a failed batch is a torn write", () => {
  const oracle = new Oracle();
  const changes = [put("b"), put("c")] as never[];
  const [a, b] = writes(put("a"), { id: 0, kind: "batch", sync: true, changes }) as [WriteOp, WriteOp];
  oracle.returned(oracle.issue(a));
  oracle.failed(oracle.issue(b));
  const whole = made(a, b);
  expect(resultOf(oracle.judge(oracle.window("power"), whole))).toBe("accepted");
  expect(resultOf(oracle.judge(oracle.window("power"), whole.slice(0, 2)))).toBe("C6");
});

test("writes go on above an undecided one: it keeps its place, and p its bounds", () => {
  const oracle = new Oracle();
  const [a, b, c, d, e] = writes(put("a", true), range("a", "c"), put("b"), put("a"), put("x"));
  oracle.returned(oracle.issue(a!));
  oracle.failed(oracle.issue(b!));
  oracle.returned(oracle.issue(c!));
  oracle.failed(oracle.issue(d!));
  oracle.returned(oracle.issue(e!));
  expect(oracle.model.writes).toBe(3);
  const power = oracle.window("power");
  const histories = [
    [a],
    [a, b],
    [a, c],
    [a, b, c],
    [a, c, d],
    [a, b, c, d],
    [a, c, e],
    [a, b, c, e],
    [a, b, c, d, e],
  ] as WriteOp[][];
  for (const history of histories) expect(resultOf(oracle.judge(power, made(...history)))).toBe("accepted");
  // e without c, d without c
  for (const history of [
    [a, e],
    [a, d, e],
    [a, b, e],
  ] as WriteOp[][]) {
    expect(oracle.judge(power, made(...history)).ok).toBe(false);
  }
  const kill = oracle.window("kill");
  expect(resultOf(oracle.judge(kill, made(a!, b!, c!, d!, e!)))).toBe("accepted");
  expect(oracle.judge(kill, made(a!, b!, c!)).ok).toBe(false);
});

test("a range deleted above an undecided write takes that with it", () => {
  const oracle = new Oracle();
  const [a, b, c] = writes(put("a"), put("b"), range("a", "c")) as [WriteOp, WriteOp, WriteOp];
  oracle.returned(oracle.issue(a));
  oracle.failed(oracle.issue(b));
  oracle.returned(oracle.issue(c));
  expect(resultOf(oracle.judge(oracle.window("power"), made(a, b)))).toBe("accepted");
  expect(oracle.judge(oracle.window("kill"), made(a, b, c))).toMatchObject({ ok: true, states: [2], happened: [] });
  const keepsB = oracle.judge(oracle.window("kill"), made(b));
  expect(keepsB.ok).toBe(false);
});

test("an acknowledgement moves down with its write when one in flight before it fails", () => {
  const oracle = new Oracle();
  const [a, b] = writes(later("a", "t1"), put("b", true)) as [WriteOp, WriteOp];
  const [first, second] = [oracle.issue(a), oracle.issue(b)];
  oracle.returned(second);
  oracle.failed(first);
  expect(oracle.window("power")).toMatchObject({ least: 1, most: 1 });
  expect(oracle.window("kill")).toMatchObject({ least: 1, most: 1 });
  expect(oracle.checkpointWindow()).toMatchObject({ least: 1, most: 1 });
});

test("once decided a failed write stays decided, through later crashes", () => {
  for (const happened of [true, false]) {
    for (const by of ["open", "resume"] as const) {
      const oracle = new Oracle();
      const [a, b, c] = writes(put("a"), put("b"), put("c")) as [WriteOp, WriteOp, WriteOp];
      oracle.returned(oracle.issue(a));
      oracle.durable();
      oracle.failed(oracle.issue(b));
      const now = happened ? [a, b] : [a];
      const verdict = oracle.judge(oracle.window("kill"), made(...now));
      if (!verdict.ok) throw new Error(verdict.violation.message);
      oracle.adopt(verdict, by);
      expect(oracle.model.scan().length).toBe(now.length);
      oracle.returned(oracle.issue(c));
      const window = oracle.window("power");
      expect(resultOf(oracle.judge(window, made(...now)))).toBe("accepted");
      expect(resultOf(oracle.judge(window, made(...now, c)))).toBe("accepted");
      expect(resultOf(oracle.judge(window, happened ? made(a) : made(a, b)))).toBe(happened ? "C3" : "C19");
      expect(resultOf(oracle.judge(window, happened ? made(a, c) : made(a, b, c)))).toBe(happened ? "C2" : "C19");
    }
  }
});

test("with four undecided writes a reopen is due", () => {
  const oracle = new Oracle();
  for (const op of writes(put("a"), put("b"), put("c"), put("d"))) {
    expect(oracle.mustDecide).toBe(false);
    oracle.failed(oracle.issue(op));
  }
  expect(oracle.mustDecide).toBe(true);
});

test("writes in flight count as issued; D moves when their promises resolve", () => {
  const oracle = new Oracle();
  const [a, b, c] = writes(later("a", "t1"), later("b", "t2"), later("c", "t3")) as [WriteOp, WriteOp, WriteOp];
  const tickets = [a, b, c].map((op) => oracle.issue(op));
  expect(oracle.window("power")).toEqual({ least: 0, most: 3, tail: [] });
  oracle.returned(tickets[0]!);
  oracle.returned(tickets[1]!);
  expect(oracle.window("power")).toEqual({ least: 2, most: 3, tail: [] });
  expect(oracle.checkpointWindow()).toEqual({ least: 2, most: 3, tail: [] });
  expect(resultOf(oracle.judge(oracle.window("power"), made(a, b)))).toBe("accepted");
  expect(resultOf(oracle.judge(oracle.window("power"), made(a)))).toBe("C3");
});

test("writes in flight that fail each for themselves are undecided each, and those behind them move down", () => {
  const oracle = new Oracle();
  const [a, b, c, d] = writes(put("a"), later("b", "t1"), later("c", "t2"), later("d", "t3"));
  oracle.returned(oracle.issue(a!));
  const [first, second, third] = [b!, c!, d!].map((op) => oracle.issue(op));
  oracle.failed(first!);
  expect(third!.index).toBe(3);
  oracle.failed(second!);
  oracle.returned(third!);
  expect(oracle.model.scan().map(([key]) => key)).toEqual(["a", "d"]);
  const window = oracle.window("kill");
  expect(window).toMatchObject({ least: 2, most: 2 });
  for (const history of [
    [a, d],
    [a, b, d],
    [a, c, d],
    [a, b, c, d],
  ] as WriteOp[][]) {
    expect(resultOf(oracle.judge(window, made(...history)))).toBe("accepted");
  }
  expect(oracle.judge(window, made(a!, b!, c!)).ok).toBe(false);
});

test("writes that fail together have happened up to one of them, or not at all", () => {
  const oracle = new Oracle();
  const [a, b, c, d, e] = writes(put("a"), later("b", "t1"), later("c", "t2"), put("d"), put("e"));
  oracle.returned(oracle.issue(a!));
  const group = [b!, c!, d!].map((op) => oracle.issue(op));
  const cause = new Error("the sync of all three failed");
  for (const ticket of group) oracle.failed(ticket, cause);
  oracle.failed(oracle.issue(e!), new Error("another"));
  const verdictOf = (...history: (WriteOp | undefined)[]): string =>
    resultOf(oracle.judge(oracle.window("kill"), made(...(history as WriteOp[]))));
  for (const history of [[a], [a, b], [a, b, c], [a, b, c, d]]) {
    expect(verdictOf(...history)).toBe("accepted");
    expect(verdictOf(...history, e)).toBe("accepted");
  }
  for (const history of [
    [a, c],
    [a, d],
    [a, b, d],
    [a, c, d, e],
  ])
    expect(verdictOf(...history)).not.toBe("accepted");
});

test("reads beside writes in flight see one state after the other, never an older one", () => {
  const oracle = new Oracle();
  const ops = writes(later("a", "t1"), later("b", "t2"), later("c", "t3"));
  const tickets = ops.map((op) => oracle.issue(op));
  const sees = (...keys: Key[]): number | undefined =>
    oracle.observe(
      (q) =>
        oracle.model
          .scan({}, q)
          .map(([key]) => key)
          .join() === keys.join(),
    );
  expect(sees()).toBe(0);
  expect(sees("a", "b")).toBe(2);
  expect(sees("a")).toBeUndefined();
  oracle.returned(tickets[2]!);
  expect(sees("a", "b")).toBeUndefined();
  expect(sees("a", "b", "c")).toBe(3);
});

test("writes that returned while an earlier one was in flight are in every history when that fails", () => {
  const oracle = new Oracle();
  const ops = writes(put("a"), later("b", "t1"), put("c"), put("b"), later("a", "t2"), put("d"));
  const tickets = ops.map((op) => oracle.issue(op));
  const [a, b, c, bAgain, aAgain, d] = ops as [WriteOp, WriteOp, WriteOp, WriteOp, WriteOp, WriteOp];
  for (const returned of [0, 2, 3, 5]) oracle.returned(tickets[returned]!);
  // A process died with both under way, and the next one wrote on without anybody having looked.
  const cause = new Error("killed");
  oracle.failed(tickets[1]!, cause);
  oracle.failed(tickets[4]!, cause);
  const [e] = writes(put("e")) as [WriteOp];
  oracle.returned(oracle.issue(e));
  const window = oracle.window("kill");
  expect(resultOf(oracle.judge(window, made(a, b, c, bAgain, aAgain, d, e)))).toBe("accepted");
  expect(resultOf(oracle.judge(window, made(a, b, c, bAgain, d, e)))).toBe("accepted");
  expect(resultOf(oracle.judge(window, made(a, c, bAgain, d, e)))).toBe("accepted");
  expect(resultOf(oracle.judge(window, made(a, b, bAgain, d, e)))).not.toBe("accepted");
  expect(resultOf(oracle.judge(window, made(a, b, c, bAgain, aAgain, e)))).not.toBe("accepted");
});

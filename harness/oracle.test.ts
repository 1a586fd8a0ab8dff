import * as fc from "fast-check";
import { expect, test } from "vitest";
import { anyOps, numbered } from "./arbitraries.ts";
import type { Condition } from "./conditions.ts";
import { keyBytes, type Key } from "./keys.ts";
import type { ModelEntry } from "./model.ts";
import { isWrite, type Op, type WriteOp } from "./op.ts";
import { Oracle, type Verdict, type Window } from "./oracle.ts";
import type { RecoveredEntry } from "./recovered.ts";
import { expandValue } from "./values.ts";

const put = (key: Key, sync = false, length = 24): Op => ({
  id: 0,
  kind: "put",
  key,
  value: { incarnation: 0, id: 0, length },
  sync,
});
const del = (key: Key, sync = false): Op => ({ id: 0, kind: "delete", key, sync });
const batch = (...ops: Op[]): Op => ({
  id: 0,
  kind: "batch",
  sync: false,
  changes: ops.flatMap((op) => (op.kind === "put" || op.kind === "delete" ? [op] : [])),
});

/** An oracle to which these writes were issued, each returned. */
function ran(...ops: Op[]): Oracle {
  const oracle = new Oracle();
  for (const op of numbered(ops).filter(isWrite)) oracle.returned(oracle.issue(op));
  return oracle;
}

function bytesOf(entries: readonly ModelEntry[]): RecoveredEntry[] {
  return entries.map(([key, ref]) => [keyBytes(key), expandValue(key, ref)]);
}

function stateOf(oracle: Oracle, p: number): RecoveredEntry[] {
  return bytesOf(oracle.model.scan({}, p));
}

/** The state of S_p for some keys and of S_q for the others. */
function mixed(oracle: Oracle, p: number, q: number, ofQ: readonly Key[]): RecoveredEntry[] {
  const keys = [...oracle.model.allKeys()];
  return keys.flatMap((key) => {
    const ref = oracle.model.get(key, ofQ.includes(key) ? q : p);
    return ref ? bytesOf([[key, ref]]) : [];
  });
}

function conditionOf(verdict: Verdict): Condition | "accepted" {
  return verdict.ok ? "accepted" : verdict.violation.condition;
}

const between = (least: number, most: number): Window => ({ least, most, tail: [] });

test("every state from D to I is accepted and no other, in any history", () => {
  fc.assert(
    fc.property(anyOps(), fc.nat(), fc.nat(), (ops, a, b) => {
      const oracle = ran(...ops.filter(isWrite));
      const { writes } = oracle.model;
      const [least, most] = [a % (writes + 1), b % (writes + 1)].sort((x, y) => x - y) as [number, number];
      const texts = Array.from({ length: writes + 1 }, (_, p) => JSON.stringify(stateOf(oracle, p)));
      for (let p = 0; p <= writes; p++) {
        const verdict = oracle.judge(between(least, most), stateOf(oracle, p));
        const equal = texts.flatMap((text, q) => (text === texts[p] && q >= least && q <= most ? [q] : []));
        expect(verdict.ok ? verdict.states : []).toEqual(equal);
        const refused = texts.indexOf(texts[p]!) < least ? "C3" : "C4";
        expect(conditionOf(verdict)).toBe(verdict.ok ? "accepted" : refused);
      }
    }),
    { numRuns: 200 },
  );
});

test("a state that mixes two states is refused unless it is a third", () => {
  fc.assert(
    fc.property(anyOps(), fc.nat(), fc.nat(), fc.infiniteStream(fc.boolean()), (ops, a, b, take) => {
      const oracle = ran(...ops.filter(isWrite));
      const { writes } = oracle.model;
      const keys = [...oracle.model.allKeys()].filter(() => take.next().value);
      const recovered = mixed(oracle, a % (writes + 1), b % (writes + 1), keys);
      const text = JSON.stringify(recovered);
      const states = Array.from({ length: writes + 1 }, (_, p) => JSON.stringify(stateOf(oracle, p)));
      expect(oracle.judge(between(0, writes), recovered).ok).toBe(states.includes(text));
    }),
    { numRuns: 300 },
  );
});

test("D is the last durability point that returned, I the last write issued", () => {
  const oracle = new Oracle();
  const ops = numbered([put("a"), put("b", true), put("c"), put("d", true)]).filter(isWrite);
  const expectWindows = (power: number, kill: number, most: number): void => {
    expect(oracle.window("power")).toEqual(between(power, most));
    expect(oracle.window("kill")).toEqual(between(kill, most));
    expect(oracle.window("killOldBytes")).toEqual(between(power, most));
  };
  expectWindows(0, 0, 0);
  const first = oracle.issue(ops[0]!);
  expectWindows(0, 0, 1);
  oracle.returned(first);
  expectWindows(0, 1, 1);
  oracle.returned(oracle.issue(ops[1]!));
  expectWindows(2, 2, 2);
  oracle.returned(oracle.issue(ops[2]!));
  expectWindows(2, 3, 3);
  oracle.issue(ops[3]!);
  expectWindows(2, 3, 4);
  oracle.durable();
  expectWindows(4, 4, 4);
});

test("an engine is held to what it claims", () => {
  const writes = numbered([put("a", true), put("b")]).filter(isWrite);
  const windows = (sync: "power" | "kill" | "none", noSync: "kill" | "none"): number[] => {
    const oracle = new Oracle({ sync, noSync });
    for (const op of writes) oracle.returned(oracle.issue(op));
    return [oracle.window("power").least, oracle.window("kill").least];
  };
  expect(windows("power", "kill")).toEqual([1, 2]);
  expect(windows("power", "none")).toEqual([1, 1]);
  expect(windows("kill", "none")).toEqual([0, 1]);
  expect(windows("none", "none")).toEqual([0, 0]);
});

test("each kind of wrong state is refused by the condition it breaks", () => {
  // 1 a, 2 b, 3 (c, d), 4 a again, 5 b deleted, 6 e
  const oracle = ran(put("a"), put("b"), batch(put("c"), put("d")), put("a"), del("b"), put("e"));
  const judge = (least: number, most: number, recovered: RecoveredEntry[]): Condition | "accepted" =>
    conditionOf(oracle.judge(between(least, most), recovered));
  expect(judge(4, 6, stateOf(oracle, 6))).toBe("accepted");
  // lost: an older state
  expect(judge(4, 6, stateOf(oracle, 3))).toBe("C3");
  expect(judge(4, 6, [])).toBe("C3");
  // too new: a write that was not issued yet
  expect(judge(0, 4, stateOf(oracle, 5))).toBe("C4");
  expect(judge(0, 4, stateOf(oracle, 6))).toBe("C4");
  expect(judge(0, 5, mixed(oracle, 3, 6, ["e"]))).toBe("C4");
  // torn: half of the batch, in flight or acknowledged
  expect(judge(2, 3, mixed(oracle, 3, 2, ["c"]))).toBe("C6");
  expect(judge(3, 3, mixed(oracle, 3, 2, ["d"]))).toBe("C6");
  // a hole: write 3 missing below write 6
  expect(judge(2, 6, mixed(oracle, 6, 2, ["c", "d"]))).toBe("C2");
  expect(judge(6, 6, mixed(oracle, 6, 2, ["c"]))).toBe("C2");
  // stale: the first value of a below later writes; resurrected: b, though its deletion was acknowledged
  expect(judge(5, 6, mixed(oracle, 6, 3, ["a"]))).toBe("C7");
  expect(judge(5, 6, mixed(oracle, 6, 4, ["b"]))).toBe("C7");
  expect(judge(6, 6, mixed(oracle, 6, 3, ["a", "b"]))).toBe("C7");
});

test("a torn batch is told from a hole also where other keys were overwritten with equal bytes", () => {
  const oracle = ran(
    put("z", false, 0),
    put("z", false, 0),
    batch(put("c"), put("z", false, 0), put("d")),
    put("z", false, 0),
  );
  for (const half of ["c", "d"]) {
    for (const most of [3, 4]) {
      const verdict = oracle.judge(between(0, most), mixed(oracle, most, 2, [half]));
      const message = expect.stringContaining("write 3 changed 3 keys") as string;
      expect(verdict).toMatchObject({ violation: { condition: "C6", message } });
    }
  }
});

test("values that nobody wrote there are C4, whatever their length", () => {
  const oracle = ran(put("a"), put("b"), put("s", false, 5));
  const judge = (change: (entries: RecoveredEntry[]) => RecoveredEntry[]): Condition | "accepted" =>
    conditionOf(oracle.judge(between(0, 3), change(stateOf(oracle, 3))));
  expect(judge((entries) => entries)).toBe("accepted");
  expect(judge(([a, b, s]) => [a!, [b![0], a![1]], s!])).toBe("C4");
  expect(judge(([a, b, s]) => [a!, [b![0], b![1].subarray(0, 20)], s!])).toBe("C4");
  expect(judge(([a, b, s]) => [a!, b!, [s![0], Buffer.alloc(5)]])).toBe("C4");
  expect(judge(([a, b, s]) => [a!, b!, [s![0], Buffer.alloc(0)]])).toBe("C4");
  expect(judge(([a, b, s]) => [a!, [b![0], Buffer.alloc(24)], s!])).toBe("C4");
  expect(judge((entries) => [...entries, [Buffer.from("z"), Buffer.from("zz")]])).toBe("C4");
  for (let bit = 0; bit < 24 * 8; bit++) {
    const flip = Buffer.from(stateOf(oracle, 3)[0]![1]);
    flip[bit >> 3]! ^= 1 << (bit & 7);
    expect(judge(([a, b, s]) => [[a![0], flip], b!, s!])).toBe("C4");
  }
});

test("a scan out of order, or that gives a key twice, is C8", () => {
  const oracle = ran(put("a"), put("b"));
  const [a, b] = stateOf(oracle, 2) as [RecoveredEntry, RecoveredEntry];
  expect(conditionOf(oracle.judge(between(0, 2), [b, a]))).toBe("C8");
  expect(conditionOf(oracle.judge(between(0, 2), [a, a, b]))).toBe("C8");
});

test("a violation names the keys that differ from the nearest allowed state", () => {
  const oracle = ran(put("a"), put("b"), put("c"), put("a"));
  const verdict = oracle.judge(between(3, 4), mixed(oracle, 4, 0, ["b"]));
  const keys = [{ key: "b", expected: oracle.model.get("b"), found: "nothing" }];
  expect(verdict).toMatchObject({ ok: false, violation: { condition: "C2", nearest: 4, differing: 1, keys } });
});

test("after an accepted crash the history goes on from what was recovered, and that is durable", () => {
  const oracle = ran(put("a", true), put("b"), put("c"));
  const verdict = oracle.judge(oracle.window("power"), stateOf(oracle, 2));
  if (!verdict.ok) throw new Error(verdict.violation.message);
  const lost = stateOf(oracle, 3);
  oracle.adopt(verdict, "open");
  expect(oracle.window("power")).toEqual(between(2, 2));
  const [d] = numbered([put("d")], 100).filter(isWrite);
  oracle.returned(oracle.issue(d!));
  expect(conditionOf(oracle.judge(oracle.window("power"), stateOf(oracle, 3)))).toBe("accepted");
  expect(conditionOf(oracle.judge(oracle.window("power"), lost))).toBe("C4");
  expect(conditionOf(oracle.judge(oracle.window("power"), stateOf(oracle, 1)))).toBe("C3");
});

test("a long history is judged where it counts, after the rest is forgotten", () => {
  const oracle = new Oracle();
  const writes = numbered(Array.from({ length: 20_000 }, (_, i) => put(`k${i % 100}`, i % 50 === 0))).filter(isWrite);
  for (const op of writes) {
    oracle.returned(oracle.issue(op));
    oracle.forget(Infinity);
  }
  const window = oracle.window("power");
  expect(window).toEqual(between(19_951, 20_000));
  for (let p = window.least; p <= window.most; p++) {
    expect(oracle.judge(window, stateOf(oracle, p))).toMatchObject({ ok: true, states: [p] });
  }
  expect(conditionOf(oracle.judge(window, mixed(oracle, 20_000, 19_951, ["k98"])))).toBe("C2");
});

test("a ticket ends once", () => {
  const oracle = new Oracle();
  const [op] = numbered([put("a")]).filter(isWrite) as [WriteOp];
  const ticket = oracle.issue(op);
  oracle.returned(ticket);
  expect(() => oracle.returned(ticket)).toThrow("ends once");
});

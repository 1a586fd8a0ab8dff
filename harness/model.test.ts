import * as fc from "fast-check";
import { expect, test } from "vitest";
import { anyKey, anyOps, anyScan, closeKey } from "./arbitraries.ts";
import { keyBytes, type Key, prefixEnd } from "./keys.ts";
import { Model, type ModelEntry } from "./model.ts";
import { type Change, changesOf, isWrite, type Op, type ScanOptions } from "./op.ts";
import type { ValueRef } from "./values.ts";
import { Random } from "./workloads/random.ts";

// A reference for the reference, as naive as can be: every state is a whole map, keys are compared byte by byte.
type State = ReadonlyMap<Key, ValueRef>;

function naiveApply(state: State, changes: readonly Change[]): State {
  const next = new Map(state);
  for (const change of changes) {
    if (change.kind === "put") next.set(change.key, change.value);
    else if (change.kind === "delete") next.delete(change.key);
    else for (const key of next.keys()) if (order(change.from, key) <= 0 && order(key, change.to) < 0) next.delete(key);
  }
  return next;
}

function naiveScan(state: State, { gt, gte, lt, lte, prefix, reverse, limit }: ScanOptions): ModelEntry[] {
  const entries = [...state]
    .sort(([a], [b]) => order(a, b))
    .filter(([key]) => gt === undefined || order(key, gt) > 0)
    .filter(([key]) => gte === undefined || order(key, gte) >= 0)
    .filter(([key]) => lt === undefined || order(key, lt) < 0)
    .filter(([key]) => lte === undefined || order(key, lte) <= 0)
    .filter(([key]) => prefix === undefined || keyBytes(key).subarray(0, prefix.length).equals(keyBytes(prefix)));
  return (reverse ? entries.reverse() : entries).slice(0, limit);
}

function order(a: Key, b: Key): number {
  return Buffer.compare(keyBytes(a), keyBytes(b));
}

function statesOf(ops: readonly Op[]): { model: Model; states: State[] } {
  const model = new Model();
  const states: State[] = [new Map()];
  for (const op of ops.filter(isWrite)) {
    states.push(naiveApply(states.at(-1)!, changesOf(op)));
    expect(model.apply(changesOf(op))).toBe(states.length - 1);
  }
  return { model, states };
}

function expectState(model: Model, p: number, state: State): void {
  expect(model.scan({}, p)).toEqual(naiveScan(state, {}));
  expect(model.scan({ reverse: true }, p)).toEqual(naiveScan(state, { reverse: true }));
}

test("every state of a history reads as a map that was copied then", () => {
  fc.assert(
    fc.property(anyOps(), closeKey, (ops, key) => {
      const { model, states } = statesOf(ops);
      expect(model.writes).toBe(states.length - 1);
      expect(model.size).toBe(states.at(-1)!.size);
      states.forEach((state, p) => {
        expectState(model, p, state);
        expect(model.get(key, p)).toBe(state.get(key));
      });
    }),
    { numRuns: 200 },
  );
});

test("scans with bounds, prefix, direction and limit give what a filter over everything gives", () => {
  fc.assert(
    fc.property(anyOps(), fc.array(anyScan(closeKey), { minLength: 10, maxLength: 10 }), (ops, scans) => {
      const { model, states } = statesOf(ops);
      for (const p of new Set([0, states.length >> 1, states.length - 1])) {
        for (const scan of scans) expect(model.scan(scan, p)).toEqual(naiveScan(states[p]!, scan));
      }
    }),
    { numRuns: 300 },
  );
});

test("the end of a prefix is the least key above all that start with it", () => {
  fc.assert(
    fc.property(anyKey(3), anyKey(5), (prefix, key) => {
      const end = prefixEnd(prefix);
      const inside = order(prefix, key) <= 0 && (end === undefined || order(key, end) < 0);
      expect(inside).toBe(key.startsWith(prefix));
    }),
    { numRuns: 2000 },
  );
});

test("a history that is rolled back goes on as if nothing had followed", () => {
  fc.assert(
    fc.property(anyOps(), anyOps(), fc.nat(), (before, after, cut) => {
      const { model, states } = statesOf(before);
      const p = cut % states.length;
      model.rollBack(p);
      states.length = p + 1;
      expectState(model, p, states[p]!);
      for (const op of after.filter(isWrite)) {
        states.push(naiveApply(states.at(-1)!, changesOf(op)));
        model.apply(changesOf(op));
      }
      states.forEach((state, at) => expectState(model, at, state));
      expect(model.size).toBe(states.at(-1)!.size);
    }),
    { numRuns: 200 },
  );
});

test("what is forgotten costs no memory and changes no later state", () => {
  const model = new Model();
  let state: State = new Map();
  const kept: State[] = [];
  for (let i = 1; i <= 30_000; i++) {
    const key = `k${(i * 7919) % 50}`;
    const change: Change = i % 3 === 0 ? { kind: "delete", key } : { kind: "put", key, value: ref(i) };
    state = naiveApply(state, [change]);
    model.apply([change]);
    if (i > 29_900) kept.push(state);
    model.forget(Math.min(i - 10, 29_900));
  }
  expect(model.floor).toBe(29_900);
  kept.forEach((kept, i) => expectState(model, 29_901 + i, kept));
  const versions = [...model.allKeys()].reduce((sum, key) => sum + model.versions(key).length, 0);
  expect(versions).toBeLessThan(200);
  model.rollBack(29_950);
  expectState(model, 29_950, kept[49]!);
});

test("right behind a sweep every state from the floor on reads as before", () => {
  const random = new Random("sweep");
  const model = new Model();
  const states: State[] = [new Map()];
  for (let i = 1; i <= 7000; i++) {
    const key = `k${random.int(400)}`;
    const change: Change = random.chance(1, 3) ? { kind: "delete", key } : { kind: "put", key, value: ref(i) };
    model.apply([change]);
    states.push(naiveApply(states.at(-1)!, [change]));
  }
  model.forget(6500);
  // Its journal is gone: it was swept.
  expect(() => model.rollBack(6400)).toThrow(RangeError);
  for (let p = 6500; p <= 7000; p += 20) expectState(model, p, states[p]!);
  model.rollBack(6700);
  for (let p = 6500; p <= 6700; p += 20) expectState(model, p, states[p]!);
  expect(model.size).toBe(states[6700]!.size);
});

test("a key that is absent in all states that may be asked for is forgotten", () => {
  const model = new Model();
  const keys = Array.from({ length: 6000 }, (_, i) => `k${i}`);
  keys.forEach((key, i) => model.apply([put(key, i)]));
  for (const key of keys.slice(10)) model.apply([{ kind: "delete", key }]);
  model.forget(model.writes - 5);
  expect([...model.allKeys()].sort()).toEqual([...keys.slice(0, 10), ...keys.slice(-5)].sort());
  expect(model.scan({}, model.writes - 5).length).toBe(15);
});

test("a copy goes its own way: neither sees what is undone or written in the other", () => {
  fc.assert(
    fc.property(anyOps(), anyOps(), fc.nat(), (ops, later, cut) => {
      const { model, states } = statesOf(ops);
      const p = cut % states.length;
      const copy = model.clone();
      copy.rollBack(p);
      for (const op of later.filter(isWrite)) copy.apply(changesOf(op));
      states.forEach((state, q) => expectState(model, q, state));
      states.slice(0, p + 1).forEach((state, q) => {
        expectState(copy, q, state);
        expect(copy.digestAt(q)).toEqual(model.digestAt(q));
      });
      model.rollBack(0);
      expectState(copy, p, states[p]!);
    }),
    { numRuns: 100 },
  );
});

test("the versions of a key tile the history and agree with every state", () => {
  fc.assert(
    fc.property(anyOps(), fc.nat(), (ops, floor) => {
      const { model, states } = statesOf(ops);
      model.forget(floor % states.length);
      for (const key of [...model.allKeys(), "never"]) {
        let next = model.floor;
        for (const { value, from, to } of model.versions(key)) {
          expect(from).toBe(next);
          for (let p = from; p <= to; p++) expect(states[p]!.get(key)).toBe(value);
          next = to + 1;
        }
        expect(next).toBe(model.writes + 1);
      }
    }),
    { numRuns: 200 },
  );
});

test("equal states have equal digests and different states have different ones", () => {
  fc.assert(
    fc.property(anyOps(), fc.nat(), (ops, cut) => {
      const { model, states } = statesOf(ops);
      const bytes = states.map((state) => JSON.stringify(naiveScan(state, {})));
      for (let p = 0; p < states.length; p++) {
        const same = model.statesWith(model.digestAt(p), 0, model.writes);
        // Values of no or few bytes may be equal though their writers differ: those states are one.
        expect(same).toContain(p);
        const known = same.filter((q) => !hasShortValues(states[q]!));
        expect(known.map((q) => bytes[q])).toEqual(known.map(() => bytes[p]));
        const equal = bytes.flatMap((text, q) => (text === bytes[p] ? [q] : []));
        expect(same).toEqual(expect.arrayContaining(equal));
      }
      const p = cut % states.length;
      const digest = { ...model.digestAt(p) };
      model.rollBack(p);
      expect(model.digestAt()).toEqual(digest);
    }),
    { numRuns: 200 },
  );
});

test("a write names the keys it changed", () => {
  const model = new Model();
  model.apply([put("a", 1), put("b", 2), put("a", 3), { kind: "delete", key: "zz" }]);
  model.apply([{ kind: "deleteRange", from: "a", to: "b" }]);
  model.apply([]);
  expect([1, 2, 3].map((p) => model.touchedBy(p).sort())).toEqual([["a", "b"], ["a"], []]);
});

function put(key: Key, id: number): Change {
  return { kind: "put", key, value: ref(id) };
}

function ref(id: number): ValueRef {
  return { incarnation: 0, id, length: 20 };
}

function hasShortValues(state: State): boolean {
  return [...state.values()].some((value) => value.length < 16);
}

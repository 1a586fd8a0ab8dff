// fast-check arbitraries of operations: the same lines that the seeded workloads make, drawn so that fast-check can
// shrink them. Names and keys come from small sets, so that operations meet.

import * as fc from "fast-check";
import type { Key, KeyRange } from "./keys.ts";
import { changesOf, type Change, isWrite, type Op, type ScanOptions, type Survival } from "./op.ts";
import type { ValueRef } from "./values.ts";

type Arbitrary<T> = fc.Arbitrary<T>;

/** Any string of bytes up to `maxLength`, as a key. */
export function anyKey(maxLength = 12): Arbitrary<Key> {
  return fc.array(fc.integer({ min: 0, max: 255 }), { maxLength }).map((bytes) => String.fromCharCode(...bytes));
}

/** One of a few keys that are each other's prefixes and neighbours, the empty one among them. */
export const closeKey: Arbitrary<Key> = fc.constantFrom(
  "",
  "\0",
  "a",
  "a\0",
  "a\0\0",
  "aa",
  "ab",
  "b",
  "b\xff",
  "c",
  "\xff",
  "\xff\xff",
);

/** A value by its length; ids are set by numbered(). */
export function anyValue(maxLength = 64): Arbitrary<ValueRef> {
  return fc.integer({ min: 0, max: maxLength }).map((length) => ({ incarnation: 0, id: 0, length }));
}

/**
 * Logs of up to `maxLength` operations of every kind, with ids that rise from 1 and values that are never issued twice.
 */
export function anyOps(key: Arbitrary<Key> = closeKey, maxLength = 60): Arbitrary<Op[]> {
  return fc.array(anyOp(key), { maxLength }).map(numbered);
}

/** Gives operations ids, and values ids of their own, in order from `first` on. */
export function numbered(ops: readonly Op[], first = 1): Op[] {
  let next = first;
  const renumber = (change: Change): Change =>
    change.kind === "put" ? { ...change, value: { ...change.value, id: next++ } } : change;
  return ops.map((op): Op => {
    const id = next++;
    if (!isWrite(op)) return { ...op, id };
    if ("changes" in op) return { ...op, id, changes: changesOf(op).map(renumber) };
    return "value" in op ? { ...op, id, value: { ...op.value, id } } : { ...op, id };
  });
}

/** One operation of any kind; its ids are 0. */
export function anyOp(key: Arbitrary<Key>): Arbitrary<Op> {
  return fc.oneof(
    { weight: 6, arbitrary: anyWrite(key) },
    { weight: 3, arbitrary: anyRead(key) },
    { weight: 3, arbitrary: anyPinned(key) },
    { weight: 2, arbitrary: anyAsync(key) },
    { weight: 2, arbitrary: anyStoreOp(key) },
  );
}

const id = fc.constant(0);
const sync = fc.boolean();
const small = fc.nat({ max: 5 });
const snapshot = fc.constantFrom("s1", "s2", "s3");
const cursor = fc.constantFrom("c1", "c2");
const tag = fc.constantFrom("t1", "t2", "t3", "t4");

function kind<const T extends string>(name: T): Arbitrary<T> {
  return fc.constant(name);
}

function anyChange(key: Arbitrary<Key>): Arbitrary<Change> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: kind("put"), key, value: anyValue() }) },
    { weight: 2, arbitrary: fc.record({ kind: kind("delete"), key }) },
    { weight: 1, arbitrary: fc.record({ kind: kind("deleteRange"), from: key, to: key }) },
  );
}

function anyWrite(key: Arbitrary<Key>): Arbitrary<Op> {
  const changes = fc.array(anyChange(key), { maxLength: 6 });
  return fc.oneof(
    { weight: 4, arbitrary: fc.record({ id, kind: kind("put"), key, value: anyValue(), sync }) },
    { weight: 2, arbitrary: fc.record({ id, kind: kind("delete"), key, sync }) },
    { weight: 1, arbitrary: fc.record({ id, kind: kind("deleteRange"), from: key, to: key, sync }) },
    { weight: 2, arbitrary: fc.record({ id, kind: kind("batch"), changes, sync }) },
  );
}

function anyRange(key: Arbitrary<Key>): Arbitrary<KeyRange> {
  const lower: Arbitrary<KeyRange> = fc.oneof(fc.record({ gt: key }), fc.record({ gte: key }), fc.constant({}));
  const upper: Arbitrary<KeyRange> = fc.oneof(fc.record({ lt: key }), fc.record({ lte: key }), fc.constant({}));
  const prefix: Arbitrary<KeyRange> = fc.oneof(fc.constant({}), fc.record({ prefix: key }));
  return fc.tuple(lower, upper, prefix).map(([a, b, c]) => ({ ...a, ...b, ...c }));
}

/** Bounds of every kind, direction, limit. */
export function anyScan(key: Arbitrary<Key>): Arbitrary<ScanOptions> {
  const rest: Arbitrary<ScanOptions> = fc.record(
    { limit: small, reverse: fc.constant(true), only: fc.constantFrom("keys" as const, "values" as const) },
    { requiredKeys: [] },
  );
  return fc.tuple(anyRange(key), rest).map(([range, more]) => ({ ...range, ...more }));
}

function anyRead(key: Arbitrary<Key>): Arbitrary<Op> {
  return fc.oneof(
    fc.record({ id, kind: kind("get"), key }),
    fc.record({ id, kind: kind("has"), key }),
    fc.record({ id, kind: kind("getMany"), keys: fc.array(key, { maxLength: 4 }) }),
    anyScan(key).map((scan): Op => ({ id: 0, kind: "scan", ...scan })),
  );
}

function anyPinned(key: Arbitrary<Key>): Arbitrary<Op> {
  const open = { id, kind: kind("cursorOpen"), cursor, snapshot, lower: key, upper: key };
  return fc.oneof(
    fc.record({ id, kind: kind("snapshot"), snapshot }),
    fc.record({ id, kind: kind("release"), snapshot }),
    fc.record({ id, kind: kind("snapshotGet"), snapshot, key }),
    fc
      .tuple(snapshot, anyScan(key))
      .map(([name, scan]): Op => ({ id: 0, kind: "snapshotScan", snapshot: name, ...scan })),
    fc.record(open, { requiredKeys: ["id", "kind", "cursor"] }),
    fc.record({ id, kind: kind("cursorMove"), cursor, move: fc.constantFrom("first", "last", "next", "prev") }),
    fc.record({ id, kind: kind("cursorMove"), cursor, move: fc.constantFrom("seek", "seekForPrev"), key }),
    fc.record({ id, kind: kind("cursorClose"), cursor }),
  );
}

function anyAsync(key: Arbitrary<Key>): Arbitrary<Op> {
  const changes = fc.array(anyChange(key), { maxLength: 4 });
  return fc.oneof(
    fc.record({ id, kind: kind("putAsync"), tag, key, value: anyValue(), sync }),
    fc.record({ id, kind: kind("deleteAsync"), tag, key, sync }),
    fc.record({ id, kind: kind("writeAsync"), tag, changes, sync }),
    fc.record({ id, kind: kind("settle"), nth: small, outcome: fc.constantFrom("ok", "fail") }),
    fc.record({ id, kind: kind("await"), tag }),
  );
}

function anyStoreOp(key: Arbitrary<Key>): Arbitrary<Op> {
  const bounds = { id, kind: kind("compactRange"), from: key, to: key };
  return fc.oneof(
    fc.constantFrom<Op>(
      { id: 0, kind: "flush" },
      { id: 0, kind: "sync" },
      { id: 0, kind: "verify" },
      { id: 0, kind: "openReadOnly" },
      { id: 0, kind: "resume" },
    ),
    fc.record(bounds, { requiredKeys: ["id", "kind"] }),
    fc.record({ id, kind: kind("step"), job: small }, { requiredKeys: ["id", "kind"] }),
    fc.record({ id, kind: kind("checkpoint"), name: fc.constantFrom("k1", "k2") }),
    fc.record({ id, kind: kind("reopen"), config: fc.constantFrom("small", "least", "small,blockSize=64") }),
    anyCrash(),
    fc.record({
      id,
      kind: kind("fault"),
      call: fc.constantFrom("write", "flush.table"),
      nth: small,
      outcome: fc.constantFrom("none", "part", "whole", "short"),
      error: fc.constantFrom("EIO", "ENOSPC"),
      lasting: fc.boolean(),
    }),
  );
}

function anyCrash(): Arbitrary<Op> {
  const items = fc.array(fc.string({ minLength: 1, maxLength: 8, unit: "binary" }), { maxLength: 3 });
  const survival: Arbitrary<Survival> = fc.oneof(
    fc.constantFrom<Survival>({ kind: "none" }, { kind: "all" }),
    fc.record({ kind: kind("seed"), seed: fc.nat() }),
    fc.record({ kind: fc.constantFrom("keep", "lose"), items }),
  );
  const at = fc.record({
    op: fc.nat(),
    call: fc.constantFrom("log.write", "unlink"),
    nth: small,
    when: fc.constantFrom("before", "inside", "after"),
  });
  const loss = fc.constantFrom("kill", "power");
  return fc.record(
    { id, kind: kind("crash"), loss, survival, at },
    { requiredKeys: ["id", "kind", "loss", "survival"] },
  );
}

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { anyOps } from "./arbitraries.ts";
import { OpScope } from "./op-scope.ts";
import { parseOp } from "./op-parse.ts";

function admitted(...lines: string[]): boolean[] {
  const scope = new OpScope();
  return lines.map((line, id) => {
    const op = parseOp(`${id} ${line}`);
    const admits = scope.admits(op);
    if (admits) scope.note(op);
    return admits;
  });
}

test("an operation on what is not there is not admitted, nor one that takes a taken name", () => {
  expect(
    admitted("snapshotGet s k", "snapshot s", "snapshot s", "snapshotGet s k", "release s", "snapshotScan s"),
  ).toEqual([false, true, false, true, true, false]);
  expect(
    admitted(
      "cursorMove c next",
      "cursorOpen c snapshot=s",
      "cursorOpen c",
      "cursorOpen c",
      "cursorClose c",
      "cursorClose c",
    ),
  ).toEqual([false, false, true, false, true, false]);
  expect(admitted("await t", "deleteAsync t k", "putAsync t k 0.1.1", "await t", "writeAsync t")).toEqual([
    false,
    true,
    false,
    true,
    true,
  ]);
  expect(admitted("checkpoint k1", "checkpoint k1", "checkpoint k2")).toEqual([true, false, true]);
});

test("a reopen ends what was open, but checkpoints stay", () => {
  const before = ["snapshot s", "cursorOpen c", "deleteAsync t k", "checkpoint k1", "reopen small"];
  const after = ["release s", "cursorMove c next", "await t", "checkpoint k1", "snapshot s", "cursorOpen c"];
  expect(admitted(...before, ...after).slice(before.length)).toEqual([false, false, false, false, true, true]);
});

test("any operations in any order are admitted or not, without an error", () => {
  fc.assert(
    fc.property(anyOps(), (ops) => {
      const scope = new OpScope();
      for (const op of ops) if (scope.admits(op)) scope.note(op);
      scope.closed();
      expect(scope.snapshots.size + scope.cursors.size + scope.tags.size).toBe(0);
    }),
  );
});

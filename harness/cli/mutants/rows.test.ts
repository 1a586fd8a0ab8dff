import { expect, test } from "vitest";
import { readRows } from "./rows.ts";

test("each bug that a real engine had is planted, or it is said why it cannot be", () => {
  const rows = readRows();
  expect(rows.length).toBe(75);
  expect(new Set(rows.map(({ row }) => row)).size).toBe(rows.length);
  expect(rows.filter(({ mutants, why }) => mutants.length === 0 && why === undefined)).toEqual([]);
});

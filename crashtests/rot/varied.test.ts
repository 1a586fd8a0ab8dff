import { CorruptionError, open, type Database } from "tinykv";
import { expect, test } from "vitest";
import { runVaried } from "./varied.ts";

const CASES = 200;

test("closed stores of other shapes: each answer is right, or a CorruptionError", () => {
  for (const seed of ["1", "2"]) expect(runVaried({ seed, cases: CASES })).toEqual({ cases: CASES, wrong: undefined });
});

test("an engine that takes damage for absence is found", () => {
  const swallowing: typeof open = (path, options) => {
    const db = open(path, options);
    return new Proxy(db, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (name !== "get") return typeof value === "function" ? (value.bind(target) as unknown) : value;
        return (...words: Parameters<Database["get"]>) => {
          try {
            return target.get(...words);
          } catch (error) {
            if (error instanceof CorruptionError) return undefined;
            throw error;
          }
        };
      },
    });
  };
  expect(runVaried({ seed: "1", cases: CASES, opener: swallowing }).wrong).toMatch(/get of k\d+ gave undefined/);
});

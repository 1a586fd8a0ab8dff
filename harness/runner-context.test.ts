import * as fc from "fast-check";
import { expect, test } from "vitest";
import { anyOps } from "./arbitraries.ts";
import type { EngineEntry } from "./engine.ts";
import { Failure } from "./failure.ts";
import { keyBytes, keyOf } from "./keys.ts";
import { isWrite } from "./op.ts";
import { Oracle } from "./oracle.ts";
import { type Frozen, type Observing, ScanBudget, stateNow } from "./runner-context.ts";
import { expandValue } from "./values.ts";

const WHAT = { condition: "C24", op: 1, what: "scan of a new snapshot" } as const;

interface InFlight {
  readonly oracle: Oracle;
  readonly acknowledged: number;
}

/** Some writes that returned, and others in flight behind them. */
const anyInFlight: fc.Arbitrary<InFlight> = fc.tuple(anyOps(), fc.integer({ min: 1, max: 5 })).map(([ops, count]) => {
  const oracle = new Oracle();
  const tickets = ops.filter(isWrite).map((op) => oracle.issue(op));
  const acknowledged = Math.max(0, tickets.length - count);
  for (const ticket of tickets.slice(0, acknowledged)) oracle.returned(ticket);
  return { oracle, acknowledged };
});

/** What is frozen at S_p, but for one key. */
function frozenAt(oracle: Oracle, p: number, lost?: string): Frozen {
  const entries = oracle.model.scan({}, p).filter(([key]) => key !== lost);
  const found = new Map(entries.map(([key, ref]) => [key, expandValue(key, ref)]));
  return {
    scan: () => entries.map(([key]): EngineEntry => [keyBytes(key), found.get(key)!]),
    get: (key) => found.get(keyOf(key)),
  };
}

function observing(oracle: Oracle, scans: ScanBudget): Observing {
  return { oracle, scans, watch: { aside: (call) => call() }, flight: { count: 1 } };
}

function exhausted(): ScanBudget {
  const scans = new ScanBudget();
  for (let entries = 1 << 20; entries > 0; entries >>= 1) while (scans.afford(entries));
  return scans;
}

function attempt(context: Observing, frozen: Frozen): number | "found" {
  try {
    return stateNow(context, WHAT, frozen);
  } catch (error) {
    if (error instanceof Failure) return "found";
    throw error;
  }
}

test("C24: all entries and the keys in which the states in flight differ tell the same state", () => {
  fc.assert(
    fc.property(anyInFlight, fc.nat(), ({ oracle, acknowledged }, at) => {
      const p = acknowledged + (at % (oracle.model.writes - acknowledged + 1));
      const frozen = frozenAt(oracle, p);
      // observe() remembers what a read has shown: the one that reads all asks last.
      const byKeys = attempt(observing(oracle, exhausted()), frozen);
      expect(attempt(observing(oracle, new ScanBudget()), frozen)).toBe(byKeys);
      expect(oracle.model.scan({}, byKeys as number)).toEqual(oracle.model.scan({}, p));
    }),
  );
});

test("C24: a state that lacks a key of the writes in flight is found by those keys alone", () => {
  fc.assert(
    fc.property(anyInFlight, ({ oracle, acknowledged }) => {
      const { model } = oracle;
      // A key that each of the states has: without it there is none that fits.
      const states = Array.from({ length: model.writes - acknowledged + 1 }, (_, i) => acknowledged + i);
      const lost = [...oracle.undecidedKeys()].find((key) => states.every((p) => model.get(key, p) !== undefined));
      fc.pre(lost !== undefined);
      expect(attempt(observing(oracle, exhausted()), frozenAt(oracle, model.writes, lost))).toBe("found");
    }),
  );
});

test("scans beside writes in flight may read eight entries for each operation, and a hundred thousand at once", () => {
  const scans = new ScanBudget();
  expect(scans.afford(100_001)).toBe(false);
  expect(scans.afford(100_000)).toBe(true);
  expect(scans.afford(1)).toBe(false);
  scans.earn();
  expect(scans.afford(9)).toBe(false);
  expect(scans.afford(8)).toBe(true);
});

import { expect, test } from "vitest";
import { CoverageCounter, type Coverage } from "../crash/coverage.ts";
import { FEATURES } from "../inspector/format-features.ts";
import { WHOLE } from "../finding.ts";
import { mayBeChance } from "./kill-report.ts";
import { blindSpots } from "./torture-report.ts";

const { cells, features } = new CoverageCounter().coverage();
const ALL: Coverage = {
  cells,
  features: Object.fromEntries(Object.keys(features).map((name) => [name, 1])) as Coverage["features"],
};

function spots(
  missing: Partial<Coverage["features"]>,
  options: object = {},
  failures: readonly object[] = [],
): string[] {
  const coverage = { cells, features: { ...ALL.features, ...missing } };
  return blindSpots([{ suite: "crash", failures: failures as never, coverage }], { shard: WHOLE, ...options });
}

test("a part of the formats that no image contained is a complaint about a whole run", () => {
  expect(spots({})).toEqual([]);
  expect(spots({ twoLevels: 0 })).toEqual([`no crash image contained ${FEATURES.twoLevels}`]);
  expect(spots({ twoLevels: 0 }, { shard: { index: 1, count: 2 } })).toEqual([]);
  expect(spots({ twoLevels: 0 }, { config: "small" })).toEqual([]);
  // A failure ends the suites early, and is reason enough.
  expect(spots({ twoLevels: 0 }, {}, [{}])).toEqual([]);
});

test("a short kill suite is idle only if it acknowledges less than chance allows", () => {
  expect(mayBeChance({ rounds: 56, acked: 0 })).toBe(false);
  expect(mayBeChance({ rounds: 45, acked: 200 })).toBe(false);
  expect(mayBeChance({ rounds: 45, acked: 760 })).toBe(true);
  expect(mayBeChance({ rounds: 7, acked: 90 })).toBe(true);
  expect(mayBeChance({ rounds: 100, acked: 1999 })).toBe(false);
});

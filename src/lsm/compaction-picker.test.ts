import fc from "fast-check";
import { expect, test } from "vitest";
import { pickCompaction } from "./compaction-picker.ts";
import { conflicts, makePlan } from "./compaction-plan.ts";
import { levelTargets } from "./level-targets.ts";
import { MiniStore } from "./mini-store.test-support.ts";
import { OPTIONS, ORDER, parseVersion } from "./versions.test-support.ts";

const CONTEXT = { running: [], cursors: new Map(), oldestSnapshot: undefined, lastSequence: 0 };

/** Far more than any of these stores needs: entries times levels, and a rewrite for each tombstone. */
const STEPS_MOST = 2000;

const seed = fc.integer({ min: 1, max: 0x7fff_ffff });

function live(store: MiniStore, operations: number): void {
  for (let i = 0; i < operations; i++) {
    const dice = store.below(20);
    if (dice < 6) store.flush();
    else if (dice < 12) store.begin();
    else if (dice < 17) store.commit(store.below(store.running.length + 1));
    else if (dice === 17) store.snapshot();
    else if (dice === 18) store.snapshots.splice(store.below(store.snapshots.length + 1), 1);
    else if (store.running.length === 0) store.compactRange();
    store.check();
  }
}

function finish(store: MiniStore): number {
  while (store.running.length > 0) store.commit(0);
  let steps = 0;
  while (steps < STEPS_MOST && store.begin()) {
    store.commit(0);
    steps++;
  }
  store.check();
  return steps;
}

// Deleted data reappeared in engines that split a user key over two tables, that let a level-0 table pass an older one,
// that merged a range without all it overlaps, or that counted expanded inputs instead of comparing them. Each of these
// makes some read of this store wrong, or its version unsound.
test("reads stay right whatever is picked, at every snapshot, with compactions beside each other", () => {
  fc.assert(
    fc.property(seed, (each) => {
      live(new MiniStore(each), 60);
    }),
    { numRuns: 120 },
  );
});

test("choosing ends: no level is too large then, and no tombstone lingers without a reason", () => {
  fc.assert(
    fc.property(seed, (each) => {
      const store = new MiniStore(each);
      live(store, 40);
      store.snapshots.length = 0;
      expect(finish(store)).toBeLessThan(STEPS_MOST);
      expect(Math.max(...levelTargets(store.version, store.options).scores)).toBeLessThan(1);
      for (const { level, table } of store.version.tables()) {
        const lingers = table.deletes * 2 >= table.entries || (level > 0 && isBottom(store, level, table.number));
        expect(table.deletes > 0 && lingers).toBe(false);
      }
    }),
    { numRuns: 80 },
  );
});

test("choosing ends under a snapshot too", () => {
  fc.assert(
    fc.property(seed, (each) => {
      const store = new MiniStore(each);
      live(store, 30);
      store.snapshot();
      for (let i = 0; i < 5; i++) store.flush();
      expect(finish(store)).toBeLessThan(STEPS_MOST);
    }),
    { numRuns: 50 },
  );
});

function isBottom({ version }: MiniStore, level: number, number: number): boolean {
  const { smallest, largest } = version.levels[level]!.find((table) => table.number === number)!;
  return version.levels.every(
    (_, deeper) => deeper <= level || version.overlapping(deeper, smallest.key, largest.key).length === 0,
  );
}

test("picking changes neither the version nor its tables", () => {
  const version = parseVersion(["0: 4[a-c] 3[b-d] 2[a-c] 1[x-z]", "1: 30[m-n]"], OPTIONS.numLevels);
  const before = JSON.stringify(version.levels);
  pickCompaction(version, OPTIONS, CONTEXT);
  expect(JSON.stringify(version.levels)).toBe(before);
});

// No level below 0 held anything, so the base level came out as 0, and level 0 was compacted into itself.
test("the base level is never 0, at whatever size the levels are", () => {
  for (let numLevels = 2; numLevels <= 12; numLevels++) {
    for (let exponent = 0; exponent <= 15; exponent++) {
      for (const deepest of [0, numLevels - 1]) {
        const version = parseVersion([`${deepest}: 1[a-c],size=${10 ** exponent}`], numLevels);
        const { baseLevel, scores, targets } = levelTargets(version, OPTIONS);
        expect(baseLevel).toBeGreaterThanOrEqual(1);
        expect(baseLevel).toBeLessThan(numLevels);
        expect(scores.every((score) => score >= 0 && Number.isFinite(score))).toBe(true);
        expect(scores.at(-1)).toBe(0);
        expect(targets.at(-1)).toBe(Infinity);
        expect(targets.slice(baseLevel).every((target, i, all) => i === 0 || target >= all[i - 1]!)).toBe(true);
      }
    }
  }
});

test("plans conflict where they touch the same keys of the same level, and only there", () => {
  const version = parseVersion(["0: 9[a-b]", "1: 5[a-c] 6[g-h)", "2: 3[b-e] 4[h-k]", "3: 1[a-z]"], 4);
  const [nine, five, six, three, four, one] = [9, 5, 6, 3, 4, 1].map(
    (number) => [...version.tables()].find(({ table }) => table.number === number)!.table,
  );
  const plan = (outputLevel: number, ...inputs: [number, typeof nine][]): ReturnType<typeof makePlan> =>
    makePlan(version, {
      reason: "size",
      inputs: inputs.map(([level, table]) => ({ level, tables: [table!] })),
      outputLevel,
      trivialMove: false,
    });
  const left = plan(2, [1, five], [2, three]);
  const cases: [ReturnType<typeof makePlan>, boolean][] = [
    [left, true],
    // Beside it, in the same levels; an open end does not reach the next table.
    [plan(2, [1, six]), false],
    [plan(3, [2, four], [3, one]), false],
    // Its outputs would lie where the first takes inputs.
    [plan(1, [0, nine]), true],
    [plan(3, [2, three], [3, one]), true],
  ];
  for (const [other, expected] of cases) {
    expect(conflicts(ORDER, left, other)).toBe(expected);
    expect(conflicts(ORDER, other, left)).toBe(expected);
  }
  expect(conflicts(ORDER, plan(2, [1, six]), plan(3, [2, four], [3, one]))).toBe(false);
  expect(conflicts(ORDER, plan(1, [0, nine]), plan(1, [0, nine]))).toBe(true);
});

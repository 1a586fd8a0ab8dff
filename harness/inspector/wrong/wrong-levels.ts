// Tables that are each right, and wrong together: levels that overlap, versions in the wrong order over levels, numbers.

import type { Random } from "../../workloads/random.ts";
import type { LogPlan, StorePlan, TablePlan } from "../encode/store-plan.ts";
import type { PlannedVersion } from "../encode/table-encoder.ts";
import { placeWhere, replaced, withShape, withTable, type Spoil, type WrongClass } from "./wrong-class.ts";

/** A number that no file of the store has, below the next. */
function freeNumber(plan: StorePlan): { number: number; plan: StorePlan } {
  const number = plan.nextFileNumber;
  return { number, plan: { ...plan, nextFileNumber: number + 1 } };
}

/** A table in place of another, cut in two by `isFirst`. */
function split(
  plan: StorePlan,
  random: Random,
  isFirst: (version: PlannedVersion, i: number, all: readonly PlannedVersion[]) => boolean,
): StorePlan | undefined {
  const at = placeWhere(random, plan.tables.length, (i) => {
    const { level, shape } = plan.tables[i]!;
    const firsts = shape.versions.filter(isFirst).length;
    return level > 0 && firsts > 0 && firsts < shape.versions.length;
  });
  if (at === undefined) return undefined;
  const table = plan.tables[at]!;
  const { number, plan: next } = freeNumber(plan);
  const all = table.shape.versions;
  const first = withShape(table, { versions: all.filter(isFirst) });
  const second = withShape(table, { number, versions: all.filter((version, i) => !isFirst(version, i, all)) });
  return { ...next, tables: replaced(plan.tables, at, first, second) };
}

/** The first version in a table that is not the newest of its key; -1: there is none. */
function secondVersion(versions: readonly PlannedVersion[]): number {
  return versions.findIndex(({ key }, i) => versions[i - 1]?.key === key);
}

/** The first level below level 0 that has no table. */
function freeLevelAbove(tables: readonly TablePlan[], below: number): number | undefined {
  const used = new Set(tables.map(({ level }) => level));
  return Array.from({ length: Math.max(0, below - 1) }, (_, i) => i + 1).find((level) => !used.has(level));
}

/** One more table above a deeper one, with an older version of one of its keys; `fits` says which that may be. */
function olderAbove(fits: (versions: readonly PlannedVersion[], i: number) => boolean): Spoil {
  return (plan, random) => {
    const numbers = new Set(plan.tables.flatMap(({ shape }) => shape.versions.map(({ sequence }) => sequence)));
    for (const { level, shape } of plan.tables) {
      const above = freeLevelAbove(plan.tables, level);
      if (above === undefined) continue;
      const free = (sequence: number): number => (numbers.has(sequence) ? free(sequence - 1) : sequence);
      const at = placeWhere(
        random,
        shape.versions.length,
        (i) => fits(shape.versions, i) && free(shape.versions[i]!.sequence) > 0,
      );
      if (at === undefined) continue;
      const { key, sequence } = shape.versions[at]!;
      const { number, plan: next } = freeNumber(plan);
      const older = { key, sequence: free(sequence), kind: 0 };
      const table = withShape({ level: above, shape }, { number, versions: [older] });
      return { ...next, tables: [...plan.tables, table] };
    }
    return undefined;
  };
}

const isNewest = (versions: readonly PlannedVersion[], i: number): boolean => versions[i - 1]?.key !== versions[i]!.key;
const isInside = (versions: readonly PlannedVersion[], i: number): boolean =>
  versions[0]!.key !== versions[i]!.key && versions.at(-1)!.key !== versions[i]!.key;

function overlapping(tables: readonly TablePlan[]): [number, number] | undefined {
  for (const [i, a] of tables.entries()) {
    for (const [j, b] of tables.entries()) {
      if (i >= j || a.level > 0 || b.level > 0) continue;
      const [x, y] = [a.shape.versions, b.shape.versions];
      if (x[0]!.key <= y.at(-1)!.key && y[0]!.key <= x.at(-1)!.key) return [i, j];
    }
  }
  return undefined;
}

/** The first log with a batch, changed. */
function firstBatch(
  plan: StorePlan,
  change: (batch: LogPlan["batches"][number]) => LogPlan["batches"][number],
): StorePlan | undefined {
  const at = plan.logs.findIndex(({ batches }) => batches.length > 0);
  if (at < 0) return undefined;
  const log = plan.logs[at]!;
  const batches = replaced(log.batches, 0, change(log.batches[0]!));
  return { ...plan, logs: replaced(plan.logs, at, { ...log, batches }) };
}

export const WRONG_LEVELS: readonly WrongClass[] = [
  {
    name: "tables of a level that overlap",
    condition: "C16",
    spoil: (plan, random) => split(plan, random, (_, i, all) => i === 0 || i === all.length - 1),
  },
  {
    name: "tables of a level that share a user key",
    condition: "C16",
    spoil: (plan, random) => split(plan, random, (_, i, all) => i < secondVersion(all)),
  },
  {
    name: "two tables of level 0 of one epoch",
    condition: "C16",
    spoil(plan, random) {
      const epochs = plan.tables.filter(({ level }) => level === 0).map(({ shape }) => shape.epoch);
      if (epochs.length < 2) return undefined;
      return withTable(plan, random, (table) =>
        table.level === 0 && table.shape.epoch !== epochs[0] ? withShape(table, { epoch: epochs[0]! }) : undefined,
      );
    },
  },
  {
    name: "tables of level 0 whose epochs are the wrong way round",
    condition: "C16",
    spoil(plan) {
      const pair = overlapping(plan.tables);
      if (!pair) return undefined;
      const [a, b] = pair.map((i) => plan.tables[i]!) as [TablePlan, TablePlan];
      const tables = plan.tables
        .with(pair[0], withShape(a, { epoch: b.shape.epoch }))
        .with(pair[1], withShape(b, { epoch: a.shape.epoch }));
      return { ...plan, tables };
    },
  },
  {
    name: "an older version of a bound on an upper level",
    condition: "C16",
    spoil: olderAbove((versions, i) => isNewest(versions, i) && (i === 0 || i === versions.length - 1)),
  },
  {
    name: "an older version of a key inside a table on an upper level",
    condition: "C16",
    spoil: olderAbove((versions, i) => isNewest(versions, i) && isInside(versions, i)),
  },
  {
    name: "a log that is older than the tables",
    condition: "C16",
    spoil(plan) {
      const numbers = plan.tables.flatMap(({ shape }) => shape.versions.map(({ sequence }) => sequence));
      const log = plan.logs.findIndex(({ batches }) => batches.length > 0);
      if (numbers.length === 0 || log < 0) return undefined;
      const before = { header: { lastSequenceBefore: 0 } };
      const changed = firstBatch(plan, (batch) => ({ ...batch, firstSequence: 1 }));
      return changed && { ...changed, logs: changed.logs.map((one, i) => (i <= log ? { ...one, ...before } : one)) };
    },
  },
  {
    name: "a manifest whose last sequence number is below a table's",
    condition: "C16",
    spoil(plan) {
      const most = Math.max(...plan.tables.flatMap(({ shape }) => shape.versions.map(({ sequence }) => sequence)));
      return { ...plan, lastSequence: most - 1 };
    },
  },
  {
    name: "a sequence number twice, under two keys",
    condition: "C16",
    unseen: "unbounded",
    spoil(plan, random) {
      const others = new Set(plan.tables.flatMap(({ shape }) => shape.versions.map(({ sequence }) => sequence)));
      return withTable(plan, random, (table) => {
        const { versions } = table.shape;
        const own = new Set(versions.map(({ sequence }) => sequence));
        // One key alone in its table, one number of another table: no bound and no order changes but by that.
        const fits = (i: number): boolean => {
          const { key, sequence } = versions[i]!;
          const isOnlyVersion = plan.tables.every(
            (one) => one === table || one.shape.versions.every((version) => version.key !== key),
          );
          return isOnlyVersion && !own.has(sequence + 1) && others.has(sequence + 1) && table.level > 0;
        };
        const at = versions.findIndex(
          (version, i) => versions[i + 1]?.key !== version.key && versions[i - 1]?.key !== version.key && fits(i),
        );
        if (at < 0) return undefined;
        const changed = { ...versions[at]!, sequence: versions[at]!.sequence + 1 };
        return withShape(table, { versions: replaced(versions, at, changed) });
      });
    },
  },
  {
    name: "a table and a log of one number",
    condition: "C15",
    spoil(plan, random) {
      if (plan.logs.length > 1) return undefined;
      const { number } = random.pick(plan.tables).shape;
      return { ...plan, logNumber: number, logs: plan.logs.map((log) => ({ ...log, number })) };
    },
  },
  {
    name: "a table and the manifest of one number",
    condition: "C15",
    spoil(plan, random) {
      const { number } = random.pick(plan.tables).shape;
      return { ...plan, manifest: { ...plan.manifest, number } };
    },
  },
];

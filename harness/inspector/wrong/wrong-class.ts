// Stores that are wrong on purpose: a sound one by seed, and one thing in it changed, as consistently as it can be, so that
// a single check sees it and no other.

import { randomStore, type RandomStoreOptions } from "../encode/random-store.ts";
import { encodeStore } from "../encode/store-encoder.ts";
import type { StoreHooks, StorePlan, TablePlan } from "../encode/store-plan.ts";
import { cutBlocks, type PlannedVersion, type TableHooks, type TableShape } from "../encode/table-encoder.ts";
import type { TableEntry } from "../edit-framing.ts";
import type { StoreProblem } from "../problem.ts";
import type { TableProperties } from "../table-properties.ts";
import { Random } from "../../workloads/random.ts";

/**
 * mended: what a crash may leave as well, and the next open for writing puts right; foreign: the engine leaves files alone
 * whose names it never gives; unbounded: to see it, every sequence number of the store would have to be remembered.
 */
export type UnseenReason = "mended" | "foreign" | "unbounded";

export interface WrongClass {
  readonly name: string;
  /** What the inspector must say, at least. */
  readonly condition: StoreProblem["condition"];
  /** Why verify() finds nothing; absent: it does. */
  readonly unseen?: UnseenReason;
  /** What the sound store must be like. */
  readonly base?: RandomStoreOptions;
  /** Undefined: this one has nothing that could be made wrong so. Absent: its files are. */
  readonly spoil?: (plan: StorePlan, random: Random) => StorePlan | undefined;
  /** Changes the finished files. False: these have nothing that could be made wrong so. */
  readonly spoilFiles?: (files: Map<string, Buffer>, plan: StorePlan, random: Random) => boolean;
}

export type Spoil = NonNullable<WrongClass["spoil"]>;
export type SpoilFiles = NonNullable<WrongClass["spoilFiles"]>;

export interface WrongStore {
  readonly plan: StorePlan;
  readonly files: ReadonlyMap<string, Buffer>;
}

const BASES_TRIED_MAX = 500;

/** The wrong store of a class and a seed. */
export function wrongStore({ name, base, spoil, spoilFiles }: WrongClass, seed: string): WrongStore {
  for (let i = 0; i < BASES_TRIED_MAX; i++) {
    const sound = randomStore(`${name}:${seed}:${i}`, base);
    const random = new Random(`wrong:${name}:${seed}:${i}`);
    const plan = spoil ? spoil(sound, random) : sound;
    if (!plan) continue;
    const files = encodeStore(plan);
    if (!spoilFiles || spoilFiles(files, plan, random)) return { plan, files };
  }
  throw new Error(`no store could be made wrong: ${name}`);
}

/** With one of the tables changed that `change` finds fit; undefined if it finds none. */
export function withTable(
  plan: StorePlan,
  random: Random,
  change: (table: TablePlan) => TablePlan | undefined,
): StorePlan | undefined {
  const start = random.int(Math.max(1, plan.tables.length));
  for (let n = 0; n < plan.tables.length; n++) {
    const i = (start + n) % plan.tables.length;
    const changed = change(plan.tables[i]!);
    if (changed) return { ...plan, tables: plan.tables.with(i, changed) };
  }
  return undefined;
}

export function withShape(table: TablePlan, changes: Partial<TableShape>): TablePlan {
  return { ...table, shape: { ...table.shape, ...changes } };
}

export function withHooks(table: TablePlan, hooks: TableHooks): TablePlan {
  return withShape(table, { hooks });
}

export function withStoreHooks(plan: StorePlan, hooks: StoreHooks): StorePlan {
  return { ...plan, hooks };
}

/** The properties say something else, and the manifest, which is told by them, too. */
export function saying(
  table: TablePlan,
  changes: (properties: TableProperties) => Partial<TableProperties>,
): TablePlan {
  return withHooks(table, { properties: (properties) => ({ ...properties, ...changes(properties) }) });
}

export function manifestSaying(table: TablePlan, entry: Partial<TableEntry>): TablePlan {
  return { ...table, entry };
}

/** The versions by block, as the table will have them. */
export function blocksOf({ shape }: TablePlan): PlannedVersion[][] {
  return cutBlocks(shape);
}

/** With one item replaced by several. */
export function replaced<T>(items: readonly T[], i: number, ...by: readonly T[]): T[] {
  return items.toSpliced(i, 1, ...by);
}

/** With two neighbours exchanged. */
export function swapped<T>(items: readonly T[], i: number): T[] {
  return items.toSpliced(i, 2, items[i + 1]!, items[i]!);
}

/** One of the places from 0 up to `count` at which `fits` holds; undefined: there is none. */
export function placeWhere(random: Random, count: number, fits: (i: number) => boolean): number | undefined {
  const places = Array.from({ length: Math.max(0, count) }, (_, i) => i).filter(fits);
  return places.length === 0 ? undefined : random.pick(places);
}

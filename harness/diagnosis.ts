// What is wrong with a recovered state that equals no allowed S_p: which condition it breaks, and in which keys.

import type { Condition } from "./conditions.ts";
import type { Key } from "./keys.ts";
import type { Model, Version } from "./model.ts";
import { isValueOf, parseValue, type ValueRef } from "./values.ts";

export type { Condition } from "./conditions.ts";

export interface KeyDifference {
  readonly key: Key;
  /** In S_nearest. */
  readonly expected: ValueRef | undefined;
  /** Its length, its writer where it names one. */
  readonly found: string;
}

export interface Violation {
  readonly condition: Condition;
  readonly message: string;
  /** Every p of the whole history whose S_p is what was recovered; none of them is allowed. */
  readonly equal: readonly number[];
  /** The allowed p whose S_p agrees with most keys. */
  readonly nearest: number;
  /** How many keys differ from S_nearest, and the first of them. */
  readonly differing: number;
  readonly keys: readonly KeyDifference[];
}

/** What a recovery gave, and the p it was allowed to give. */
export interface Evidence {
  readonly recovered: ReadonlyMap<Key, Uint8Array>;
  readonly least: number;
  readonly most: number;
  /** The states of the whole history that equal `recovered`: none of them in [least, most]. */
  readonly equal: readonly number[];
}

/** A report names this many keys; the rest are counted. */
const KEYS_REPORTED_MAX = 20;

export function diagnose(model: Model, evidence: Evidence): Violation {
  const { least, most, equal } = evidence;
  const verdict = foreignValue(model, evidence) ?? wholeState(least, most, equal);
  const agreement = new Agreement(model, evidence.recovered);
  const torn = verdict ? undefined : agreement.tornWrite(least, most);
  const nearest = agreement.nearest(least, most);
  const differences = differencesAt(model, evidence.recovered, nearest);
  const [condition, message] = verdict ?? torn ?? mixture(model, evidence, nearest, differences);
  const keys = differences.slice(0, KEYS_REPORTED_MAX);
  return { condition, message, equal, nearest, differing: differences.length, keys };
}

type Finding = readonly [condition: Condition, message: string];

function foreignValue(model: Model, { recovered, most }: Evidence): Finding | undefined {
  for (const [key, value] of recovered) {
    const versions = matching(model, key, value);
    const what = `${JSON.stringify(key)} holds ${describeValue(value, key)}`;
    if (versions.length === 0) return ["C4", `${what}, which no write in this history gave it`];
    if (versions.every((version) => version.from > most)) {
      return ["C4", `${what}, which write ${versions[0]!.from} gave it, but only ${most} were issued`];
    }
  }
  return undefined;
}

function wholeState(least: number, most: number, equal: readonly number[]): Finding | undefined {
  const before = equal.findLast((p) => p < least);
  if (before !== undefined) return ["C3", `recovered the state after write ${before}; ${least} were acknowledged`];
  const after = equal.find((p) => p > most);
  return after === undefined ? undefined : ["C4", `recovered the state after write ${after}; only ${most} were issued`];
}

// Every value is known, and yet the whole is no S_p: newer and older writes side by side. All keys that differ from the
// nearest state hold what a durable write overwrote: it came back (C7). Otherwise a write is missing below others (C2).
function mixture(model: Model, evidence: Evidence, nearest: number, differences: readonly KeyDifference[]): Finding {
  const { recovered, least, most } = evidence;
  const cameBack = differences.every(({ key }) => {
    const value = recovered.get(key);
    return value !== undefined && matching(model, key, value).every((version) => version.to < least);
  });
  const first = differences[0];
  const where = first ? `, as ${JSON.stringify(first.key)} shows: it holds ${first.found}` : "";
  if (cameBack) return ["C7", `what was overwritten or deleted by acknowledged write ≤ ${least} came back${where}`];
  return ["C2", `no p from ${least} to ${most} gives this state; nearest is ${nearest}, with a hole${where}`];
}

/** For each state, with how many keys it agrees; and how many agree with it or with the one before. */
class Agreement {
  readonly #model: Model;
  readonly #floor: number;
  readonly #exact: Int32Array;
  readonly #near: Int32Array;
  #keys = 0;

  constructor(model: Model, recovered: ReadonlyMap<Key, Uint8Array>) {
    this.#model = model;
    this.#floor = model.floor;
    const states = model.writes - model.floor + 1;
    this.#exact = new Int32Array(states + 1);
    this.#near = new Int32Array(states + 2);
    for (const key of model.allKeys()) this.#count(matching(model, key, recovered.get(key)));
    for (let i = 1; i <= states; i++) {
      this.#exact[i]! += this.#exact[i - 1]!;
      this.#near[i]! += this.#near[i - 1]!;
    }
  }

  nearest(least: number, most: number): number {
    let best = Math.max(least, this.#floor);
    for (let p = best; p <= Math.min(most, this.#model.writes); p++) {
      if (this.#exact[p - this.#floor]! >= this.#exact[best - this.#floor]!) best = p;
    }
    return best;
  }

  /** A write of several keys of which some are as before it and some as after it, all else being equal. */
  tornWrite(least: number, most: number): Finding | undefined {
    for (let p = this.#floor + 1; p <= this.#model.writes; p++) {
      if (this.#near[p - this.#floor] !== this.#keys) continue;
      const touched = this.#model.touchedBy(p).length;
      return [
        "C6",
        `write ${p} changed ${touched} keys, and only part of that is there (allowed: ${least} to ${most})`,
      ];
    }
    return undefined;
  }

  #count(versions: readonly Version[]): void {
    this.#keys++;
    let counted = -1;
    for (const version of versions) {
      const from = version.from - this.#floor;
      const to = version.to - this.#floor;
      this.#exact[from]!++;
      this.#exact[to + 1]!--;
      this.#near[Math.max(from, counted + 1)]!++;
      this.#near[to + 2]!--;
      counted = to + 1;
    }
  }
}

function differencesAt(model: Model, recovered: ReadonlyMap<Key, Uint8Array>, p: number): KeyDifference[] {
  const differences: KeyDifference[] = [];
  const compare = (key: Key): void => {
    const expected = model.get(key, p);
    const value = recovered.get(key);
    if (same(key, expected, value)) return;
    differences.push({ key, expected, found: value === undefined ? "nothing" : describeValue(value, key) });
  };
  const known = new Set<Key>();
  for (const key of model.allKeys()) {
    known.add(key);
    compare(key);
  }
  for (const key of recovered.keys()) if (!known.has(key)) compare(key);
  return differences;
}

function matching(model: Model, key: Key, value: Uint8Array | undefined): Version[] {
  return model.versions(key).filter((version) => same(key, version.value, value));
}

function same(key: Key, ref: ValueRef | undefined, value: Uint8Array | undefined): boolean {
  return ref === undefined || value === undefined ? ref === value : isValueOf(value, key, ref);
}

/** A value in words: its length, and who says it wrote it. */
export function describeValue(value: Uint8Array, key: Key): string {
  const written = parseValue(value, key);
  if (!written) return `${value.length} bytes`;
  const of = written.key === key ? "" : ` of ${JSON.stringify(written.key)}`;
  return `${value.length} bytes${of} written by ${written.id} in life ${written.incarnation}`;
}

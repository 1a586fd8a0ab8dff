// A write that threw IO_ERROR or NO_SPACE may or may not have happened: not visible now, decided at the next reopen. Until
// then the history is not a list but a set of lists, one for each choice among such writes.

import { addValue, type Digest, hashKey } from "./digest.ts";
import type { Key } from "./keys.ts";
import type { Model } from "./model.ts";
import { type Change, changesOf, type WriteOp } from "./op.ts";
import type { ValueRef } from "./values.ts";

/**
 * A write since the first undecided one. `index` is its place in the model; of an undecided one the place of the write before
 * it. `behind`: it was written together with the undecided one before it, so it has not happened without that one.
 */
export interface TailWrite {
  readonly op: WriteOp;
  readonly index: number;
  readonly undecided: boolean;
  readonly behind: boolean;
}

/** A state that a history with some of the undecided writes passes through, after the write `index`. */
export interface Branch {
  readonly index: number;
  /** The undecided writes that happened in it. */
  readonly happened: readonly WriteOp[];
  readonly digest: Digest;
  /** Turns S_index into this state. */
  patch(): Change[];
}

/** All states of all histories in which at least one undecided write happened. `tail` starts with an undecided write. */
export function* branches(model: Model, tail: readonly TailWrite[]): Generator<Branch> {
  const undecided = tail.filter((write) => write.undecided);
  for (const chosen of choices(undecided)) {
    const overlay = new Overlay(model, tail[0]!.index);
    const happened: WriteOp[] = [];
    for (const write of tail) {
      if (write.undecided) {
        if (!chosen.has(write)) continue;
        happened.push(write.op);
      }
      overlay.apply(changesOf(write.op));
      if (happened.length === 0) continue;
      const { index } = write;
      yield { index, happened: [...happened], digest: overlay.digest, patch: () => overlay.patch(index) };
    }
  }
}

// The sets of undecided writes that may have happened together, without the empty one.
function* choices(undecided: readonly TailWrite[]): Generator<ReadonlySet<TailWrite>> {
  let sets: TailWrite[][] = [[]];
  undecided.forEach((write, i) => {
    const allowed = write.behind ? sets.filter((set) => set.at(-1) === undecided[i - 1]) : sets;
    sets = [...sets, ...allowed.map((set) => [...set, write])];
  });
  for (const set of sets) if (set.length > 0) yield new Set(set);
}

/** A state of the model with changes on top of it. */
class Overlay {
  readonly digest: Digest;
  readonly #model: Model;
  readonly #base: number;
  readonly #values = new Map<Key, ValueRef | undefined>();

  constructor(model: Model, base: number) {
    this.#model = model;
    this.#base = base;
    this.digest = { ...model.digestAt(base) };
  }

  apply(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === "put") this.#set(change.key, change.value);
      else if (change.kind === "delete") this.#set(change.key, undefined);
      else this.#deleteRange(change.from, change.to);
    }
  }

  patch(index: number): Change[] {
    const changes: Change[] = [];
    for (const [key, value] of this.#values) {
      if (value === this.#model.get(key, index)) continue;
      changes.push(value === undefined ? { kind: "delete", key } : { kind: "put", key, value });
    }
    return changes;
  }

  #get(key: Key): ValueRef | undefined {
    return this.#values.has(key) ? this.#values.get(key) : this.#model.get(key, this.#base);
  }

  #set(key: Key, value: ValueRef | undefined): void {
    const before = this.#get(key);
    const hashes = hashKey(key);
    if (before) addValue(this.digest, key, hashes, before, -1);
    if (value) addValue(this.digest, key, hashes, value, 1);
    this.#values.set(key, value);
  }

  #deleteRange(from: Key, to: Key): void {
    if (from >= to) return;
    const below = this.#model.scan({ gte: from, lt: to }, this.#base).map(([key]) => key);
    const above = [...this.#values.keys()].filter((key) => key >= from && key < to);
    for (const key of [...below, ...above]) this.#set(key, undefined);
  }
}

// The reference model: a sorted map with versions. The p-th write of a run makes the state S_p (S_0 is empty, a batch is
// one write); every state from `floor` on can be read, so snapshots, crashes and reads beside writes in flight are all
// the same question: what did S_p hold?
//
// It shares no code with the engine, its comparison included (keys.ts). It is fast enough to run beside an engine
// (bench: 10^5 keys, more than 300,000 operations a second) by three plain things: a Map from key to its versions, a
// chunked sorted array of the keys (sorted-keys.ts), a journal of what each write touched.

import { addValue, type Digest, emptyDigest, hashKey, type KeyHashes } from "./digest.ts";
import { type Key, type KeyRange, inRange, prefixEnd } from "./keys.ts";
import type { Change, ScanOptions } from "./op.ts";
import { SortedKeys } from "./sorted-keys.ts";
import type { ValueRef } from "./values.ts";

export type ModelEntry = readonly [Key, ValueRef];

/** One key: the values it had, each from the state `at` on; undefined is a deletion. No version: it was never there. */
interface History {
  readonly key: Key;
  readonly hashes: KeyHashes;
  readonly at: number[];
  readonly values: (ValueRef | undefined)[];
}

/** A value (undefined: absent) that a key had in the states from `from` to `to`, both included. */
export interface Version {
  readonly value: ValueRef | undefined;
  readonly from: number;
  readonly to: number;
}

/** A sweep visits every key: worth it when this many versions may go, or as many as there are keys. */
const SWEEP_VERSIONS_MIN = 4096;

export class Model {
  readonly #histories = new Map<Key, History>();
  /** Every key with a history, deleted ones included. */
  readonly #keys = new SortedKeys();
  #writes = 0;
  #live = 0;
  readonly #digest: Digest = emptyDigest();
  // What the writes base + 1, base + 2 … touched: journal[ends[i - 1] .. ends[i]], and the digest after each.
  #base = 0;
  #journal: History[] = [];
  #ends: number[] = [];
  #digests: Digest[] = [];
  #baseDigest: Digest = emptyDigest();
  #floorWanted = 0;

  /** How many writes there were: the index of the current state. */
  get writes(): number {
    return this.#writes;
  }

  /** The oldest state that can still be read. */
  get floor(): number {
    return this.#floorWanted;
  }

  /** Entries in the current state. */
  get size(): number {
    return this.#live;
  }

  /** One atomic write; returns its index. */
  apply(changes: readonly Change[]): number {
    const p = ++this.#writes;
    for (const change of changes) {
      if (change.kind === "put") this.#set(change.key, change.value, p);
      else if (change.kind === "delete") this.#set(change.key, undefined, p);
      else for (const key of this.#keysIn(change.from, change.to)) this.#set(key, undefined, p);
    }
    this.#ends.push(this.#journal.length);
    this.#digests.push({ low: this.#digest.low, high: this.#digest.high });
    return p;
  }

  /** The value of a key in S_p; undefined when it is absent. */
  get(key: Key, p: number = this.#writes): ValueRef | undefined {
    const history = this.#histories.get(key);
    return history && valueAt(history, p);
  }

  /** The entries of S_p in a range, in the asked order, at most `limit`. */
  scan(options: ScanOptions = {}, p: number = this.#writes): ModelEntry[] {
    const entries: ModelEntry[] = [];
    const limit = options.limit ?? Infinity;
    if (limit === 0) return entries;
    for (const entry of options.reverse ? this.#down(options, p) : this.#up(options, p)) {
      entries.push(entry);
      if (entries.length === limit) break;
    }
    return entries;
  }

  digestAt(p: number = this.#writes): Digest {
    return p === this.#base ? this.#baseDigest : this.#digests[p - this.#base - 1]!;
  }

  /** The states from `least` to `most` that have this digest. */
  statesWith(digest: Digest, least: number, most: number): number[] {
    const found: number[] = [];
    for (let p = Math.max(least, this.#base); p <= Math.min(most, this.#writes); p++) {
      const at = this.digestAt(p);
      if (at.low === digest.low && at.high === digest.high) found.push(p);
    }
    return found;
  }

  /** Every value a key had in the states from `floor` on, oldest first; without gaps. */
  versions(key: Key): Version[] {
    const history = this.#histories.get(key);
    const floor = this.#floorWanted;
    if (!history) return [{ value: undefined, from: floor, to: this.#writes }];
    const { at, values } = history;
    const versions: Version[] = [];
    if (at[0]! > floor) versions.push({ value: undefined, from: floor, to: at[0]! - 1 });
    for (let i = 0; i < at.length; i++) {
      const to = i + 1 < at.length ? at[i + 1]! - 1 : this.#writes;
      if (to >= floor) versions.push({ value: values[i], from: Math.max(at[i]!, floor), to });
    }
    return versions;
  }

  /** Every key that some state from `floor` on may hold, in order. */
  allKeys(): Generator<Key> {
    return this.#keys.ascending();
  }

  /** The keys that the p-th write changed. */
  touchedBy(p: number): Key[] {
    const i = p - this.#base - 1;
    return this.#journal.slice(i > 0 ? this.#ends[i - 1]! : 0, this.#ends[i]).map((history) => history.key);
  }

  /** A copy, which later writes to this one do not change. */
  clone(): Model {
    const copy = new Model();
    const copies = new Map<History, History>();
    for (const history of this.#histories.values()) {
      const { key, hashes, at, values } = history;
      const copied = { key, hashes, at: [...at], values: [...values] };
      copies.set(history, copied);
      copy.#histories.set(key, copied);
      copy.#keys.add(key);
    }
    copy.#writes = this.#writes;
    copy.#live = this.#live;
    Object.assign(copy.#digest, this.#digest);
    copy.#base = this.#base;
    copy.#baseDigest = this.#baseDigest;
    copy.#floorWanted = this.#floorWanted;
    copy.#journal = this.#journal.map((history) => copies.get(history)!);
    copy.#ends = [...this.#ends];
    copy.#digests = [...this.#digests];
    return copy;
  }

  /** Undoes every write after the p-th: S_p is the current state. */
  rollBack(p: number): void {
    if (p < this.#base || p > this.#writes) throw new RangeError(`state ${p} is not in ${this.#base}..${this.#writes}`);
    const i = p - this.#base - 1;
    const kept = i >= 0 ? this.#ends[i]! : 0;
    for (let j = this.#journal.length - 1; j >= kept; j--) this.#pop(this.#journal[j]!);
    const digest = this.digestAt(p);
    this.#digest.low = digest.low;
    this.#digest.high = digest.high;
    this.#journal.length = kept;
    this.#ends.length = this.#digests.length = i + 1;
    this.#writes = p;
  }

  /** States before S_p will not be asked for again. Memory is given back now and then. */
  forget(p: number): void {
    if (p > this.#floorWanted) this.#floorWanted = Math.min(p, this.#writes);
    const done = this.#floorWanted - this.#base;
    if (done > 0 && this.#ends[done - 1]! > Math.max(SWEEP_VERSIONS_MIN, this.#keys.size)) this.#sweep(done);
  }

  #set(key: Key, value: ValueRef | undefined, p: number): void {
    let history = this.#histories.get(key);
    const last = history && history.values[history.values.length - 1];
    if (value === undefined && last === undefined) return;
    if (!history) {
      history = { key, hashes: hashKey(key), at: [], values: [] };
      this.#histories.set(key, history);
      this.#keys.add(key);
    }
    if (last) addValue(this.#digest, key, history.hashes, last, -1);
    if (value) addValue(this.#digest, key, history.hashes, value, 1);
    this.#live += (value ? 1 : 0) - (last ? 1 : 0);
    const { at, values } = history;
    if (at[at.length - 1] === p) {
      values[values.length - 1] = value;
      return;
    }
    at.push(p);
    values.push(value);
    this.#journal.push(history);
  }

  #pop(history: History): void {
    const { at, values, key } = history;
    at.pop();
    const undone = values.pop();
    const now = values[values.length - 1];
    this.#live += (now ? 1 : 0) - (undone ? 1 : 0);
    if (values.length > 0) return;
    this.#histories.delete(key);
    this.#keys.remove(key);
  }

  // The live keys in [from, to), as a list: the caller changes them.
  #keysIn(from: Key, to: Key): Key[] {
    const keys: Key[] = [];
    for (const key of this.#keys.ascending(from)) {
      if (key >= to) break;
      if (this.get(key) !== undefined) keys.push(key);
    }
    return keys;
  }

  *#up(range: KeyRange, p: number): Generator<ModelEntry> {
    const from = greatest(range.gt, range.gte, range.prefix);
    for (const key of this.#keys.ascending(from)) {
      if (!inRange(key, range)) {
        if (isAbove(key, range)) return;
        continue;
      }
      const value = this.get(key, p);
      if (value !== undefined) yield [key, value];
    }
  }

  *#down(range: KeyRange, p: number): Generator<ModelEntry> {
    const from = least(range.lt, range.lte, range.prefix === undefined ? undefined : prefixEnd(range.prefix));
    for (const key of this.#keys.descending(from)) {
      if (!inRange(key, range)) {
        if (isBelow(key, range)) return;
        continue;
      }
      const value = this.get(key, p);
      if (value !== undefined) yield [key, value];
    }
  }

  // Drops the journal of the first `done` writes, and of each key they touched the versions that no state from the new
  // base on can see.
  #sweep(done: number): void {
    const touched = this.#ends[done - 1]!;
    const base = this.#base + done;
    for (const history of new Set(this.#journal.slice(0, touched))) {
      const { at, values, key } = history;
      let first = versionAt(history, base);
      if (first >= 0 && values[first] === undefined) first++;
      if (first <= 0) continue;
      at.splice(0, first);
      values.splice(0, first);
      if (values.length > 0) continue;
      this.#histories.delete(key);
      this.#keys.remove(key);
    }
    this.#baseDigest = this.digestAt(base);
    this.#base = base;
    this.#journal = this.#journal.slice(touched);
    this.#ends = this.#ends.slice(done).map((end) => end - touched);
    this.#digests = this.#digests.slice(done);
  }
}

// The place of the last version that S_p sees, or -1.
function versionAt(history: History, p: number): number {
  const { at } = history;
  let low = 0;
  let high = at.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (at[middle]! <= p) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function valueAt(history: History, p: number): ValueRef | undefined {
  const { at, values } = history;
  const newest = at.length - 1;
  if (newest >= 0 && at[newest]! <= p) return values[newest];
  const i = versionAt(history, p);
  return i < 0 ? undefined : values[i];
}

function greatest(...keys: (Key | undefined)[]): Key | undefined {
  return keys.reduce((a, b) => (a === undefined || (b !== undefined && b > a) ? b : a), undefined);
}

function least(...keys: (Key | undefined)[]): Key | undefined {
  return keys.reduce((a, b) => (a === undefined || (b !== undefined && b < a) ? b : a), undefined);
}

// Beyond the end of the range: no greater key is in it.
function isAbove(key: Key, range: KeyRange): boolean {
  if (range.lt !== undefined && key >= range.lt) return true;
  if (range.lte !== undefined && key > range.lte) return true;
  return range.prefix !== undefined && key > range.prefix && !key.startsWith(range.prefix);
}

function isBelow(key: Key, range: KeyRange): boolean {
  return (
    (range.gt !== undefined && key <= range.gt) ||
    (range.gte !== undefined && key < range.gte) ||
    (range.prefix !== undefined && key < range.prefix)
  );
}

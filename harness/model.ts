// The reference model: a sorted map with versions. The p-th write of a run makes the state S_p (S_0 is empty, a batch is
// one write); every state from `floor` on can be read, so snapshots, crashes and reads beside writes in flight are all
// the same question: what did S_p hold?
//
// It shares no code with the engine, its comparison included (keys.ts). It is fast enough to run beside an engine
// (bench: 10^5 keys, more than 300,000 operations a second) by three plain things: a Map from key to its versions
// (history.ts), a chunked sorted array of the same (sorted-keys.ts), a journal of what each write touched.

import { addValue, type Digest, emptyDigest, sameDigest } from "./digest.ts";
import { History } from "./history.ts";
import { type Key, prefixEnd } from "./keys.ts";
import { ModelWalk } from "./model-walk.ts";
import type { Change, ScanOptions } from "./op.ts";
import { SortedKeys } from "./sorted-keys.ts";
import type { ValueRef } from "./values.ts";

export type ModelEntry = readonly [Key, ValueRef];

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
  /** The same in order of their keys, deleted ones included. */
  readonly #sorted = new SortedKeys<History>();
  #writes = 0;
  #live = 0;
  readonly #digest: Digest = emptyDigest();
  // What the writes base + 1, base + 2 … touched: journal[ends[i - 1] .. ends[i]], and the digest after each.
  #base = 0;
  #journal: History[] = [];
  #ends: number[] = [];
  #lows: number[] = [];
  #highs: number[] = [];
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
      else for (const [key] of this.scan({ gte: change.from, lt: change.to })) this.#set(key, undefined, p);
    }
    this.#ends.push(this.#journal.length);
    this.#lows.push(this.#digest.low);
    this.#highs.push(this.#digest.high);
    return p;
  }

  /** The value of a key in S_p; undefined when it is absent. */
  get(key: Key, p: number = this.#writes): ValueRef | undefined {
    const history = this.#histories.get(key);
    return history?.valueAt(p);
  }

  /** The entries of S_p in a range, in the asked order, at most `limit`; to be walked before the model changes. */
  walk(options: ScanOptions = {}, p: number = this.#writes): ModelWalk {
    const { gt, gte, lt, lte, prefix, reverse, limit } = options;
    const from = greatest(greatest(gte, after(gt)), prefix);
    const to = least(least(lt, after(lte)), prefix === undefined ? undefined : prefixEnd(prefix));
    return new ModelWalk(this.#sorted.walk(from, to, reverse), p, limit ?? Infinity);
  }

  /** The same as a list. */
  scan(options: ScanOptions = {}, p: number = this.#writes): ModelEntry[] {
    const entries: ModelEntry[] = [];
    for (const walk = this.walk(options, p); walk.next();) entries.push([walk.key, walk.value]);
    return entries;
  }

  digestAt(p: number = this.#writes): Digest {
    if (p === this.#base) return this.#baseDigest;
    const i = p - this.#base - 1;
    return { low: this.#lows[i]!, high: this.#highs[i]! };
  }

  /** The keys in which S_p and the present may differ. */
  touchedSince(p: number): ReadonlySet<Key> {
    const first = p === this.#base ? 0 : this.#ends[p - this.#base - 1]!;
    return new Set(this.#journal.slice(first).map(({ key }) => key));
  }

  /** The states from `least` to `most` that have this digest. */
  statesWith(digest: Digest, least: number, most: number): number[] {
    const found: number[] = [];
    for (let p = Math.max(least, this.#base); p <= Math.min(most, this.#writes); p++) {
      if (sameDigest(this.digestAt(p), digest)) found.push(p);
    }
    return found;
  }

  /** Every value a key had in the states from `floor` on, oldest first; without gaps. */
  versions(key: Key): Version[] {
    const history = this.#histories.get(key);
    const floor = this.#floorWanted;
    if (!history) return [{ value: undefined, from: floor, to: this.#writes }];
    const known = history.versions();
    const versions: Version[] = [];
    if (known[0]!.at > floor) versions.push({ value: undefined, from: floor, to: known[0]!.at - 1 });
    known.forEach(({ at, value }, i) => {
      const to = i + 1 < known.length ? known[i + 1]!.at - 1 : this.#writes;
      if (to >= floor) versions.push({ value, from: Math.max(at, floor), to });
    });
    return versions;
  }

  /** Every key that some state from `floor` on may hold, in order. */
  *allKeys(): Generator<Key> {
    const walk = this.#sorted.walk(undefined, undefined);
    for (let history = walk.next(); history; history = walk.next()) yield history.key;
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
      const copied = history.clone();
      copies.set(history, copied);
      copy.#histories.set(history.key, copied);
      copy.#sorted.add(copied);
    }
    copy.#writes = this.#writes;
    copy.#live = this.#live;
    Object.assign(copy.#digest, this.#digest);
    copy.#base = this.#base;
    copy.#baseDigest = this.#baseDigest;
    copy.#floorWanted = this.#floorWanted;
    copy.#journal = this.#journal.map((history) => copies.get(history)!);
    copy.#ends = [...this.#ends];
    copy.#lows = [...this.#lows];
    copy.#highs = [...this.#highs];
    return copy;
  }

  /** Undoes every write after the p-th: S_p is the current state. */
  rollBack(p: number): void {
    if (p < this.#base || p > this.#writes) throw new RangeError(`state ${p} is not in ${this.#base}..${this.#writes}`);
    const i = p - this.#base - 1;
    const kept = i >= 0 ? this.#ends[i]! : 0;
    for (let j = this.#journal.length - 1; j >= kept; j--) this.#undo(this.#journal[j]!);
    const digest = this.digestAt(p);
    this.#digest.low = digest.low;
    this.#digest.high = digest.high;
    this.#journal.length = kept;
    this.#ends.length = this.#lows.length = this.#highs.length = i + 1;
    this.#writes = p;
  }

  /** States before S_p will not be asked for again. Memory is given back now and then. */
  forget(p: number): void {
    if (p > this.#floorWanted) this.#floorWanted = Math.min(p, this.#writes);
    const done = this.#floorWanted - this.#base;
    if (done > 0 && this.#ends[done - 1]! > Math.max(SWEEP_VERSIONS_MIN, this.#sorted.size)) this.#sweep(done);
  }

  #set(key: Key, value: ValueRef | undefined, p: number): void {
    let history = this.#histories.get(key);
    const last = history?.newest;
    if (value === undefined && last === undefined) return;
    if (!history) {
      history = new History(key, p, value);
      this.#histories.set(key, history);
      this.#sorted.add(history);
      this.#journal.push(history);
    } else if (history.set(p, value)) this.#journal.push(history);
    if (last) addValue(this.#digest, key, history.hashes, last, -1);
    if (value) addValue(this.#digest, key, history.hashes, value, 1);
    this.#live += (value ? 1 : 0) - (last ? 1 : 0);
  }

  #undo(history: History): void {
    const undone = history.newest;
    const isLeft = history.undo();
    const now = isLeft ? history.newest : undefined;
    this.#live += (now ? 1 : 0) - (undone ? 1 : 0);
    if (!isLeft) this.#remove(history);
  }

  #remove({ key }: History): void {
    this.#histories.delete(key);
    this.#sorted.remove(key);
  }

  // Drops the journal of the first `done` writes, and of each key they touched the versions that no state from the new
  // base on can see.
  #sweep(done: number): void {
    const touched = this.#ends[done - 1]!;
    const base = this.#base + done;
    for (const history of new Set(this.#journal.slice(0, touched))) if (!history.forget(base)) this.#remove(history);
    this.#baseDigest = this.digestAt(base);
    this.#base = base;
    this.#journal = this.#journal.slice(touched);
    this.#ends = this.#ends.slice(done).map((end) => end - touched);
    this.#lows = this.#lows.slice(done);
    this.#highs = this.#highs.slice(done);
  }
}

// Nothing stands between a key and the key with a zero byte behind it.
function after(key: Key | undefined): Key | undefined {
  return key === undefined ? undefined : `${key}\0`;
}

function greatest(a: Key | undefined, b: Key | undefined): Key | undefined {
  return a === undefined || (b !== undefined && b > a) ? b : a;
}

function least(a: Key | undefined, b: Key | undefined): Key | undefined {
  return a === undefined || (b !== undefined && b < a) ? b : a;
}

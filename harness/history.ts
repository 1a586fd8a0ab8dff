import { hashKey, type KeyHashes } from "./digest.ts";
import type { Key } from "./keys.ts";
import type { ValueRef } from "./values.ts";

/** A value (undefined: absent) that a key has from the state `at` on. */
interface ValueFrom {
  readonly at: number;
  readonly value: ValueRef | undefined;
}

/**
 * The values of one key, each from some state on. Scans of the model read the newest of many histories: it stands in the
 * history itself, those before it in a list of their own, which most keys never need.
 */
export class History {
  readonly key: Key;
  readonly hashes: KeyHashes;
  #at: number;
  #value: ValueRef | undefined;
  /** Oldest first. */
  #older: ValueFrom[] | undefined;

  /** Of a key that is absent before the state `at`. */
  constructor(key: Key, at: number, value: ValueRef | undefined) {
    this.key = key;
    this.hashes = hashKey(key);
    this.#at = at;
    this.#value = value;
  }

  /** The newest value; undefined when the key is absent. */
  get newest(): ValueRef | undefined {
    return this.#value;
  }

  /** The value in S_p; undefined when the key is absent. */
  valueAt(p: number): ValueRef | undefined {
    if (this.#at <= p) return this.#value;
    const older = this.#older;
    return older && older[versionAt(older, p)]?.value;
  }

  /** Every version, oldest first; the key is absent before the first. */
  versions(): readonly ValueFrom[] {
    return [...(this.#older ?? []), { at: this.#at, value: this.#value }];
  }

  /** From the state `at` on the key has this value; false if another change of that same state has only been replaced. */
  set(at: number, value: ValueRef | undefined): boolean {
    const isNew = this.#at !== at;
    if (isNew) (this.#older ??= []).push({ at: this.#at, value: this.#value });
    this.#at = at;
    this.#value = value;
    return isNew;
  }

  /** Takes the newest version away; false if there is no other. */
  undo(): boolean {
    const before = this.#older?.pop();
    if (!before) return false;
    this.#at = before.at;
    this.#value = before.value;
    return true;
  }

  /** Drops what no state from S_p on can see; false if nothing is left: the key is absent in all of them. */
  forget(p: number): boolean {
    if (this.#at <= p) {
      this.#older = undefined;
      return this.#value !== undefined;
    }
    const first = this.#older ? versionAt(this.#older, p) : -1;
    if (first > 0) this.#older!.splice(0, first);
    return true;
  }

  clone(): History {
    const copy = new History(this.key, this.#at, this.#value);
    copy.#older = this.#older && [...this.#older];
    return copy;
  }
}

// The place of the last version that S_p sees, or -1.
function versionAt(versions: readonly ValueFrom[], p: number): number {
  let low = 0;
  let high = versions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (versions[middle]!.at <= p) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

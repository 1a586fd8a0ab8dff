import type { History } from "./history.ts";
import type { Key } from "./keys.ts";
import type { Walk } from "./sorted-keys.ts";
import type { ValueRef } from "./values.ts";

/** The entries of a state, one by one. */
export interface Entries {
  /** Goes to the next entry; false when there is none. */
  next(): boolean;
  /** Of the entry it stands on. */
  readonly key: Key;
  readonly value: ValueRef;
}

const NOWHERE: ValueRef = { incarnation: 0, id: 0, length: 0 };

/** The entries of S_p among some histories. The model must not change while it is walked. */
export class ModelWalk implements Entries {
  key: Key = "";
  value: ValueRef = NOWHERE;
  readonly #histories: Walk<History>;
  readonly #p: number;
  #left: number;

  constructor(histories: Walk<History>, p: number, limit: number) {
    this.#histories = histories;
    this.#p = p;
    this.#left = limit;
  }

  next(): boolean {
    if (this.#left === 0) return false;
    for (let history = this.#histories.next(); history; history = this.#histories.next()) {
      const value = history.valueAt(this.#p);
      if (value === undefined) continue;
      this.key = history.key;
      this.value = value;
      this.#left--;
      return true;
    }
    return false;
  }
}

// The end of the sequence numbers: a store that has none left refuses writes, and reads on. A run that starts there
// (inspector/edges.ts) takes that for a write that the engine cannot do, but only where the numbers do run out.

import type { Database } from "tinykv";
import { UNSUPPORTED } from "../unsupported.ts";

const NUMBER_MAX = Number.MAX_SAFE_INTEGER;

/** Writes of one open store that may run out of numbers. */
export class LastNumbers {
  readonly #db: Database;
  /** Of writes that failed, or are on their way: their numbers are gone. */
  #spent = 0;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Makes a call that writes `count` changes. */
  write(count: number, call: () => void): void {
    const last = this.#lastOf(count);
    try {
      call();
    } catch (error) {
      throw this.#told(error, last, count);
    }
  }

  async writeAsync(count: number, call: () => Promise<void>): Promise<void> {
    const last = this.#lastOf(count);
    this.#spent += count;
    try {
      await call();
    } catch (error) {
      throw this.#told(error, last, count);
    } finally {
      this.#spent -= count;
    }
  }

  #told(error: unknown, last: number, count: number): unknown {
    const { code, message } = error as { code?: unknown; message?: unknown };
    const isExhausted = code === "TINYKV_BACKGROUND_ERROR" && /sequence numbers are exhausted/.test(String(message));
    if (!isExhausted) this.#spent += count;
    if (!isExhausted || last <= NUMBER_MAX) return error;
    return Object.assign(new Error(`no ${count} sequence numbers are left`, { cause: error }), { code: UNSUPPORTED });
  }

  // The number that the last of so many changes would have. Beyond 2^53 a sum may be rounded, but never down to the limit.
  #lastOf(count: number): number {
    return this.#lastSequence() + (this.#spent + count);
  }

  #lastSequence(): number {
    const snapshot = this.#db.snapshot();
    try {
      return snapshot.sequenceNumber;
    } finally {
      snapshot.close();
    }
  }
}

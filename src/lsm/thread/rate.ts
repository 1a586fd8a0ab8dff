/** A rest is not worth its own cost below this: what is read within it may come at once. */
const BURST_MILLISECONDS = 20;

/**
 * Spreads bytes over time: so many a second, and none of what was not used before. Times are milliseconds of a clock
 * that may be set: a clock that goes back makes nobody wait for longer than what the last bytes cost.
 */
export class Rate {
  /** 0 is no limit. */
  bytesPerSecond = 0;
  #paidUntil = 0;
  #asked = 0;

  /** When the next bytes may be read. */
  restUntil(now: number): number {
    if (this.bytesPerSecond === 0) return now;
    if (now < this.#asked) this.#paidUntil -= this.#asked - now;
    this.#asked = now;
    return this.#paidUntil - BURST_MILLISECONDS;
  }

  /** So many were read. */
  pay(bytes: number, now: number): void {
    if (this.bytesPerSecond === 0) return;
    this.#paidUntil = Math.max(this.#paidUntil, now) + (bytes * 1000) / this.bytesPerSecond;
  }
}

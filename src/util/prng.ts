/**
 * A small seeded generator for choices that shape memory but never bytes on disk (tower heights of the skip list).
 * xorshift32 (Marsaglia, "Xorshift RNGs", 2003).
 */
export class Prng {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0 || 0x9e3779b9;
  }

  /** 32 random bits, unsigned, never 0. */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }
}

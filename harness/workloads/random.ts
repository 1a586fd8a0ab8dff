import seedrandom from "seedrandom";

/**
 * A seeded generator: the same seed gives the same draws on every platform and version of Node. Only the four basic
 * operations of arithmetic are used (Math.pow and its like differ between versions).
 */
export class Random {
  readonly #next: () => number;

  constructor(seed: string) {
    this.#next = seedrandom.alea(seed);
  }

  /** An integer from 0 to n - 1; n at most 2^32. */
  int(n: number): number {
    return Math.floor(this.#next() * n);
  }

  /** An integer from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.int(most - least + 1);
  }

  /** True `numerator` times in `denominator`. */
  chance(numerator: number, denominator: number): boolean {
    return this.int(denominator) < numerator;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.int(choices.length)]!;
  }
}

/** A choice by weight. */
export class Weighted<T> {
  readonly #choices: readonly T[];
  readonly #ends: readonly number[];
  readonly #total: number;

  /** Weights are integers ≥ 0; at least one is above 0. */
  constructor(weights: Iterable<readonly [T, number]>) {
    const choices: T[] = [];
    const ends: number[] = [];
    let total = 0;
    for (const [choice, weight] of weights) {
      if (weight === 0) continue;
      total += weight;
      choices.push(choice);
      ends.push(total);
    }
    this.#choices = choices;
    this.#ends = ends;
    this.#total = total;
  }

  draw(random: Random): T {
    const at = random.int(this.#total);
    let i = 0;
    while (this.#ends[i]! <= at) i++;
    return this.#choices[i]!;
  }
}

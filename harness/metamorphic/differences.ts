// Histories of one op log, line by line.

import { CONFIGURATIONS, randomConfiguration } from "../configurations.ts";

/** Configurations for `count` histories: half of them named, in their order, and the others drawn from the seed. */
export function configurationsFor(seed: string, count: number): string[] {
  const named = CONFIGURATIONS.slice(0, Math.ceil(count / 2)).map(({ name }) => name);
  const drawn = Array.from({ length: count - named.length }, (_, i) => randomConfiguration(`${seed}:${i}`).name);
  return [...named, ...drawn];
}

export interface Difference {
  /** The first line that differs, from 0: as many operations came before it. */
  readonly line: number;
  /** Undefined: that history had ended. */
  readonly expected: string | undefined;
  readonly found: string | undefined;
}

/** Undefined when they are one. */
export function firstDifference(expected: readonly string[], found: readonly string[]): Difference | undefined {
  const length = Math.max(expected.length, found.length);
  for (let line = 0; line < length; line++) {
    if (expected[line] !== found[line]) return { line, expected: expected[line], found: found[line] };
  }
  return undefined;
}

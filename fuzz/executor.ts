// One execution: the input at a place of its own in memory, its bounds, its branches, its verdict.

import { beginCounting, bytesJustified, endCounting } from "./memory-guard.ts";
import type { Coverage } from "./coverage.ts";
import { problemOf, type Target } from "./target.ts";

/** In front of and behind every input, so that whoever forgets a view's offset or length reads what is not there. */
const POISON = 0xa5;
const POISON_BYTES = 24;

/** Told of each input before it runs: what is in flight when nothing more is heard. */
export type Announce = (target: Target, input: Uint8Array) => void;

/**
 * The longest of inputs takes milliseconds. Machines stop for longer than this, but not three times at one input; what takes
 * more than a hundred times as long is ended from outside (run.ts).
 */
const MILLISECONDS_MAX = 250;
const SLOW_TIMES = 3;

export class Executor {
  readonly target: Target;
  readonly #coverage: Coverage | undefined;
  readonly #announce: Announce;
  readonly #memory: Uint8Array;
  /** Where inputs are made: as long as they may be. */
  readonly scratch: { readonly bytes: Uint8Array; length: number };
  /** How far earlier inputs have overwritten the poison. */
  #used = 0;
  executions = 0;

  constructor(target: Target, coverage: Coverage | undefined, announce: Announce) {
    this.target = target;
    this.#coverage = coverage;
    this.#announce = announce;
    this.#memory = new Uint8Array(target.bytesMax + 2 * POISON_BYTES).fill(POISON);
    this.scratch = { bytes: this.#memory.subarray(POISON_BYTES, POISON_BYTES + target.bytesMax), length: 0 };
  }

  load(bytes: Uint8Array): void {
    const length = Math.min(bytes.length, this.scratch.bytes.length);
    this.scratch.bytes.set(bytes.subarray(0, length));
    this.scratch.length = length;
  }

  /** The input that run() takes: a view. */
  get input(): Uint8Array {
    return this.scratch.bytes.subarray(0, this.scratch.length);
  }

  /** Runs what is in scratch; what is wrong, undefined if nothing is. */
  run(): string | undefined {
    const { bytes, length } = this.scratch;
    this.#used = Math.max(this.#used, length);
    if (length < this.#used) bytes.fill(POISON, length, this.#used);
    const input = this.input;
    this.#announce(this.target, input);
    this.executions++;
    this.#coverage?.clear();
    beginCounting(bytesJustified(length), this.target.memory);
    const begin = performance.now();
    const problem = problemOf(this.target, input);
    const milliseconds = performance.now() - begin;
    const excess = endCounting();
    this.#used = length;
    if (excess !== undefined) return `an allocation of ${excess} bytes for an input of ${length}`;
    if (problem === undefined && milliseconds > MILLISECONDS_MAX) return this.#slowness(input, milliseconds);
    return problem;
  }

  #slowness(input: Uint8Array, first: number): string | undefined {
    let fastest = first;
    for (let times = 1; times < SLOW_TIMES; times++) {
      const begin = performance.now();
      problemOf(this.target, input);
      fastest = Math.min(fastest, performance.now() - begin);
    }
    return fastest > MILLISECONDS_MAX ? `${Math.round(fastest)} ms for an input of ${input.length} bytes` : undefined;
  }

  /** The same of given bytes. */
  runOn(bytes: Uint8Array): string | undefined {
    this.load(bytes);
    return this.run();
  }
}

/** Two problems of one signature are one finding: numbers and quoted bytes vary. */
export function signatureOf(problem: string): string {
  return problem.replaceAll(/\d+/g, "#").slice(0, 200);
}

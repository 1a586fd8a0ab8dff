// The loop: take an input that did something new, change it, run it, keep it if it does something new.
//
// The seed decides everything but when it ends: two runs of one seed try the same inputs in the same order.

import { Random } from "tinykv/harness";
import type { Coverage } from "./coverage.ts";
import type { Draft } from "./draft.ts";
import { Executor, signatureOf, type Announce } from "./executor.ts";
import { mutateBytes } from "./mutate-bytes.ts";
import { mutateFields } from "./mutate-fields.ts";
import { shrinkInput } from "./shrink-input.ts";
import type { Target } from "./target.ts";

/** What a campaign found wrong. */
export interface Problem {
  readonly problem: string;
  /** As small as it gets. */
  readonly bytes: Uint8Array;
  /** As it was found. */
  readonly original: Uint8Array;
  /** How many executions it took. */
  readonly executions: number;
  readonly stack?: string;
}

export interface CampaignOptions {
  readonly target: Target;
  readonly seed: string;
  /** Run before anything is made up. */
  readonly corpus: readonly Uint8Array[];
  readonly coverage?: Coverage;
  readonly announce: Announce;
  readonly found: (problem: Problem) => void;
}

interface Kept {
  readonly bytes: Uint8Array;
  /** Taken apart when it is first needed; false: it cannot be. */
  draft: Draft | false | undefined;
}

/** Valid inputs made at the start, and one more now and then. */
const SEEDS_FIRST = 32;
const SEED_EVERY = 200;
/** Inputs kept last are the frontier: a third of all mutations are theirs. */
const FRONTIER = 16;
/** Different findings of one target; behind them it is not worth going on. */
const PROBLEMS_MAX = 10;
/** A finding is made smaller for so long at most: enough for thousands of tries, or for a few where each takes long. */
const SHRINK_MILLISECONDS = 10_000;
/** Lines of the stack that goes with a finding. */
const STACK_LINES = 20;

export class Campaign {
  readonly #options: CampaignOptions;
  readonly #random: Random;
  readonly #executor: Executor;
  readonly #kept: Kept[] = [];
  readonly #signatures = new Set<string>();

  constructor(options: CampaignOptions) {
    const { target, seed, coverage, announce } = options;
    this.#options = options;
    this.#random = new Random(`${seed}:${target.name}`);
    this.#executor = new Executor(target, coverage, announce);
  }

  get executions(): number {
    return this.#executor.executions;
  }

  /** Inputs that did something new. */
  get kept(): readonly Uint8Array[] {
    return this.#kept.map(({ bytes }) => bytes);
  }

  /** Nothing more is to be found here. */
  get isOver(): boolean {
    return this.#signatures.size >= PROBLEMS_MAX;
  }

  /** The corpus and the first valid inputs, no more than `most`. */
  start(most: number): void {
    for (const bytes of this.#options.corpus.slice(0, most)) {
      this.#executor.load(bytes);
      this.#runAndKeep(false);
    }
    for (let i = 0; i < SEEDS_FIRST && this.executions < most; i++) this.#seed();
  }

  step(): void {
    const random = this.#random;
    if (this.#kept.length === 0 || random.chance(1, SEED_EVERY)) {
      this.#seed();
      return;
    }
    const kept = this.#pick();
    const draft = random.chance(1, 2) && this.#draftOf(kept);
    const other = random.pick(this.#kept);
    if (draft) mutateFields(this.#executor.scratch, random, draft, this.#draftOf(other) || draft);
    else this.#executor.load(kept.bytes);
    if (!draft || random.chance(1, 8)) mutateBytes(this.#executor.scratch, random, other.bytes);
    this.#runAndKeep(false);
  }

  #seed(): void {
    this.#executor.load(this.#options.target.seed(this.#random));
    this.#runAndKeep(this.#kept.length < SEEDS_FIRST);
  }

  #pick(): Kept {
    const kept = this.#kept;
    if (kept.length <= FRONTIER || !this.#random.chance(1, 3)) return this.#random.pick(kept);
    return kept[kept.length - 1 - this.#random.int(FRONTIER)]!;
  }

  #draftOf(kept: Kept): Draft | false {
    kept.draft ??= this.#options.target.dissect(kept.bytes) ?? false;
    return kept.draft;
  }

  #runAndKeep(always: boolean): void {
    const executor = this.#executor;
    const problem = executor.run();
    const isNew = this.#options.coverage?.isNew() ?? false;
    if (problem !== undefined) this.#report(problem);
    else if (isNew || always) this.#kept.push({ bytes: executor.input.slice(), draft: undefined });
  }

  #report(problem: string): void {
    const signature = signatureOf(problem);
    if (this.#signatures.has(signature)) return;
    this.#signatures.add(signature);
    const executor = this.#executor;
    const original = executor.input.slice();
    const { executions } = executor;
    const until = performance.now() + SHRINK_MILLISECONDS;
    const shows = (bytes: Uint8Array): boolean =>
      performance.now() < until && signatureOf(executor.runOn(bytes) ?? "") === signature;
    const bytes = shrinkInput(original, shows);
    const stack = stackOf(this.#options.target, bytes);
    this.#options.found({
      problem: executor.runOn(bytes) ?? problem,
      bytes,
      original,
      executions,
      ...(stack !== undefined && { stack }),
    });
  }
}

/** Where it throws. Stacks cost more than an execution: only now they are asked for. */
function stackOf(target: Target, bytes: Uint8Array): string | undefined {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = STACK_LINES;
  try {
    target.run(bytes);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.stack : undefined;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

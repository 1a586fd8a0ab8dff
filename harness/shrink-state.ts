// What the goals of shrinking share: the failure as small as it is so far, and the trying of a smaller one.

import { createHash } from "node:crypto";
import type { Finding } from "./finding.ts";
import type { Op } from "./op.ts";
import { printOp } from "./op-line.ts";

/**
 * Runs operations under a configuration; what fails, if anything. With `search` the crash may come at any place of the last
 * operation and with any survival; the finding then names where it did.
 */
export type Reproduce = (
  ops: readonly Op[],
  config: string,
  search: boolean,
) => Finding | undefined | Promise<Finding | undefined>;

export interface ShrinkBudget {
  /** Runs at most, the first three included. */
  readonly attempts: number;
  /** Asked before each run: the time is up. */
  readonly until?: () => boolean;
}

export interface ShrinkOptions {
  /** The names of what was pending at the crash of these operations, for a survival that names what it keeps. */
  readonly pendingAt?: (ops: readonly Op[], config: string) => readonly string[] | Promise<readonly string[]>;
}

/** A failure comes back as often as this, or it is not made smaller. */
const REPRODUCED_TIMES = 3;

/** The failure as small as it is so far. */
export class Shrinker {
  best: Finding;
  attempts = 0;
  readonly #reproduce: Reproduce;
  readonly #budget: ShrinkBudget;
  readonly #options: ShrinkOptions;
  /** What has been tried in vain. */
  readonly #failed = new Set<string>();

  constructor(finding: Finding, reproduce: Reproduce, budget: ShrinkBudget, options: ShrinkOptions) {
    this.best = finding;
    this.#reproduce = reproduce;
    this.#budget = budget;
    this.#options = options;
  }

  get ops(): readonly Op[] {
    return this.best.ops;
  }

  get config(): string {
    return this.best.config;
  }

  text(): string {
    return textOf(this.ops, this.config);
  }

  async pending(): Promise<readonly string[]> {
    return (await this.#options.pendingAt?.(this.ops, this.config)) ?? [];
  }

  /** Runs the finding as it is; how one of the runs differed from it. */
  async firstDifference(): Promise<string | undefined> {
    for (let run = 1; run <= REPRODUCED_TIMES; run++) {
      this.attempts++;
      const found = await this.#reproduce(this.ops, this.config, false);
      if (found && this.#isSame(found)) continue;
      return `run ${run} of ${REPRODUCED_TIMES} gave ${found ? `${found.condition} in ${found.phase}` : "nothing"}`;
    }
    return undefined;
  }

  /** Takes the operations if they fail in the same way; as they are first, then with a search for the crash. */
  async try(ops: readonly Op[], config: string = this.config): Promise<boolean> {
    return (await this.tryExactly(ops, config)) || (await this.#trySearch(ops, config));
  }

  /** The same without the search. */
  async tryExactly(ops: readonly Op[], config: string = this.config): Promise<boolean> {
    const found = await this.#run(ops, config, false);
    if (!found) return false;
    this.best = { ...found, ops, config };
    return true;
  }

  async #trySearch(ops: readonly Op[], config: string): Promise<boolean> {
    if (!ops.some((op) => op.kind === "crash")) return false;
    const found = await this.#run(ops, config, true);
    if (!found || found.ops.length > ops.length) return false;
    this.best = { ...found, config };
    return true;
  }

  async #run(ops: readonly Op[], config: string, search: boolean): Promise<Finding | undefined> {
    const text = createHash("sha1")
      .update(`${search} ${textOf(ops, config)}`)
      .digest("base64");
    if (this.#failed.has(text) || this.#isSpent()) return undefined;
    this.attempts++;
    const found = await this.#reproduce(ops, config, search);
    if (found && this.#isSame(found)) return found;
    this.#failed.add(text);
    return undefined;
  }

  #isSpent(): boolean {
    return this.attempts >= this.#budget.attempts || this.#budget.until?.() === true;
  }

  #isSame(found: Finding): boolean {
    return found.condition === this.best.condition && found.phase === this.best.phase;
  }
}

function textOf(ops: readonly Op[], config: string): string {
  return [config, ...ops.map(printOp)].join("\n");
}

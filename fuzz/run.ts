// The watching process: starts the one that fuzzes in an instrumented copy of the package, and ends it when an execution does
// not end; one that takes memory that no counter saw ends by itself. What was in flight is the finding, and the rest goes on
// without that target.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Problem } from "./campaign.ts";
import { DECODERS, GUIDES } from "./decoders.ts";
import { FuzzProcess } from "./fuzz-process.ts";
import { copyInstrumented, type Branch, type InstrumentedCopy } from "./instrument.ts";
import type { FuzzMessage, FuzzStart, FuzzTask, TargetResult } from "./messages.ts";
import { without } from "./shrink-input.ts";

/** An execution takes microseconds, that of a whole store milliseconds. */
export const HANG_MILLISECONDS = 5_000;
const POLLS_PER_LIMIT = 20;
/** While an input that hangs is made smaller: each step of it waits so long at most. */
const HANG_MILLISECONDS_SHRINKING = 500;
const HANG_STEPS_MAX = 24;

export interface FuzzOptions extends FuzzTask {
  readonly hangMilliseconds?: number;
  /** A module with further targets. */
  readonly extraTargets?: string;
  /** A copy to run in, made before; else one is made and removed. */
  readonly copy?: InstrumentedCopy;
  readonly progress?: (target: string, executions: number) => void;
}

export interface Found {
  readonly target: string;
  readonly problem: Problem;
}

export interface FuzzReport {
  readonly results: readonly TargetResult[];
  readonly found: readonly Found[];
  readonly branches: readonly Branch[];
}

/** The process that fuzzes came to an end of its own: the harness is broken. */
export class FuzzProcessError extends Error {
  override readonly name = "FuzzProcessError";
}

/** Fuzzes the targets one after the other. Throws FuzzProcessError. */
export async function runFuzz(options: FuzzOptions): Promise<FuzzReport> {
  const copy = options.copy ?? copyInstrumented([...DECODERS, ...GUIDES]);
  const results: TargetResult[] = [];
  const found: Found[] = [];
  try {
    for (let targets = options.targets; targets.length > 0;) {
      const session = new Session(copy, { ...options, targets });
      const end = await session.run();
      results.push(...session.results);
      found.push(...session.found);
      if (end === undefined) break;
      const problem = end.isHang ? await shrinkHang(copy, options, end) : end.problem;
      found.push({ target: end.target, problem });
      results.push(resultWithout(end.target, end.executions));
      targets = targets.slice(targets.indexOf(end.target) + 1);
    }
  } finally {
    if (!options.copy) copy.remove();
  }
  return { results, found, branches: copy.branches };
}

function resultWithout(name: string, executions: number): TargetResult {
  return { name, executions, seconds: 0, branches: [], own: { taken: 0, all: 0 }, digest: 0 };
}

/** How a process ended that did not come back. */
interface Stopped {
  readonly target: string;
  readonly problem: Problem;
  readonly executions: number;
  readonly isHang: boolean;
}

// What does not come back cannot be tried in its own process: the candidates of one step run one after the other, and the one
// that hangs is the next step's. Candidates that do not hang take microseconds, so a step takes about one time limit.
async function shrinkHang(
  copy: InstrumentedCopy,
  options: FuzzOptions,
  { target, problem }: Stopped,
): Promise<Problem> {
  const limit = options.hangMilliseconds ?? HANG_MILLISECONDS;
  let { bytes } = problem;
  for (let steps = 0; steps < HANG_STEPS_MAX; steps++) {
    const candidates = shorter(bytes);
    const next = await firstHang(copy, options, target, candidates, Math.min(limit, HANG_MILLISECONDS_SHRINKING));
    if (next === undefined) break;
    bytes = next;
  }
  // Hangs by the limit that counts, not only by the shorter one.
  const isSame = bytes === problem.bytes || (await firstHang(copy, options, target, [bytes], limit)) !== undefined;
  return isSame ? { ...problem, bytes } : problem;
}

async function firstHang(
  copy: InstrumentedCopy,
  { seed, extraTargets }: FuzzOptions,
  target: string,
  inputs: readonly Uint8Array[],
  hangMilliseconds: number,
): Promise<Uint8Array | undefined> {
  const task = { targets: [target], seed, corpus: { [target]: inputs }, executions: inputs.length, hangMilliseconds };
  const end = await new Session(copy, { ...task, ...(extraTargets !== undefined && { extraTargets }) }).run();
  return end?.isHang === true ? end.problem.bytes : undefined;
}

// Half of it left out first, then quarters, down to single bytes.
function shorter(bytes: Uint8Array): Uint8Array[] {
  const candidates: Uint8Array[] = [];
  for (let step = Math.max(1, bytes.length >> 1); ; step >>= 1) {
    for (let at = 0; at < bytes.length; at += step) candidates.push(without(bytes, at, at + step));
    if (step <= 1) return candidates;
  }
}

class Session {
  readonly results: TargetResult[] = [];
  readonly found: Found[] = [];
  readonly #options: FuzzOptions;
  readonly #process: FuzzProcess;
  #target = "";

  constructor(copy: InstrumentedCopy, options: FuzzOptions) {
    this.#options = options;
    const { targets, seed, milliseconds, executions, corpus, minimised, extraTargets } = options;
    const task: FuzzTask = {
      targets,
      seed,
      corpus,
      ...(milliseconds !== undefined && { milliseconds }),
      ...(executions !== undefined && { executions }),
      ...(minimised !== undefined && { minimised }),
    };
    const start: FuzzStart = {
      task,
      branches: copy.branches.length,
      modules: rangesOf(copy.branches),
      ...(extraTargets !== undefined && { extraTargets: inside(copy, extraTargets) }),
    };
    this.#process = new FuzzProcess(join(copy.root, "dist/fuzz/process-main.js"), start, (said) => this.#take(said));
  }

  /** Undefined at the end of the task. Once. */
  async run(): Promise<Stopped | undefined> {
    const limit = this.#options.hangMilliseconds ?? HANG_MILLISECONDS;
    let isHang = false;
    const timer = this.#watch(limit, () => {
      isHang = true;
      this.#process.kill();
    });
    try {
      const end = await this.#process.ended();
      if (end === undefined) return undefined;
      if (isHang) return this.#stopped(`no end within ${limit} ms`, true);
      if (end.kind === "failed") throw new FuzzProcessError(`the process that fuzzes ${end.message}`);
      return this.#stopped(end.problem, false);
    } finally {
      clearInterval(timer);
      this.#process.remove();
    }
  }

  #take(message: FuzzMessage): void {
    if (message.kind === "begin") this.#target = message.target;
    else if (message.kind === "problem") this.found.push({ target: message.target, problem: message.problem });
    else if (message.kind === "result") this.results.push(message.result);
  }

  // Time is counted in looks that found nothing new: a machine that was asleep is not an execution that hangs. Before the
  // first execution the process is being made, which takes as long as it takes.
  #watch(limit: number, hung: () => void): NodeJS.Timeout {
    let before = 0;
    let idle = 0;
    return setInterval(() => {
      const { executions } = this.#process.inFlight();
      idle = executions === before ? idle + 1 : 0;
      before = executions;
      this.#options.progress?.(this.#target, executions);
      if (executions !== 0 && idle >= POLLS_PER_LIMIT) hung();
    }, limit / POLLS_PER_LIMIT);
  }

  #stopped(problem: string, isHang: boolean): Stopped {
    const { executions, bytes } = this.#process.inFlight();
    const inFlight = { problem, bytes: new Uint8Array(bytes), original: bytes, executions };
    return { target: this.#target, executions, isHang, problem: inFlight };
  }
}

function rangesOf(branches: readonly Branch[]): Record<string, readonly [number, number]> {
  const ranges: Record<string, [number, number]> = {};
  for (const [i, { module }] of branches.entries()) {
    const range = (ranges[module] ??= [i, i]);
    range[1] = i + 1;
  }
  return ranges;
}

// A module of dist/ as it is in the copy: there it meets the same classes as the targets do.
function inside(copy: InstrumentedCopy, module: string): string {
  return pathToFileURL(join(copy.root, "dist", module)).href;
}

// One run of an op log with its faults: the operations, crashes at the two places that matter, and what comes after the
// faults are over. A log alone says everything, so a finding is run again by its log.
//
//   operations, each behind its faults → crashes behind the first that was hit, and at the end → the world heals →
//   resume or reopen → writes, flush, compaction, every read path → reopen → close → power loss
//
// A `crash` operation ends it earlier: the machine starts again with what the crash left, the faults behind it hit that
// open, and the next open in a sound world is judged.

import { ok as assert } from "node:assert";
import {
  Failure,
  Runner,
  runInTurns,
  startImage,
  STORE,
  type CrashOp,
  type EngineMaker,
  type FaultOp,
  type Op,
  type Turns,
} from "tinykv/harness";
import { CAPACITY } from "./call-name.ts";
import { thrown, type CrashChecker } from "./crash-check.ts";
import { FaultyDisk, type CountedCall } from "./faulty-disk.ts";
import { epilogueOf } from "./op-source.ts";
import { failureIn, runRecovery, type Crashed } from "./recovery-run.ts";

export interface FaultRunOptions {
  readonly ops: readonly Op[];
  readonly config: string;
  readonly makeEngine: EngineMaker;
  readonly checker: CrashChecker;
  /** Keep what is called, for the planning of faults. */
  readonly counting?: boolean;
}

/** Where in a run something was found. */
export type Phase = "open" | "run" | "crash" | "heal" | "recovery";

export interface FaultRunResult {
  readonly calls: readonly CountedCall[];
  /** What the disk held at each change: the sizes that a full disk may have. */
  readonly levels: readonly number[];
  /** Faults that came. */
  readonly faults: number;
  readonly failure: Failure | undefined;
  readonly phase: Phase;
}

/** Runs a log once. Same log, same outcome. */
export async function runFaultCase(options: FaultRunOptions): Promise<FaultRunResult> {
  options.checker.forget();
  const run = new FaultRun(options);
  const failure = await failureIn(() => runInTurns(run.run()));
  const { world, phase, crashed } = run;
  const result = { calls: world.calls, levels: world.capacity.levels, faults: world.faults, failure, phase };
  if (!crashed) return result;
  const { ops } = options;
  const at = firstCrash(ops);
  const faults = ops.slice(at + 1).filter((op) => op.kind === "fault");
  const recovery = await runRecovery({ ...options, crash: ops[at] as CrashOp, crashed, faults });
  return { ...result, ...recovery, phase };
}

/** Runs the operations before the first crash in a log: where its recoveries start from. */
export async function runToCrash(options: FaultRunOptions): Promise<Crashed> {
  const run = new FaultRun(options);
  await runInTurns(run.run());
  assert(run.crashed, "there is a crash");
  return run.crashed;
}

// Where the first life of a store ends.
function firstCrash(ops: readonly Op[]): number {
  const at = ops.findIndex((op) => op.kind === "crash");
  return at < 0 ? ops.length : at;
}

class FaultRun {
  phase: Phase = "open";
  readonly world: FaultyDisk;
  /** Where the machine went down. */
  crashed: Crashed | undefined;
  readonly #options: FaultRunOptions;
  readonly #capacity: number | undefined;

  constructor(options: FaultRunOptions) {
    this.#options = options;
    const { ops, checker, counting = false } = options;
    // A full disk behind the crash is the recovery's.
    const life = ops.slice(0, firstCrash(ops));
    const full = life.find((op): op is FaultOp => op.kind === "fault" && op.call === CAPACITY);
    this.#capacity = full?.nth;
    const image = startImage(options.config);
    this.world = new FaultyDisk({
      contents: checker.contents,
      counting,
      ...(image && { image }),
      ...(full && { capacity: full.nth }),
    });
  }

  *run(): Turns<void> {
    const { ops, config, makeEngine, checker } = this.#options;
    const { world } = this;
    let at = 0;
    const arm = (): void => {
      for (let op = ops[at]; op?.kind === "fault"; op = ops[++at]) if (op.call !== CAPACITY) world.arm(op);
    };
    world.begin(0);
    arm();
    const engine = makeEngine(world.env);
    const runner = new Runner({ engine, directory: STORE, config, faults: world, syncs: world.syncs });
    this.phase = "run";
    let crashed = false;
    while (at < ops.length) {
      world.begin(at + 1);
      arm();
      const op = ops[at++];
      if (!op) break;
      if (op.kind === "crash") {
        this.phase = "recovery";
        this.crashed = { world, oracle: runner.oracle };
        return;
      }
      yield* runner.run(op);
      if (crashed || world.injected === 0) continue;
      crashed = true;
      this.#crash(runner, `behind operation ${op.id}`);
    }
    yield* runner.turn();
    if (crashed) this.#crash(runner, "at the end");
    yield* this.#heal(runner);
    const [problem] = world.failStop.problems;
    if (problem !== undefined) throw new Failure("C20", problem);
    checker.checkPower(world, runner.oracle, "behind the last close", "closed");
  }

  #crash(runner: Runner, where: string): void {
    const { phase } = this;
    this.phase = "crash";
    this.#options.checker.checkAll(this.world, runner.oracle, where, where);
    this.phase = phase;
  }

  // On a disk that is full a store opens read-only (the runner looks, when an open fails); then space returns.
  *#heal(runner: Runner): Turns<void> {
    this.phase = "heal";
    const { ops } = this.#options;
    const fullAtReopen = this.#capacity !== undefined && (this.#capacity & 1) === 1;
    try {
      if (fullAtReopen) yield* runner.run({ id: 0, kind: "reopen", config: runner.config });
      yield* runner.mend();
      for (const op of epilogueOf(ops)) yield* runner.run(op);
      yield* runner.checkAll();
      yield* runner.run({ id: 0, kind: "reopen", config: runner.config });
      yield* runner.close();
    } catch (error) {
      throw thrown("C8", "the healed store", error);
    }
  }
}

import { assert } from "../../common/assert.ts";
import type { Comparator } from "../../common/comparator.ts";
import { errnoOf } from "../../common/errors.ts";
import type { CheckedEnv } from "../../util/checked-env.ts";
import { Outputs, type OutputResult } from "../table-output.ts";
import { toPlainError } from "./plain-error.ts";
import { ABORT, BEGUN, CONSUMED, CONSUMED_UNIT, STATE, State, type Outcome } from "./protocol.ts";
import type { Rate } from "./rate.ts";
import { Work } from "./work.ts";
import { plainTable, type WorkOrder } from "./work-order.ts";

type Ending = { [Kind in Outcome["kind"]]: Omit<Extract<Outcome, { kind: Kind }>, "job" | "io"> }[Outcome["kind"]];

/** What tasks are given of the thread that they are in. */
export interface World {
  readonly env: CheckedEnv;
  /** Shows that the thread is alive, in the middle of a step. */
  readonly beat: () => void;
}

/**
 * A job in the worker thread.
 *
 * Invariants:
 *   - a file is touched by a step alone, while the store can read `stepping`;
 *   - `ended` is said last, when no file of the job is open and its outcome is sent.
 */
export class Task {
  readonly kind: WorkOrder["source"]["kind"];
  readonly #env: CheckedEnv;
  readonly #order: WorkOrder;
  readonly #control: Int32Array;
  readonly #rate: Rate;
  readonly #send: (outcome: Outcome) => void;
  /** Undefined at the end: what it reads is the store's again. */
  #work: Work | undefined;
  #isBegun = false;
  #isEnded = false;
  #consumed = 0;

  constructor(world: World, order: WorkOrder, comparator: Comparator, rate: Rate, send: (outcome: Outcome) => void) {
    const { env, beat } = world;
    this.kind = order.source.kind;
    this.#env = env;
    this.#order = order;
    this.#control = new Int32Array(order.control);
    this.#rate = rate;
    this.#send = send;
    this.#work = new Work(env, comparator, order, new Outputs(), {
      begin: () => Atomics.add(this.#control, BEGUN, 1),
      beat,
    });
  }

  get isAborted(): boolean {
    return Atomics.load(this.#control, ABORT) === 1;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** When it may go on. Flushes never rest. */
  restUntil(now: number): number {
    return this.kind === "flush" ? now : this.#rate.restUntil(now);
  }

  step(now: number): void {
    if (!this.#isBegun && !this.#begin()) return;
    if (!this.#goesFrom(State.working, State.stepping)) {
      // The store thinks this thread lost, and has taken the job back.
      this.#isEnded = true;
      this.#letGo();
      return;
    }
    const work = this.#work;
    assert(work !== undefined, "a job that has ended is not moved");
    try {
      if (this.isAborted) {
        this.#end({ kind: "aborted" });
        return;
      }
      const step = work.steps.next();
      if (step.done) this.#end({ kind: "done", result: plainResult(step.value) });
      else {
        this.#count(step.value, now);
        Atomics.store(this.#control, STATE, State.working);
      }
    } catch (error) {
      // The output begun last is another's file (table-output.ts).
      if (errnoOf(error) === "EEXIST") Atomics.sub(this.#control, BEGUN, 1);
      this.#end({ kind: "failed", error: toPlainError(error), forGood: work.failedForGood });
    }
  }

  // False when the store has withdrawn it.
  #begin(): boolean {
    this.#isBegun = true;
    this.#isEnded = !this.#goesFrom(State.queued, State.working);
    if (this.#isEnded) this.#work = undefined;
    return !this.#isEnded;
  }

  #goesFrom(before: State, after: State): boolean {
    return Atomics.compareExchange(this.#control, STATE, before, after) === before;
  }

  #count(bytes: number, now: number): void {
    this.#consumed += bytes;
    Atomics.store(this.#control, CONSUMED, Math.floor(this.#consumed / CONSUMED_UNIT));
    if (this.kind === "compaction") this.#rate.pay(bytes, now);
  }

  #end(ending: Ending): void {
    this.#isEnded = true;
    this.#letGo();
    this.#send({ ...ending, job: this.#order.job, io: { ...this.#env.counters } });
    Atomics.store(this.#control, STATE, State.ended);
    Atomics.notify(this.#control, STATE);
  }

  // Closes what an abort leaves open; nobody waits for these files any more.
  #letGo(): void {
    try {
      this.#work?.steps.return(undefined as never);
    } catch (error) {
      void error;
    }
    this.#work = undefined;
  }
}

function plainResult(result: OutputResult): OutputResult {
  return { ...result, tables: result.tables.map(plainTable) };
}

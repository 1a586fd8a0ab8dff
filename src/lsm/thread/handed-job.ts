import { assert } from "../../common/assert.ts";
import { TinyKVError } from "../../common/errors.ts";
import { Job, type JobBody } from "../job.ts";
import type { Store } from "../store.ts";
import { fromPlainError } from "./plain-error.ts";
import { ABORT, BEGUN, CONSUMED, CONSUMED_UNIT, CONTROL_WORDS, STATE, State, type Outcome } from "./protocol.ts";
import type { StoreThread } from "./store-thread.ts";

/** Where the thread has done nothing yet. */
const NOT_BEGUN: ReadonlySet<State> = new Set([State.queued, State.loading]);
/** Where the thread touches no file, and has to ask before it does. */
const BETWEEN_STEPS: ReadonlySet<State> = new Set([...NOT_BEGUN, State.working]);

/** A job whose work the worker thread does. */
export class HandedJob extends Job {
  readonly #thread: StoreThread;
  readonly #control = new Int32Array(new SharedArrayBuffer(CONTROL_WORDS * 4));
  #firstOutput = 0;
  #wasAbandoned = false;
  #wasWithdrawn = false;

  /** Hands the work over. A failure to do so ends the job and is told by `error`. */
  constructor(store: Store, id: number, body: JobBody, thread: StoreThread) {
    super(store, id, body);
    this.#thread = thread;
    const control = this.#control.buffer;
    const reserve = (count: number): number => (this.#firstOutput = store.versions.reserveFileNumbers(count));
    try {
      body.begin(id);
      thread.submit(body.order({ job: id, control, reserve }));
    } catch (error) {
      this.failed(error);
    }
  }

  get pendingOutputs(): readonly number[] {
    const begun = this.isDone ? 0 : Atomics.load(this.#control, BEGUN);
    return Array.from({ length: begun }, (_, i) => this.#firstOutput + i);
  }

  /** Bytes of input that its work has consumed, about. */
  get consumed(): number {
    return Atomics.load(this.#control, CONSUMED) * CONSUMED_UNIT;
  }

  /** It ended without a result, and without an error. */
  get wasAbandoned(): boolean {
    return this.#wasAbandoned;
  }

  /** So it ended because its thread was lost: it has to be done anew. */
  get wasWithdrawn(): boolean {
    return this.#wasWithdrawn;
  }

  /** What the thread says of it: the work is committed, or it has failed. */
  settle(outcome: Exclude<Outcome, { kind: "refused" }>): void {
    const { context } = this.store;
    context.env.count(outcome.io);
    try {
      if (outcome.kind === "failed") {
        const error = fromPlainError(outcome.error);
        throw outcome.forGood ? context.health.failForGood(error) : error;
      }
      // Once the store has failed nothing is committed any more.
      context.health.refuseIfFailed();
      assert(outcome.kind === "done", "a job of a sound store ends with a result or an error");
      const result = this.body.commit(outcome.result);
      this.body.release();
      this.finish(undefined, result);
    } catch (error) {
      this.body.release();
      this.failed(error);
    }
  }

  /** Ends it because there is nobody to do it, or because handing it over failed. */
  failed(error: unknown): void {
    if (this.isDone) return;
    this.body.forsake();
    this.fail(error);
  }

  /** The thread is to stop working on it, and to say so. */
  raiseAbort(): void {
    Atomics.store(this.#control, ABORT, 1);
  }

  /** Comes back when the thread has no file of it open any more, or is dead. */
  abandon(): void {
    if (this.isDone) return;
    this.raiseAbort();
    if (this.#withdrawFrom(NOT_BEGUN) === undefined) this.#thread.wake();
    while (!this.isDone && this.#state !== State.ended) this.#thread.waitForEnd(this.#control);
    if (this.isDone) return; // the thread died meanwhile
    this.#endUndone();
  }

  /**
   * The thread is lost. Takes the job back if the thread can do no more about it, and says in which state it was;
   * undefined if the thread is in the middle of a step, or has ended it.
   */
  withdraw(): State | undefined {
    const before = this.#withdrawFrom(BETWEEN_STEPS);
    if (before === undefined) return undefined;
    this.#endUndone();
    this.#wasWithdrawn = true;
    return before;
  }

  /** The thread has said its last word of it, which may not have been taken yet. */
  get hasOutcome(): boolean {
    return this.#state === State.ended;
  }

  get #state(): State {
    return Atomics.load(this.#control, STATE) as State;
  }

  #withdrawFrom(states: ReadonlySet<State>): State | undefined {
    for (let state = this.#state; states.has(state); state = this.#state)
      if (Atomics.compareExchange(this.#control, STATE, state, State.ended) === state) return state;
    return undefined;
  }

  #endUndone(): void {
    this.#wasAbandoned = true;
    this.body.release();
    this.discardOutputs();
    this.finish(undefined, undefined);
  }
}

/** What ends the jobs of a thread that died. */
export function deathOf(failure: Error): TinyKVError {
  return new TinyKVError("TINYKV_BACKGROUND_ERROR", `the worker thread is lost: ${failure.message}`, failure);
}

// The worker thread as a store's jobs see it: there when it is first needed, and lost when it dies.
//
// Only the store's own thread commits, at three places: in a write, in a call that waits for a job, and, for a caller that
// does neither, in a turn of the event loop.

import { bytewise } from "../../common/comparator.ts";
import type { BackgroundMode } from "../options.ts";
import type { StoreContext } from "../store-context.ts";
import { deathOf, type HandedJob } from "./handed-job.ts";
import { State, type Outcome } from "./protocol.ts";
import { StoreThread } from "./store-thread.ts";

/** After so many threads lost in a row, with nothing done by any, another would be of no use. */
const LOSSES_MOST = 2;

/** Whose hands they are. */
export interface Owner {
  /** Those that were handed over and have not ended. */
  jobs(): HandedJob[];
  ended(job: HandedJob): void;
  /** Called from the event loop when work is finished: it may be committed, and what is due now begun. */
  idle(): void;
}

/** Why a store cannot have its work done by a thread; undefined if it can. */
export function whyNoThread({ options, env }: Pick<StoreContext, "options" | "env">): string | undefined {
  if (env.worker === undefined) return "this Env has no worker";
  const { comparator } = options;
  return comparator === bytewise || comparator.module ? undefined : `comparator ${comparator.name} names no module`;
}

export class Hands {
  readonly #context: StoreContext;
  readonly #owner: Owner;
  #mode: BackgroundMode;
  #thread: StoreThread | undefined;
  #hasEnded = false;
  /** What a thread that was lost had said before. */
  #untaken: Outcome[] = [];
  /** Threads lost since the last outcome. */
  #losses = 0;
  /** Jobs were given back by a thread that was lost, and are due again. */
  #hasLost = false;

  constructor(context: StoreContext, owner: Owner) {
    this.#context = context;
    this.#owner = owner;
    this.#mode = context.options.background;
    if (this.#mode === "thread") context.health.onFailure = () => this.raiseAborts();
  }

  /** "inline" in place of "thread" once there is no hope for a thread. */
  get mode(): BackgroundMode {
    return this.#mode;
  }

  /** The thread, started if need be; undefined when there is to be none. */
  thread(): StoreThread | undefined {
    if (this.#mode !== "thread" || this.#hasEnded) return undefined;
    const { env } = this.#context;
    try {
      this.#thread ??= new StoreThread(
        env.worker!,
        () => env.now(),
        () => this.#turn(),
        (failure) => this.#lose(failure),
      );
    } catch (error) {
      this.#giveUp(`no thread can be started: ${String(error)}`);
    }
    return this.#thread;
  }

  /** Commits what is finished; true if anything was, or is due again. Looks after the thread. */
  settle(): boolean {
    if (this.#thread && !this.#thread.hasNews && this.#owner.jobs().length > 0) this.#thread.look();
    let isNews = this.#hasLost;
    this.#hasLost = false;
    for (let outcome = this.#take(); outcome; outcome = this.#take()) {
      isNews = true;
      const { job: id } = outcome;
      const job = this.#owner.jobs().find((candidate) => candidate.id === id);
      if (!job) continue; // of a job that was abandoned
      this.#losses = 0;
      if (outcome.kind === "refused") {
        this.#giveUp(`the worker thread cannot work for this store: ${outcome.reason}`);
        return true;
      }
      job.settle(outcome);
      this.#owner.ended(job);
    }
    return isNews;
  }

  #take(): Outcome | undefined {
    return this.#untaken.shift() ?? (this.#thread?.hasNews ? this.#thread.take() : undefined);
  }

  /** Waits a short time for any job; the bytes of input that this one consumed meanwhile. */
  waitFor(job: HandedJob): number {
    const before = job.consumed;
    if (this.#untaken.length === 0 && !this.#thread?.hasNews) this.#thread?.wait();
    this.settle();
    return job.consumed - before;
  }

  /** Nothing more is expected of the jobs: the thread may stop. */
  raiseAborts(): void {
    for (const job of this.#owner.jobs()) job.raiseAbort();
    this.#thread?.wake();
  }

  /** The thread is let go, and no other is started. */
  end(): void {
    this.#hasEnded = true;
    this.#leave();
  }

  #leave(): void {
    this.#thread?.leave();
    this.#thread = undefined;
  }

  // Nobody has called: what goes wrong is told as a job's failure is, and met again by the next write.
  #turn(): void {
    if (this.#hasEnded) return;
    const { health, events } = this.#context;
    try {
      this.#owner.idle();
    } catch (error) {
      health.noteJobFailure(error);
    }
    events.deliver();
  }

  // What the thread was not in the middle of is taken back, and done anew. The job of a step that never ends is nobody's, but
  // may be written to for as long as its last system call takes: the store fails, and resume() writes anew what it needs.
  #lose(failure: Error): void {
    const { health, events } = this.#context;
    const thread = this.#thread;
    // It may have been found out by this store itself, and be told to all of them.
    if (!thread) return;
    const states = new Set<State | undefined>();
    const broken: HandedJob[] = [];
    for (const job of this.#owner.jobs()) {
      states.add(job.withdraw());
      if (job.isDone) this.#owner.ended(job);
      else if (!job.hasOutcome) broken.push(job);
    }
    for (let outcome = thread.take(); outcome; outcome = thread.take()) this.#untaken.push(outcome);
    this.#leave();
    this.#losses++;
    this.#hasLost = true;
    if (broken.length > 0) health.fail(deathOf(failure));
    for (const job of broken) {
      job.failed(deathOf(failure));
      this.#owner.ended(job);
    }
    const reason = this.#whyNoOther(thread, states);
    if (reason !== undefined) this.#workInline(`${reason}: ${failure.message}`);
    // It may be found out in the middle of a call, of this store or of another: what is left to do, and to tell listeners, is
    // so when that is over.
    void Promise.resolve().then(() => {
      this.#turn();
      events.deliver();
    });
  }

  #whyNoOther(thread: StoreThread, states: ReadonlySet<State | undefined>): string | undefined {
    if (!thread.hasStarted) return "no thread can be started";
    if (states.has(State.loading))
      return `it was lost while it loaded comparator ${this.#context.options.comparator.name}`;
    return this.#losses >= LOSSES_MOST ? "one thread after the other is lost" : undefined;
  }

  #workInline(reason: string): void {
    this.#mode = "inline";
    this.#context.events.log("warn", `background: "inline" in place of "thread": ${reason}`);
  }

  #giveUp(reason: string): void {
    this.#workInline(reason);
    for (const job of this.#owner.jobs()) {
      job.abandon();
      this.#owner.ended(job);
    }
    this.#leave();
  }
}

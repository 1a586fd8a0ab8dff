// Background work as plain data and steps: a job is described when it is made, moved by whoever owns it, and ends with
// an edit that it commits. Only its end changes the version, and only the store's own thread makes it.

import { ioError, type TinyKVError } from "../common/errors.ts";
import type { JobEnd } from "./events.ts";
import { tableName } from "./file-names.ts";
import type { JobDescription, JobKind } from "./job-description.ts";
import { closeUnneeded } from "./store-context.ts";
import type { Store } from "./store.ts";
import { Outputs, type OutputResult } from "./table-output.ts";
import type { OrderHead, WorkOrder } from "./thread/work-order.ts";

/** What a kind of job has to say for itself. */
export interface JobBody {
  readonly kind: JobKind;
  readonly inputs: readonly string[];
  begin(id: number): void;
  /** All of it, in this thread; yields the bytes of input consumed since the last yield. */
  run(outputs: Outputs): Generator<number, JobResult>;
  /** False when there is only something to commit. */
  readonly hasWork: boolean;
  /** What another thread has to do for it. */
  order(head: OrderHead): WorkOrder;
  /** Makes what that thread has done the store's. */
  commit(result: OutputResult): JobResult;
  /** Lets go of what order() holds: whoever had the order has said that it is over. Twice is nothing. */
  release(): void;
  /** The same where nobody has said so: the order's memory may be read for ever. */
  forsake(): void;
  /** Once, however the job ended. */
  end(event: JobEnd): void;
}

export interface JobResult extends OutputResult {
  readonly bytesRead: number;
}

const NOTHING: Omit<JobEnd, "job" | "ok" | "error"> = {
  outputs: [],
  bytesRead: 0,
  bytesWritten: 0,
  entriesIn: 0,
  entriesOut: 0,
};

export abstract class Job implements JobDescription {
  readonly id: number;
  readonly body: JobBody;
  protected readonly store: Store;
  #error: TinyKVError | undefined;
  #done = false;

  constructor(store: Store, id: number, body: JobBody) {
    this.store = store;
    this.id = id;
    this.body = body;
  }

  get kind(): JobKind {
    return this.body.kind;
  }

  get inputs(): readonly string[] {
    return this.body.inputs;
  }

  get isDone(): boolean {
    return this.#done;
  }

  /** Why it failed, once it is done. */
  get error(): TinyKVError | undefined {
    return this.#error;
  }

  /** Files that are being written: live, though no version names them yet. */
  abstract get pendingOutputs(): readonly number[];

  /** Ends it without a result, as after a failure, but with nobody to blame. */
  abstract abandon(): void;

  /** Ends it with an error. */
  protected fail(error: unknown): void {
    const { health } = this.store.context;
    const known = health.isWell ? health.noteJobFailure(error) : ioError(error, `${this.kind} job`);
    this.discardOutputs();
    this.finish(known, undefined);
  }

  // What made the job fail after the store itself failed may be named by a half-written edit: those outputs stay.
  protected discardOutputs(): void {
    const { context, obsolete, counters } = this.store;
    if (!context.health.isWell) {
      counters.doubtfulTables.push(...this.pendingOutputs);
      return;
    }
    for (const number of this.pendingOutputs) obsolete.condemn("table", number);
    obsolete.collect();
  }

  protected finish(error: TinyKVError | undefined, result: JobResult | undefined): void {
    this.#error = error;
    this.#done = true;
    const outputs = result?.tables.map((table) => tableName(table.number)) ?? [];
    this.body.end({ ...NOTHING, ...(result && pick(result)), outputs, job: this.id, ok: result !== undefined, error });
  }
}

/** A job that the store's own thread does, a step at a time. */
export class LocalJob extends Job {
  readonly #outputs = new Outputs();
  #steps: Generator<number, JobResult> | undefined;

  get pendingOutputs(): readonly number[] {
    return this.isDone ? [] : this.#outputs.numbers;
  }

  /** One step; the bytes of input it consumed. Never throws: a failure ends the job and is told by `error`. */
  step(): number {
    try {
      // Once the store has failed no job syncs or unlinks anything any more.
      this.store.context.health.refuseIfFailed();
      if (!this.#steps) {
        this.body.begin(this.id);
        this.#steps = this.body.run(this.#outputs);
      }
      const step = this.#steps.next();
      if (!step.done) return step.value;
      this.finish(undefined, step.value);
    } catch (error) {
      closeUnneeded(this.store.context, { close: () => this.#steps?.return(undefined as never) });
      this.fail(error);
    }
    return 0;
  }

  abandon(): void {
    if (this.isDone) return;
    this.#steps?.return(undefined as never);
    this.discardOutputs();
    this.finish(undefined, undefined);
  }
}

function pick({
  bytesRead,
  bytesWritten,
  entriesIn,
  entriesOut,
}: JobResult): Omit<JobEnd, "job" | "ok" | "error" | "outputs"> {
  return { bytesRead, bytesWritten, entriesIn, entriesOut };
}

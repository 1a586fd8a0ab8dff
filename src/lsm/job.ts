// Background work as plain data and steps: a job is described when it is made, moved by whoever owns it, and ends with
// an edit that it commits. Only its last step changes the version.

import { ioError, type TinyKVError } from "../common/errors.ts";
import type { JobEnd } from "./events.ts";
import { tableName } from "./file-names.ts";
import type { JobDescription, JobKind } from "./job-description.ts";
import { closeUnneeded } from "./store-context.ts";
import type { Store } from "./store.ts";
import { Outputs, type OutputResult } from "./table-output.ts";

/** What a kind of job has to say for itself; run() yields the bytes of input consumed since the last yield. */
export interface JobBody {
  readonly kind: JobKind;
  readonly inputs: readonly string[];
  begin(id: number): void;
  run(outputs: Outputs): Generator<number, JobResult>;
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

export class Job implements JobDescription {
  readonly id: number;
  readonly body: JobBody;
  readonly #store: Store;
  readonly #outputs = new Outputs();
  #steps: Generator<number, JobResult> | undefined;
  #error: TinyKVError | undefined;
  #done = false;

  constructor(store: Store, id: number, body: JobBody) {
    this.#store = store;
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
  get pendingOutputs(): readonly number[] {
    return this.#done ? [] : this.#outputs.numbers;
  }

  /** One step; the bytes of input it consumed. Never throws: a failure ends the job and is told by `error`. */
  step(): number {
    try {
      // Once the store has failed no job syncs or unlinks anything any more.
      this.#store.context.health.refuseIfFailed();
      if (!this.#steps) {
        this.body.begin(this.id);
        this.#steps = this.body.run(this.#outputs);
      }
      const step = this.#steps.next();
      if (!step.done) return step.value;
      this.#finish(undefined, step.value);
    } catch (error) {
      this.#fail(error);
    }
    return 0;
  }

  /** Ends it without a result, as after a failure, but with nobody to blame. */
  abandon(): void {
    if (this.#done) return;
    this.#steps?.return(undefined as never);
    this.#discardOutputs();
    this.#finish(undefined, undefined);
  }

  // What made the job fail after the store itself failed may be named by a half-written edit: those outputs stay.
  #fail(error: unknown): void {
    const { context } = this.#store;
    const { health } = context;
    closeUnneeded(context, { close: () => this.#steps?.return(undefined as never) });
    const known = health.isWell ? health.noteJobFailure(error) : ioError(error, `${this.kind} job`);
    this.#discardOutputs();
    this.#finish(known, undefined);
  }

  #discardOutputs(): void {
    const { context, obsolete } = this.#store;
    if (!context.health.isWell) {
      this.#store.counters.doubtfulTables.push(...this.#outputs.numbers);
      return;
    }
    for (const number of this.#outputs.numbers) obsolete.condemn("table", number);
    obsolete.collect();
  }

  #finish(error: TinyKVError | undefined, result: JobResult | undefined): void {
    this.#error = error;
    this.#done = true;
    const outputs = result?.tables.map((table) => tableName(table.number)) ?? [];
    this.body.end({ ...NOTHING, ...(result && pick(result)), outputs, job: this.id, ok: result !== undefined, error });
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

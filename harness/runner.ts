// The differential runner: each operation is executed on the engine and on the model, and their answers are compared at
// once. It tells the oracle what was issued, what returned and what became durable, so that a crash harness can stop it
// anywhere and ask what may be left.
//
// Writes that stand next to each other in a log are calls of one turn of the event loop; before any other operation the loop
// turns, as far as it comes without an answer from the disk (turns.ts). A `settle` is that answer.
//
// In a world whose calls fail (`faults`) it knows what an engine may answer then; see runner-faults.ts.

import { capabilitiesFor } from "./capabilities.ts";
import type { HeldSyncs } from "./disk/held-syncs.ts";
import type { Engine, EngineStore } from "./engine.ts";
import { Failure } from "./failure.ts";
import { checkEverything } from "./full-check.ts";
import {
  isAsyncWrite,
  isRead,
  isWrite,
  type Op,
  type PinnedOp,
  type ReadOp,
  type SyncWriteOp,
  type WriteOp,
} from "./op.ts";
import { OpScope } from "./op-scope.ts";
import { Oracle } from "./oracle.ts";
import { AsyncWrites } from "./runner-async.ts";
import { inspectStore, type RunnerContext, ScanBudget } from "./runner-context.ts";
import { FaultWatch, type FaultyWorld, type Outcome } from "./runner-faults.ts";
import { closeStore, openFirst, reopenStore } from "./runner-open.ts";
import { PinnedReads } from "./runner-pinned.ts";
import { runRead } from "./runner-reads.ts";
import { resumeStore, runOnStore, verifyStore } from "./runner-store.ts";
import { readBack, runWrite, runWriteAtOnce } from "./runner-writes.ts";
import type { Turns } from "./turns.ts";
import { isUnsupported } from "./unsupported.ts";

/** States behind the oldest that anybody may ask for are forgotten every so many operations. */
const FORGET_OPS = 1024;

/** After so many refused writes the runner resumes the store, and if that fails, after as many again, reopens it. */
const REFUSALS_MAX = 2;

export interface RunnerOptions {
  readonly engine: Engine;
  readonly directory: string;
  readonly config: string;
  /** Told of each operation that is about to run and each that returned; of an asynchronous write when its promise resolves. */
  readonly observer?: { begin(op: Op): void; end(op: Op): void };
  /** The store lives where calls fail. Absent: nothing ever does, and every error is a finding. */
  readonly faults?: FaultyWorld;
  /** Below the engine: its asynchronous syncs end when the operations say so. Absent: when they do. */
  readonly syncs?: HeldSyncs;
  /** Asked when a promise settles: the machine is gone, and nothing that still happens counts. */
  readonly isOver?: () => boolean;
}

/** What a run did, by kind of operation. */
export interface RunCounts {
  readonly executed: number;
  readonly skipped: number;
  readonly byKind: Readonly<Record<string, number>>;
  readonly syncWrites: number;
  readonly writes: number;
}

export class Runner {
  readonly oracle: Oracle;
  readonly #options: RunnerOptions;
  readonly #context: RunnerContext;
  readonly #scope = new OpScope();
  readonly #pinned: PinnedReads;
  readonly #counts: Record<string, number> = {};
  #executed = 0;
  #skipped = 0;
  #writes = 0;
  #syncWrites = 0;
  #refusals = 0;

  /** Opens the store; `oracle` goes on from an earlier incarnation. */
  constructor(options: RunnerOptions, oracle?: Oracle) {
    const { engine, directory, config } = options;
    this.#options = options;
    this.oracle = oracle ?? new Oracle(engine.durability);
    const watch = new FaultWatch(options.faults ?? options.syncs);
    const flight = new AsyncWrites({
      oracle: this.oracle,
      watch,
      syncs: options.syncs,
      returned: (op) => options.observer?.end(op),
      isOver: options.isOver ?? (() => false),
    });
    const closed = { engine, directory, config, oracle: this.oracle, watch, flight, scans: new ScanBudget() };
    this.#context = { ...closed, store: openFirst(closed) };
    this.#pinned = new PinnedReads(this.#context);
  }

  get store(): EngineStore {
    return this.#context.store;
  }

  get config(): string {
    return this.#context.config;
  }

  counts(): RunCounts {
    return {
      executed: this.#executed,
      skipped: this.#skipped,
      byKind: this.#counts,
      syncWrites: this.#syncWrites,
      writes: this.#writes,
    };
  }

  /** Executes one operation; throws Failure when the engine breaks a condition, and what it throws unasked as C8. */
  *run(op: Op): Turns<void> {
    if (this.runAtOnce(op)) return;
    const { flight } = this.#context;
    if (flight.count > 0 && !isWrite(op)) yield* flight.turn();
    this.#options.observer?.begin(op);
    try {
      // What never gives way is spared a generator of its own.
      if (isRead(op) ? this.#read(op) : yield* this.#execute(op)) this.#note(op);
      if (flight.hasEnded) yield* this.#afterAsync(op.id);
    } catch (error) {
      this.#judge(op, error);
      return;
    }
    this.#count(op);
  }

  /** The same, if it never gives way to the event loop; false: only run() can. Most operations are spared a generator so. */
  runAtOnce(op: Op): boolean {
    if (!this.#admits(op)) {
      this.#skipped++;
      return true;
    }
    const { flight, watch } = this.#context;
    if (flight.count > 0 || flight.hasEnded) return false;
    const isReading = isRead(op);
    if (!isReading && (!isWrite(op) || isAsyncWrite(op) || watch.mayFail || this.oracle.mustDecide)) return false;
    this.#options.observer?.begin(op);
    try {
      if (isReading ? this.#read(op) : this.#writeAtOnce(op)) this.#note(op);
    } catch (error) {
      this.#judge(op, error);
      return true;
    }
    this.#count(op);
    return true;
  }

  /** The turn of the event loop ends in which the last operations ran. */
  *turn(): Turns<void> {
    yield* this.#context.flight.turn();
    yield* this.#afterAsync(undefined);
  }

  /** Every read path, then verify(); the same after a close and an open, and when all background work is done. */
  *finish(): Turns<void> {
    yield* this.checkAll();
    yield* this.#reopen(this.config, undefined);
    yield* this.checkAll();
    this.settle();
    yield* this.checkAll();
    yield* this.close();
  }

  /** Compares every read path with the model, when nothing is on its way, and asks the store to verify itself. */
  *checkAll(): Turns<void> {
    const { capabilities } = this.#options.engine;
    yield* this.#context.flight.drain();
    yield* this.#afterAsync(undefined);
    checkEverything(this.store, this.oracle.model, capabilities);
    if (capabilities.has("verify")) verifyStore(this.#context, undefined);
  }

  /** Background work comes to its end, and leaves the levels as they should be. */
  settle(): void {
    const problem = this.store.settle()[0];
    if (problem !== undefined) throw new Failure("C28", problem);
    inspectStore(this.#context, undefined);
    this.oracle.durable();
  }

  *close(): Turns<void> {
    yield* closeStore(this.#context, undefined);
    this.#forgetPinned();
  }

  /** Nothing fails any more, and the store takes writes again: by resume(), or by a reopen where a sync has failed. */
  *mend(): Turns<void> {
    const { watch } = this.#context;
    watch.world?.heal();
    if (yield* resumeStore(this.#context, undefined)) return;
    if (!watch.mustStop) throw new Failure("C23", "resume() failed although nothing fails any more");
    yield* this.#reopen(this.config, undefined);
  }

  // It was executed.
  #note(op: Op): void {
    if (!isAsyncWrite(op)) this.#options.observer?.end(op);
    this.#scope.note(op);
  }

  #judge(op: Op, error: unknown): void {
    if (error instanceof Failure) throw error;
    if (!isUnsupported(error)) throw new Failure("C8", `${op.kind} threw ${String(error)}`, op.id, { cause: error });
    this.#skipped++;
  }

  #count(op: Op): void {
    this.#counts[op.kind] = (this.#counts[op.kind] ?? 0) + 1;
    this.#context.scans.earn();
    if (++this.#executed % FORGET_OPS === 0) this.oracle.forget(this.#pinned.oldest);
  }

  #admits(op: Op): boolean {
    const { capabilities } = this.#options.engine;
    return capabilitiesFor(op).every((needed) => capabilities.has(needed)) && this.#scope.admits(op);
  }

  // False if the operation failed, as it may where calls fail.
  #read(op: ReadOp | PinnedOp): boolean {
    const { watch } = this.#context;
    switch (op.kind) {
      case "get":
      case "has":
      case "getMany":
      case "scan":
        return watch.may("read", op.id, () => runRead(this.#context, op));
      case "cursorMove":
        if (watch.may("read", op.id, () => this.#pinned.run(op))) return true;
        this.#pinned.drop(op.cursor);
        this.#scope.note({ id: op.id, kind: "cursorClose", cursor: op.cursor });
        return false;
      default:
        return watch.may("read", op.id, () => this.#pinned.run(op)) || op.kind !== "cursorOpen";
    }
  }

  // False as above.
  *#execute(op: Exclude<Op, ReadOp | PinnedOp>): Turns<boolean> {
    if (isWrite(op)) return yield* this.#write(op);
    const { flight } = this.#context;
    switch (op.kind) {
      case "crash":
      case "fault":
        throw new Error(`${op.kind} is not the runner's to execute`);
      case "settle":
        yield* flight.settle(op.nth, op.outcome);
        return true;
      case "await":
        yield* flight.wait(op.tag);
        return true;
      case "reopen":
        yield* this.#reopen(op.config, op.id);
        return true;
      default:
        yield* runOnStore(this.#context, op);
        return true;
    }
  }

  *#write(op: WriteOp): Turns<boolean> {
    if (this.oracle.mustDecide) yield* this.#reopen(this.config, op.id);
    if (isAsyncWrite(op)) {
      this.#context.flight.call(this.store, op);
      return true;
    }
    const outcome = yield* runWrite(this.#context, op);
    if (outcome === "returned") this.#countWrite(op);
    else yield* this.#afterTrouble(outcome, op.id);
    return outcome === "returned";
  }

  // Where no call may fail, it returns or throws.
  #writeAtOnce(op: SyncWriteOp): boolean {
    const isReturned = runWriteAtOnce(this.#context, op) === "returned";
    if (isReturned) this.#countWrite(op);
    return isReturned;
  }

  // Looks at the asynchronous writes that have ended since.
  *#afterAsync(id: number | undefined): Turns<void> {
    const ended = this.#context.flight.takeEnded();
    for (const { op, outcome } of ended) {
      if (outcome === "returned") this.#countWrite(op);
      readBack(this.#context, op, outcome);
    }
    if (ended.some(({ outcome }) => outcome === "refused")) yield* this.#afterTrouble("refused", id);
  }

  #countWrite({ sync }: WriteOp): void {
    this.#writes++;
    if (sync) this.#syncWrites++;
  }

  *#afterTrouble(outcome: Outcome, id: number | undefined): Turns<void> {
    if (outcome === "failed" || ++this.#refusals % REFUSALS_MAX !== 0) return;
    if (this.#refusals === REFUSALS_MAX) {
      if (yield* resumeStore(this.#context, id)) this.#refusals = 0;
    } else yield* this.#reopen(this.config, id);
  }

  *#reopen(config: string, id: number | undefined): Turns<void> {
    yield* reopenStore(this.#context, config, id);
    this.#forgetPinned();
    this.#refusals = 0;
  }

  #forgetPinned(): void {
    this.#pinned.forgetAll();
    this.#scope.closed();
  }
}

// Writes that return promises. The oracle hears how each ended at the very moment its caller does, not when the runner next
// looks: what the engine does behind that is judged with the write acknowledged.

import type { HeldSyncs } from "./disk/held-syncs.ts";
import type { EngineStore } from "./engine.ts";
import { executeAsync } from "./engine-calls.ts";
import { Failure } from "./failure.ts";
import type { AsyncWriteOp } from "./op.ts";
import type { Oracle, Ticket } from "./oracle.ts";
import type { FaultWatch, Outcome } from "./runner-faults.ts";
import type { Turns } from "./turns.ts";
import { isUnsupported } from "./unsupported.ts";

interface InFlight {
  readonly op: AsyncWriteOp;
  readonly ticket: Ticket;
  /** A sync of the store had failed before it was called. */
  readonly stopped: boolean;
}

export interface EndedWrite {
  readonly op: AsyncWriteOp;
  readonly outcome: Outcome;
}

export interface AsyncWritesOptions {
  readonly oracle: Oracle;
  readonly watch: FaultWatch;
  /** Who ends the syncs of the engine; absent: they end when they do. */
  readonly syncs: HeldSyncs | undefined;
  /** Told of each write whose promise has resolved. */
  readonly returned: (op: AsyncWriteOp) => void;
  /** The machine is gone: what promises do then is of no interest. */
  readonly isOver: () => boolean;
}

export class AsyncWrites {
  readonly #options: AsyncWritesOptions;
  /** In the order of their calls. */
  #inFlight: InFlight[] = [];
  #ended: EndedWrite[] = [];
  #broken: { readonly error: unknown } | undefined;

  constructor(options: AsyncWritesOptions) {
    this.#options = options;
  }

  /** How many have been called and have not ended. */
  get count(): number {
    return this.#inFlight.length;
  }

  call(store: EngineStore, op: AsyncWriteOp): void {
    const { oracle, watch } = this.#options;
    const write: InFlight = { op, stopped: watch.mustStop, ticket: oracle.issue(op) };
    this.#inFlight.push(write);
    executeAsync(store, op).then(
      () => this.#noting(() => this.#returned(write)),
      (error: unknown) => this.#noting(() => this.#rejected(write, error)),
    );
  }

  /** Whether any have ended since takeEnded(). */
  get hasEnded(): boolean {
    return this.#ended.length > 0;
  }

  /** Those that have ended since this was asked last. */
  takeEnded(): readonly EndedWrite[] {
    const ended = this.#ended;
    this.#ended = [];
    return ended;
  }

  /** Gives way to the event loop, if there is anything that may go on; throws what was found then. */
  *turn(): Turns<void> {
    if (this.count === 0 && this.#broken === undefined) return;
    yield* this.#giveWay();
  }

  /** Ends the nth sync under way. */
  *settle(nth: number, outcome: "ok" | "fail"): Turns<void> {
    const settled = this.#options.syncs?.settle(nth, outcome);
    if (settled !== false) yield* this.#giveWay();
  }

  /** Lets everything happen that the promise of this tag waits for, where a turn has just ended. */
  *wait(tag: string): Turns<void> {
    const isDone = (): boolean => !this.#inFlight.some(({ op }) => op.tag === tag);
    while (!isDone()) {
      this.#expectHeld();
      this.#options.syncs?.settle(0, "ok");
      yield* this.#giveWay();
    }
  }

  /** Lets all syncs and promises end: afterwards nothing is on its way. */
  *drain(): Turns<void> {
    const { syncs } = this.#options;
    yield* this.turn();
    while (this.count > 0 || (syncs?.held ?? 0) > 0) {
      this.#expectHeld();
      syncs?.settleAll();
      yield* this.#giveWay();
    }
  }

  *#giveWay(): Turns<void> {
    yield;
    if (this.#broken) throw this.#broken.error;
  }

  // Every continuation has run: who does not wait for a sync waits for nothing.
  #expectHeld(): void {
    const { syncs } = this.#options;
    const [first] = this.#inFlight;
    if (!first || !syncs || syncs.held > 0) return;
    const { kind, id } = first.op;
    throw new Failure("C28", `the promise of ${kind} ${id} never settles: no sync is under way`, id);
  }

  #noting(action: () => void): void {
    if (this.#options.isOver() || this.#broken) return;
    try {
      action();
    } catch (error) {
      this.#broken = { error };
    }
  }

  #returned(write: InFlight): void {
    const { op, ticket, stopped } = write;
    if (stopped)
      throw new Failure("C20", `${op.kind} resolved although a sync of the store had failed before it`, op.id);
    this.#remove(write, "resolved");
    this.#ended.push({ op, outcome: "returned" });
    this.#options.oracle.returned(ticket);
    this.#options.returned(op);
  }

  #rejected(write: InFlight, error: unknown): void {
    const { oracle, watch } = this.#options;
    const { op, ticket } = write;
    if (isUnsupported(error)) {
      this.#remove(write, "refused");
      oracle.refused(ticket);
      return;
    }
    const outcome = watch.rejected(op.id, error);
    this.#remove(write, outcome);
    this.#ended.push({ op, outcome });
    if (oracle.seen >= ticket.index)
      throw new Failure("C19", `a read showed what ${op.kind} ${op.id} wrote, which then ${outcome}`, op.id);
    if (outcome === "failed") oracle.failed(ticket, error);
    else oracle.refused(ticket);
  }

  #remove(write: InFlight, ended: "resolved" | Outcome): void {
    const [first] = this.#inFlight;
    this.#inFlight = this.#inFlight.filter((other) => other !== write);
    // What was never applied has no place in the order.
    if (first === write || ended === "refused") return;
    const { op } = write;
    throw new Failure(
      "C25",
      `${op.kind} ${op.id} ${ended} before ${first!.op.kind} ${first!.op.id}, called earlier`,
      op.id,
    );
  }
}

// What the records of a child mean: the oracle is told what was issued and what returned, in the order in which it was, and
// what a reader beside the child saw is judged by what had returned when it was asked.

import {
  changesOf,
  Failure,
  isWrite,
  levelsOf,
  type Loss,
  type Op,
  type Oracle,
  parseConfiguration,
  type RecoveredSummary,
  type Ticket,
} from "tinykv/harness";
import { isRecorded, operationsOf } from "./child.ts";
import type { ChildPlan } from "./plan.ts";
import type { Glimpse } from "./reader.ts";
import { DEATH_MOMENTS, RECORD_EVENTS, RecordKind, type Record, type RecordEvent } from "./records.ts";

/** Where a death fell, as the summary counts it: what brought it, and what the store was in the middle of. */
export const PLACES = [
  "time",
  "ack",
  "before",
  "middle",
  "after",
  "flush",
  "compaction",
  "log-rotation",
  "manifest-rotation",
  "inside-open",
  "inside-open-with-logs",
] as const;
export type Place = (typeof PLACES)[number];

/** Where a death falls that comes behind an event; the end of a job ends its place. */
const PLACE_BEHIND: { readonly [E in RecordEvent]: readonly [place: Place, isBegun: boolean] } = {
  flushBegin: ["flush", true],
  compactionBegin: ["compaction", true],
  logCreated: ["log-rotation", true],
  manifestCreated: ["manifest-rotation", true],
  flushEnd: ["flush", false],
  compactionEnd: ["compaction", false],
};
/** Moments of an operation: over when it returns. */
const ROTATIONS: readonly Place[] = ["log-rotation", "manifest-rotation"];

/** A read-only open may say so: there is no store yet, while nothing has returned; or it never stood still, beside a writer. */
const NO_STORE = "TINYKV_DOES_NOT_EXIST";
const NEVER_STILL = "TINYKV_IO_ERROR";

export class Hearing {
  readonly places: Set<Place> = new Set<Place>();
  /** The child died before its open() returned. */
  insideOpen = true;
  acknowledged = 0;
  writes = 0;
  syncWrites = 0;
  /** Glimpses of the reader that showed a state, and those that showed only that the writer does not stand still. */
  sights = 0;
  refusals = 0;
  levels = 0;
  nextId: number;
  /** What was issued. */
  readonly log: Op[] = [];
  readonly #least: number[] = [];
  readonly #oracle: Oracle;
  readonly #operations: Generator<Op>;
  readonly #begun = new Map<number, { op: Op; ticket: Ticket | undefined }>();

  private constructor(oracle: Oracle, plan: ChildPlan) {
    this.#oracle = oracle;
    this.#operations = operationsOf(plan);
    this.nextId = plan.firstId;
  }

  /** `moments`, ascending, are numbers of records: `least` says what had to be there when so many had been heard. */
  static of(
    oracle: Oracle,
    child: ChildPlan,
    records: readonly Record[],
    { moments, loss }: { readonly moments: readonly number[]; readonly loss: Loss },
  ): Hearing {
    const hearing = new Hearing(oracle, child);
    const passMoments = (heard: number): void => {
      while (moments[hearing.#least.length] !== undefined && moments[hearing.#least.length]! <= heard)
        hearing.#least.push(oracle.window(loss).least);
    };
    records.forEach((record, heard) => {
      passMoments(heard);
      hearing.#take(record);
    });
    passMoments(Number.POSITIVE_INFINITY);
    hearing.#placeDeath(child, records);
    return hearing;
  }

  /** What had to be there at each moment, as places in the history. */
  get least(): readonly number[] {
    return this.#least;
  }

  /** What readers saw when they were asked at those moments; throws Failure for what they must not have seen. */
  judge(glimpses: readonly Glimpse[]): void {
    glimpses.forEach((glimpse, i) => this.#judge(glimpse, this.#least[i]!));
  }

  /** The writes that had not returned when the child died: nobody knows whether they happened. */
  get inFlight(): Ticket[] {
    return [...this.#begun.values()].flatMap(({ ticket }) => (ticket ? [ticket] : []));
  }

  #take({ kind, number }: Record): void {
    switch (kind) {
      case RecordKind.openEnd:
        this.insideOpen = false;
        this.#returned();
        // A writable open makes durable what it served.
        this.#oracle.durable();
        break;
      case RecordKind.event:
        this.#happened(RECORD_EVENTS[number]!);
        break;
      case RecordKind.intent:
        this.#begin(nextRecorded(this.#operations, number));
        break;
      case RecordKind.acknowledged:
        this.#end(number);
        break;
      case RecordKind.openBegin:
      case RecordKind.dying:
      case RecordKind.done:
        break;
    }
  }

  #returned(): void {
    for (const place of ROTATIONS) this.places.delete(place);
  }

  #happened(event: RecordEvent): void {
    const [place, isBegun] = PLACE_BEHIND[event];
    if (isBegun) this.places.add(place);
    else this.places.delete(place);
  }

  #begin(op: Op): void {
    this.nextId = lastIdOf(op) + 1;
    this.log.push(op);
    this.#begun.set(op.id, { op, ticket: isWrite(op) ? this.#oracle.issue(op) : undefined });
    if (op.kind === "reopen") this.levels = Math.max(this.levels, levelsOf(parseConfiguration(op.config)));
    if (!isWrite(op)) return;
    this.writes++;
    if (op.sync) this.syncWrites++;
  }

  #end(id: number): void {
    const { op, ticket } = this.#begun.get(id)!;
    this.#begun.delete(id);
    if (ticket) this.#oracle.returned(ticket);
    else if (op.kind !== "step") this.#oracle.durable();
    this.#returned();
    // A close abandons jobs without a word.
    if (op.kind === "reopen") this.places.clear();
    this.acknowledged++;
  }

  // A child that comes to its place too slowly is killed where it is: that is a death by time.
  #placeDeath({ kill }: ChildPlan, records: readonly Record[]): void {
    const dying = records.find(({ kind }) => kind === RecordKind.dying);
    if (dying) this.places.add(DEATH_MOMENTS[dying.number]!);
    else this.places.add(kill.by === "acknowledgement" && this.acknowledged >= kill.count ? "ack" : "time");
  }

  #judge({ sight, isLast }: Glimpse, least: number): void {
    if ("code" in sight) {
      const { code, message } = sight;
      const isAllowed = code === NO_STORE ? least === 0 : code === NEVER_STILL && !isLast;
      if (!isAllowed) throw new Failure("C11", `a reader ${isLast ? "behind" : "beside"} the writer: ${message}`);
      if (code === NEVER_STILL) this.refusals++;
      return;
    }
    const { first, second } = sight;
    if (!sameSummary(first, second)) throw new Failure("C24", "two scans of one open reader differ");
    const window = { ...this.#oracle.window("kill"), least };
    if (this.#oracle.statesOf(window, first).length === 0)
      throw new Failure(
        "C2",
        `a reader beside the writer saw ${first.entries} entries that are no prefix of what was written`,
      );
    this.sights++;
  }
}

function sameSummary(a: RecoveredSummary, b: RecoveredSummary): boolean {
  return a.entries === b.entries && a.digest.low === b.digest.low && a.digest.high === b.digest.high;
}

/** An operation has an id, and each of its values one of its own: the next incarnation starts behind all of them. */
function lastIdOf(op: Op): number {
  const values = isWrite(op) ? changesOf(op).map((change) => (change.kind === "put" ? change.value.id : 0)) : [];
  return values.reduce((most, id) => Math.max(most, id), op.id);
}

function nextRecorded(operations: Generator<Op>, id: number): Op {
  for (;;) {
    const next = operations.next();
    if (next.done) throw new Error(`the child issued operation ${id}, which its seed does not make`);
    if (next.value.id === id) return next.value;
    if (isRecorded(next.value)) throw new Error(`the child skipped operation ${next.value.id}`);
  }
}

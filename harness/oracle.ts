// The oracle: what a crash may leave. It is told what was issued, what returned and what became durable, and judges a
// recovered state from the data alone, never from the engine's sequence numbers: there must be a p with
//
//   recovered = S_p (the model after the first p writes)   and   D ≤ p ≤ I
//
//   D, power loss    the last operation that returned and is a durability point: a sync write (an async one: its promise
//                    resolved), flush(), sync(), a close() that wrote its clean end, a writable open
//   D, process kill  every write that returned
//   I                the last write issued
//
// The digests of all S_p are kept, so a state is judged in one pass over it and one look along [D, I].

import { ok as assert } from "node:assert";
import { branches, type Branch, type TailWrite } from "./branches.ts";
import { diagnose, type Violation } from "./diagnosis.ts";
import { type Digest, sameDigest } from "./digest.ts";
import type { Key } from "./keys.ts";
import { Model } from "./model.ts";
import { type Change, changesOf, type WriteOp } from "./op.ts";
import { type RecoveredEntry, type RecoveredSummary, summarise } from "./recovered.ts";
import { parseValue } from "./values.ts";

/** What takes the machine down. "killOldBytes": a kill after a failed fsync, on a system that then reads the old bytes back. */
export type Loss = "power" | "kill" | "killOldBytes";

/** What an engine promises of a write that returned, with and without `sync`. */
export interface Durability {
  readonly sync: "power" | "kill" | "none";
  readonly noSync: "power" | "kill" | "none";
}

/** Ours. */
export const TINYKV_DURABILITY: Durability = { sync: "power", noSync: "kill" };

/** What may be recovered at one moment: p from `least` (D) to `most` (I), on any branch of the undecided writes. */
export interface Window {
  readonly least: number;
  readonly most: number;
  readonly tail: readonly TailWrite[];
  /** The history whose places `least` and `most` are; absent: the oracle's, which no write has been taken out of since. */
  readonly history?: Model;
}

/** A write on its way; hand it back to say how it ended. */
export interface Ticket {
  readonly op: WriteOp;
  /** Its place in the commit order. It moves down when an earlier write in flight turns out not to have happened. */
  readonly index: number;
}

/** `states`: every p of the window that gives the recovered state; `patch` turns the last of them into it (undecided writes). */
export interface Accepted {
  readonly ok: true;
  readonly states: readonly number[];
  readonly happened: readonly WriteOp[];
  readonly patch: readonly Change[];
}

export type Verdict = Accepted | { readonly ok: false; readonly violation: Violation };

/** With more undecided writes than this the histories (2 to that power) are too many: reopen to decide. */
export const UNDECIDED_MAX = 4;

interface Issued {
  op: WriteOp;
  index: number;
  inFlight: boolean;
  /** What it failed with. */
  readonly cause?: unknown;
}

const NO_TAIL: readonly TailWrite[] = [];

export class Oracle {
  model: Model = new Model();
  readonly #promises: Durability;
  #power = 0;
  #kill = 0;
  #acknowledged = 0;
  /** The oldest state that reads beside writes in flight may still show. */
  #seen = 0;
  /** Writes from the oldest one in flight on. */
  #recent: Issued[] = [];
  /** Writes from the first undecided one on. */
  #tail: { issued: Issued; undecided: boolean; behind: boolean }[] = [];
  /** Ids of values whose writes failed and were decided not to have happened. */
  readonly #denied = new Set<number>();

  constructor(promises: Durability = TINYKV_DURABILITY) {
    this.#promises = promises;
  }

  /** A reopen must come before the next write may fail. */
  get mustDecide(): boolean {
    return this.#undecidedCount() >= UNDECIDED_MAX;
  }

  /** The newest state that a read beside writes in flight has shown. */
  get seen(): number {
    return this.#seen;
  }

  /** Call before the engine is called. */
  issue(op: WriteOp): Ticket {
    const index = this.model.apply(changesOf(op));
    const issued: Issued = { op, index, inFlight: true };
    this.#recent.push(issued);
    if (this.#tail.length > 0) this.#tail.push({ issued, undecided: false, behind: false });
    return issued;
  }

  /** The call returned; for an async write: its promise resolved. */
  returned(ticket: Ticket): void {
    const issued = this.#find(ticket);
    issued.inFlight = false;
    const promise = issued.op.sync ? this.#promises.sync : this.#promises.noSync;
    this.#acknowledged = Math.max(this.#acknowledged, issued.index);
    if (promise !== "none") this.#kill = Math.max(this.#kill, issued.index);
    if (promise === "power") this.#power = Math.max(this.#power, issued.index);
    this.#prune();
  }

  /** The call threw a code that means: never applied. */
  refused(ticket: Ticket): void {
    this.#withdraw(this.#find(ticket));
  }

  /**
   * The call threw IO_ERROR or NO_SPACE: not visible now, and undecided until adopt(). Writes that fail with one and the same
   * `cause` were written together, in their order: none has happened without the one before it.
   */
  failed(ticket: Ticket, cause?: unknown): void {
    const issued = this.#find(ticket);
    const index = issued.index - 1;
    // Some of them may have returned: withdrawing forgets those that nothing in flight stands before.
    const behindIt = this.#recent.filter((write) => write.index > issued.index);
    this.#withdraw(issued);
    const found = this.#tail.findIndex((write) => !write.undecided && write.issued.index > index);
    const later = found < 0 ? this.#tail.length : found;
    const last = this.#tail.slice(0, later).findLast((write) => write.undecided);
    const behind = cause !== undefined && last?.issued.cause === cause;
    const undecided = { issued: { op: issued.op, index, inFlight: false, cause }, undecided: true, behind };
    if (this.#tail.length > 0) {
      this.#tail.splice(later, 0, undecided);
      return;
    }
    this.#tail = [undecided];
    for (const write of behindIt) this.#tail.push({ issued: write, undecided: false, behind: false });
  }

  /** flush(), sync() or a clean close() returned: all that was issued before it is durable. */
  durable(): void {
    this.#power = this.#kill = this.model.writes;
  }

  /** What a crash now may leave. */
  window(loss: Loss): Window {
    const least = loss === "kill" ? Math.max(this.#kill, this.#power) : this.#power;
    return { least, most: this.model.writes, tail: this.#tailNow() };
  }

  /** What a checkpoint that is called now holds from its return on. */
  checkpointWindow(): Window {
    return { least: this.#acknowledged, most: this.model.writes, tail: NO_TAIL };
  }

  /**
   * A read beside writes in flight: `agrees(q)` says whether it equals what S_q answers. Gives the oldest such q that is
   * allowed (between the last write resolved and the last issued, never before what an earlier read showed), or undefined.
   */
  observe(agrees: (q: number) => boolean): number | undefined {
    for (let q = this.#observable; q <= this.model.writes; q++) {
      if (!agrees(q)) continue;
      this.#seen = q;
      return q;
    }
    return undefined;
  }

  /** The keys by which the states that observe() chooses from can be told from each other. */
  undecidedKeys(): ReadonlySet<Key> {
    return this.model.touchedSince(this.#observable);
  }

  /** Judges a full scan of a recovered store, in ascending order. The window may be an earlier one, since the last adopt(). */
  judge(window: Window, entries: Iterable<RecoveredEntry>): Verdict {
    const { least, most, tail, history: model = this.model } = window;
    const read: [Key, Uint8Array][] = [];
    const summary = summarise(entries, (key, value) => read.push([key, value]));
    if (summary.outOfOrder) return { ok: false, violation: outOfOrder(...summary.outOfOrder, most) };
    const { digest, foreign } = summary;
    if (!foreign) {
      const states = model.statesWith(digest, least, most);
      if (states.length > 0) return { ok: true, states, happened: [], patch: [] };
      const branch = this.#branchWith(digest, window);
      if (branch) return { ok: true, states: [branch.index], happened: branch.happened, patch: branch.patch() };
    }
    const equal = foreign ? [] : model.statesWith(digest, model.floor, model.writes);
    const recovered = new Map(read);
    const violation = diagnose(model, { recovered, least, most, equal });
    return { ok: false, violation: this.#aboutFailedWrites(violation, recovered, tail) };
  }

  /** The same in brief, from what summarise() kept of the scan: the states of the window that it may be; none is a violation. */
  statesOf(window: Window, { digest, foreign, outOfOrder: disordered }: RecoveredSummary): readonly number[] {
    if (foreign || disordered) return [];
    const { history: model = this.model } = window;
    const states = model.statesWith(digest, window.least, window.most);
    if (states.length > 0) return states;
    const branch = this.#branchWith(digest, window);
    return branch ? [branch.index] : [];
  }

  /**
   * The history goes on from an accepted state: after a writable open (which makes what it serves durable) or after a
   * full read behind resume(). The undecided writes are decided.
   */
  adopt(verdict: Accepted, by: "open" | "resume"): void {
    for (const { issued, undecided } of this.#tail) {
      if (undecided && !verdict.happened.includes(issued.op)) this.#deny(issued.op);
    }
    const p = verdict.states.at(-1)!;
    assert(by === "open" || p === this.model.writes, "resume() undoes nothing");
    this.model.rollBack(p);
    if (verdict.patch.length > 0) this.model.apply(verdict.patch);
    this.#acknowledged = this.#seen = this.model.writes;
    this.#recent = [];
    this.#tail = [];
    if (by === "open" || verdict.happened.length > 0) this.durable();
  }

  /** Forgets states that nothing can ask for again; `pinned` is the oldest that a snapshot or a kept window needs. */
  forget(pinned: number): void {
    const first = Math.min(this.#recent[0]?.index ?? Infinity, this.#tail[0]?.issued.index ?? Infinity) - 1;
    this.model.forget(Math.min(pinned, this.#power, this.#kill, this.#acknowledged, this.#seen, first));
  }

  /** The history up to S_p, for others to follow. */
  protected rolledBack(p: number): Model {
    this.model.rollBack(p);
    return this.model;
  }

  get #observable(): number {
    return Math.max(this.#acknowledged, this.#seen);
  }

  #undecidedCount(): number {
    return this.#tail.filter((write) => write.undecided).length;
  }

  #tailNow(): readonly TailWrite[] {
    if (this.#tail.length === 0) return NO_TAIL;
    return this.#tail.map(({ issued: { op, index }, undecided, behind }) => ({ op, index, undecided, behind }));
  }

  #find(ticket: Ticket): Issued {
    const issued = this.#recent.find((write) => write === ticket);
    assert(issued?.inFlight, `write ${ticket.op.id} ends once`);
    return issued;
  }

  #prune(): void {
    let done = 0;
    while (done < this.#recent.length && !this.#recent[done]!.inFlight) done++;
    if (done > 0) this.#recent.splice(0, done);
  }

  // Takes a write out of the history; those issued after it move down by one.
  #withdraw(issued: Issued): void {
    const { index } = issued;
    const later = this.#recent.filter((write) => write.index > index);
    this.model = this.rolledBack(index - 1);
    for (const write of later) write.index = this.model.apply(changesOf(write.op));
    const down = (p: number): number => (p >= index ? p - 1 : p);
    this.#power = down(this.#power);
    this.#kill = down(this.#kill);
    this.#acknowledged = down(this.#acknowledged);
    this.#seen = down(this.#seen);
    this.#recent = this.#recent.filter((write) => write !== issued);
    this.#tail = this.#tail.filter((write) => write.issued !== issued);
    for (const write of this.#tail) if (write.undecided) write.issued.index = down(write.issued.index);
    this.#prune();
  }

  #branchWith(digest: Digest, { least, most, tail, history: model = this.model }: Window): Branch | undefined {
    if (tail.length === 0) return undefined;
    for (const branch of branches(model, tail)) {
      if (branch.index >= least && branch.index <= most && sameDigest(branch.digest, digest)) {
        return { ...branch, digest, patch: once(branch.patch()) };
      }
    }
    return undefined;
  }

  #deny(op: WriteOp): void {
    for (const change of changesOf(op)) if (change.kind === "put") this.#denied.add(change.value.id);
  }

  // A value of a failed write is no invention: it is there although it must not be, or only in part.
  #aboutFailedWrites(
    violation: Violation,
    recovered: ReadonlyMap<Key, Uint8Array>,
    tail: readonly TailWrite[],
  ): Violation {
    if (violation.condition !== "C4") return violation;
    for (const [key, value] of recovered) {
      const id = parseValue(value, key)?.id;
      if (id === undefined) continue;
      const name = JSON.stringify(key);
      if (this.#denied.has(id)) {
        return {
          ...violation,
          condition: "C19",
          message: `${name} holds value ${id}: its write failed and had not happened`,
        };
      }
      const torn = tail.find(({ op, undecided }) => undecided && putsValue(op, id));
      if (torn) {
        const condition = changesOf(torn.op).length > 1 ? "C6" : "C2";
        return {
          ...violation,
          condition,
          message: `${name} holds value ${id} of failed write ${torn.op.id}, but no history gives this state`,
        };
      }
    }
    return violation;
  }
}

function putsValue(op: WriteOp, id: number): boolean {
  return changesOf(op).some((change) => change.kind === "put" && change.value.id === id);
}

function once(changes: Change[]): () => Change[] {
  return () => changes;
}

function outOfOrder(before: Key, key: Key, nearest: number): Violation {
  const message = `the scan gave ${JSON.stringify(key)} after ${JSON.stringify(before)}`;
  return { condition: "C8", message, equal: [], nearest, differing: 1, keys: [] };
}

import type { WriteOp } from "../op.ts";
import type { Accepted, Ticket } from "../oracle.ts";
import { KeepingOracle } from "./recorded-run.ts";

/** The p-th write of a history: operation `op`. */
export interface PlacedWrite {
  readonly op: number;
  readonly p: number;
}

/** An oracle that can say which operation each place of its history is. */
export class PlacingOracle extends KeepingOracle {
  #tickets: Ticket[] = [];

  /** Ascending. */
  placedWrites(): PlacedWrite[] {
    return this.#tickets.map(({ op, index }) => ({ op: op.id, p: index })).sort((a, b) => a.p - b.p);
  }

  override issue(op: WriteOp): Ticket {
    const ticket = super.issue(op);
    this.#tickets.push(ticket);
    return ticket;
  }

  override refused(ticket: Ticket): void {
    super.refused(ticket);
    this.#forget(ticket);
  }

  override failed(ticket: Ticket, cause?: unknown): void {
    super.failed(ticket, cause);
    this.#forget(ticket);
  }

  override adopt(verdict: Accepted, by: "open" | "resume"): void {
    super.adopt(verdict, by);
    const last = verdict.states.at(-1)!;
    this.#tickets = this.#tickets.filter(({ index }) => index <= last);
  }

  #forget(ticket: Ticket): void {
    this.#tickets = this.#tickets.filter((other) => other !== ticket);
  }
}

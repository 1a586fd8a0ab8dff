import { expectValue } from "./compare.ts";
import { executeWrite } from "./engine-calls.ts";
import { Failure } from "./failure.ts";
import { keyBytes } from "./keys.ts";
import { changesOf, type SyncWriteOp, type WriteOp } from "./op.ts";
import type { Ticket } from "./oracle.ts";
import { isUnsupported } from "./unsupported.ts";
import { about, expectNow, type RunnerContext } from "./runner-context.ts";
import type { Outcome } from "./runner-faults.ts";
import type { Turns } from "./turns.ts";

/** Executes a write on both sides and tells the oracle how it ended; what is visible then is read back. */
export function* runWrite(context: RunnerContext, op: SyncWriteOp): Turns<Outcome> {
  const begun = callWrite(context, op);
  // It has ended all that were called before it: the oracle hears of those first.
  if (context.flight.count > 0) yield* context.flight.turn();
  return endWrite(context, op, begun);
}

/** The same while nothing is in flight. */
export function runWriteAtOnce(context: RunnerContext, op: SyncWriteOp): Outcome {
  return endWrite(context, op, callWrite(context, op));
}

interface CalledWrite {
  readonly ticket: Ticket;
  readonly outcome: Outcome;
  /** What it threw. */
  readonly cause: unknown;
  /** A sync of the store had failed before. */
  readonly stopped: boolean;
}

function callWrite({ oracle, watch, store }: RunnerContext, op: SyncWriteOp): CalledWrite {
  const stopped = watch.mustStop;
  const ticket = oracle.issue(op);
  let cause: unknown;
  const outcome = watch.outcome("change", op.id, () => {
    try {
      executeWrite(store, op);
    } catch (error) {
      if (isUnsupported(error)) oracle.refused(ticket);
      cause = error;
      throw error;
    }
  });
  return { ticket, outcome, cause, stopped };
}

function endWrite(context: RunnerContext, op: SyncWriteOp, { ticket, outcome, cause, stopped }: CalledWrite): Outcome {
  const { oracle } = context;
  if (outcome === "returned") {
    if (stopped) throw new Failure("C20", `${op.kind} returned although a sync of the store failed before`, op.id);
    oracle.returned(ticket);
  } else if (outcome === "failed") oracle.failed(ticket, cause);
  else oracle.refused(ticket);
  readBack(context, op, outcome);
  return outcome;
}

/** The last change of the operation stands for it; of one that failed each change must be invisible. */
export function readBack(context: RunnerContext, op: WriteOp, outcome: Outcome): void {
  const { store, oracle, watch } = context;
  const changes = changesOf(op);
  for (let i = outcome === "returned" ? Math.max(0, changes.length - 1) : 0; i < changes.length; i++) {
    const change = changes[i]!;
    if (change.kind === "deleteRange") continue;
    const { key } = change;
    const what = outcome === "returned" ? about(op, `get after ${op.kind}`) : unseen(op, outcome);
    watch.may("read", op.id, () => {
      const found = store.get(keyBytes(key));
      expectNow(context, (state) => expectValue(what, key, found, oracle.model.get(key, state)));
    });
  }
}

function unseen(op: WriteOp, outcome: Outcome): { condition: "C19"; op: number; what: string } {
  return { condition: "C19", op: op.id, what: `get after a ${op.kind} that ${outcome}` };
}

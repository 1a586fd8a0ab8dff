import { expectValue } from "./compare.ts";
import { executeWrite } from "./engine-calls.ts";
import { Failure } from "./failure.ts";
import { keyBytes } from "./keys.ts";
import { changesOf, type SyncWriteOp, type WriteOp } from "./op.ts";
import { isUnsupported } from "./unsupported.ts";
import { about, expectNow, type RunnerContext } from "./runner-context.ts";
import type { Outcome } from "./runner-faults.ts";
import type { Turns } from "./turns.ts";

/** Executes a write on both sides and tells the oracle how it ended; what is visible then is read back. */
export function* runWrite(context: RunnerContext, op: SyncWriteOp): Turns<Outcome> {
  const { oracle, watch, flight } = context;
  const stopped = watch.mustStop;
  const ticket = oracle.issue(op);
  let cause: unknown;
  const outcome = watch.outcome("change", op.id, () => {
    try {
      executeWrite(context.store, op);
    } catch (error) {
      if (isUnsupported(error)) oracle.refused(ticket);
      cause = error;
      throw error;
    }
  });
  // It has ended all that were called before it: the oracle hears of those first.
  if (flight.count > 0) yield* flight.turn();
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
  const changes = outcome === "returned" ? changesOf(op).slice(-1) : changesOf(op);
  for (const change of changes) {
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

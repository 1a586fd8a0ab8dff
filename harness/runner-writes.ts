import { expectValue } from "./compare.ts";
import { executeWrite } from "./engine-calls.ts";
import { Failure } from "./failure.ts";
import { keyBytes } from "./keys.ts";
import { changesOf, type SyncWriteOp } from "./op.ts";
import { about, type RunnerContext } from "./runner-context.ts";
import type { Outcome } from "./runner-faults.ts";

/** Executes a write on both sides and tells the oracle how it ended; what is visible then is read back. */
export function runWrite(context: RunnerContext, op: SyncWriteOp): Outcome {
  const { oracle, watch } = context;
  const stopped = watch.mustStop;
  const ticket = oracle.issue(op);
  const outcome = watch.outcome("change", op.id, () => executeWrite(context.store, op));
  if (outcome === "returned") {
    if (stopped) throw new Failure("C20", `${op.kind} returned although a sync of the store failed before`, op.id);
    oracle.returned(ticket);
  } else if (outcome === "failed") oracle.failed(ticket);
  else oracle.refused(ticket);
  readBack(context, op, outcome);
  return outcome;
}

// The last change of the operation stands for it; of one that failed each change must be invisible.
function readBack({ store, oracle, watch }: RunnerContext, op: SyncWriteOp, outcome: Outcome): void {
  const changes = outcome === "returned" ? changesOf(op).slice(-1) : changesOf(op);
  for (const change of changes) {
    if (change.kind === "deleteRange") continue;
    const { key } = change;
    const what = outcome === "returned" ? about(op, `get after ${op.kind}`) : unseen(op, outcome);
    watch.may("read", op.id, () => expectValue(what, key, store.get(keyBytes(key)), oracle.model.get(key)));
  }
}

function unseen(op: SyncWriteOp, outcome: Outcome): { condition: "C19"; op: number; what: string } {
  return { condition: "C19", op: op.id, what: `get after a ${op.kind} that ${outcome}` };
}

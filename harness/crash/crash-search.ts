import type { CrashOp, Op } from "../op.ts";
import type { OpLog } from "../op-log.ts";
import { opsWithCrashes } from "./crash-ops.ts";
import { Enumeration } from "./enumeration.ts";
import { judgeAlone } from "./judge-alone.ts";
import { closingOf, type EngineMaker, OPENING, recordRun } from "./recorded-run.ts";

/**
 * Tries every crash of the operation that the first crash of a log falls into (of the last one, if that is gone), with one
 * crash in recovery behind it. Gives the operations with the crash that showed something, or undefined.
 */
export async function searchOperation(log: OpLog, makeEngine: EngineMaker): Promise<readonly Op[] | undefined> {
  const { config } = log.header;
  const ops = log.ops.filter(({ kind }) => kind !== "crash");
  const run = await recordRun({ makeEngine, ops, config });
  if (run.failure) return ops;
  const { graph, judge } = judgeAlone(run, makeEngine);
  const found = new Enumeration(run, graph, judge, { recovery: 1, only: addressed(log.ops, ops) }).run();
  return found && opsWithCrashes(ops, found.crashes);
}

// The operation of the first crash; if it is gone, the last one and the closing.
function addressed(all: readonly Op[], ops: readonly Op[]): ReadonlySet<number> {
  const closing = closingOf(ops);
  const crash = all.find((op): op is CrashOp => op.kind === "crash");
  const op = crash?.at?.op;
  if (op === OPENING || (op !== undefined && ops.some(({ id }) => id === op))) return new Set([op]);
  return new Set([ops.at(-1)?.id ?? OPENING, closing]);
}

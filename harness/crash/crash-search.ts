import { ContentStore } from "../disk/image.ts";
import type { CrashOp, Op } from "../op.ts";
import type { OpLog } from "../op-log.ts";
import { CrashJudge, Examined } from "./crash-judge.ts";
import { opsWithCrashes } from "./crash-ops.ts";
import { Enumeration } from "./enumeration.ts";
import { imageConfiguration } from "./image-configuration.ts";
import { ImageGraph } from "./image-graph.ts";
import { closingOf, type EngineMaker, OPENING, recordRun } from "./recorded-run.ts";

/** Seeded combinations at crash points with too many pending items. */
const SAMPLES = 16;

/**
 * Tries every crash of the operation that the first crash of a log falls into (of the last one, if that is gone), with one
 * crash in recovery behind it. Gives the operations with the crash that showed something, or undefined.
 */
export function searchOperation(log: OpLog, makeEngine: EngineMaker): readonly Op[] | undefined {
  const { config } = log.header;
  const ops = log.ops.filter(({ kind }) => kind !== "crash");
  const run = recordRun({ makeEngine, ops, config });
  if (run.failure) return ops;
  const options = { makeEngine, config: imageConfiguration(config, ops), contents: new ContentStore() };
  const graph = new ImageGraph({ ...options, samples: SAMPLES, beat: () => undefined });
  const judge = new CrashJudge(run, graph, options, new Examined());
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

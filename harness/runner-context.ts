import type { About } from "./compare.ts";
import type { Engine, EngineStore } from "./engine.ts";
import { entriesOf } from "./engine-calls.ts";
import { Failure, failureOf } from "./failure.ts";
import type { Op } from "./op.ts";
import type { Accepted, Oracle, Window } from "./oracle.ts";
import type { FaultWatch } from "./runner-faults.ts";

/** What the parts of a runner share. */
export interface RunnerContext {
  readonly engine: Engine;
  readonly directory: string;
  readonly oracle: Oracle;
  readonly watch: FaultWatch;
  /** The store that is open; another one after each reopen. */
  store: EngineStore;
  config: string;
}

export function about(op: Op, what: string): About {
  return { condition: "C8", op: op.id, what };
}

/** The model's present, and nothing else. */
export function presentOf({ model }: Oracle): Window {
  return { least: model.writes, most: model.writes, tail: [] };
}

/** The whole state of a store lies in a window; undefined for an engine that cannot be asked. */
export function judgeStore(
  { engine, oracle }: RunnerContext,
  store: EngineStore,
  window: Window,
  id: number | undefined,
): Accepted | undefined {
  if (!engine.capabilities.has("scan")) return undefined;
  const verdict = oracle.judge(window, entriesOf(store));
  if (!verdict.ok) throw failureOf(verdict.violation, id);
  return verdict;
}

/** Nothing stands in the store's directory that should not. */
export function inspectStore({ store, watch }: RunnerContext, id: number | undefined): void {
  const problem = watch.aside(() => store.inspect())[0];
  if (problem !== undefined) throw new Failure("C17", problem, id);
}

import { type About, expectEntries, expectValue } from "./compare.ts";
import type { Engine, EngineEntry, EngineStore } from "./engine.ts";
import { entriesOf } from "./engine-calls.ts";
import { Failure, failureOf } from "./failure.ts";
import { keyBytes } from "./keys.ts";
import type { Op } from "./op.ts";
import type { Accepted, Oracle, Window } from "./oracle.ts";
import type { AsyncWrites } from "./runner-async.ts";
import type { FaultWatch } from "./runner-faults.ts";

/** Entries that scans beside writes in flight may read at once, and more with each operation. */
const SCANNED_FREELY = 100_000;
const SCANNED_PER_OP = 8;

/** What the parts of a runner share. */
export interface RunnerContext {
  readonly engine: Engine;
  readonly directory: string;
  readonly oracle: Oracle;
  readonly watch: FaultWatch;
  readonly flight: AsyncWrites;
  readonly scans: ScanBudget;
  /** The store that is open; another one after each reopen. */
  store: EngineStore;
  config: string;
}

/** What it takes to find the state that a read beside writes in flight shows. */
export interface Observing extends Pick<RunnerContext, "oracle" | "scans"> {
  readonly watch: Pick<FaultWatch, "aside">;
  readonly flight: Pick<AsyncWrites, "count">;
}

export function about(op: Op, what: string): About {
  return { condition: "C8", op: op.id, what };
}

/** The model's present, and nothing else. */
export function presentOf({ model }: Oracle): Window {
  return { least: model.writes, most: model.writes, tail: [] };
}

/**
 * Compares what the engine answered with the state that it may show: the present or, beside writes in flight, each from the
 * last that resolved to the last that was called, none older than what a read has shown. Gives that state; throws Failure.
 */
export function expectNow(
  { oracle, flight }: Pick<Observing, "oracle" | "flight">,
  compare: (state: number) => void,
): number {
  const { writes } = oracle.model;
  if (flight.count === 0) {
    compare(writes);
    return writes;
  }
  let failure: Failure | undefined;
  const state = oracle.observe((q) => {
    try {
      compare(q);
      return true;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failure = error;
      return false;
    }
  });
  if (state !== undefined) return state;
  const { condition, message, op, keys } = failure!;
  throw new Failure(
    condition,
    `${message}; nor is it a state from before any of ${flight.count} writes in flight`,
    op,
    {
      keys,
    },
  );
}

/** What a snapshot or cursor taken now is frozen at, as the store tells it. */
export interface Frozen {
  /** All of it. */
  readonly scan: () => Iterable<EngineEntry>;
  readonly get: (key: Buffer) => Buffer | undefined;
}

/** The state that a snapshot or cursor taken now is frozen at. */
export function stateNow(context: Observing, what: About, { scan, get }: Frozen): number {
  const { oracle, flight, watch, scans } = context;
  const { model } = oracle;
  if (flight.count === 0) return model.writes;
  const isAffordable = scans.afford(model.size);
  return watch.aside(() => {
    // The keys in which those states differ come first: what is scanned is mostly the state that it is.
    const found = [...oracle.undecidedKeys()].map((key) => [key, get(keyBytes(key))] as const);
    return expectNow(context, (state) => {
      for (const [key, value] of found) expectValue(what, key, value, model.get(key, state));
      if (isAffordable) expectEntries(what, scan(), model.walk({}, state));
    });
  });
}

/**
 * Which of the states in flight a store shows is read from all of it while that costs as little as the operations do, and
 * later from the keys alone in which those states differ: a long run would do nothing but scan.
 */
export class ScanBudget {
  #entries = SCANNED_FREELY;

  /** An operation was executed. */
  earn(): void {
    this.#entries += SCANNED_PER_OP;
  }

  /** Whether a scan of so many entries may be made; takes them. */
  afford(entries: number): boolean {
    if (entries > this.#entries) return false;
    this.#entries -= entries;
    return true;
  }
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

/** Nothing stands in the store's directory that should not, and no job has failed in silence. */
export function inspectStore({ store, watch }: RunnerContext, id: number | undefined): void {
  const complaint = store.complaint();
  if (complaint !== undefined) throw new Failure("C28", `without any call that failed: ${complaint}`, id);
  const problem = watch.aside(() => store.inspect())[0];
  if (problem !== undefined) throw new Failure("C17", problem, id);
}

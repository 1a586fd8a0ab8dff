// Opening and closing, in a sound world and in one where calls fail.

import type { Engine, EngineStore } from "./engine.ts";
import { Failure } from "./failure.ts";
import type { Window } from "./oracle.ts";
import { inspectStore, judgeStore, presentOf, type RunnerContext } from "./runner-context.ts";
import { codeOf, type FaultWatch } from "./runner-faults.ts";
import { wrongOfFailedOpen } from "./runner-failed-open.ts";
import type { Turns } from "./turns.ts";

/** So many opens may fail before the world is healed: one more than a fault that comes once needs. */
const FAILED_OPENS_MAX = 2;

export interface Opening {
  readonly engine: Engine;
  readonly directory: string;
  readonly config: string;
  readonly watch: FaultWatch;
}

/**
 * Opens a store for writing. In a world that fails it is tried again until it succeeds; `failed` is told of each open that
 * failed, which must have left the directory as C14 wants it.
 */
export function openStore(opening: Opening, id: number | undefined, failed: () => void = () => undefined): EngineStore {
  const { engine, directory, config, watch } = opening;
  for (let failures = 0; ; failures++) {
    const injected = watch.injected;
    const before = watch.world?.look?.(directory);
    let store: EngineStore | undefined;
    watch.may("open", id, () => (store = engine.open(directory, config)));
    if (store) {
      watch.sound(injected);
      return store;
    }
    const wrong = wrongOfFailedOpen(before!, watch.world!.look!(directory));
    if (wrong !== undefined) throw new Failure("C14", `an open that failed: ${wrong}`, id);
    failed();
    if (failures + 1 >= FAILED_OPENS_MAX) watch.world!.heal();
  }
}

/** The first open of a run, or that of a later life: the store is what the oracle knows. */
export function openFirst(context: Omit<RunnerContext, "store">): EngineStore {
  const { watch } = context;
  const opened = openStore(context, undefined, () => readAfterFailedOpen(context, undefined));
  if (!watch.world?.look) return opened;
  const now = { ...context, store: opened };
  if (!watch.isTroubled) inspectStore(now, undefined);
  adoptOpened(now, undefined);
  return opened;
}

/** Closes the store and opens it again; what it then holds is what the oracle goes on with. */
export function* reopenStore(context: RunnerContext, config: string, id: number | undefined): Turns<void> {
  const { watch } = context;
  yield* closeStore(context, id);
  context.config = config;
  context.store = openStore({ ...context, config }, id, () => readAfterFailedOpen(context, id));
  if (watch.world) adoptOpened(context, id);
  else judgeStore(context, context.store, presentOf(context.oracle), id);
  if (!watch.isTroubled) inspectStore(context, id);
}

/** A close that returned from a store without an earlier error makes everything durable; nothing is on its way then. */
export function* closeStore(context: RunnerContext, id: number | undefined): Turns<void> {
  const { store, oracle, watch, flight } = context;
  const well = isWell(context);
  if (well && watch.isTroubled) inspectFiles(context, id);
  const closed = watch.may("close", id, () => store.close());
  yield* flight.drain();
  if (closed && well) oracle.durable();
  if (!watch.isTroubled) inspectStore(context, id);
}

/** What a store without a crash may hold: all that returned, and each write that failed or not. */
export function windowNow({ oracle }: RunnerContext): Window {
  return oracle.window("kill");
}

// A store of which no more than a job has failed cleans up behind it.
function inspectFiles({ store, watch }: RunnerContext, id: number | undefined): void {
  if (watch.world?.unlinkFailed === true) return;
  const problem = watch.aside(() => store.inspect())[0];
  if (problem !== undefined) throw new Failure("C17", `behind a failure: ${problem}`, id);
}

// A store that failed promises nothing when it is closed. An empty batch asks whether it would still take writes.
function isWell({ store, watch }: RunnerContext): boolean {
  if (!watch.isTroubled) return true;
  try {
    watch.aside(() => store.batch([], false));
    return true;
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return false;
  }
}

function adoptOpened(context: RunnerContext, id: number | undefined): void {
  const { oracle, watch, store } = context;
  const verdict = watch.aside(() => judgeStore(context, store, windowNow(context), id));
  if (verdict) oracle.adopt(verdict, "open");
}

// C23: what cannot be opened for writing can still be read, if it is there at all.
function readAfterFailedOpen(context: Omit<RunnerContext, "store">, id: number | undefined): void {
  const { engine, directory, config, oracle, watch } = context;
  if (!engine.capabilities.has("readOnly")) return;
  watch.aside(() => {
    let reader: EngineStore;
    try {
      reader = engine.open(directory, config, { readOnly: true });
    } catch (error) {
      if (codeOf(error) === "TINYKV_DOES_NOT_EXIST" && oracle.model.writes === 0) return;
      throw new Failure("C23", `after a failed open a read-only one threw ${String(error)}`, id, { cause: error });
    }
    try {
      judgeStore({ ...context, store: reader }, reader, oracle.window("kill"), id);
    } finally {
      reader.close();
    }
  });
}

// What is asked of a store that a kill or a power cut left. That takes place in this thread: what never ends is a finding too.

import {
  checkEverything,
  type Condition,
  type EngineStore,
  entriesOf,
  Failure,
  failureOf,
  type Oracle,
  OverdueError,
  TinyKVEngine,
  type Verdict,
  type Window,
  within,
} from "tinykv/harness";

/** An engine that does not come to the end of a check by then has hung: the longest take seconds. */
const CHECK_MILLISECONDS_MOST = 120_000;

export interface Left {
  readonly directory: string;
  readonly config: string;
  /** A check that takes longer hangs. Default 120,000. */
  readonly milliseconds?: number | undefined;
}

/** Opens what was left, has it checked, and closes it; throws Failure. */
export function openAndCheck<T>(left: Left, check: (store: EngineStore, engine: TinyKVEngine) => T): T {
  const { directory, config, milliseconds = CHECK_MILLISECONDS_MOST } = left;
  let found: Failure | undefined;
  const all = (): T => {
    const engine = new TinyKVEngine();
    const store = failing("C1", "what was left does not open", () => engine.open(directory, config));
    let checked: T;
    try {
      checked = failing("C8", "a check of what was left threw", () => check(store, engine));
    } catch (error) {
      found = error as Failure;
      closeAfter(found, store);
      throw found;
    }
    failing("C8", "what was left does not close", () => store.close());
    return checked;
  };
  try {
    return within(milliseconds, all);
  } catch (error) {
    if (!(error instanceof OverdueError)) throw error;
    if (!found)
      throw new Failure("C28", `a check of what was left hung: ${error.message}`, undefined, { cause: error });
    found.message += "; then its close hung";
    throw found;
  }
}

/** Whether what the store holds is a state of the window, by all ways to read it, and whether the store is sound; throws Failure. */
export function checkStore(
  store: EngineStore,
  { capabilities }: TinyKVEngine,
  { oracle, window }: { readonly oracle: Oracle; readonly window: Window },
): Extract<Verdict, { ok: true }> {
  const verdict = oracle.judge(window, entriesOf(store));
  if (!verdict.ok) throw failureOf(verdict.violation);
  oracle.adopt(verdict, "open");
  checkEverything(store, oracle.model, capabilities);
  const problem = [...store.verify(), ...store.inspect()][0];
  if (problem !== undefined) throw new Failure("C15", problem);
  return verdict;
}

// A store in which something was found may not close either: that is told behind it, and does not stand in its place.
function closeAfter(found: Failure, store: EngineStore): void {
  try {
    store.close();
  } catch (error) {
    found.message += `; then it did not close: ${String(error)}`;
  }
}

// Whatever the engine throws there is a finding.
function failing<T>(condition: Condition, what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(condition, `${what}: ${String(error)}`, undefined, { cause: error });
  }
}

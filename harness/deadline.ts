// A bound on work that is one call and may never return. V8 ends it from another thread wherever it is, in a loop, behind a
// catch, or in Atomics.wait; only what the system does not return from it cannot.

import { createContext, Script } from "node:vm";

/** The work did not return in time. What it was about is as it was when it was ended: no finally of it has run. */
export class OverdueError extends Error {
  override readonly name = "OverdueError";
}

// What runs a script can be told how long it may take; the script calls a function of our own context.
const host: { work?: () => unknown } = {};
const context = createContext(host);
const call = new Script("work()");

/** Gives what `work` returns and throws what it throws; throws OverdueError behind so many milliseconds. Costs 0.3 ms. */
export function within<T>(milliseconds: number, work: () => T): T {
  host.work = work;
  try {
    return call.runInContext(context, { timeout: milliseconds }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    throw new OverdueError(`no end after ${milliseconds} ms`, { cause: error });
  } finally {
    delete host.work;
  }
}

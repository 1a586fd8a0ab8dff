import { Failure, OverdueError, within } from "tinykv/harness";

/** An engine that does not come to the end of a check by then has hung: the longest take seconds. */
const CHECK_MILLISECONDS_MOST = 120_000;

/** A check of what a death left, which takes place in this thread: one that never ends is a Failure. */
export function endingCheck<T>(check: () => T, milliseconds: number = CHECK_MILLISECONDS_MOST): T {
  try {
    return within(milliseconds, check);
  } catch (error) {
    if (error instanceof OverdueError) throw new Failure("C28", `a check of what was left hung: ${error.message}`);
    throw error;
  }
}

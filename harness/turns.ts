// How a run lets promises go on. An engine with promises does its work between the operations of a log, when whoever called
// it has given way to the event loop. A run is a generator that yields where it gives way, and nowhere else: what it does
// between two yields happens at one go, so the same log gives the same I/O, bit for bit; and a log without promises never
// yields, costs nothing, and may be driven by whoever cannot wait.

/** A run that gives way to the event loop at each yield. */
export type Turns<T> = Generator<undefined, T, undefined>;

/** A part of a run that never gives way. */
// oxlint-disable-next-line require-yield -- that is what it is for
export function* atOnce<T>(action: () => T): Turns<T> {
  return action();
}

/** Drives a run that must not give way: the harness is wrong if it does. */
export function runNow<T>(run: Turns<T>): T {
  const { done, value } = run.next();
  if (done !== true) throw new Error("a run without asynchronous writes gave way to the event loop");
  return value;
}

/** Drives a run; when it goes on, every promise has done what it could without the outside world. */
export async function runInTurns<T>(run: Turns<T>): Promise<T> {
  for (;;) {
    const { done, value } = run.next();
    if (done === true) return value;
    // Immediates come when no continuation is left.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

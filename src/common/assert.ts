/** Thrown when the program contradicts its own invariants: a bug in this package, never a fault of the disk or caller. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Always on: a broken belief must stop the operation before it reaches the disk. */
export function assert(condition: boolean, belief: string): asserts condition {
  if (!condition) throw new AssertionError(belief);
}

/** For the default of a switch over a closed union. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`);
}

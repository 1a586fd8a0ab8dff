import type { Condition, KeyDifference, Violation } from "./diagnosis.ts";

/** An engine broke a condition: a finding, not a fault of the harness. */
export class Failure extends Error {
  readonly condition: Condition;
  /** The operation that showed it; undefined for a check outside any operation. */
  readonly op: number | undefined;
  readonly keys: readonly KeyDifference[];

  constructor(
    condition: Condition,
    message: string,
    op?: number,
    options?: { keys?: readonly KeyDifference[]; cause?: unknown },
  ) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.condition = condition;
    this.op = op;
    this.keys = options?.keys ?? [];
  }
}

export function failureOf(violation: Violation, op?: number): Failure {
  return new Failure(violation.condition, violation.message, op, { keys: violation.keys });
}

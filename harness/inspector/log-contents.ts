// What the records of a write-ahead log hold, and that their sequence numbers rise.

import { readBatch, type BatchOperation } from "./batch-operations.ts";
import { FormatProblem } from "./byte-source.ts";
import type { FramedLog } from "./log-framing.ts";

export interface LogContents {
  /** Of the records up to one that is wrong, in order. */
  readonly operations: readonly BatchOperation[];
  /** Of that one, in words. */
  readonly problem: string | undefined;
  /** The last sequence number up to its end: that before the log, if it holds nothing. */
  readonly lastSequence: number;
}

/** Of a log with a header. Throws nothing. */
export function readLogContents(log: FramedLog): LogContents {
  const operations: BatchOperation[] = [];
  let lastSequence = log.header!.lastSequenceBefore;
  let at = 0;
  try {
    for (const { offset, payload } of log.records) {
      at = offset;
      const batch = readBatch(payload);
      if (batch.firstSequence <= lastSequence)
        throw new FormatProblem(0, `sequence number ${batch.firstSequence} behind ${lastSequence}`);
      for (const operation of batch.operations) operations.push(operation);
      lastSequence = batch.firstSequence + batch.operations.length - 1;
    }
  } catch (error) {
    if (!(error instanceof FormatProblem)) throw error;
    return { operations, problem: `record at ${at}: ${error.message}`, lastSequence };
  }
  const { cleanEnd } = log;
  const problem =
    cleanEnd && cleanEnd.lastSequence < lastSequence
      ? `CLEAN END says ${cleanEnd.lastSequence} is the last sequence number, it is ${lastSequence}`
      : undefined;
  return { operations, problem, lastSequence };
}

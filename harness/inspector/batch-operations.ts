// Records of write-ahead logs: one atomic batch each; chapter "The write-ahead log" of docs/formats.md.

import { keyOf, type Key } from "../keys.ts";
import { ByteSource, FormatProblem } from "./byte-source.ts";
import { KIND_DELETE, KIND_DELETE_RANGE, KIND_PUT } from "./edit-framing.ts";
import { KEY_BYTES_MAX, NUMBER_MAX, VALUE_BYTES_MAX } from "./limits.ts";

export interface BatchOperation {
  readonly kind: number;
  readonly key: Key;
  readonly sequence: number;
  /** Not copied; undefined for a delete. */
  readonly value: Uint8Array | undefined;
}

export interface Batch {
  readonly firstSequence: number;
  readonly operations: readonly BatchOperation[];
}

/** Throws FormatProblem; offsets are of `payload`. */
export function readBatch(payload: Uint8Array): Batch {
  const source = new ByteSource(payload);
  const firstSequence = source.u64();
  const count = source.u32();
  if (firstSequence + count - 1 > NUMBER_MAX) throw new FormatProblem(0, "sequence numbers beyond 2^53-1");
  const operations: BatchOperation[] = [];
  for (let i = 0; i < count; i++) operations.push(readOperation(source, firstSequence + i));
  source.demandEnd();
  return { firstSequence, operations };
}

function readOperation(source: ByteSource, sequence: number): BatchOperation {
  const { offset } = source;
  const kind = source.u8();
  if (kind === KIND_DELETE_RANGE) throw new FormatProblem(offset, "a range delete", true);
  if (kind !== KIND_DELETE && kind !== KIND_PUT) throw new FormatProblem(offset, `an operation of kind ${kind}`);
  const key = keyOf(source.lp());
  if (key.length > KEY_BYTES_MAX) throw new FormatProblem(offset, `a key of ${key.length} bytes`);
  const value = kind === KIND_PUT ? source.lp() : undefined;
  if (value && value.length > VALUE_BYTES_MAX) throw new FormatProblem(offset, `a value of ${value.length} bytes`);
  return { kind, key, sequence, value };
}

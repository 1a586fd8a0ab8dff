import { AssertionError } from "../../common/assert.ts";
import { CorruptionError, errnoOf, TinyKVError, type ErrorCode } from "../../common/errors.ts";
import type { PlainError } from "./protocol.ts";

export function toPlainError(error: unknown): PlainError {
  const isCorruption = error instanceof CorruptionError;
  return {
    code: error instanceof TinyKVError ? error.code : error instanceof AssertionError ? error.name : undefined,
    message: error instanceof Error ? error.message : String(error),
    errno: errnoOf(error),
    corruption: isCorruption ? { file: error.file, offset: error.offset, problem: error.problem } : undefined,
  };
}

/** The same kind of error, with the same code, message and errno; its stack is this thread's. */
export function fromPlainError({ code, message, errno, corruption }: PlainError): Error {
  if (corruption) return new CorruptionError(corruption.file, corruption.offset, corruption.problem);
  if (code === AssertionError.name) return new AssertionError(message);
  const cause = errno === undefined ? undefined : Object.assign(new Error(errno), { code: errno });
  if (code === undefined) return cause ? Object.assign(new Error(message), { code: errno }) : new Error(message);
  return new TinyKVError(code as ErrorCode, message, cause);
}

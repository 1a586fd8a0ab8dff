// Three kinds of wrong stay apart: a broken belief is an AssertionError (assert.ts), bad bytes are a CorruptionError
// with file and offset, a failing world or a bad call is a TinyKVError with its code. A missing key is `undefined`.

/** Every code a TinyKVError can carry. */
export type ErrorCode =
  | "TINYKV_CORRUPTION"
  | "TINYKV_FORMAT_UNSUPPORTED"
  | "TINYKV_IO_ERROR"
  | "TINYKV_NO_SPACE"
  | "TINYKV_LOCKED"
  | "TINYKV_CLOSED"
  | "TINYKV_READ_ONLY"
  | "TINYKV_INVALID_ARGUMENT"
  | "TINYKV_NOT_SUPPORTED"
  | "TINYKV_DOES_NOT_EXIST"
  | "TINYKV_EXISTS"
  | "TINYKV_COMPARATOR_MISMATCH"
  | "TINYKV_BACKGROUND_ERROR"
  | "TINYKV_STALLED";

/** The base of all errors that the engine throws on purpose. `cause` keeps what made it fail, an errno error mostly. */
export class TinyKVError extends Error {
  override readonly name: string = "TinyKVError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** Bytes that are not what was written. `file` is the name inside the store directory, `offset` where the bad part starts. */
export class CorruptionError extends TinyKVError {
  override readonly name: string = "CorruptionError";
  readonly file: string;
  readonly offset: number;
  readonly problem: string;

  constructor(file: string, offset: number, problem: string) {
    super("TINYKV_CORRUPTION", `${file} at ${offset}: ${problem}`);
    this.file = file;
    this.offset = offset;
    this.problem = problem;
  }
}

/** What is wrong with bytes that cannot be used, damaged or of a newer version; undefined for an error of another kind. */
export function badBytesProblem(error: unknown): string | undefined {
  if (error instanceof CorruptionError) return error.problem;
  return error instanceof TinyKVError && error.code === "TINYKV_FORMAT_UNSUPPORTED" ? error.message : undefined;
}

export function invalidArgument(message: string, cause?: unknown): TinyKVError {
  return new TinyKVError("TINYKV_INVALID_ARGUMENT", message, cause);
}

/** The errno name ("ENOENT") of a system error, looked up through `cause`; undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof TinyKVError) continue;
    const code = (at as { code?: unknown }).code;
    if (typeof code === "string") return code;
  }
  return undefined;
}

// To sync a directory it has to be opened; fsync itself has neither of these errors.
const NOT_BEGUN: ReadonlySet<string | undefined> = new Set(["EMFILE", "ENFILE"]);

/** Whether a sync that failed was not even begun, for lack of a descriptor: nothing is lost, and it may be tried again. */
export function wasNotBegun(error: unknown): boolean {
  return NOT_BEGUN.has(errnoOf(error));
}

/** A system error as the code users see: ENOSPC and EDQUOT are NO_SPACE, all else is IO_ERROR. TinyKVErrors pass through. */
export function ioError(error: unknown, action: string): TinyKVError {
  if (error instanceof TinyKVError) return error;
  const errno = errnoOf(error);
  const code = errno === "ENOSPC" || errno === "EDQUOT" ? "TINYKV_NO_SPACE" : "TINYKV_IO_ERROR";
  return new TinyKVError(code, `${action}: ${error instanceof Error ? error.message : String(error)}`, error);
}

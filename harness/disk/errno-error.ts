const MEANING: Readonly<Record<string, string>> = {
  EAGAIN: "resource temporarily unavailable",
  EBADF: "bad file descriptor",
  EBUSY: "resource busy or locked",
  EDQUOT: "disk quota exceeded",
  EEXIST: "file already exists",
  EINVAL: "invalid argument",
  EIO: "i/o error",
  EISDIR: "illegal operation on a directory",
  EMFILE: "too many open files",
  ENOENT: "no such file or directory",
  ENOSPC: "no space left on device",
  ENOTDIR: "not a directory",
  ENOTEMPTY: "directory not empty",
  EPERM: "operation not permitted",
  EROFS: "read-only file system",
};

class ErrnoError extends Error {
  readonly code: string;
  readonly syscall: string;

  constructor(code: string, syscall: string, where: string) {
    super(`${code}: ${MEANING[code] ?? "unknown error"}, ${where}`);
    this.code = code;
    this.syscall = syscall;
  }
}

/**
 * An error as node:fs throws it, but without a stack: engines ask for files that are not there all the time, and walking
 * the stack costs more than the rest of the call.
 */
export function errnoError(code: string, syscall: string, path?: string, to?: string): Error {
  const where = path === undefined ? syscall : `${syscall} '${path}'`;
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = new ErrnoError(code, syscall, to === undefined ? where : `${where} -> '${to}'`);
  Error.stackTraceLimit = limit;
  return error;
}

const MEANING = {
  EBADF: "bad file descriptor",
  EBUSY: "resource busy or locked",
  EEXIST: "file already exists",
  EINVAL: "invalid argument",
  EISDIR: "illegal operation on a directory",
  ENOENT: "no such file or directory",
  ENOTDIR: "not a directory",
  ENOTEMPTY: "directory not empty",
  EPERM: "operation not permitted",
  EAGAIN: "resource temporarily unavailable",
} as const;

/** An error as node:fs throws it: `code` is the errno name, `syscall` the call, the message says all of it. */
export function systemError(code: keyof typeof MEANING, syscall: string, path?: string): Error {
  const where = path === undefined ? syscall : `${syscall} '${path}'`;
  return Object.assign(new Error(`${code}: ${MEANING[code]}, ${where}`), { code, syscall, path });
}

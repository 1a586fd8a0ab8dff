import { TinyKVError, type ErrorCode } from "../common/errors.ts";

export const Exit = { ok: 0, absent: 1, usage: 2, damage: 3, locked: 4, io: 5 } as const;

const BY_CODE: Record<ErrorCode, number> = {
  TINYKV_DOES_NOT_EXIST: Exit.absent,
  TINYKV_EXISTS: Exit.absent,
  TINYKV_INVALID_ARGUMENT: Exit.usage,
  TINYKV_COMPARATOR_MISMATCH: Exit.usage,
  TINYKV_READ_ONLY: Exit.usage,
  TINYKV_NOT_SUPPORTED: Exit.usage,
  TINYKV_CLOSED: Exit.usage,
  TINYKV_CORRUPTION: Exit.damage,
  TINYKV_FORMAT_UNSUPPORTED: Exit.damage,
  TINYKV_LOCKED: Exit.locked,
  TINYKV_IO_ERROR: Exit.io,
  TINYKV_NO_SPACE: Exit.io,
  TINYKV_BACKGROUND_ERROR: Exit.io,
  TINYKV_STALLED: Exit.io,
};

export function exitCodeOf(error: unknown): number {
  return error instanceof TinyKVError ? BY_CODE[error.code] : Exit.io;
}

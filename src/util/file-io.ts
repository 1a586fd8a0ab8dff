// Short counts are legal in Env: these are the loops.

import { TinyKVError } from "../common/errors.ts";
import type { FileHandle } from "./env.ts";

/** Fills `buffer` from `position` on; returns the bytes read, fewer than asked only at the end of the file. */
export function readFully(file: Pick<FileHandle, "read">, buffer: Uint8Array, position: number): number {
  let done = file.read(buffer, position);
  let last = done;
  while (last > 0 && done < buffer.length) {
    last = file.read(buffer.subarray(done), position + done);
    done += last;
  }
  return done;
}

/** Writes all of `buffer` at `position`. A write that takes nothing is an IO_ERROR: trying again might never end. */
export function writeFully(file: FileHandle, buffer: Uint8Array, position: number): void {
  let done = file.write(buffer, position);
  let last = done;
  while (done < buffer.length) {
    if (last === 0) throw new TinyKVError("TINYKV_IO_ERROR", `a write of ${buffer.length - done} bytes wrote nothing`);
    last = file.write(buffer.subarray(done), position + done);
    done += last;
  }
}

/** What link() answers where two names of one file cannot be: there a copy must do. */
export const NO_LINK: ReadonlySet<string | undefined> = new Set([
  "EXDEV",
  "EPERM",
  "EMLINK",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOSYS",
]);

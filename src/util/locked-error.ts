import { TinyKVError } from "../common/errors.ts";

/** The refusal of Env.lock. `holder` says who holds it ("process 1234"), if that is known. */
export function lockedError(path: string, holder: string | undefined): TinyKVError {
  return new TinyKVError("TINYKV_LOCKED", `${path} is held by ${holder ?? "another process or thread"}`);
}

import { errnoOf } from "../common/errors.ts";
import { BARRIERS, type Barrier, type Env, type FileHandle } from "./env.ts";
import { readFully, writeFully } from "./file-io.ts";

export interface ContractCase {
  /** The promise that the case tests, as a sentence. */
  readonly name: string;
  /** Throws when `env` breaks it. `directory` is an empty directory of this env that nothing else uses. */
  readonly run: (env: Env, directory: string) => void | Promise<void>;
}

/** For the syncs of the cases: which one it is means nothing to them. */
export const ANY_BARRIER: Barrier = BARRIERS[0];

export function check(condition: boolean, broken: string): asserts condition {
  if (!condition) throw new Error(`the Env breaks its contract: ${broken}`);
}

export function checkEqual(actual: unknown, expected: unknown, what: string): void {
  check(actual === expected, `${what} is ${String(actual)}, not ${String(expected)}`);
}

/** `call` must fail with one of these errno names. */
export function checkFails(call: () => unknown, errnos: readonly string[], what: string): void {
  const wanted = errnos.join(" or ");
  try {
    call();
  } catch (error) {
    check(error instanceof Error, `${what} throws something that is not an Error`);
    const errno = errnoOf(error);
    check(errno !== undefined && errnos.includes(errno), `${what} fails with ${errno ?? error.message}, not ${wanted}`);
    return;
  }
  check(false, `${what} succeeds; it must fail with ${wanted}`);
}

export function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

/** Everything in an open file, as text of one character a byte. */
export function textOf(file: FileHandle): string {
  const buffer = Buffer.alloc(file.size());
  return buffer.toString("latin1", 0, readFully(file, buffer, 0));
}

/** Everything in the file of that name. */
export function textAt(env: Env, path: string): string {
  return withFile(env.open(path, "r"), textOf);
}

/** A new file with this content. */
export function writeFile(env: Env, path: string, text: string): void {
  withFile(env.open(path, "wx"), (file) => writeFully(file, bytesOf(text), 0));
}

/** The names in a directory, sorted and joined with spaces. */
export function namesIn(env: Env, directory: string): string {
  return env.readDirectory(directory).sort().join(" ");
}

export function withFile<T>(file: FileHandle, use: (file: FileHandle) => T): T {
  try {
    return use(file);
  } finally {
    file.close();
  }
}

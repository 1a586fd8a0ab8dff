// What is fuzzed: a decoder and everything that it promises, as a function of bytes.

import { CorruptionError, TinyKVError } from "tinykv";
import type { Random } from "tinykv/harness";
import type { Draft } from "./draft.ts";

export interface Target {
  readonly name: string;
  /** The modules whose branches it is there for: paths below dist/, without extension. */
  readonly modules: readonly string[];
  /** No input is longer. Short inputs are quick, and lengths beyond them are what fields claim. */
  readonly bytesMax: number;
  /** What the bound on memory holds for: all that one execution takes together, or, of a whole store, each allocation. */
  readonly memory: "sum" | "largest";
  /** A valid input, made by the engine's own encoders of random values. */
  seed(random: Random): Uint8Array;
  /** The fields of an input, as far as it can be told; undefined if nothing can. */
  dissect(bytes: Uint8Array): Draft | undefined;
  /**
   * Decodes, encodes again and checks what decoding promises. Throws Broken, or whatever the decoder throws; the input,
   * which is not the whole of its buffer, is only looked at.
   */
  run(bytes: Uint8Array): void;
  /** What is wrong with an error that run() threw, though it is of a legal kind. */
  misplaced?(error: CorruptionError, bytes: Uint8Array): string | undefined;
  /** Legal errors beside CorruptionError and FORMAT_UNSUPPORTED. */
  isLegal?(error: unknown): boolean;
}

/** A promise that decoding did not keep. */
export class Broken extends Error {
  override readonly name = "Broken";
}

export function demand(condition: boolean, promise: string): asserts condition {
  if (!condition) throw new Broken(promise);
}

/** Runs a target; what is wrong with it, undefined if nothing is. */
export function problemOf(target: Target, bytes: Uint8Array): string | undefined {
  try {
    target.run(bytes);
    return undefined;
  } catch (error) {
    return problemOfError(target, error, bytes);
  }
}

function problemOfError(target: Target, error: unknown, bytes: Uint8Array): string | undefined {
  if (error instanceof CorruptionError) {
    if (error.file.length === 0 || error.problem.length === 0)
      return `a CorruptionError that says nothing: ${error.message}`;
    return target.misplaced?.(error, bytes);
  }
  if (error instanceof TinyKVError && error.code === "TINYKV_FORMAT_UNSUPPORTED") return undefined;
  if (target.isLegal?.(error) === true) return undefined;
  return error instanceof Error ? `${error.name}: ${error.message}` : `threw ${String(error)}`;
}

/** For targets of one file: the error names it, and an offset from `base` to `base` + length. */
export function misplacedIn(file: string, base: number): NonNullable<Target["misplaced"]> {
  return (error, bytes) => {
    const { file: named, offset } = error;
    if (named === file && Number.isSafeInteger(offset) && offset >= base && offset <= base + bytes.length)
      return undefined;
    return `a CorruptionError outside of ${file} ${base} to ${base + bytes.length}: ${error.message}`;
  };
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

/** Runs `action` for what else it may throw: the bytes may be bad. */
export function unlessCorrupt(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
  }
}

// What a runner allows an engine whose world fails. An engine may pass a failure on, and then with the right code; it may
// swallow it and be right all the same; it may not fail where nothing did.
//
//   reads            IO_ERROR
//   changes          IO_ERROR, NO_SPACE; BACKGROUND_ERROR once the store has failed
//   opens, closes    IO_ERROR, NO_SPACE
//   promises         as changes

import { AssertionError } from "node:assert";
import type { Condition } from "./conditions.ts";
import type { FileContent } from "./disk/image.ts";
import { Failure } from "./failure.ts";
import { isUnsupported } from "./unsupported.ts";

/** A world in which calls fail, as a runner sees it. */
export interface FaultyWorld {
  /** How many calls have failed on purpose. A short count is no failure. */
  readonly injected: number;
  /** A sync of the store's log, manifest or directory has failed since the store was opened. */
  readonly mustStop: boolean;
  /** The removal of a file has failed: it is tried again, at some time. */
  readonly unlinkFailed?: boolean;
  /** An action of the harness's own: nothing fails during it. */
  aside<T>(action: () => T): T;
  /** Nothing fails from now on. */
  heal(): void;
  /** The files below a directory by path, as a process sees them. Absent: only syncs that nobody waits for fail in it. */
  look?(directory: string): ReadonlyMap<string, FileContent>;
}

/** What kind of call an engine failed. */
export type Calling = "read" | "change" | "open" | "close";

/** How a call ended that was allowed to fail: with success, with an unknown outcome, or with "never applied". */
export type Outcome = "returned" | "failed" | "refused";

const FAILED: ReadonlySet<string> = new Set(["TINYKV_IO_ERROR", "TINYKV_NO_SPACE"]);

/** The code of a store that has failed already. */
const STOPPED = "TINYKV_BACKGROUND_ERROR";

const REFUSED: ReadonlySet<string> = new Set([
  STOPPED,
  "TINYKV_INVALID_ARGUMENT",
  "TINYKV_CLOSED",
  "TINYKV_READ_ONLY",
  "TINYKV_STALLED",
  "TINYKV_LOCKED",
]);

/** What an unexpected error of each kind of call breaks. */
const CONDITION_OF: Readonly<Record<Calling, Condition>> = { read: "C21", change: "C8", open: "C1", close: "C8" };

/** Watches one store through its sessions: what failed in this one, and what it may therefore answer. */
export class FaultWatch {
  readonly world: FaultyWorld | undefined;
  #soundAt = 0;

  constructor(world: FaultyWorld | undefined) {
    this.world = world;
  }

  /** Something failed since the store was opened or resumed. */
  get isTroubled(): boolean {
    return this.world !== undefined && this.world.injected > this.#soundAt;
  }

  /** A sync failed that must stop the store. */
  get mustStop(): boolean {
    return this.world?.mustStop === true;
  }

  /** The store was opened, or resumed: what failed before is forgiven, what failed since `injected` is not. */
  sound(injected: number = this.injected): void {
    this.#soundAt = injected;
  }

  get injected(): number {
    return this.world?.injected ?? 0;
  }

  aside<T>(action: () => T): T {
    return this.world ? this.world.aside(action) : action();
  }

  /** Runs a call of the engine; false if it failed as it may. In a sound world every error goes on. */
  may(calling: Calling, op: number | undefined, action: () => void): boolean {
    return this.outcome(calling, op, action) === "returned";
  }

  outcome(calling: Calling, op: number | undefined, action: () => void): Outcome {
    if (!this.mayFail) {
      action();
      return "returned";
    }
    const before = this.injected;
    try {
      action();
      return "returned";
    } catch (error) {
      const failedNow = this.injected > before;
      if (isUnsupported(error)) throw error;
      if (error instanceof Failure) throw failedNow ? blameRead(calling, error) : error;
      return this.#judge(calling, op, error, failedNow);
    }
  }

  /** How a write ended whose promise was rejected; what failed may have failed at any time since the store was sound. */
  rejected(op: number, error: unknown): "failed" | "refused" {
    if (this.mayFail) return this.#judge("change", op, error, this.isTroubled);
    throw new Failure("C8", `a promise was rejected with ${String(error)}`, op, { cause: error });
  }

  /** A call may throw, and the run goes on. */
  get mayFail(): boolean {
    return this.world !== undefined && (this.world.look !== undefined || this.isTroubled);
  }

  #judge(calling: Calling, op: number | undefined, error: unknown, failedNow: boolean): "failed" | "refused" {
    const code = codeOf(error);
    if (code !== undefined && !comesFromAssertion(error)) {
      if (FAILED.has(code) && failedNow) return "failed";
      if (calling === "change" && REFUSED.has(code) && (code !== STOPPED || this.isTroubled)) return "refused";
    }
    const why = failedNow ? "" : ", though no call failed meanwhile";
    throw new Failure(CONDITION_OF[calling], `${calling} threw ${String(error)}${why}`, op, { cause: error });
  }
}

/** The code of an engine's error; undefined for anything that it did not throw on purpose. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === "string" && code.startsWith("TINYKV_") ? code : undefined;
}

// A wrong answer of a read during which a call failed: the failure was taken for an answer.
function blameRead(calling: Calling, failure: Failure): Failure {
  if (calling !== "read" || failure.condition === "C19") return failure;
  const { message, op, keys } = failure;
  return new Failure("C21", `${message}; a call failed meanwhile`, op, { keys, cause: failure });
}

// A broken belief is a bug whatever the world did.
function comesFromAssertion(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof AssertionError) return true;
  return false;
}

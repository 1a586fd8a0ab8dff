import { CorruptionError, TinyKVError, ioError, wasNotBegun } from "../common/errors.ts";
import type { EventQueue } from "./events.ts";

/**
 * Whether the store may still write.
 *
 *   well → failed: a log or manifest write went wrong; the file's tail is unknown, resume() writes everything anew
 *   well | failed → failed for good: a sync went wrong; what is durable is unknown, only a reopen can tell
 *
 * Invariants:
 *   - once failed, every write is refused with BACKGROUND_ERROR before it touches a file;
 *   - once failed for good, nothing is synced and nothing unlinked any more.
 */
export class Health {
  readonly #events: EventQueue;
  #failure: { readonly error: TinyKVError; readonly forGood: boolean } | undefined;
  #lastError: TinyKVError | undefined;
  /** Called when the store fails, at once: work elsewhere has to stop. */
  onFailure: () => void = () => undefined;

  constructor(events: EventQueue) {
    this.#events = events;
  }

  /** The last error of background work or of a log, failed jobs that left the store well included. */
  get lastError(): TinyKVError | undefined {
    return this.#lastError;
  }

  get isWell(): boolean {
    return this.#failure === undefined;
  }

  get failedForGood(): boolean {
    return this.#failure?.forGood === true;
  }

  /** Runs one sync; if it fails, the store has failed for good, unless it was not even begun. The error goes on. */
  sync(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (wasNotBegun(error)) throw ioError(error, "sync");
      throw this.failForGood(error);
    }
  }

  /** Runs what must not stay half done: if it fails, the store has failed, and the error goes on. */
  orFail<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw this.fail(error);
    }
  }

  failForGood(error: unknown): TinyKVError {
    return this.#fail(error, true);
  }

  /** A write of a log or manifest failed: resume() can mend it. */
  fail(error: unknown): TinyKVError {
    return this.#fail(error, false);
  }

  /** A job failed; its outputs are discarded and the store stays well. */
  noteJobFailure(error: unknown): TinyKVError {
    const known = ioError(error, "background job");
    this.#lastError = known;
    if (known instanceof CorruptionError) {
      const { file, offset, problem } = known;
      this.#events.emit("corruption", { file, offset, problem });
    }
    this.#events.emit("backgroundError", { error: known, forGood: false });
    return known;
  }

  /** Throws BACKGROUND_ERROR with the first failure as its cause. */
  refuseIfFailed(): void {
    if (this.#failure) throw backgroundError(this.#failure.error);
  }

  /** After everything in memory was written anew, and by a successful retry of failed jobs. */
  recover(): void {
    if (!this.failedForGood) {
      this.#failure = undefined;
      this.#lastError = undefined;
    }
  }

  #fail(error: unknown, forGood: boolean): TinyKVError {
    const known = ioError(error, "write");
    this.#lastError = known;
    if (!this.#failure || (forGood && !this.#failure.forGood)) {
      this.#failure = { error: known, forGood };
      this.#events.emit("backgroundError", { error: known, forGood });
      this.#events.log(
        "error",
        `writes are refused ${forGood ? "until the store is reopened" : "until resume()"}: ${known.message}`,
      );
      this.onFailure();
    }
    return known;
  }
}

export function backgroundError(cause: TinyKVError | undefined): TinyKVError {
  return new TinyKVError("TINYKV_BACKGROUND_ERROR", `writes are refused after: ${cause?.message ?? "an error"}`, cause);
}

import type { Kind } from "./internal-key.ts";

/**
 * A position in a sequence of internal entries, ascending in the order of internal keys (internal-key.ts).
 *
 * Contract of every implementation:
 *   - a new cursor is not valid; every move either lands on an entry or leaves it not valid;
 *   - `key` and `value` are views that the next move may change; they, `sequence` and `kind` may be read only while valid;
 *   - stepping off either end leaves the cursor not valid; from there only a seek, first() or last() goes on;
 *   - an entry that cannot be read throws (CorruptionError, IO_ERROR) and leaves the cursor not valid: an error is never an end.
 */
export interface InternalCursor {
  readonly valid: boolean;
  readonly key: Uint8Array;
  readonly sequence: number;
  readonly kind: Kind;
  /** Empty for anything but a put. */
  readonly value: Uint8Array;
  /** The value for the caller to keep and to change; to be asked for once an entry. */
  takeValue(): Buffer;
  first(): void;
  last(): void;
  /** To the first entry at or after (key, sequence, KIND_MAX): the newest version of `key` visible at `sequence`, or what follows. */
  seek(key: Uint8Array, sequence: number): void;
  /** To the last entry at or before (key, sequence, kind 0): among the versions of `key`, those with a number ≥ `sequence`. */
  seekForPrev(key: Uint8Array, sequence: number): void;
  next(): void;
  prev(): void;
}

// What a reader sees of a sequence of internal entries: of each key the newest version with a number ≤ the reader's, and
// nothing if that is a tombstone.
//
// The versions of a key come newest first, so the two directions are unlike:
//
//   forward    the internal cursor stands on the entry that is shown. next() steps over the older versions of its key,
//              then over versions too new to be seen, and over the versions that a tombstone hides.
//   backward   the oldest version comes first: only after the last version of a key was passed is it known which one is
//              shown. So key and value are copies, and the internal cursor stands on the last entry before the key's
//              versions (not valid: there is none).
//
// A change of direction seeks past the versions of the current key, to its other side, whatever the internal cursor
// stands on (nothing, at an end), and goes on from there as if it had always gone that way: with the same test of
// sequence numbers and bounds.
//
// Bounds are tested once a key, before its versions are gone through: at most one entry beyond a bound is read.

import { assert } from "../common/assert.ts";
import { copyBytes, copyToBuffer, EMPTY } from "../common/bytes.ts";
import type { KeyOrder } from "../common/comparator.ts";
import type { InternalCursor } from "../common/cursor.ts";
import { Kind, SEQUENCE_MAX } from "../common/internal-key.ts";
import { ReusedBytes } from "./reused-bytes.ts";

/** After this many versions of one key a seek past the others, a few binary searches, is cheaper than stepping on. */
const STEPS_BEFORE_SEEK = 8;

/** A sequence number before that of every version: where (key, OLDEST) leads is behind the key's versions. */
const OLDEST = 0;

export interface VisibleBounds {
  /** Inclusive. */
  readonly lower?: Uint8Array;
  /** Exclusive. */
  readonly upper?: Uint8Array;
}

/**
 * The entries visible at one sequence number within bounds, which are copied. A new cursor is not valid until it is moved;
 * a step from an entry past the last or before the first leaves it not valid, and so do steps from there: only seeks,
 * first() and last() go on. An error of a move leaves it not valid too; a later seek works.
 */
export class VisibleCursor {
  readonly #order: KeyOrder;
  readonly #internal: InternalCursor;
  readonly #sequence: number;
  readonly #lower: Uint8Array | undefined;
  readonly #upper: Uint8Array | undefined;
  // Backward: the key and value shown. Forward: the key whose versions are being stepped over.
  readonly #key = new ReusedBytes();
  readonly #value = new ReusedBytes();
  // Forward: the internal cursor's key, which need not be asked for again.
  #shown: Uint8Array = EMPTY;
  #valid = false;
  #forward = true;

  constructor(order: KeyOrder, internal: InternalCursor, sequence: number, bounds: VisibleBounds) {
    this.#order = order;
    this.#internal = internal;
    this.#sequence = sequence;
    this.#lower = bounds.lower && copyBytes(bounds.lower);
    this.#upper = bounds.upper && copyBytes(bounds.upper);
  }

  get valid(): boolean {
    return this.#valid;
  }

  /** A view, stable until the next move; only while valid. */
  get key(): Uint8Array {
    assert(this.#valid, "a key is read only while valid");
    return this.#forward ? this.#shown : this.#key.view();
  }

  /** A view, stable until the next move; only while valid. */
  get value(): Uint8Array {
    assert(this.#valid, "a value is read only while valid");
    return this.#forward ? this.#internal.value : this.#value.view();
  }

  /** The value for the caller to keep and to change; only while valid, and once an entry. */
  takeValue(): Buffer {
    assert(this.#valid, "a value is read only while valid");
    return this.#forward ? this.#internal.takeValue() : copyToBuffer(this.#value.view());
  }

  first(): void {
    this.#valid = false;
    if (this.#boundsAreEmpty()) return;
    if (this.#lower) this.#internal.seek(this.#lower, this.#sequence);
    else this.#internal.first();
    this.#findForward(false);
  }

  last(): void {
    this.#valid = false;
    if (this.#boundsAreEmpty()) return;
    if (this.#upper) this.#seekBefore(this.#upper);
    else this.#internal.last();
    this.#findBackward();
  }

  /** To the first entry at or after `key` and the lower bound. `key` may be a view of this cursor. */
  seek(key: Uint8Array): void {
    if (this.#isBelowLower(key)) {
      this.first();
      return;
    }
    this.#valid = false;
    if (this.#isAtOrAboveUpper(key)) return;
    this.#key.set(key);
    this.#internal.seek(this.#key.view(), this.#sequence);
    this.#findForward(false);
  }

  /** To the last entry at or before `key` and below the upper bound. `key` may be a view of this cursor. */
  seekForPrev(key: Uint8Array): void {
    if (this.#isAtOrAboveUpper(key)) {
      this.last();
      return;
    }
    this.#valid = false;
    if (this.#isBelowLower(key)) return;
    this.#key.set(key);
    this.#internal.seekForPrev(this.#key.view(), OLDEST);
    this.#findBackward();
  }

  next(): void {
    if (!this.#valid) return;
    this.#valid = false;
    if (this.#forward) {
      this.#key.set(this.#shown);
      this.#internal.next();
    } else this.#internal.seek(this.#key.view(), OLDEST);
    this.#findForward(true);
  }

  prev(): void {
    if (!this.#valid) return;
    this.#valid = false;
    if (this.#forward) {
      this.#key.set(this.#shown);
      this.#seekBefore(this.#key.view());
    }
    this.#findBackward();
  }

  // To the first visible entry from here on; `passed`: that is not of #key, whose versions have had their turn.
  #findForward(passed: boolean): void {
    this.#forward = true;
    const internal = this.#internal;
    const key = this.#key;
    // #key is the key stepped over last, `steps` counts its versions, and `passed` tells that its older ones are hidden:
    // it was shown, or is deleted.
    let tracking = passed;
    let steps = 0;
    while (internal.valid) {
      const current = internal.key;
      const sameKey = tracking && key.equals(current);
      if (!sameKey && this.#isAtOrAboveUpper(current)) return;
      if (!sameKey || !passed) {
        const visible = internal.sequence <= this.#sequence;
        if (visible && isPut(internal.kind)) {
          this.#shown = current;
          this.#valid = true;
          return;
        }
        if (!sameKey) {
          key.set(current);
          tracking = true;
          steps = 0;
        }
        passed = visible;
      }
      this.#stepForward(++steps, passed);
    }
  }

  // Over one version of #key or, when there were many, over all the rest that are hidden or too new.
  #stepForward(steps: number, passed: boolean): void {
    const internal = this.#internal;
    const target = passed ? OLDEST : this.#sequence;
    // A version numbered `target` itself may be where the seek leads: from there it would not get on.
    if (steps % STEPS_BEFORE_SEEK === 0 && internal.sequence > target) internal.seek(this.#key.view(), target);
    else internal.next();
  }

  // To the last visible entry from here back.
  #findBackward(): void {
    this.#forward = false;
    const internal = this.#internal;
    const key = this.#key;
    let tracking = false;
    let found = false;
    let steps = 0;
    while (internal.valid) {
      const current = internal.key;
      if (!tracking || !key.equals(current)) {
        if (found) break;
        if (this.#isBelowLower(current)) return;
        key.set(current);
        tracking = true;
        steps = 0;
      }
      if (++steps > STEPS_BEFORE_SEEK) {
        internal.seek(key.view(), this.#sequence);
        found = internal.valid && key.equals(internal.key) && this.#take();
        this.#seekBefore(key.view());
      } else {
        if (internal.sequence <= this.#sequence) found = this.#take();
        internal.prev();
      }
    }
    this.#valid = found;
  }

  // Backward: the internal cursor's entry is the newest visible version of its key so far. Whether it is shown.
  #take(): boolean {
    if (!isPut(this.#internal.kind)) return false;
    this.#value.set(this.#internal.value);
    return true;
  }

  // To the last entry of the keys before `key`.
  #seekBefore(key: Uint8Array): void {
    const internal = this.#internal;
    internal.seekForPrev(key, SEQUENCE_MAX);
    // Only a version with the very last sequence number is at or before the place sought.
    while (internal.valid && this.#order.compare(internal.key, key) >= 0) internal.prev();
  }

  #boundsAreEmpty(): boolean {
    return this.#lower !== undefined && this.#isAtOrAboveUpper(this.#lower);
  }

  #isBelowLower(key: Uint8Array): boolean {
    return this.#lower !== undefined && this.#order.compare(key, this.#lower) < 0;
  }

  #isAtOrAboveUpper(key: Uint8Array): boolean {
    return this.#upper !== undefined && this.#order.compare(key, this.#upper) >= 0;
  }
}

function isPut(kind: Kind): boolean {
  assert(kind !== Kind.deleteRange, "range tombstones do not stand among the entries");
  return kind === Kind.put;
}

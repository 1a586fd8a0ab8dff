import type { KeyOrder } from "../common/comparator.ts";

/** Below this many bytes a loop is faster than the call into TypedArray.set. */
const LOOP_BELOW_BYTES = 48;

/** Most keys fit; a longer one grows the buffer once. */
const FIRST_CAPACITY = 64;

/** A buffer that one huge value made larger than this is let go when the next one fits into less. */
const KEPT_CAPACITY_MAX: number = 1 << 20;

/** A copy of the bytes that were set last, in memory that is used again for the next: for cursors, a copy a step. */
export class ReusedBytes {
  #bytes: Uint8Array = new Uint8Array(FIRST_CAPACITY);
  #length = 0;
  // The view given out last, of #viewed: copies of one length take it again.
  #viewed = this.#bytes;
  #view: Uint8Array = this.#bytes;

  /** Copies `source`, which may be (a part of) this very buffer's view. */
  set(source: Uint8Array): void {
    const length = source.length;
    if (length > this.#bytes.length) this.#bytes = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
    else if (this.#bytes.length > KEPT_CAPACITY_MAX && length <= KEPT_CAPACITY_MAX)
      this.#bytes = new Uint8Array(length);
    const bytes = this.#bytes;
    this.#length = length;
    if (length >= LOOP_BELOW_BYTES) {
      bytes.set(source);
      return;
    }
    // Ascending: a part of the same memory lies at or behind where it goes.
    for (let i = 0; i < length; i++) bytes[i] = source[i]!;
  }

  /** The copy; the next set() changes it. */
  view(): Uint8Array {
    if (this.#view.length !== this.#length || this.#viewed !== this.#bytes) {
      this.#viewed = this.#bytes;
      this.#view = this.#bytes.subarray(0, this.#length);
    }
    return this.#view;
  }

  /** As KeyOrder.compare, without making a view of the copy where the order is bytewise. */
  compare(order: KeyOrder, other: Uint8Array): number {
    return order.compareRanges(this.#bytes, 0, this.#length, other, 0, other.length);
  }

  /** Whether the copy has exactly these bytes. Comparators hold only equal bytes equal, so this is equality of keys too. */
  equals(other: Uint8Array): boolean {
    const length = this.#length;
    if (other.length !== length) return false;
    const bytes = this.#bytes;
    // From the end: neighbouring keys share their beginnings.
    for (let i = length - 1; i >= 0; i--) if (bytes[i] !== other[i]) return false;
    return true;
  }
}

// Which entries a flush or a compaction keeps.
//
// A snapshot S sees, of each key, the newest version with a sequence number ≤ S. The live snapshots s₁ < s₂ < … < sₙ cut
// the sequence numbers into stripes: stripe 0 is everything ≤ s₁, stripe i is (sᵢ, sᵢ₊₁], and the last, open stripe is
// everything > sₙ, which only readers of "now" see.
//
//            stripe 0     s₁    stripe 1    s₂     stripe 2 (now)
//       ───────●──●──────┤───────●──────────┤────────●──●──●────▶  sequence number
//              ✗  keep           keep                ✗  ✗  keep
//
// Rule 1. Of each key, only the newest version in each stripe is kept; the others are "shadowed".
//   Nothing visible is lost: who sees a version in stripe i has a number at or above that stripe's end, hence sees all of
//   the stripe, hence sees the newer version in it instead. Snapshots taken after the list was made have numbers at or
//   above every entry of the job: they read as "now" does.
//   Nothing more could go: the newest in stripe i is what the snapshot at the stripe's end sees of the key, unless it
//   is a tombstone that hides nothing, which is rule 2.
//
// Rule 2. A tombstone that rule 1 keeps is dropped when it is in stripe 0 and no older version of its key is left outside
// the job (`dropTombstone`). Without it, the readers that saw it find the next older version of the key instead, and
// there is none:
//   - inside the job every older version is in stripe 0 too, and so was shadowed by the tombstone. That is decided by the
//     order in which entries are judged, not by what is written: the tombstone shadows whether or not it is kept itself;
//   - outside the job, older versions are only in deeper levels: a memtable is flushed oldest first, a table leaves level
//     0 with or after every older one that overlaps it, inputs are widened to whole user keys and to all that they
//     overlap in the output level. `dropTombstone` asks the deeper levels; a flush, with level 0 below it, never drops.
//   In a higher stripe it must stay even then: an older stripe may hold a version that an older snapshot needs, and
//   dropping the tombstone would bring that version back for everybody else.
//
// Versions never come back: what is dropped is gone from all inputs, and the edit that adds the outputs removes the
// inputs. What stays keeps its sequence number, so a later job, with fewer snapshots or more, judges by the same facts.

import { assert } from "../common/assert.ts";
import type { KeyOrder } from "../common/comparator.ts";
import { Kind } from "../common/internal-key.ts";
import { ReusedBytes } from "./reused-bytes.ts";

export interface RetentionOptions {
  readonly order: KeyOrder;
  /** Sequence numbers of the live snapshots, ascending. */
  readonly snapshots: readonly number[];
  /** True when no level below the job's output can hold `key`: only then may its tombstone go. */
  readonly dropTombstone: (key: Uint8Array) => boolean;
}

/** "keep", or why not: a newer version is seen by all who could see it, or it is a tombstone with nothing left to hide. */
export type Verdict = "keep" | "shadowed" | "tombstone";

/** Judges the entries of one job: all of them, once, in internal-key order. */
export class Retention {
  readonly #order: KeyOrder;
  readonly #snapshots: readonly number[];
  readonly #dropTombstone: (key: Uint8Array) => boolean;
  readonly #key = new ReusedBytes();
  // Of the entry judged last; a key's entries come newest first, so its stripes only descend.
  #sequence = -1;
  #stripe = -1;
  #isNewKey = true;

  constructor({ order, snapshots, dropTombstone }: RetentionOptions) {
    for (let i = 1; i < snapshots.length; i++) assert(snapshots[i - 1]! <= snapshots[i]!, "snapshots ascend");
    this.#order = order;
    this.#snapshots = snapshots.slice();
    this.#dropTombstone = dropTombstone;
  }

  /**
   * Whether the entry judged last is the newest of its key. If it is not, and is kept, then the newest was kept: it could
   * only have gone as a tombstone of stripe 0, and then it shadows all others.
   */
  get isNewKey(): boolean {
    return this.#isNewKey;
  }

  judge(key: Uint8Array, sequence: number, kind: Kind): Verdict {
    assert(kind !== Kind.deleteRange, "range tombstones are not judged by key");
    const stripe = stripeOf(this.#snapshots, sequence);
    this.#isNewKey = !this.#continuesKey(key, sequence);
    const shadowed = !this.#isNewKey && stripe === this.#stripe;
    this.#sequence = sequence;
    this.#stripe = stripe;
    if (shadowed) return "shadowed";
    return kind === Kind.delete && stripe === 0 && this.#dropTombstone(key) ? "tombstone" : "keep";
  }

  // Whether this is an older version of the key judged last; if not, it is the newest of its own key.
  #continuesKey(key: Uint8Array, sequence: number): boolean {
    const begun = this.#sequence >= 0;
    if (begun && this.#key.equals(key)) {
      // Equal numbers are let through: repair may find one entry in a log and in a table, and one of the two is enough.
      assert(sequence <= this.#sequence, "versions are judged newest first");
      return true;
    }
    assert(!begun || this.#key.compare(this.#order, key) < 0, "keys are judged in order");
    this.#key.set(key);
    return false;
  }
}

// The number of snapshots that do not see `sequence`: the stripe it is in. Most stores have no snapshot or a few.
function stripeOf(snapshots: readonly number[], sequence: number): number {
  let low = 0;
  let high = snapshots.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (snapshots[middle]! < sequence) low = middle + 1;
    else high = middle;
  }
  return low;
}

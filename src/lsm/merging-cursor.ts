// Merges sorted children into one sorted cursor.
//
// Every child that is valid stands in a binary heap; its root is the entry that the merge stands on. The heap is ordered
// by (internal key, position among the children), forward or backward, so that one child's entry is never passed over
// in favour of another's and equal internal keys, which a sound store never has, still come in one order both ways.
//
// Invariant while valid, forward: each other child stands on its first entry after the root's (or is exhausted, and then
// all its entries come before); backward: the mirror image. A change of direction breaks it for all children but the
// root's, exhausted ones included, so all of them seek again.
//
// What throws leaves the merge not valid and is never taken for an exhausted child: an entry left out in silence would
// be a lost write in a compaction, or an older value in a read.

import { assert } from "../common/assert.ts";
import { EMPTY } from "../common/bytes.ts";
import type { KeyOrder } from "../common/comparator.ts";
import type { InternalCursor } from "../common/cursor.ts";
import { compareVersions, type Kind } from "../common/internal-key.ts";

/** All the entries of all the children in internal-key order; equal internal keys in the order of the children. */
export class MergingCursor implements InternalCursor {
  readonly #order: KeyOrder;
  readonly #children: readonly InternalCursor[];
  // The key of each child in the heap: a child may assemble its key on access, and comparisons need it again and again.
  readonly #keys: Uint8Array[];
  // Heap of children by number; #size of them count.
  readonly #heap: number[];
  #size = 0;
  // Where in the heap the lesser of the two below the root is, while that is known; else 0. Runs from one child, which
  // are the rule where one level holds most of the entries, then cost one comparison a step.
  #runnerUp = 0;
  #forward = true;
  #valid = false;

  constructor(order: KeyOrder, children: readonly InternalCursor[]) {
    this.#order = order;
    this.#children = children;
    this.#keys = children.map(() => EMPTY);
    this.#heap = children.map((_, index) => index);
  }

  get valid(): boolean {
    return this.#valid;
  }

  get key(): Uint8Array {
    assert(this.#valid, "a key is read only while valid");
    return this.#keys[this.#heap[0]!]!;
  }

  get sequence(): number {
    return this.#current().sequence;
  }

  get kind(): Kind {
    return this.#current().kind;
  }

  get value(): Uint8Array {
    return this.#current().value;
  }

  /** The position of the child whose entry this is. */
  get childIndex(): number {
    assert(this.#valid, "a child is asked for only while valid");
    return this.#heap[0]!;
  }

  takeValue(): Buffer {
    return this.#current().takeValue();
  }

  first(): void {
    this.#valid = false;
    for (const child of this.#children) child.first();
    this.#rebuild(true);
  }

  last(): void {
    this.#valid = false;
    for (const child of this.#children) child.last();
    this.#rebuild(false);
  }

  /** `key` must not be a view of this cursor's: the first child that moves may change it. */
  seek(key: Uint8Array, sequence: number): void {
    this.#valid = false;
    for (const child of this.#children) child.seek(key, sequence);
    this.#rebuild(true);
  }

  /** `key` must not be a view of this cursor's: the first child that moves may change it. */
  seekForPrev(key: Uint8Array, sequence: number): void {
    this.#valid = false;
    for (const child of this.#children) child.seekForPrev(key, sequence);
    this.#rebuild(false);
  }

  next(): void {
    if (!this.#valid) return;
    this.#valid = false;
    const root = this.#heap[0]!;
    const turning = !this.#forward;
    if (turning) this.#moveOthersAfter(root);
    this.#children[root]!.next();
    if (turning) this.#rebuild(true);
    else this.#restoreRoot(root);
  }

  prev(): void {
    if (!this.#valid) return;
    this.#valid = false;
    const root = this.#heap[0]!;
    const turning = this.#forward;
    if (turning) this.#moveOthersBefore(root);
    this.#children[root]!.prev();
    if (turning) this.#rebuild(false);
    else this.#restoreRoot(root);
  }

  #current(): InternalCursor {
    assert(this.#valid, "an entry is read only while valid");
    return this.#children[this.#heap[0]!]!;
  }

  // A seek goes to (key, sequence) of whatever kind: an entry that differs in its kind alone may be on the wrong side.
  #moveOthersAfter(root: number): void {
    const key = this.#keys[root]!;
    const { sequence } = this.#children[root]!;
    this.#forward = true;
    for (let i = 0; i < this.#children.length; i++) {
      if (i === root) continue;
      const child = this.#children[i]!;
      child.seek(key, sequence);
      while (child.valid && this.#loadedBefore(i, root)) child.next();
    }
  }

  #moveOthersBefore(root: number): void {
    const key = this.#keys[root]!;
    const { sequence } = this.#children[root]!;
    this.#forward = false;
    for (let i = 0; i < this.#children.length; i++) {
      if (i === root) continue;
      const child = this.#children[i]!;
      child.seekForPrev(key, sequence);
      while (child.valid && this.#loadedBefore(i, root)) child.prev();
    }
  }

  #loadedBefore(i: number, root: number): boolean {
    this.#keys[i] = this.#children[i]!.key;
    return this.#before(i, root);
  }

  #rebuild(forward: boolean): void {
    this.#forward = forward;
    let size = 0;
    for (let i = 0; i < this.#children.length; i++) {
      const child = this.#children[i]!;
      if (!child.valid) continue;
      this.#keys[i] = child.key;
      this.#heap[size++] = i;
    }
    this.#size = size;
    this.#runnerUp = 0;
    for (let at = (size >> 1) - 1; at >= 0; at--) this.#sink(at);
    this.#valid = size > 0;
  }

  // The root's child has moved on, all others stand where they stood.
  #restoreRoot(root: number): void {
    const child = this.#children[root]!;
    if (child.valid) {
      this.#keys[root] = child.key;
      if (this.#size > 1) this.#sinkRoot(root);
    } else {
      this.#heap[0] = this.#heap[--this.#size]!;
      this.#runnerUp = 0;
      this.#sink(0);
    }
    this.#valid = this.#size > 0;
  }

  #sinkRoot(root: number): void {
    const heap = this.#heap;
    const at = this.#runnerUp || (this.#size > 2 && this.#before(heap[2]!, heap[1]!) ? 2 : 1);
    const runnerUp = heap[at]!;
    const stays = this.#before(root, runnerUp);
    this.#runnerUp = stays ? at : 0;
    if (stays) return;
    heap[0] = runnerUp;
    heap[at] = root;
    this.#sink(at);
  }

  #sink(start: number): void {
    const heap = this.#heap;
    const size = this.#size;
    const item = heap[start]!;
    let at = start;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= size) break;
      if (below + 1 < size && this.#before(heap[below + 1]!, heap[below]!)) below++;
      if (!this.#before(heap[below]!, item)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = item;
  }

  // Whether child `a` comes first in the direction of the merge; never both ways, never neither.
  #before(a: number, b: number): boolean {
    const difference = this.#order.compare(this.#keys[a]!, this.#keys[b]!) || this.#compareEqualKeys(a, b);
    return this.#forward ? difference < 0 : difference > 0;
  }

  #compareEqualKeys(a: number, b: number): number {
    const x = this.#children[a]!;
    const y = this.#children[b]!;
    return compareVersions(x.sequence, x.kind, y.sequence, y.kind) || a - b;
  }
}

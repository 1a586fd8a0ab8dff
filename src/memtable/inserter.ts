// Insertion into the skip list; skip-list.ts says how a node looks and why threads may insert at once.

import { assert } from "../common/assert.ts";
import { putRange } from "../common/bytes.ts";
import type { KeyOrder } from "../common/comparator.ts";
import { Kind } from "../common/internal-key.ts";
import { Prng } from "../util/prng.ts";
import { type Arena, DELETES, ENTRIES, GREATEST, HEIGHT, KEY_BYTES, LEAST } from "./arena.ts";
import {
  BRANCHING,
  HEAD,
  HEIGHT_MAX,
  HIGH,
  KEY,
  LENGTH,
  LOW,
  NONE,
  SHAPE,
  VALUE,
  hasKey,
  isBefore,
  isBeforeTarget,
  keyStart,
  linkOf,
  makeTarget,
  nextOf,
  sequenceOf,
  type Target,
} from "./skip-list.ts";

/** Leading zeros of a random number that stand for one more level: a chance of one in BRANCHING. */
const ZEROS_A_LEVEL: number = Math.log2(BRANCHING);

/** Bytes somewhere: of a range no view need be made. */
export interface Place {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/**
 * One thread's means of inserting.
 *
 * The splice is, for each level, the last node before the place of the previous insertion and its successor there.
 * Invariant while `#hinted`: #before[l] is linked on level l (or the head), and #before[l + 1] is not after #before[l];
 * so when #before[0] comes before a key, all of them do, and the search may start from any level.
 */
export class Inserter {
  readonly #arena: Arena;
  readonly #order: KeyOrder;
  readonly #prng: Prng;
  readonly #before: Int32Array = new Int32Array(HEIGHT_MAX).fill(HEAD);
  readonly #after: Int32Array = new Int32Array(HEIGHT_MAX);
  #hinted = true;
  /** How many of the last insertions came each after the one before it. */
  #ascents = 0;

  constructor(arena: Arena, order: KeyOrder, seed: number) {
    this.#arena = arena;
    this.#order = order;
    // Spread, because the first numbers of xorshift from small seeds are small, and small numbers make tall towers.
    this.#prng = new Prng(Math.imul(seed + 1, 0x9e37_79b1));
  }

  /** False, with nothing changed, if there is no room. What a comparator throws passes through, the entry then is absent. */
  insert(kind: Kind, sequence: number, key: Place, value: Place): boolean {
    const arena = this.#arena;
    const height = this.#drawHeight();
    const target = makeTarget(arena, this.#order, key.bytes, sequence, key.start, key.end);
    this.#findSplice(target, height);
    assert(!this.#isTaken(target), "a (key, sequence number) is inserted once");
    const keyLength = key.end - key.start;
    const valueLength = value.end - value.start;
    const size = height + KEY + ((keyLength + 3) >>> 2);
    if (!arena.admit(size, valueLength)) return false;
    const node = arena.claimWords(size) + height;
    const at = arena.claimBytes(valueLength);
    const { words, bytes } = arena;
    // The bytes behind a key that ends inside a word count in comparisons; the memory may have served before.
    if ((keyLength & 3) !== 0) words[node - height + size - 1] = 0;
    putRange(bytes, keyStart(node), key.bytes, key.start, key.end);
    putRange(bytes, at, value.bytes, value.start, value.end);
    words[node] = target.head;
    words[node + VALUE] = at;
    words[node + SHAPE] = (keyLength << 8) | (kind << 4) | height;
    words[node + LENGTH] = valueLength;
    words[node + HIGH] = target.high;
    words[node + LOW] = target.low;
    this.#link(node, height, target);
    count(arena, node, kind, sequence, keyLength);
    return true;
  }

  #drawHeight(): number {
    const height = 1 + Math.floor(Math.clz32(this.#prng.next()) / ZEROS_A_LEVEL);
    return height < HEIGHT_MAX ? height : HEIGHT_MAX;
  }

  // Sets the splice for `target` on all levels below `height`, and on the levels it passes to get there.
  #findSplice(target: Target, height: number): void {
    const { words, bytes, isShared } = this.#arena;
    const { head, high, low } = target;
    const order = this.#order;
    const before = this.#before;
    const after = this.#after;
    let level = this.#startLevel(target, height);
    let node = this.#hinted ? before[level]! : HEAD;
    // Should a comparator throw, the splice is half of one and half of another.
    this.#hinted = false;
    let beyond = NONE;
    while (level >= 0) {
      const next = isShared ? Atomics.load(words, linkOf(node, level)) : words[linkOf(node, level)]!;
      if (next !== NONE && next !== beyond && isBefore(words, bytes, order, next, target, head, high, low)) {
        node = next;
      } else {
        before[level] = node;
        after[level] = next;
        beyond = next;
        level--;
      }
    }
    this.#hinted = true;
  }

  // The level to start on: the lowest from which the splice still leads to the target and which covers `height`; the top
  // from the head (no hint) if the target is before the splice. One comparison tells keys that do not ascend; two
  // ascents are waited for before more is spent, so that keys in random order pay for the climb one time in four.
  #startLevel(target: Target, height: number): number {
    const arena = this.#arena;
    const top = Math.max(Atomics.load(arena.counters, HEIGHT), height) - 1;
    const before = this.#before;
    const ascends = this.#hinted && (before[0] === HEAD || isBeforeTarget(arena, this.#order, before[0]!, target));
    this.#ascents = ascends ? this.#ascents + 1 : 0;
    this.#hinted = this.#ascents >= 2;
    if (!this.#hinted) return top;
    let level = 0;
    let passed = NONE;
    while (level < top) {
      const next = nextOf(arena.words, before[level]!, level);
      if (next === NONE) break;
      if (next !== passed && !isBeforeTarget(arena, this.#order, next, target)) break;
      passed = next;
      level++;
    }
    return Math.max(level, height - 1);
  }

  #isTaken(target: Target): boolean {
    const words = this.#arena.words;
    const next = this.#after[0]!;
    if (next === NONE || words[next + LOW] !== target.low || words[next + HIGH] !== target.high) return false;
    return hasKey(this.#arena, this.#order, next, target);
  }

  // Publishes the node; from the first exchange on it is in the list.
  #link(node: number, height: number, target: Target): void {
    const words = this.#arena.words;
    const before = this.#before;
    const after = this.#after;
    for (let level = 0; level < height; level++) {
      words[linkOf(node, level)] = after[level]!;
      while (Atomics.compareExchange(words, linkOf(before[level]!, level), after[level]!, node) !== after[level]!) {
        if (level > 0) return;
        this.#walkOn(target);
        words[linkOf(node, 0)] = after[0]!;
      }
      before[level] = node;
      if (level > 0) raiseHeight(this.#arena, level + 1);
    }
  }

  // Another thread has inserted behind before[0]: finds the place on level 0 again.
  #walkOn(target: Target): void {
    const words = this.#arena.words;
    let node = this.#before[0]!;
    let next = nextOf(words, node, 0);
    while (next !== NONE && isBeforeTarget(this.#arena, this.#order, next, target)) {
      node = next;
      next = nextOf(words, node, 0);
    }
    this.#before[0] = node;
    this.#after[0] = next;
  }
}

function raiseHeight(arena: Arena, height: number): void {
  let current = Atomics.load(arena.counters, HEIGHT);
  while (current < height) current = Atomics.compareExchange(arena.counters, HEIGHT, current, height);
}

function count(arena: Arena, node: number, kind: Kind, sequence: number, keyLength: number): void {
  const { counters, words } = arena;
  Atomics.add(counters, ENTRIES, 1);
  Atomics.add(counters, KEY_BYTES, keyLength);
  if (kind === Kind.delete) Atomics.add(counters, DELETES, 1);
  // The extremes are kept as nodes: one word each, however large the numbers.
  let greatest = Atomics.load(counters, GREATEST);
  while (greatest === NONE || sequenceOf(words, greatest) < sequence) {
    const seen = Atomics.compareExchange(counters, GREATEST, greatest, node);
    if (seen === greatest) break;
    greatest = seen;
  }
  let least = Atomics.load(counters, LEAST);
  while (least === NONE || sequenceOf(words, least) > sequence) {
    const seen = Atomics.compareExchange(counters, LEAST, least, node);
    if (seen === least) break;
    least = seen;
  }
}

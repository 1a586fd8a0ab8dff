// The skip list of a memtable (Pugh, "Skip lists", 1990), over an Arena. A node is a run of words, its address an offset:
//
//   word  field
//     0   head      the first four bytes of the key as a big-endian number, short keys padded with zeros; 0 for all
//                   nodes under a custom comparator. Different heads order two keys without a look at the bytes.
//     1   value     offset of the value among the arena's bytes
//     2   shape     key length << 8 | kind << 4 | height
//     3   length    of the value
//     4   high      the sequence number: high × 2^32 + low
//     5   low
//     6   tower     height words: the next node on level 0, 1 … ; 0 = none
//     …   key       its bytes, then up to three zeros to the next word
//
// The key stands in the node, because where the heads are equal (numbered keys with leading zeros, common prefixes) a
// search needs both, and then they mostly share a cache line; it never needs a value.
//
// `head` and `low` are unsigned and stored with the top bit flipped, so that signed comparison gives the right order.
// The node at word 0 is the head of every level and has a tower only. Nothing links to it, so 0 also means "no node".
//
// Order: key, then sequence number descending. (Key, sequence number) is unique, so the kind never decides.
//
// Several threads may insert and any number may read at once, without locks, because nodes are never moved, changed or
// removed:
//   - A node's words and bytes are written with plain stores by the thread that claimed them, while nobody else knows
//     their offset. Only then is the node published: level 0 first, by a compare-exchange on the link before it.
//   - Links of published nodes are changed by compare-exchange alone and read with Atomics.load alone. In the memory
//     model of ECMAScript the load that returns a node's offset synchronizes with the exchange that stored it, so all
//     of the node's plain stores happen before the reader's plain loads: whoever can see a node sees all of it.
//     (An arena that no other thread knows yet is searched with plain loads, which save 15 to 25 % of a search.)
//   - The exchange expects the very successor that the search found. If another node came between, it fails, and the
//     search walks on from there: order holds on each level at every moment.
//   - Levels are linked bottom up, so every level is a subsequence of the one below it, and a search that finds nothing
//     between two nodes on one level may go down and find what was inserted meanwhile. Level 0 decides; the others are
//     an index. An exchange that fails above level 0 therefore ends the tower there: rare, costs a little search time,
//     and needs no comparison after the entry is visible, so a comparator that throws leaves an entry absent or whole.
//   - A search must answer with the successor that it compared; the link read again might lead to a newer, smaller node.

import type { KeyOrder } from "../common/comparator.ts";
import type { Kind } from "../common/internal-key.ts";
import { type Arena, HEIGHT } from "./arena.ts";

export const VALUE = 1;
export const SHAPE = 2;
export const LENGTH = 3;
export const HIGH = 4;
export const LOW = 5;
export const TOWER = 6;

/** The head of the list, and also no node. */
export const HEAD = 0;
export const NONE = 0;

/** With branching 4 (below): 4^12 is 16 million entries, more than any memtable holds. The shape has four bits for it. */
export const HEIGHT_MAX = 12;

/** Each level holds a quarter of the nodes of the one below: 1.33 links a node, and about as few comparisons as with half. */
export const BRANCHING = 4;

export const HEAD_WORDS: number = TOWER + HEIGHT_MAX;
/** Bytes of the tallest node beside its key, whose padding is 3 bytes at most. */
export const NODE_BYTES_MAX: number = (TOWER + HEIGHT_MAX) * 4 + 3;

/** Flips the order of two's complement into that of unsigned numbers, and back. */
const TOP_BIT = 0x8000_0000;

/** What a search looks for: the place of (key, sequence number). `key` runs from `start` to `end`. */
export interface Target {
  readonly key: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly head: number;
  readonly high: number;
  readonly low: number;
}

/** `sequence` may be -1: after all versions of the key. A custom comparator is given `key` itself, so it has no range. */
export function makeTarget(order: KeyOrder, key: Uint8Array, sequence: number): Target {
  return {
    key,
    start: 0,
    end: key.length,
    head: order.isBytewise ? keyHead(key) : 0,
    high: Math.floor(sequence / 2 ** 32),
    low: sequence ^ TOP_BIT,
  };
}

/** The place of a node; under a custom comparator with a copy of its key. */
export function targetOfNode(arena: Arena, order: KeyOrder, node: number): Target {
  const { words, wordBytes } = arena;
  const start = keyStart(words, node);
  const end = start + keyLength(words, node);
  const place = { head: words[node]!, high: words[node + HIGH]!, low: words[node + LOW]! };
  if (order.isBytewise) return { key: wordBytes, start, end, ...place };
  return { key: wordBytes.slice(start, end), start: 0, end: end - start, ...place };
}

/** Where the node's key starts among the arena's `wordBytes`. */
export function keyStart(words: Int32Array, node: number): number {
  return (node + TOWER + (words[node + SHAPE]! & 0xf)) * 4;
}

export function keyLength(words: Int32Array, node: number): number {
  return words[node + SHAPE]! >>> 8;
}

export function kindOf(words: Int32Array, node: number): Kind {
  return ((words[node + SHAPE]! >>> 4) & 0xf) as Kind;
}

/** Where the node's value starts among the arena's `bytes`. */
export function valueStart(words: Int32Array, node: number): number {
  return words[node + VALUE]! >>> 0;
}

export function valueLength(words: Int32Array, node: number): number {
  return words[node + LENGTH]!;
}

export function sequenceOf(words: Int32Array, node: number): number {
  return words[node + HIGH]! * 2 ** 32 + ((words[node + LOW]! ^ TOP_BIT) >>> 0);
}

export function nextOf(words: Int32Array, node: number, level: number): number {
  return Atomics.load(words, node + TOWER + level);
}

/** The first node at or after `target`; NONE if all are before it. */
export function findAtOrAfter(arena: Arena, order: KeyOrder, target: Target): number {
  return search(arena, order, target, false);
}

/** The last node before `target`; NONE if there is none. */
export function findBefore(arena: Arena, order: KeyOrder, target: Target): number {
  return search(arena, order, target, true);
}

export function findLast(arena: Arena): number {
  let node = HEAD;
  for (let level = Atomics.load(arena.counters, HEIGHT) - 1; level >= 0;) {
    const next = nextOf(arena.words, node, level);
    if (next === NONE) level--;
    else node = next;
  }
  return node;
}

/** Whether `node` comes before `target`. */
export function isBeforeTarget(arena: Arena, order: KeyOrder, node: number, target: Target): boolean {
  const { key, start, end, head, high, low } = target;
  return isBefore(arena.words, arena.wordBytes, order, node, key, start, end, head, high, low);
}

export function hasKey(arena: Arena, order: KeyOrder, node: number, target: Target): boolean {
  const { words, wordBytes } = arena;
  if (words[node] !== target.head) return false;
  const { key, start, end } = target;
  return compareEqualHeads(words, wordBytes, order, node, key, start, end) === 0;
}

function search(arena: Arena, order: KeyOrder, target: Target, before: boolean): number {
  const { words, wordBytes, isShared } = arena;
  const { key, start, end, head, high, low } = target;
  let node = HEAD;
  let level = Atomics.load(arena.counters, HEIGHT) - 1;
  // The successor on the level above was compared already.
  let beyond = NONE;
  for (;;) {
    const next = isShared ? Atomics.load(words, node + TOWER + level) : words[node + TOWER + level]!;
    if (next !== NONE && next !== beyond && isBefore(words, wordBytes, order, next, key, start, end, head, high, low)) {
      node = next;
    } else if (level === 0) {
      return before ? node : next;
    } else {
      beyond = next;
      level--;
    }
  }
}

/** isBeforeTarget with everything in arguments, for the loops. */
export function isBefore(
  words: Int32Array,
  wordBytes: Uint8Array,
  order: KeyOrder,
  node: number,
  key: Uint8Array,
  start: number,
  end: number,
  head: number,
  high: number,
  low: number,
): boolean {
  const nodeHead = words[node]!;
  if (nodeHead !== head) return nodeHead < head;
  const difference = compareEqualHeads(words, wordBytes, order, node, key, start, end);
  if (difference !== 0) return difference < 0;
  const nodeHigh = words[node + HIGH]!;
  return nodeHigh !== high ? nodeHigh > high : words[node + LOW]! > low;
}

// The node's key against `key`. With equal heads the first four bytes, or all there are of the shorter key, are equal.
function compareEqualHeads(
  words: Int32Array,
  wordBytes: Uint8Array,
  order: KeyOrder,
  node: number,
  key: Uint8Array,
  start: number,
  end: number,
): number {
  const shape = words[node + SHAPE]!;
  const at = (node + TOWER + (shape & 0xf)) * 4;
  const nodeLength = shape >>> 8;
  // A copy: foreign code need not expect views of shared memory, which some platform calls refuse.
  if (!order.isBytewise) return order.comparator.compare(wordBytes.slice(at, at + nodeLength), key);
  const length = end - start;
  const common = nodeLength < length ? nodeLength : length;
  for (let i = 4; i < common; i++) {
    const difference = wordBytes[at + i]! - key[start + i]!;
    if (difference !== 0) return difference;
  }
  return nodeLength - length;
}

function keyHead(key: Uint8Array): number {
  const length = key.length;
  if (length >= 4) return ((key[0]! << 24) | (key[1]! << 16) | (key[2]! << 8) | key[3]!) ^ TOP_BIT;
  let head = 0;
  for (let i = 0; i < length; i++) head |= key[i]! << (24 - 8 * i);
  return head ^ TOP_BIT;
}

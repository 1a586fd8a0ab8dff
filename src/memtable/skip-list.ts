// The skip list of a memtable (Pugh, "Skip lists", 1990), over an Arena. A node is a run of words, its address the offset
// of its head:
//
//   word  field
//  -1, …  tower     height words: the next node on level 0, 1 … ; 0 = none
//     0   head      four bytes of the key as a big-endian number, below; 0 for all nodes under a custom comparator.
//                   Different heads order two keys without a look at the bytes.
//     1   value     offset of the value among the arena's bytes
//     2   shape     key length << 8 | kind << 4 | height
//     3   length    of the value
//     4   high      the sequence number: high × 2^32 + low
//     5   low
//     6   key       its bytes, then up to three zeros to the next word
//
// A search reads heads and links, mostly nothing else: they stand side by side, so a step is one cache miss. The key stands
// in the node for the searches that need it; they never need a value.
//
// The head is the four bytes behind the arena's prefix, with zeros behind a key's end: keys that all begin alike, numbered
// or with a name before them, would else have one head. Of a key that does not begin with the prefix it is the least or the
// greatest number, as the key comes before or behind all that do: a prefix that fits no key costs time and nothing else.
//
// `head` and `low` are unsigned and stored with the top bit flipped, so that signed comparison gives the right order.
// The first node is the head of every level and has a tower only. No node is at 0: that means "none".
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
import { headOf } from "../common/key-heads.ts";
import { type Arena, HEIGHT } from "./arena.ts";

export const VALUE = 1;
export const SHAPE = 2;
export const LENGTH = 3;
export const HIGH = 4;
export const LOW = 5;
export const KEY = 6;

export const NONE = 0;

/** With branching 4 (below): 4^12 is 16 million entries, more than any memtable holds. The shape has four bits for it. */
export const HEIGHT_MAX = 12;

/** Each level holds a quarter of the nodes of the one below: 1.33 links a node, and about as few comparisons as with half. */
export const BRANCHING = 4;

/** The head of the list: behind its tower. */
export const HEAD: number = HEIGHT_MAX;
export const HEAD_WORDS: number = HEIGHT_MAX;
/** Bytes of the tallest node beside its key, whose padding is 3 bytes at most. */
export const NODE_BYTES_MAX: number = (KEY + HEIGHT_MAX) * 4 + 3;

/** Flips the order of two's complement into that of unsigned numbers, and back. */
const TOP_BIT = 0x8000_0000;

/** The least and the greatest four bytes, flipped. */
const HEAD_LEAST: number = 0 ^ TOP_BIT;
const HEAD_GREATEST: number = 0xffff_ffff ^ TOP_BIT;

/** Where in a word its first byte is, which decides the order of bytes: the low end on all machines but a few. */
const IS_LITTLE_ENDIAN = new Uint8Array(Int32Array.of(1).buffer)[0] === 1;

/** Room for the words of a key; a longer key makes it grow, to 1 MiB at most. */
const SCRATCH_BYTES = 1024;

/** Where a target keeps the words of its key. */
export class KeyWords {
  words: Int32Array = new Int32Array(SCRATCH_BYTES / 4);
  bytes: Uint8Array = new Uint8Array(this.words.buffer);

  /** Takes over key[start, end), with zeros to the next word. */
  set(key: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length > this.bytes.length) {
      this.words = new Int32Array((length + 3) >>> 2);
      this.bytes = new Uint8Array(this.words.buffer);
    }
    const bytes = this.bytes;
    for (let i = 0; i < length; i++) bytes[i] = key[start + i]!;
    const padded = (length + 3) & ~3;
    for (let i = length; i < padded; i++) bytes[i] = 0;
    if (length === 0) this.words[0] = 0;
  }
}

/** One search at a time is under way in a thread, unless it calls foreign code: and then it compares no words. */
const SCRATCH = new KeyWords();

/**
 * What a search looks for: the place of (key, sequence number).
 *
 * Under byte order the key's bytes stand in `words` from `at` on, as they do in a node, so that four of them are compared
 * at once; a custom comparator is given `key`.
 */
export interface Target {
  readonly key: Uint8Array;
  readonly length: number;
  readonly words: Int32Array;
  readonly at: number;
  readonly head: number;
  /** Of a key with the same head so many words are known to be the same, as far as both reach. */
  readonly sameWords: number;
  readonly high: number;
  readonly low: number;
}

/**
 * The place of key[start, end) with a sequence number, which may be -1: after all versions of the key. The target is
 * good until the next one is made with the same `scratch`.
 */
export function makeTarget(
  { prefix }: Arena,
  order: KeyOrder,
  key: Uint8Array,
  sequence: number,
  start = 0,
  end: number = key.length,
  scratch: KeyWords = SCRATCH,
): Target {
  const { isBytewise } = order;
  if (isBytewise) scratch.set(key, start, end);
  const head = isBytewise ? headBehind(prefix, key, start, end) : 0;
  return {
    key: isBytewise || (start === 0 && end === key.length) ? key : key.subarray(start, end),
    length: end - start,
    words: scratch.words,
    at: 0,
    head,
    sameWords: sameWords(prefix, head),
    high: Math.floor(sequence / 2 ** 32),
    low: sequence ^ TOP_BIT,
  };
}

/** The place of a node; under a custom comparator with a copy of its key. */
export function targetOfNode(arena: Arena, order: KeyOrder, node: number): Target {
  const { words, bytes, prefix } = arena;
  const start = keyStart(node);
  const length = keyLength(words, node);
  const key = order.isBytewise ? bytes : bytes.slice(start, start + length);
  const head = words[node]!;
  const [high, low] = [words[node + HIGH]!, words[node + LOW]!];
  return { key, length, words, at: start / 4, head, sameWords: sameWords(prefix, head), high, low };
}

function headBehind(prefix: Uint8Array, key: Uint8Array, start: number, end: number): number {
  for (let i = 0; i < prefix.length; i++) {
    if (start + i === end) return HEAD_LEAST;
    const difference = key[start + i]! - prefix[i]!;
    if (difference !== 0) return difference < 0 ? HEAD_LEAST : HEAD_GREATEST;
  }
  return headOf(key, start + prefix.length, end) ^ TOP_BIT;
}

// Those that prefix and head cover, unless the head may be that of a key without the prefix.
function sameWords({ length }: Uint8Array, head: number): number {
  return length > 0 && (head === HEAD_LEAST || head === HEAD_GREATEST) ? 0 : (length + 4) >>> 2;
}

/** Where the node's key starts among the arena's `bytes`. */
export function keyStart(node: number): number {
  return (node + KEY) * 4;
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

/** Where the node's link on a level stands. */
export function linkOf(node: number, level: number): number {
  return node - 1 - level;
}

export function nextOf(words: Int32Array, node: number, level: number): number {
  return Atomics.load(words, linkOf(node, level));
}

/** The first node at or after `target`; NONE if all are before it. */
export function findAtOrAfter(arena: Arena, order: KeyOrder, target: Target): number {
  return search(arena, order, target, false);
}

/** The last node before `target`; NONE if there is none. */
export function findBefore(arena: Arena, order: KeyOrder, target: Target): number {
  const node = search(arena, order, target, true);
  return node === HEAD ? NONE : node;
}

export function findLast(arena: Arena): number {
  let node = HEAD;
  for (let level = Atomics.load(arena.counters, HEIGHT) - 1; level >= 0;) {
    const next = nextOf(arena.words, node, level);
    if (next === NONE) level--;
    else node = next;
  }
  return node === HEAD ? NONE : node;
}

/** Whether `node` comes before `target`. */
export function isBeforeTarget(arena: Arena, order: KeyOrder, node: number, target: Target): boolean {
  const { words, bytes } = arena;
  const nodeHead = words[node]!;
  if (nodeHead !== target.head) return nodeHead < target.head;
  const difference = compareEqualHeads(words, bytes, order, node, target);
  if (difference !== 0) return difference < 0;
  const nodeHigh = words[node + HIGH]!;
  return nodeHigh !== target.high ? nodeHigh > target.high : words[node + LOW]! > target.low;
}

export function hasKey(arena: Arena, order: KeyOrder, node: number, target: Target): boolean {
  const { words, bytes } = arena;
  return words[node] === target.head && compareEqualHeads(words, bytes, order, node, target) === 0;
}

function search(arena: Arena, order: KeyOrder, target: Target, before: boolean): number {
  const { words, bytes, isShared } = arena;
  const { head, high, low } = target;
  let node = HEAD;
  let level = Atomics.load(arena.counters, HEIGHT) - 1;
  // The successor on the level above was compared already.
  let beyond = NONE;
  for (;;) {
    const next = isShared ? Atomics.load(words, linkOf(node, level)) : words[linkOf(node, level)]!;
    if (next !== NONE && next !== beyond && isBefore(words, bytes, order, next, target, head, high, low)) {
      node = next;
    } else if (level === 0) {
      return before ? node : next;
    } else {
      beyond = next;
      level--;
    }
  }
}

/** isBeforeTarget with what decides most often in arguments, for the loops. */
export function isBefore(
  words: Int32Array,
  bytes: Uint8Array,
  order: KeyOrder,
  node: number,
  target: Target,
  head: number,
  high: number,
  low: number,
): boolean {
  const nodeHead = words[node]!;
  if (nodeHead !== head) return nodeHead < head;
  const difference = compareEqualHeads(words, bytes, order, node, target);
  if (difference !== 0) return difference < 0;
  const nodeHigh = words[node + HIGH]!;
  return nodeHigh !== high ? nodeHigh > high : words[node + LOW]! > low;
}

// The node's key against the target's, whose heads are equal. A key that ends inside a word has zeros behind it there, in nodes and targets alike: words that differ differ in
// a byte of a key, or in one that the shorter key has not and the longer one has not zero.
function compareEqualHeads(
  words: Int32Array,
  bytes: Uint8Array,
  order: KeyOrder,
  node: number,
  target: Target,
): number {
  const nodeLength = words[node + SHAPE]! >>> 8;
  const nodeAt = node + KEY;
  // A copy: foreign code need not expect views of shared memory, which some platform calls refuse.
  if (!order.isBytewise) return order.compare(bytes.slice(nodeAt * 4, nodeAt * 4 + nodeLength), target.key);
  const { length, words: targetWords, at, sameWords: same } = target;
  const end = ((nodeLength < length ? nodeLength : length) + 3) >>> 2;
  for (let i = same; i < end; i++) {
    const nodeWord = words[nodeAt + i]!;
    const targetWord = targetWords[at + i]!;
    if (nodeWord !== targetWord) return compareWords(nodeWord, targetWord);
  }
  return nodeLength - length;
}

// The first byte in which two different words differ decides.
function compareWords(a: number, b: number): number {
  const different = a ^ b;
  const bit = IS_LITTLE_ENDIAN ? 31 - Math.clz32(different & -different) : 31 - Math.clz32(different);
  const shift = bit & 24;
  return ((a >>> shift) & 0xff) - ((b >>> shift) & 0xff);
}

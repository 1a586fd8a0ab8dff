// Filters: chapter "Filter" of docs/formats.md.

import type { Key } from "../keys.ts";
import { ByteSource, FormatProblem } from "./byte-source.ts";
import type { BlockBounds } from "./data-block.ts";

export interface BloomFilter {
  /** Any but ALGORITHM_BLOCKED answers "maybe" to everything. */
  readonly algorithm: number;
  readonly probes: number;
  readonly lines: Uint8Array;
}

export const ALGORITHM_BLOCKED = 1;
export const LINE_SIZE = 64;
const PROBES_MAX = 22;
const SEED = 0x544b5653;
const GOLDEN = 0x9e3779b9;

/** Throws FormatProblem. */
export function readFilter(bytes: Uint8Array, { offset, length }: BlockBounds): BloomFilter {
  const source = new ByteSource(bytes, offset, offset + length);
  const algorithm = source.u8();
  if (algorithm !== ALGORITHM_BLOCKED) return { algorithm, probes: 0, lines: source.rest() };
  const probes = source.u8();
  if (probes < 1 || probes > PROBES_MAX) throw new FormatProblem(offset + 1, `${probes} probes`);
  if (source.u16() !== 0) throw new FormatProblem(offset + 2, "not zero");
  const lines = source.u32();
  if (lines === 0 || source.left !== lines * LINE_SIZE)
    throw new FormatProblem(offset + 4, `${lines} lines in ${source.left} bytes`);
  return { algorithm, probes, lines: source.rest() };
}

/** False: the key is not in the table. */
export function mayContain({ algorithm, probes, lines }: BloomFilter, key: Key): boolean {
  if (algorithm !== ALGORITHM_BLOCKED) return true;
  const { line, bits } = bitsOf(key, probes, lines.length / LINE_SIZE);
  return bits.every((bit) => (lines[line * LINE_SIZE + (bit >>> 3)]! & (1 << (bit & 7))) !== 0);
}

/** The bits that stand for a key, in the line that does. */
export function bitsOf(key: Key, probes: number, lineCount: number): { line: number; bits: number[] } {
  const hash = murmur3(key);
  const bits: number[] = [];
  for (let g = Math.imul(hash, GOLDEN) >>> 0, i = 0; i < probes; i++, g = (Math.imul(g, GOLDEN) + 1) >>> 0)
    bits.push(g >>> 23);
  return { line: Math.floor((hash * lineCount) / 2 ** 32), bits };
}

/** MurmurHash3 x86 of 32 bits, unsigned. */
export function murmur3(key: Key): number {
  let h = SEED;
  const whole = key.length - (key.length % 4);
  for (let i = 0; i < whole; i += 4)
    h = (Math.imul(rotate(h ^ scrambled(word(key, i, i + 4)), 13), 5) + 0xe6546b64) | 0;
  if (whole < key.length) h ^= scrambled(word(key, whole, key.length));
  h ^= key.length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function word(key: Key, start: number, end: number): number {
  let w = 0;
  for (let i = end - 1; i >= start; i--) w = (w << 8) | key.charCodeAt(i);
  return w;
}

function scrambled(w: number): number {
  return Math.imul(rotate(Math.imul(w, 0xcc9e2d51), 15), 0x1b873593);
}

function rotate(value: number, count: number): number {
  return (value << count) | (value >>> (32 - count));
}

// A cache-line blocked Bloom filter over user keys (Putze, Sanders and Singler, "Cache-, Hash- and Space-Efficient
// Bloom Filters", 2007): the hash chooses one line of 512 bits, and all probes fall into that line, so that a question
// costs one cache miss.
//
//   u8 algorithm = 1 | u8 probes | u16 zero | u32 lines | lines × 64 bytes
//
// Algorithm 1: h = MurmurHash3_x86_32(user key, seed 0x544b5653); the line is floor(h × lines / 2^32); with g = h × 0x9e3779b9
// mod 2^32, probe i looks at the bit whose number is the top 9 bits of g, and g becomes g × 0x9e3779b9 + 1 mod 2^32. Bit n of a line is
// bit n % 8 of its byte n / 8.
//
// Keys that are equal under a comparator are equal bytes, so hashing bytes is right under every order.

import { assert } from "../common/assert.ts";
import { ByteReader } from "../common/byte-reader.ts";

/** The algorithm as the header and the properties name it; 0 = no filter. */
export const FILTER_NONE = 0;
export const FILTER_BLOOM = 1;

const HEADER_BYTES = 8;
/** 512 bits: the cache line of every machine this runs on. */
const LINE_BYTES = 64;
const LINE_BITS = 512;
/** Any fixed number: it sets this hash apart from others over the same keys. */
const SEED = 0x544b5653;
/** 2^32 divided by the golden ratio: an odd multiplier that mixes low bits into the high ones. */
const GOLDEN = 0x9e3779b9 | 0;
/** What 32 bits a key could use; more probes than that only cost time. */
const PROBES_MAX = 22;
/** Probes that are best for an ordinary filter are bits × ln 2; a line that happens to be full wants fewer. */
const PROBES_PER_BIT = 0.6;
const HASHES_AT_FIRST = 1024;

/** The hash of a key: an unsigned 32-bit number. */
export function bloomHash(key: Uint8Array): number {
  const length = key.length;
  const whole = length & ~3;
  let hash = SEED;
  for (let i = 0; i < whole; i += 4) {
    let word = key[i]! | (key[i + 1]! << 8) | (key[i + 2]! << 16) | (key[i + 3]! << 24);
    word = Math.imul(word, 0xcc9e2d51);
    word = (word << 15) | (word >>> 17);
    hash ^= Math.imul(word, 0x1b873593);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  if (whole < length) {
    let word = 0;
    for (let i = length - 1; i >= whole; i--) word = (word << 8) | key[i]!;
    word = Math.imul(word, 0xcc9e2d51);
    word = (word << 15) | (word >>> 17);
    hash ^= Math.imul(word, 0x1b873593);
  }
  hash ^= length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Collects the hashes of a table's keys and makes its filter block of them. */
export class BloomBuilder {
  readonly #bitsPerKey: number;
  #hashes: Uint32Array = new Uint32Array(HASHES_AT_FIRST);
  #count = 0;

  constructor(bitsPerKey: number) {
    this.#bitsPerKey = bitsPerKey;
  }

  /** Each distinct key should be added once: every addition takes bitsPerKey bits. */
  add(hash: number): void {
    if (this.#count === this.#hashes.length) {
      const grown = new Uint32Array(this.#hashes.length * 2);
      grown.set(this.#hashes);
      this.#hashes = grown;
    }
    this.#hashes[this.#count++] = hash;
  }

  /** Bytes of the block that finish() would make now. */
  get byteLength(): number {
    return this.#count === 0 ? 0 : HEADER_BYTES + this.#lines() * LINE_BYTES;
  }

  /** The block; undefined when there are no keys. */
  finish(): Uint8Array | undefined {
    if (this.#count === 0) return undefined;
    const lines = this.#lines();
    const probes = Math.min(PROBES_MAX, Math.max(1, Math.round(this.#bitsPerKey * PROBES_PER_BIT)));
    const block = new Uint8Array(HEADER_BYTES + lines * LINE_BYTES);
    block[0] = FILTER_BLOOM;
    block[1] = probes;
    new DataView(block.buffer).setUint32(4, lines, true);
    for (let i = 0; i < this.#count; i++) setBits(block, lines, probes, this.#hashes[i]!);
    return block;
  }

  #lines(): number {
    return Math.ceil((this.#count * this.#bitsPerKey) / LINE_BITS);
  }
}

/** Answers from a filter block, which it keeps and does not copy. */
export class BloomFilter {
  readonly #block: Uint8Array;
  readonly #lines: number;
  readonly #probes: number;

  private constructor(block: Uint8Array, lines: number, probes: number) {
    this.#block = block;
    this.#lines = lines;
    this.#probes = probes;
  }

  /** Undefined for an algorithm that this version does not know: then every answer is "maybe". */
  static decode(block: Uint8Array, offset: number, file: string): BloomFilter | undefined {
    const reader = new ByteReader(block, file, offset);
    if (reader.u8() !== FILTER_BLOOM) return undefined;
    const probes = reader.u8();
    if (probes < 1 || probes > PROBES_MAX) throw reader.corruption(`a filter with ${probes} probes`, 1);
    if (reader.u16() !== 0) throw reader.corruption("reserved bytes are not zero", 2);
    const lines = reader.u32();
    if (lines === 0 || reader.remaining !== lines * LINE_BYTES)
      throw reader.corruption(`a filter of ${lines} lines in ${reader.remaining} bytes`, 4);
    return new BloomFilter(block, lines, probes);
  }

  get byteLength(): number {
    return this.#block.length;
  }

  /** False: no key with this hash was added. */
  mayContain(hash: number): boolean {
    return testBits(this.#block, this.#lines, this.#probes, hash);
  }
}

function lineStart(hash: number, lines: number): number {
  return HEADER_BYTES + Math.floor((hash * lines) / 0x1_0000_0000) * LINE_BYTES;
}

function setBits(block: Uint8Array, lines: number, probes: number, hash: number): void {
  const start = lineStart(hash, lines);
  assert(start + LINE_BYTES <= block.length, "a line lies inside the filter");
  let mixed = Math.imul(hash, GOLDEN);
  for (let i = 0; i < probes; i++) {
    const bit = mixed >>> 23;
    block[start + (bit >>> 3)]! |= 1 << (bit & 7);
    mixed = (Math.imul(mixed, GOLDEN) + 1) | 0;
  }
}

function testBits(block: Uint8Array, lines: number, probes: number, hash: number): boolean {
  const start = lineStart(hash, lines);
  let mixed = Math.imul(hash, GOLDEN);
  for (let i = 0; i < probes; i++) {
    const bit = mixed >>> 23;
    if ((block[start + (bit >>> 3)]! & (1 << (bit & 7))) === 0) return false;
    mixed = (Math.imul(mixed, GOLDEN) + 1) | 0;
  }
  return true;
}

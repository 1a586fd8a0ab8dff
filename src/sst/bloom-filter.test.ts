import { expect, test } from "vitest";
import { CorruptionError } from "../common/errors.ts";
import { Prng } from "../util/prng.ts";
import { BloomBuilder, BloomFilter, bloomHash } from "./bloom-filter.ts";
import { bytesOf } from "./test-tables.ts";

type MakeKey = (i: number) => Uint8Array;

function bigEndian(i: number, length: number): Uint8Array {
  const key = Buffer.alloc(length);
  key.writeUInt32BE(i >>> 0, length - 4);
  return key;
}

function randomKeys(seed: number, length: number): MakeKey {
  return (i) => {
    const prng = new Prng(seed + i * 2654435761);
    return Uint8Array.from({ length }, () => prng.next() >>> 24);
  };
}

const KEYS: Record<string, MakeKey> = {
  "decimal, ascending": (i) => bytesOf(String(i).padStart(16, "0")),
  "4 bytes, big-endian, ascending": (i) => bigEndian(i, 4),
  "8 bytes, big-endian, steps of 2^12": (i) => bigEndian(i * 4096, 8),
  "16 random bytes": randomKeys(5, 16),
  "300 bytes that differ at the end": (i) => bigEndian(i, 300),
  "short text": (i) => bytesOf(i.toString(36)),
};

function build(bitsPerKey: number, count: number, key: MakeKey): BloomFilter {
  const builder = new BloomBuilder(bitsPerKey);
  for (let i = 0; i < count; i++) builder.add(bloomHash(key(i)));
  return BloomFilter.decode(builder.finish()!, 0, "t.sst")!;
}

function falsePositives(filter: BloomFilter, from: number, count: number, key: MakeKey): number {
  let wrong = 0;
  for (let i = from; i < from + count; i++) if (filter.mayContain(bloomHash(key(i)))) wrong++;
  return wrong / count;
}

test.each(Object.keys(KEYS))("100,000 keys at 10 bits: none missed, false positives under 2 in 100: %s", (name) => {
  const key = KEYS[name]!;
  const filter = build(10, 100_000, key);
  for (let i = 0; i < 100_000; i += 7) expect(filter.mayContain(bloomHash(key(i)))).toBe(true);
  expect(falsePositives(filter, 100_000, 100_000, key)).toBeLessThan(0.015);
});

test("small filters hold the rate on average", () => {
  for (const count of [1, 10, 100, 1000]) {
    let sum = 0;
    for (let seed = 0; seed < 20; seed++) {
      const key = randomKeys(seed * 7919, 12);
      sum += falsePositives(build(10, count, key), count, 1000, key);
    }
    expect(sum / 20).toBeLessThan(0.02);
  }
});

test("more bits mean fewer false positives", () => {
  const key = KEYS["16 random bytes"]!;
  const rates = [1, 4, 10, 16, 32].map((bits) => falsePositives(build(bits, 20_000, key), 20_000, 20_000, key));
  for (let i = 1; i < rates.length; i++) expect(rates[i]).toBeLessThan(rates[i - 1]!);
  expect(rates.at(-1)).toBeLessThan(0.001);
});

test("no keys make no filter", () => {
  const builder = new BloomBuilder(10);
  expect(builder.finish()).toBeUndefined();
  expect(builder.byteLength).toBe(0);
});

test("the hash is MurmurHash3_x86_32, wherever the bytes lie", () => {
  // From an implementation of the published algorithm in another language.
  const known: [string, number][] = [
    ["", 0xf6a92a8f],
    ["a", 0xe2165bee],
    ["ab", 0x3aa42dc8],
    ["abc", 0xe07e9722],
    ["test", 0x15246da9],
    ["Hello, world!", 0x8d0d26cd],
  ];
  for (const [text, hash] of known) {
    expect(bloomHash(bytesOf(text))).toBe(hash);
    expect(bloomHash(bytesOf(`..${text}..`).subarray(2, 2 + text.length))).toBe(hash);
  }
  expect(bloomHash(new Uint8Array(7).fill(0xff))).toBe(0xca3f9fe3);
});

test("an unknown algorithm answers maybe; a header that contradicts itself is corruption", () => {
  const builder = new BloomBuilder(10);
  for (let i = 0; i < 200; i++) builder.add(bloomHash(bigEndian(i, 8)));
  const block = builder.finish()!;
  expect(block.length).toBe(builder.byteLength);
  const changed = (at: number, byte: number): Uint8Array => {
    const copy = block.slice();
    copy[at] = byte;
    return copy;
  };
  expect(BloomFilter.decode(changed(0, 2), 0, "t.sst")).toBeUndefined();
  for (const bad of [
    changed(1, 0),
    changed(1, 23),
    changed(2, 1),
    changed(4, 0),
    changed(7, 1),
    block.subarray(0, 71),
    block.subarray(0, 5),
    block.subarray(0, 0),
  ])
    expect(() => BloomFilter.decode(bad, 40, "t.sst")).toThrow(CorruptionError);
});

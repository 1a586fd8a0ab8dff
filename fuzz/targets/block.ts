// A data block.

import {
  BlockBuilder,
  BlockCursor,
  BlockSlots,
  CacheSegment,
  directoryWordsFor,
  Kind,
  writeDirectory,
  type KeyOrder,
} from "tinykv/formats";
import type { Random } from "tinykv/harness";
import { Drafter } from "../draft.ts";
import { demand, misplacedIn, sameBytes, unlessCorrupt, type Target } from "../target.ts";
import { ascendingEntries, BYTEWISE, REVERSE, type Entry } from "./values.ts";

const FILE = "000007.sst";
const BASE = 4096;

const TAIL_BYTES = 8;

export function encodeBlock(entries: readonly Entry[], order: KeyOrder): Uint8Array {
  const builder = new BlockBuilder(order);
  for (const { key, sequence, kind, value } of entries) builder.add(key, sequence, kind, value);
  const { bytes, length } = builder.finish();
  return Uint8Array.from(bytes.subarray(0, length));
}

/** The fields of a block, in a larger draft or alone. */
export function dissectBlock(drafter: Drafter): void {
  const origin = drafter.next;
  drafter.u8();
  const wide = (drafter.u8() & 1) === 1;
  drafter.lengthPrefixed();
  const list = drafter.newList();
  const starts: number[] = [];
  // Entries go on until as many bytes are left as their offsets take: a look at the tail would go past what is read.
  while (drafter.remaining > TAIL_BYTES + Math.max(1, starts.length) * (wide ? 4 : 2)) {
    starts.push(drafter.next);
    drafter.group(list, () => dissectEntry(drafter));
  }
  const offsetsAt = drafter.next;
  for (const of of starts) {
    const at = drafter.next;
    if (wide) drafter.u32();
    else drafter.u16();
    drafter.link(at, { kind: "offset", of, origin, plus: 0 });
  }
  const at = drafter.next;
  drafter.u32();
  drafter.link(at, { kind: "offset", of: offsetsAt, origin, plus: 0 });
  drafter.u32();
  drafter.link(at + 1, { kind: "count", list });
}

function dissectEntry(drafter: Drafter): void {
  const at = drafter.next;
  const suffixLength = drafter.varint();
  const kind = drafter.u8();
  drafter.varint();
  const valueLengthAt = drafter.next;
  const valueLength = kind === Kind.put ? drafter.varint() : 0;
  const suffixAt = drafter.next;
  drafter.bytes(suffixLength);
  drafter.link(at, { kind: "length", from: suffixAt, to: suffixAt + 1, plus: 0 });
  if (kind !== Kind.put) return;
  drafter.bytes(valueLength);
  drafter.link(valueLengthAt, { kind: "length", from: suffixAt + 1, to: suffixAt + 2, plus: 0 });
}

const cursor = new BlockCursor(BYTEWISE, FILE);
const custom = new BlockCursor(REVERSE, FILE);
const cached = new BlockCursor(BYTEWISE, FILE);
/** Large enough for a block of the most bytes and its directory. */
const segment = new CacheSegment(1, 64 << 10);
const slots = new BlockSlots(1);

export const blockTarget: Target = {
  name: "block",
  modules: ["src/sst/block-cursor", "src/sst/block-directory"],
  bytesMax: 1024,
  memory: "sum",
  misplaced: misplacedIn(FILE, BASE),
  seed: seedBlock,
  dissect: (bytes) => {
    const drafter = new Drafter(bytes);
    return drafter.dissect(() => dissectBlock(drafter));
  },
  run(bytes) {
    const entries = readEntries(cursor, bytes);
    readBackwards(cursor, entries.length);
    checkCached(entries, bytes);
    if (ascends(entries)) checkSorted(entries, bytes);
    else for (const { key, sequence, kind } of entries) cursor.seek(key, sequence, kind);
    // Under an order that is not of bytes there may be no common prefix; the rest is read the same.
    unlessCorrupt(() => {
      demand(readEntries(custom, bytes).length === entries.length, "the order does not change what is read");
      for (const { key, sequence, kind } of entries) custom.seek(key, sequence, kind);
    });
  },
};

function seedBlock(random: Random): Uint8Array {
  if (random.chance(1, 8)) return encodeBlock(ascendingEntries(random, 6).reverse().filter(distinctKeys), REVERSE);
  const entries = ascendingEntries(random, 6);
  const wide = random.chance(1, 8);
  return wide ? widened(encodeBlock(entries, BYTEWISE)) : encodeBlock(entries, BYTEWISE);
}

function distinctKeys({ key }: Entry, i: number, entries: readonly Entry[]): boolean {
  return i === 0 || BYTEWISE.compare(entries[i - 1]!.key, key) !== 0;
}

/** The same block with offsets of 32 bits, which the builder gives only to blocks above 64 KiB. */
function widened(block: Uint8Array): Uint8Array {
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  const at = view.getUint32(block.length - TAIL_BYTES, true);
  const count = view.getUint32(block.length - 4, true);
  const wide = new Uint8Array(at + 4 * count + TAIL_BYTES);
  wide.set(block.subarray(0, at));
  wide[1] = 1;
  const target = new DataView(wide.buffer);
  for (let i = 0; i < count; i++) target.setUint32(at + 4 * i, view.getUint16(at + 2 * i, true), true);
  wide.set(block.subarray(block.length - TAIL_BYTES), at + 4 * count);
  return wide;
}

function readEntries(from: BlockCursor, bytes: Uint8Array): Entry[] {
  from.load(bytes, BASE);
  const entries: Entry[] = [];
  for (let i = 0; i < from.count; i++) {
    from.read(i);
    const { key, sequence, kind, value } = from;
    demand(from.keyIs(key), "a cursor knows the key that it stands on");
    demand(value.length === from.valueLength, "a value is as long as it says");
    demand(kind === Kind.put || value.length === 0, "only a put has a value");
    demand(Number.isSafeInteger(sequence), "a sequence number is an integer up to 2^53-1");
    entries.push({ key: key.slice(), sequence, kind, value });
  }
  demand(entries.length > 0, "a block is never empty");
  return entries;
}

function readBackwards(from: BlockCursor, count: number): void {
  for (let i = count - 1; i >= 0; i--) from.read(i);
}

// In the cache, where a search goes by the directory from the second time on, and as a copy taken out of it.
function checkCached(entries: readonly Entry[], bytes: Uint8Array): void {
  segment.empty();
  segment.bytes.set(bytes, segment.low);
  const layout = cached.load(segment.bytes, BASE, segment.low, bytes.length);
  const at = segment.add(slots, 0, bytes.length, directoryWordsFor(layout));
  writeDirectory(segment, at, layout, BASE);
  for (let round = 0; round < 3; round++) {
    for (const { key, sequence, kind } of entries) {
      cached.loadCached(segment, at);
      const found = cached.seek(key, sequence, kind);
      demand(
        !ascends(entries) || found === cursor.seek(key, sequence, kind),
        "a directory leads where the entries lead",
      );
    }
  }
  cached.own();
  segment.bytes.fill(0xee);
  for (const [i, { key, sequence, kind, value }] of entries.entries()) {
    cached.read(i);
    demand(cached.keyIs(key) && cached.sequence === sequence && cached.kind === kind, "a copy has the same entries");
    demand(sameBytes(cached.takeValue(), value), "and the same values");
  }
}

function ascends(entries: readonly Entry[]): boolean {
  return entries.every((entry, i) => i === 0 || compare(entries[i - 1]!, entry) < 0);
}

function compare(a: Entry, b: Entry): number {
  return BYTEWISE.compare(a.key, b.key) || b.sequence - a.sequence || b.kind - a.kind;
}

function checkSorted(entries: readonly Entry[], bytes: Uint8Array): void {
  for (const [i, { key, sequence, kind }] of entries.entries())
    demand(cursor.seek(key, sequence, kind) === i, "a search in a sorted block finds what is there");
  const encoded = encodeBlock(entries, BYTEWISE);
  if (sameBytes(encoded, bytes)) return;
  // The prefix may be shorter than it could be, the offsets wider; then it is not the shortest form.
  demand(encoded.length <= bytes.length, "a block has a shortest form");
  const again = readEntries(cursor, encoded);
  const same = again.every(
    (entry, i) => compare(entry, entries[i]!) === 0 && sameBytes(entry.value, entries[i]!.value),
  );
  demand(same && again.length === entries.length, "the shortest form holds the same entries");
}

// An index block, of either level.

import { IndexBlock, IndexBuilder, Kind, SEQUENCE_MAX, TRAILER_BYTES, type IndexEntry } from "tinykv/formats";
import type { Random } from "tinykv/harness";
import { Drafter } from "../draft.ts";
import { demand, misplacedIn, sameBytes, unlessCorrupt, type Target } from "../target.ts";
import { ascendingKeys, BYTEWISE, integerOf, REVERSE } from "./values.ts";

const FILE = "000007.sst";
const BASE = 1 << 20;
/** No block of this index lies behind it. */
const AT = { file: FILE, offset: BASE, limit: BASE, first: 0 };

/** The fields of an index block, in a larger draft or alone; the places of the offsets of its entries. */
export function dissectIndex(drafter: Drafter): number[] {
  const offsets: number[] = [];
  const list = drafter.newList();
  drafter.u8();
  const level = drafter.u8();
  const at = drafter.next;
  drafter.varint();
  drafter.link(at, { kind: "count", list });
  while (drafter.remaining > 0) {
    drafter.group(list, () => {
      drafter.lengthPrefixed();
      if (drafter.u8() !== Kind.deleteRange) drafter.varint();
      offsets.push(drafter.next);
      drafter.varint();
      drafter.varint();
      if (level === 1) drafter.varint();
    });
  }
  return offsets;
}

function indexOf(random: Random): Uint8Array {
  const level = random.chance(1, 3) ? 1 : 0;
  const builder = new IndexBuilder(level);
  let offset = random.int(1000);
  let first = 0;
  for (const key of ascendingKeys(random, 6)) {
    const length = random.between(16, 5000);
    const isHighest = random.chance(2, 3);
    const sequence = isHighest ? SEQUENCE_MAX : integerOf(random);
    const kind = isHighest ? Kind.deleteRange : random.pick([Kind.put, Kind.delete]);
    builder.add({ key, sequence, kind, offset, length, ...(level === 1 && { first }) });
    offset += length + TRAILER_BYTES;
    first += random.between(1, 300);
  }
  return Uint8Array.from(builder.finish());
}

export const indexTarget: Target = {
  name: "index",
  modules: ["src/sst/index-block", "src/common/byte-reader"],
  bytesMax: 1024,
  memory: "sum",
  misplaced: misplacedIn(FILE, BASE),
  seed: indexOf,
  dissect: (bytes) => {
    const drafter = new Drafter(bytes);
    return drafter.dissect(() => void dissectIndex(drafter));
  },
  run(bytes) {
    // Under another order the same bytes are another index, most often none.
    unlessCorrupt(() => checkSearches(IndexBlock.decode(bytes, AT, REVERSE)));
    checkIndex(IndexBlock.decode(bytes, AT, BYTEWISE), bytes);
  },
};

function checkIndex(index: IndexBlock, bytes: Uint8Array): void {
  checkSearches(index);
  const { level } = index;
  const builder = new IndexBuilder(level === 0 ? 0 : 1);
  for (const entry of entriesOf(index)) builder.add(entry);
  const encoded = builder.finish();
  if (sameBytes(encoded, bytes)) return;
  demand(encoded.length < bytes.length, "an index block has one shortest form");
  const again = [...entriesOf(IndexBlock.decode(encoded, AT, BYTEWISE))];
  demand(again.length === index.count, "the shortest form has the same entries");
}

function* entriesOf(index: IndexBlock): Generator<IndexEntry> {
  for (let i = 0; i < index.count; i++) {
    const offset = index.offsets[i]!;
    const length = index.lengths[i]!;
    yield { ...index.separator(i), offset, length, ...(index.level === 1 && { first: index.firsts[i]! }) };
  }
}

function checkSearches(index: IndexBlock): void {
  let end = -1;
  for (let i = 0; i < index.count; i++) {
    const { key, sequence, kind } = index.separator(i);
    demand(index.seek(key, sequence, kind) === i, "a search finds each separator");
    demand(end < 0 || index.offsets[i] === end, "blocks lie side by side");
    end = index.offsets[i]! + index.lengths[i]! + TRAILER_BYTES;
    demand(end <= AT.limit, "no block lies behind the index");
    if (index.level === 1)
      demand(i === 0 ? index.firsts[0] === AT.first : index.firsts[i]! > index.firsts[i - 1]!, "block numbers ascend");
  }
  demand(index.end === Math.max(0, end), "the index ends where its last block does");
  index.seek(new Uint8Array(0), SEQUENCE_MAX, Kind.deleteRange);
  index.seek(HIGH, 0, 0);
}

const HIGH = Uint8Array.from([0xff, 0xff, 0xff]);

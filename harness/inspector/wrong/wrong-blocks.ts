// Tables whose blocks verify and are wrong: order and encoding of entries, separators, filters.

import { frameTable, type IndexEntry } from "../table-framing.ts";
import { KIND_DELETE_RANGE, type InternalKey } from "../edit-framing.ts";
import { bitsOf, LINE_SIZE } from "../bloom-filter.ts";
import type { StorePlan, TablePlan } from "../encode/store-plan.ts";
import { encodeTable, type PlannedVersion } from "../encode/table-encoder.ts";
import { NUMBER_MAX } from "../limits.ts";
import type { Random } from "../../workloads/random.ts";
import {
  blocksOf,
  placeWhere,
  replaced,
  swapped,
  withHooks,
  withTable,
  type Spoil,
  type WrongClass,
} from "./wrong-class.ts";

type Blocks = readonly (readonly PlannedVersion[])[];

/** Changes the versions of one block at a place in it; `fits` says where that can be. */
function inBlock(
  fits: (block: readonly PlannedVersion[], i: number) => boolean,
  change: (block: readonly PlannedVersion[], i: number) => readonly PlannedVersion[],
): Spoil {
  return (plan, random) =>
    withTable(plan, random, (table) => {
      const blocks = blocksOf(table);
      const at = placeWhere(random, blocks.length, (b) => blocks[b]!.some((_, i) => fits(blocks[b]!, i)));
      if (at === undefined) return undefined;
      const block = blocks[at]!;
      const i = placeWhere(random, block.length, (place) => fits(block, place))!;
      return withHooks(table, { blocks: (all) => replaced(all, at, change(block, i)) });
    });
}

/** Changes the bytes of one data block; `draw` is any number. */
function blockBytes(change: (bytes: Buffer, draw: number) => Buffer): Spoil {
  return (plan, random) =>
    withTable(plan, random, (table) => {
      const at = random.int(blocksOf(table).length);
      const draw = random.int(DRAWS);
      return withHooks(table, { dataBlock: (bytes, i) => (i === at ? change(bytes, draw) : bytes) });
    });
}

/** More than there are places in anything here. */
const DRAWS = 1 << 20;

/** Changes the index entry of one block. */
function separator(change: (blocks: Blocks, i: number, entry: IndexEntry) => InternalKey | undefined): Spoil {
  return (plan, random) =>
    withTable(plan, random, (table) => {
      const blocks = blocksOf(table);
      const probe = (i: number): InternalKey | undefined => change(blocks, i, NO_ENTRY);
      const at = placeWhere(random, blocks.length, (i) => probe(i) !== undefined);
      if (at === undefined) return undefined;
      return withHooks(table, {
        index: (entries) => replaced(entries, at, { ...entries[at]!, separator: change(blocks, at, entries[at]!)! }),
      });
    });
}

const NO_ENTRY: IndexEntry = { separator: { key: "", sequence: 0, kind: 0 }, offset: 0, length: 0, first: 0 };

const before = (key: string): InternalKey => ({ key, sequence: NUMBER_MAX, kind: KIND_DELETE_RANGE });
const bare = ({ key, sequence, kind }: InternalKey): InternalKey => ({ key, sequence, kind });

/** Where a block's offsets stand, and how many there are. */
function tailOf(bytes: Buffer): { position: number; count: number; wide: boolean } {
  const position = bytes.readUInt32LE(bytes.length - 8);
  return { position, count: bytes.readUInt32LE(bytes.length - 4), wide: bytes[1] === 1 };
}

function patched(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = value;
  return copy;
}

// The kind stands behind the suffix's length, which one byte holds for all keys of these stores.
function kindOfFirst(bytes: Buffer, kind: number): Buffer {
  const { position } = tailOf(bytes);
  return patched(bytes, bytes.readUInt16LE(position) + 1, kind);
}

// A byte that belongs to no entry, between the prefix and the first of them.
function withGap(bytes: Buffer): Buffer {
  const { position, count } = tailOf(bytes);
  const start = bytes.readUInt16LE(position);
  const copy = Buffer.concat([bytes.subarray(0, start), Buffer.alloc(1), bytes.subarray(start)]);
  for (let i = 0; i < count; i++) {
    const at = position + 1 + 2 * i;
    copy.writeUInt16LE(copy.readUInt16LE(at) + 1, at);
  }
  copy.writeUInt32LE(position + 1, copy.length - 8);
  return copy;
}

export const WRONG_BLOCKS: readonly WrongClass[] = [
  {
    name: "entries out of order in a block",
    condition: "C16",
    spoil: inBlock(
      (block, i) => i + 2 < block.length && block[i]!.key !== block[i + 1]!.key,
      (block, i) => swapped(block, i),
    ),
  },
  {
    name: "versions of a key oldest first",
    condition: "C16",
    spoil: inBlock(
      (block, i) => i + 2 < block.length && block[i]!.key === block[i + 1]!.key,
      (block, i) => swapped(block, i),
    ),
  },
  {
    name: "an entry twice",
    condition: "C16",
    spoil: inBlock(
      () => true,
      (block, i) => replaced(block, i, block[i]!, block[i]!),
    ),
  },
  {
    name: "a put and a delete of one sequence number",
    condition: "C16",
    spoil: inBlock(
      (block, i) => block[i]!.kind === 1,
      (block, i) => replaced(block, i, block[i]!, { ...bare(block[i]!), kind: 0 }),
    ),
  },
  {
    name: "blocks in the wrong order",
    condition: "C16",
    spoil: (plan, random) =>
      withTable(plan, random, (table) => {
        const count = blocksOf(table).length;
        if (count < 2) return undefined;
        const at = random.int(count - 1);
        return withHooks(table, { blocks: (all) => swapped(all, at) });
      }),
  },
  ...[2, 15, 255].map((kind): WrongClass => ({
    name: `an entry of kind ${kind}`,
    condition: "C15",
    spoil: blockBytes((bytes) => kindOfFirst(bytes, kind)),
  })),
  {
    name: "an entry that does not start where its offset says",
    condition: "C15",
    spoil: blockBytes((bytes, draw) => {
      const { position, count } = tailOf(bytes);
      const at = position + 2 * (draw % count);
      return patched(bytes, at, bytes[at]! ^ 1);
    }),
  },
  { name: "a byte between entries", condition: "C15", spoil: blockBytes(withGap) },
  {
    name: "more offsets than there are",
    condition: "C15",
    spoil: blockBytes((bytes) => patched(bytes, bytes.length - 4, tailOf(bytes).count + 1)),
  },
  {
    name: "a block without entries",
    condition: "C15",
    spoil: blockBytes((bytes) => {
      const empty = Buffer.concat([bytes.subarray(0, 2), Buffer.alloc(9)]);
      empty.writeUInt32LE(3, 3);
      return empty;
    }),
  },
  {
    name: "narrow offsets that say they are wide",
    condition: "C15",
    spoil: blockBytes((bytes) => patched(bytes, 1, 1)),
  },
  { name: "an unknown flag of a block", condition: "C15", spoil: blockBytes((bytes) => patched(bytes, 1, 8)) },
  { name: "a reserved flag of a block", condition: "C15", spoil: blockBytes((bytes) => patched(bytes, 1, 2)) },
  { name: "an unknown layout of a block", condition: "C15", spoil: blockBytes((bytes) => patched(bytes, 0, 9)) },
  {
    name: "a separator before the end of its block",
    condition: "C16",
    spoil: separator((blocks, i) => {
      const block = blocks[i]!;
      const [first, last] = [block[0]!, block.at(-1)!];
      return first.key < last.key ? before(last.key) : undefined;
    }),
  },
  {
    name: "a separator behind the next block's first key",
    condition: "C16",
    spoil: separator((blocks, i) => {
      const next = blocks[i + 1];
      return next && next[0]!.key < next.at(-1)!.key ? before(`${next[0]!.key}\0`) : undefined;
    }),
  },
  {
    name: "a separator that is the next block's first entry",
    condition: "C16",
    spoil: separator((blocks, i) => {
      const next = blocks[i + 1]?.[0];
      return next && bare(next);
    }),
  },
  {
    name: "a separator of a version that is not the last entry",
    condition: "C16",
    spoil: separator((blocks, i) => {
      const last = blocks[i]!.at(-1)!;
      return last.sequence > 1 && blocks[i + 1]?.[0]?.key !== last.key
        ? { ...bare(last), sequence: last.sequence - 1 }
        : undefined;
    }),
  },
  {
    name: "an index that leaves a block out",
    condition: "C15",
    spoil: (plan, random) =>
      withTable(plan, random, (table) => {
        const count = blocksOf(table).length;
        if (count < 2) return undefined;
        const at = random.int(count);
        return withHooks(table, { index: (all) => all.toSpliced(at, 1) });
      }),
  },
  {
    name: "an index entry that leads to another block",
    condition: "C15",
    spoil: (plan, random) =>
      withTable(plan, random, (table) => {
        const count = blocksOf(table).length;
        if (count < 2) return undefined;
        const at = random.int(count - 1);
        return withHooks(table, {
          index: (all) => replaced(all, at, { ...all[at]!, offset: all[at + 1]!.offset, length: all[at + 1]!.length }),
        });
      }),
  },
  {
    name: "a top of the index that counts blocks wrong",
    condition: "C15",
    spoil: inTop((top, at) => replaced(top, at, { ...top[at]!, first: top[at]!.first + 1 })),
  },
  {
    name: "a top of the index whose separator is not its partition's last",
    condition: "C15",
    spoil: inTop((top, at) => replaced(top, at, { ...top[at]!, separator: before(`${top[at]!.separator.key}\0`) })),
  },
  {
    name: "a top of the index without one of the partitions",
    condition: "C15",
    spoil: inTop((top, at) => top.toSpliced(at, 1)),
  },
  {
    name: "an unknown layout of the index",
    condition: "C15",
    spoil: otherBlock("index", (bytes) => patched(bytes, 0, 9)),
  },
  {
    name: "an index of three levels",
    condition: "C15",
    spoil: otherBlock("index", (bytes) => patched(bytes, 1, 2)),
  },
  { name: "a key that the filter does not know", condition: "C15", spoil: withoutOneBit },
  {
    name: "a filter without probes",
    condition: "C15",
    spoil: otherBlock("filter", (bytes) => patched(bytes, 1, 0)),
  },
  {
    name: "a filter of another length than its lines",
    condition: "C15",
    spoil: otherBlock("filter", (bytes) => Buffer.concat([bytes, Buffer.alloc(LINE_SIZE)])),
  },
  {
    name: "a filter whose zeros are none",
    condition: "C15",
    spoil: otherBlock("filter", (bytes) => patched(bytes, 3, 1)),
  },
];

function inTop(change: (top: readonly IndexEntry[], at: number) => readonly IndexEntry[]): Spoil {
  return (plan, random) =>
    withTable(plan, random, (table) => {
      const { blocks } = frameTable(encodeTable(table.shape).bytes);
      if (!blocks.some(({ role }) => role === "indexPartition")) return undefined;
      const draw = random.int(DRAWS);
      return withHooks(table, { top: (top) => change(top, draw % top.length) });
    });
}

function otherBlock(wanted: "index" | "filter", change: (bytes: Buffer) => Buffer): Spoil {
  return (plan, random) =>
    withTable(plan, random, (table) => {
      if (wanted === "filter" && table.shape.bloomBitsPerKey === 0) return undefined;
      return withHooks(table, { block: (role, bytes) => (role === wanted ? change(bytes) : bytes) });
    });
}

function withoutOneBit(plan: StorePlan, random: Random): StorePlan | undefined {
  return withTable(plan, random, (table: TablePlan) => {
    const { bloomBitsPerKey, versions } = table.shape;
    if (bloomBitsPerKey === 0) return undefined;
    const { key } = random.pick(versions);
    const draw = random.int(DRAWS);
    return withHooks(table, {
      block: (role, bytes) => {
        if (role !== "filter") return bytes;
        const { line, bits } = bitsOf(key, bytes[1]!, bytes.readUInt32LE(4));
        const bit = bits[draw % bits.length]!;
        const at = 8 + line * LINE_SIZE + (bit >> 3);
        return patched(bytes, at, bytes[at]! & ~(1 << (bit & 7)));
      },
    });
  });
}

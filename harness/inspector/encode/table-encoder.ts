// Sorted tables, and on request wrong ones: chapter "Sorted tables" of docs/formats.md. At each place where a table can be
// wrong although its checksums hold, a hook may change what is written.

import { ALGORITHM_BLOCKED } from "../bloom-filter.ts";
import { compareInternalKeys, KIND_DELETE, KIND_DELETE_RANGE, type InternalKey } from "../edit-framing.ts";
import { NUMBER_MAX } from "../limits.ts";
import type { RangeDelete } from "../range-deletes.ts";
import { BYTEWISE } from "../version-soundness.ts";
import type { BlockRole, FileReference, IndexEntry, TableProperties } from "../table-framing.ts";
import {
  commonPrefix,
  encodeDataBlock,
  encodeFilter,
  encodeIndex,
  encodeProperties,
  encodeRangeDeletes,
  type PlannedVersion,
} from "./block-encoders.ts";
import { lp, stored, u32, u64, u8, varint } from "./fields.ts";

export type { PlannedVersion } from "./block-encoders.ts";

/** What a table is to hold and how. */
export interface TableShape {
  readonly number: number;
  readonly tag: number;
  readonly epoch: number;
  readonly comparator: string;
  readonly databaseId: string;
  /** In their order. */
  readonly versions: readonly PlannedVersion[];
  readonly rangeDeletes: readonly RangeDelete[];
  /** In bytes: what a data block does not exceed while it has several entries, and an index block that is not cut. */
  readonly blockSize: number;
  readonly indexBlockSize: number;
  /** 0: no filter. */
  readonly bloomBitsPerKey: number;
  readonly creationTime: number;
  readonly inputs: readonly FileReference[];
  readonly obsolete: readonly FileReference[];
  readonly logNumber: number;
  readonly hooks: TableHooks;
}

/** Where a table may be made wrong: each gives what is to be written instead. */
export interface TableHooks {
  /** The versions of each block. */
  readonly blocks?: (blocks: readonly (readonly PlannedVersion[])[]) => readonly (readonly PlannedVersion[])[];
  /** A data block, before its checksum. */
  readonly dataBlock?: (bytes: Buffer, i: number) => Buffer;
  /** The entries for data blocks. */
  readonly index?: (entries: readonly IndexEntry[]) => readonly IndexEntry[];
  /** Of two levels: the entries for partitions. */
  readonly top?: (entries: readonly IndexEntry[]) => readonly IndexEntry[];
  /** Any other block, before its checksum; undefined: it is left out. */
  readonly block?: (role: BlockRole, bytes: Buffer) => Buffer | undefined;
  readonly properties?: (properties: TableProperties) => TableProperties;
  /** The footer with its checksum 0. */
  readonly footer?: (bytes: Buffer) => Buffer;
}

export interface EncodedTable {
  readonly bytes: Buffer;
  readonly properties: TableProperties;
}

interface Place {
  readonly offset: number;
  readonly length: number;
}

export function encodeTable(shape: TableShape): EncodedTable {
  return new TableEncoder(shape).encode();
}

class TableEncoder {
  readonly #shape: TableShape;
  readonly #parts: Buffer[] = [];
  #offset = 0;
  readonly #places: [name: string, place: Place][] = [];

  constructor(shape: TableShape) {
    this.#shape = shape;
  }

  encode(): EncodedTable {
    const { hooks, rangeDeletes } = this.#shape;
    const cut = cutBlocks(this.#shape);
    const blocks = hooks.blocks?.(cut) ?? cut;
    const index = this.#dataBlocks(blocks);
    if (rangeDeletes.length > 0) this.#named("rangeDeletes", encodeRangeDeletes(rangeDeletes));
    this.#filter(blocks.flat());
    this.#index(hooks.index?.(index) ?? index);
    const truth = propertiesOf(this.#shape, blocks);
    const properties = hooks.properties?.(truth) ?? truth;
    this.#named("properties", encodeProperties(properties));
    const metaindex = this.#metaindex();
    const bytes = Buffer.concat([...this.#parts, this.#footer(metaindex)]);
    return { bytes, properties };
  }

  #dataBlocks(blocks: readonly (readonly PlannedVersion[])[]): IndexEntry[] {
    const { comparator, hooks } = this.#shape;
    return blocks.map((versions, i) => {
      const block = encodeDataBlock(versions, comparator === BYTEWISE);
      const place = this.#write(hooks.dataBlock?.(block, i) ?? block);
      const separator = separatorOf(versions.at(-1)!, blocks[i + 1]?.[0], comparator === BYTEWISE);
      return { separator, ...place, first: 0 };
    });
  }

  #filter(versions: readonly PlannedVersion[]): void {
    const { bloomBitsPerKey } = this.#shape;
    if (bloomBitsPerKey === 0 || versions.length === 0) return;
    this.#named("filter", encodeFilter([...new Set(versions.map(({ key }) => key))], bloomBitsPerKey));
  }

  #index(entries: readonly IndexEntry[]): void {
    const { hooks, indexBlockSize } = this.#shape;
    const whole = encodeIndex(entries, 0);
    if (whole.length <= indexBlockSize || entries.length < 2) {
      this.#named("index", whole);
      return;
    }
    const top: IndexEntry[] = [];
    let first = 0;
    for (const partition of cutIndex(entries, indexBlockSize)) {
      const bytes = encodeIndex(partition, 0);
      const place = this.#write(hooks.block ? (hooks.block("indexPartition", bytes) ?? bytes) : bytes);
      top.push({ separator: partition.at(-1)!.separator, ...place, first });
      first += partition.length;
    }
    this.#named("index", encodeIndex(hooks.top?.(top) ?? top, 1));
  }

  #metaindex(): Place {
    const entries = this.#places.map(([name, { offset, length }]) =>
      Buffer.concat([lp(Buffer.from(name)), varint(offset), varint(length)]),
    );
    const bytes = Buffer.concat([varint(entries.length), ...entries]);
    return this.#write(this.#shape.hooks.block?.("metaindex", bytes) ?? bytes);
  }

  #named(role: BlockRole, bytes: Buffer): void {
    const { block } = this.#shape.hooks;
    const written = block ? block(role, bytes) : bytes;
    if (written) this.#places.push([role, this.#write(written)]);
  }

  #write(block: Buffer): Place {
    const offset = this.#offset;
    const body = Buffer.concat([block, u8(0)]);
    this.#parts.push(body, u32(stored(body, this.#shape.tag, offset)));
    this.#offset += body.length + 4;
    return { offset, length: block.length };
  }

  #footer({ offset, length }: Place): Buffer {
    const { number, tag, hooks } = this.#shape;
    const at = this.#offset;
    const plain = Buffer.concat([
      u32(1),
      u32(1),
      u64(0),
      u64(0),
      u64(offset),
      u32(length),
      u32(tag),
      u64(at + 72),
      u64(number),
      u64(0),
      Buffer.from("TinyKVst"),
    ]);
    const footer = hooks.footer?.(plain) ?? plain;
    footer.writeUInt32LE(stored(footer, footer.readUInt32LE(36), at), 56);
    return footer;
  }
}

/** The versions of each data block, as `blockSize` wants it. */
export function cutBlocks({ versions, blockSize, comparator }: TableShape): PlannedVersion[][] {
  const blocks: PlannedVersion[][] = [];
  for (const version of versions) {
    const last = blocks.at(-1);
    if (last && encodeDataBlock([...last, version], comparator === BYTEWISE).length <= blockSize) last.push(version);
    else blocks.push([version]);
  }
  return blocks;
}

// Bytewise: the shortest key above the last of the block and not above the first of the next.
function separatorOf(last: PlannedVersion, next: PlannedVersion | undefined, bytewise: boolean): InternalKey {
  const { key, sequence, kind } = last;
  if (!bytewise || next?.key === key) return { key, sequence, kind };
  const length = commonPrefix([key, next?.key ?? key]).length + 1;
  const above = next ? next.key.slice(0, length) : `${key}\0`;
  return { key: above, sequence: NUMBER_MAX, kind: KIND_DELETE_RANGE };
}

function cutIndex(entries: readonly IndexEntry[], size: number): IndexEntry[][] {
  const partitions: IndexEntry[][] = [];
  for (const entry of entries) {
    const last = partitions.at(-1);
    if (last && encodeIndex([...last, entry], 0).length <= size) last.push(entry);
    else partitions.push([entry]);
  }
  return partitions;
}

function propertiesOf(shape: TableShape, blocks: readonly (readonly PlannedVersion[])[]): TableProperties {
  const { rangeDeletes } = shape;
  const versions = blocks.flat();
  const sequences = [...versions, ...rangeDeletes].map(({ sequence }) => sequence);
  const keys: InternalKey[] = [
    ...versions,
    ...rangeDeletes.flatMap(({ start, end, sequence }) => [
      { key: start, sequence, kind: KIND_DELETE_RANGE },
      { key: end, sequence: NUMBER_MAX, kind: KIND_DELETE_RANGE },
    ]),
  ];
  const isBytewise = shape.comparator === BYTEWISE;
  const sorted = isBytewise ? keys.toSorted(compareInternalKeys) : keys;
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  return {
    databaseId: shape.databaseId,
    fileNumber: shape.number,
    tag: shape.tag,
    epoch: shape.epoch,
    creationTime: shape.creationTime,
    comparatorName: shape.comparator,
    entries: versions.length,
    deletes: versions.filter(({ kind }) => kind === KIND_DELETE).length,
    rangeDeletes: rangeDeletes.length,
    rawKeyBytes: sum([...versions.map(({ key }) => key.length), ...rangeDeletes.map(({ start }) => start.length)]),
    rawValueBytes: sum([
      ...versions.map(({ value }) => value?.length ?? 0),
      ...rangeDeletes.map(({ end }) => end.length),
    ]),
    leastSequence: Math.min(...sequences),
    greatestSequence: Math.max(...sequences),
    smallest: sorted[0]!,
    largest: sorted.at(-1)!,
    filter: shape.bloomBitsPerKey > 0 && versions.length > 0 ? ALGORITHM_BLOCKED : 0,
    dataBlocks: blocks.length,
    inputs: shape.inputs,
    obsolete: shape.obsolete,
    logNumber: shape.logNumber,
    unknown: [],
  };
}

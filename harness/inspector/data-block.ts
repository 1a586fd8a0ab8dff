// Data blocks, entry by entry: chapter "Data block" of docs/formats.md. Whether their keys ascend is for those to say who
// know the comparator (table-contents.ts).

import { keyOf } from "../keys.ts";
import { ByteSource, FormatProblem } from "./byte-source.ts";
import { KIND_DELETE, KIND_PUT, type InternalKey } from "./edit-framing.ts";
import { u32At } from "./placed-checksum.ts";

/** One version of a key. */
export interface TableVersion extends InternalKey {
  /** Where its entry starts in the file. */
  readonly offset: number;
  /** Not copied; undefined for a delete. */
  readonly value: Uint8Array | undefined;
}

export interface DataBlock {
  /** In bytes: what all user keys of the block begin with. */
  readonly prefixLength: number;
  readonly versions: readonly TableVersion[];
}

/** A block without its trailer. */
export interface BlockBounds {
  readonly offset: number;
  readonly length: number;
}

const LAYOUT = 1;
const WIDE_OFFSETS = 1;
/** Position of the offsets and their number. */
const TAIL_SIZE = 8;

/** Throws FormatProblem; offsets are of `bytes`. */
export function readDataBlock(bytes: Uint8Array, { offset, length }: BlockBounds): DataBlock {
  const source = new ByteSource(bytes, offset, offset + length);
  const layout = source.u8();
  if (layout !== LAYOUT) throw new FormatProblem(offset, `block layout ${layout}`, true);
  const flags = source.u8();
  if (flags > WIDE_OFFSETS) throw new FormatProblem(offset + 1, `block flags ${flags}`, true);
  const prefix = keyOf(source.lp());
  const { position, starts } = readStarts(bytes, { offset, length }, flags === WIDE_OFFSETS);
  const entries = new ByteSource(bytes, source.offset, Math.max(source.offset, offset + position));
  const versions = starts.map((start, i) => {
    if (entries.offset !== offset + start) throw new FormatProblem(entries.offset, `entry ${i} starts at ${start}`);
    return readEntry(entries, prefix);
  });
  entries.demandEnd();
  return { prefixLength: prefix.length, versions };
}

function readStarts(
  bytes: Uint8Array,
  { offset, length }: BlockBounds,
  wide: boolean,
): { position: number; starts: number[] } {
  if (length < TAIL_SIZE) throw new FormatProblem(offset, "a block too short for its end");
  const tail = offset + length - TAIL_SIZE;
  const position = u32At(bytes, tail);
  const count = u32At(bytes, tail + 4);
  if (count === 0) throw new FormatProblem(tail + 4, "a block without entries");
  if (position + count * (wide ? 4 : 2) !== length - TAIL_SIZE)
    throw new FormatProblem(tail, `${count} offsets at ${position} do not end where the block does`);
  const source = new ByteSource(bytes, offset + position, tail);
  return { position, starts: Array.from({ length: count }, () => (wide ? source.u32() : source.u16())) };
}

function readEntry(source: ByteSource, prefix: string): TableVersion {
  const { offset } = source;
  const suffixLength = source.varint();
  const kind = source.u8();
  if (kind !== KIND_DELETE && kind !== KIND_PUT) throw new FormatProblem(offset, `an entry of kind ${kind}`);
  const sequence = source.varint();
  const valueLength = kind === KIND_PUT ? source.varint() : 0;
  const key = prefix + keyOf(source.take(suffixLength));
  return { key, sequence, kind, offset, value: kind === KIND_PUT ? source.take(valueLength) : undefined };
}

// Where the parts of a data block are: what its first and last bytes say, checked. block-builder.ts has the picture.

import type { KeyOrder } from "../common/comparator.ts";
import { CorruptionError } from "../common/errors.ts";
import { BLOCK_BYTES_MIN, BLOCK_LAYOUT, BLOCK_TAIL_BYTES, FLAG_WIDE_OFFSETS } from "./block-builder.ts";
import { formatUnsupported } from "./table-format.ts";

/** All positions but `start` count from the block's start. */
export interface BlockLayout {
  /** Where the block is in its memory. */
  readonly start: number;
  readonly length: number;
  readonly count: number;
  /** The common prefix ends where the entries start. */
  readonly prefixLength: number;
  readonly entriesAt: number;
  readonly offsetsAt: number;
  /** Offsets are u32. */
  readonly wide: boolean;
  readonly isBytewise: boolean;
}

/** Which file and where in it, for errors. */
export interface BlockOrigin {
  readonly file: string;
  readonly base: number;
}

/**
 * The layout of the block of `length` bytes at `start`. Entries are not looked at, except for where the first one starts.
 * Throws CorruptionError, and FORMAT_UNSUPPORTED for what a newer version may have written.
 */
export function readLayout(
  bytes: Uint8Array,
  start: number,
  length: number,
  order: KeyOrder,
  { file, base }: BlockOrigin,
): BlockLayout {
  const corruption = (at: number, problem: string): CorruptionError => new CorruptionError(file, base + at, problem);
  if (length < BLOCK_BYTES_MIN) throw corruption(0, `a block of ${length} bytes`);
  if (bytes[start] !== BLOCK_LAYOUT) throw formatUnsupported(file, `block layout ${bytes[start]}`);
  const flags = bytes[start + 1]!;
  if ((flags & ~FLAG_WIDE_OFFSETS) !== 0) throw formatUnsupported(file, `block flags ${flags}`);
  const wide = flags === FLAG_WIDE_OFFSETS;
  const tail = length - BLOCK_TAIL_BYTES;
  let at = 2;
  let prefixLength = bytes[start + at]! & 0x7f;
  for (let scale = 128; bytes[start + at++]! >= 128 && at < length; scale *= 128)
    prefixLength += (bytes[start + at]! & 0x7f) * scale;
  const entriesAt = at + prefixLength;
  const offsetsAt = readU32(bytes, start + tail);
  const count = readU32(bytes, start + tail + 4);
  if (prefixLength > 0 && !order.isBytewise) throw corruption(2, "a common prefix under a custom comparator");
  if (count === 0) throw corruption(tail + 4, "an empty block");
  if (offsetsAt + count * (wide ? 4 : 2) !== tail)
    throw corruption(tail, `${count} offsets at ${offsetsAt} do not end at the tail`);
  if (entriesAt >= offsetsAt) throw corruption(2, `a prefix of ${prefixLength} bytes`);
  const slot = start + offsetsAt;
  const first = wide ? readU32(bytes, slot) : bytes[slot]! | (bytes[slot + 1]! << 8);
  if (first !== entriesAt) throw corruption(offsetsAt, "the first entry is not behind the prefix");
  return { start, length, count, prefixLength, entriesAt, offsetsAt, wide, isBytewise: order.isBytewise };
}

export function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

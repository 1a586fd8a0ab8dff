// Where cursors put the blocks that they take out of the cache.

import { EMPTY } from "../common/bytes.ts";
import { untransferable } from "../util/untransferable.ts";

/** Copies of blocks of the default size, and of the somewhat larger ones among them, fit at once. */
const BYTES_LEAST = 4608;

/**
 * Blocks that are kept share pieces of this size, after a first one for a single block: a value that somebody holds on to
 * keeps no more than its piece, twice what Node's own pool of small Buffers does.
 */
const PIECE_BYTES = 16 << 10;

/** Places for one block after another. */
export class BlockCopies {
  /** Blocks are never written over: what stands in them may be handed out. */
  readonly areKept: boolean;
  /** The place taken last: from `start` on in `bytes`. */
  bytes: Uint8Array = EMPTY;
  start = 0;
  #end = 0;

  /** Without `areKept` a place is taken again by the next block. */
  constructor(areKept: boolean) {
    this.areKept = areKept;
  }

  take(length: number): void {
    this.start = this.areKept ? this.#end : 0;
    if (this.start + length > this.bytes.length) {
      this.bytes = memory(length, this.areKept && this.bytes !== EMPTY ? PIECE_BYTES : BYTES_LEAST);
      this.start = 0;
    }
    this.#end = this.start + length;
  }
}

// A plain Uint8Array, like those of the cache: mixed with Buffers, comparisons see two types.
function memory(length: number, least: number): Uint8Array {
  return new Uint8Array(untransferable(Buffer.allocUnsafeSlow(Math.max(length, least)).buffer));
}

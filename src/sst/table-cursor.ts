import { assert } from "../common/assert.ts";
import { CorruptionError } from "../common/errors.ts";
import type { InternalCursor } from "../common/cursor.ts";
import { KIND_MAX, type Kind } from "../common/internal-key.ts";
import { BlockCursor } from "./block-cursor.ts";
import type { IndexBlock } from "./index-block.ts";
import type { ReadFlags, TableBlocks } from "./table-blocks.ts";

/** Behind kind 0, the last kind of a sequence number: (key, sequence, BEHIND) comes after every entry of that number. */
const BEHIND = -1;

const NONE = -1;

/**
 * The entries of one table in both directions.
 *
 * Invariants:
 *   - it is valid only between a move that landed and the next move: a move that throws leaves it not valid;
 *   - while valid, #index and #entry say which data block #block is in, and #block has its own copy of it or, where a seek
 *     led, of the entry: what others read meanwhile may reuse the cache's memory.
 */
export class TableCursor implements InternalCursor {
  #blocks: TableBlocks;
  readonly #flags: ReadFlags;
  readonly #block: BlockCursor;
  #valid = false;
  /** The index block of level 0 and its number. */
  #index: IndexBlock | undefined;
  #indexNumber = -1;
  /** The data block's entry in #index. */
  #entry = -1;
  /** The data block that #block has a copy of, as the table numbers them. */
  #loaded = NONE;

  constructor(blocks: TableBlocks, flags: ReadFlags) {
    this.#blocks = blocks;
    this.#flags = flags;
    this.#block = new BlockCursor(blocks.order, blocks.file.name, flags.keepsBlocks);
  }

  /** The same cursor over another table of the same order, not valid: what it has of memory serves again. */
  over(blocks: TableBlocks): this {
    this.#blocks = blocks;
    this.#block.file = blocks.file.name;
    this.#valid = false;
    this.#index = undefined;
    this.#loaded = NONE;
    return this;
  }

  get valid(): boolean {
    return this.#valid;
  }

  get key(): Uint8Array {
    assert(this.#valid, "the cursor is on an entry");
    return this.#block.key;
  }

  get sequence(): number {
    assert(this.#valid, "the cursor is on an entry");
    return this.#block.sequence;
  }

  get kind(): Kind {
    assert(this.#valid, "the cursor is on an entry");
    return this.#block.kind;
  }

  get value(): Uint8Array {
    assert(this.#valid, "the cursor is on an entry");
    return this.#block.value;
  }

  takeValue(): Buffer {
    assert(this.#valid, "the cursor is on an entry");
    return this.#block.takeValue();
  }

  first(): void {
    this.#valid = false;
    if (this.#blocks.count === 0) return;
    this.#load(0, 0);
    this.#land(0);
  }

  last(): void {
    this.#valid = false;
    if (this.#blocks.count === 0) return;
    this.#loadLast(this.#blocks.indexCount - 1);
    this.#land(this.#block.count - 1);
  }

  seek(key: Uint8Array, sequence: number): void {
    this.#valid = false;
    if (!this.#seekBlock(key, sequence, KIND_MAX)) return;
    const at = this.#block.seek(key, sequence, KIND_MAX);
    if (at < this.#block.count) this.#visit(at);
    else if (this.#loadNext()) this.#land(0);
  }

  seekForPrev(key: Uint8Array, sequence: number): void {
    this.#valid = false;
    if (this.#blocks.count === 0) return;
    if (!this.#seekBlock(key, sequence, BEHIND)) return this.last();
    const behind = this.#block.seek(key, sequence, BEHIND);
    if (behind > 0) this.#visit(behind - 1);
    else if (this.#loadPrevious()) this.#land(this.#block.count - 1);
  }

  next(): void {
    assert(this.#valid, "the cursor is on an entry");
    this.#valid = false;
    const block = this.#block;
    const at = block.index + 1;
    this.#stay();
    if (at < block.count) {
      block.read(at);
      this.#valid = true;
    } else if (this.#loadNext()) this.#land(0);
  }

  prev(): void {
    assert(this.#valid, "the cursor is on an entry");
    this.#valid = false;
    const block = this.#block;
    const at = block.index - 1;
    this.#stay();
    if (at >= 0) {
      block.read(at);
      this.#valid = true;
    } else if (this.#loadPrevious()) this.#land(this.#block.count - 1);
  }

  #land(entry: number): void {
    this.#own();
    this.#block.read(entry);
    this.#valid = true;
  }

  // Lands where a seek leads. Mostly no step follows: a block that lies in the cache is copied when one does.
  #visit(entry: number): void {
    const block = this.#block;
    block.read(entry);
    if (block.isBorrowed) block.detach();
    else this.#own();
    this.#valid = true;
  }

  // Before a step from where a seek led.
  #stay(): void {
    if (this.#loaded !== NONE) return;
    this.#load(this.#indexNumber, this.#entry);
    this.#own();
  }

  // Loads the block that the first entry at or behind (key, sequence, kind) is in, or before; false when there is none.
  #seekBlock(key: Uint8Array, sequence: number, kind: number): boolean {
    const blocks = this.#blocks;
    const number = blocks.seekIndex(key, sequence, kind);
    if (number === blocks.indexCount) return false;
    const index = this.#indexAt(number);
    const entry = index.seek(key, sequence, kind);
    if (entry === index.count) return false;
    this.#load(number, entry);
    return true;
  }

  #loadNext(): boolean {
    const number = this.#indexNumber;
    if (this.#entry + 1 < this.#indexAt(number).count) this.#load(number, this.#entry + 1);
    else if (number + 1 < this.#blocks.indexCount) {
      const { end } = this.#indexAt(number);
      this.#checkSeam(number + 1, end, this.#indexAt(number + 1).offsets[0]!);
      this.#load(number + 1, 0);
    } else return false;
    return true;
  }

  #loadPrevious(): boolean {
    const number = this.#indexNumber;
    if (this.#entry > 0) this.#load(number, this.#entry - 1);
    else if (number > 0) {
      const start = this.#indexAt(number).offsets[0]!;
      this.#checkSeam(number, this.#indexAt(number - 1).end, start);
      this.#loadLast(number - 1);
    } else return false;
    return true;
  }

  // The data blocks of two index blocks lie side by side: an index whose parts all name one block would cost a scan its
  // length many times over.
  #checkSeam(indexNumber: number, end: number, start: number): void {
    if (start === end) return;
    const { file, top } = this.#blocks;
    throw new CorruptionError(file.name, top.offsets[indexNumber]!, `data blocks from ${start} on instead of ${end}`);
  }

  #loadLast(indexNumber: number): void {
    this.#load(indexNumber, this.#indexAt(indexNumber).count - 1);
  }

  #load(indexNumber: number, entry: number): void {
    const index = this.#indexAt(indexNumber);
    const number = index.first + entry;
    this.#entry = entry;
    if (number === this.#loaded) return;
    this.#loaded = NONE;
    this.#blocks.load(this.#block, index, entry, this.#flags);
    // A custom comparator may read from the store before the cursor has landed.
    if (!this.#blocks.order.isBytewise) this.#own();
  }

  #own(): void {
    this.#block.own();
    this.#loaded = this.#index!.first + this.#entry;
  }

  #indexAt(number: number): IndexBlock {
    if (number === this.#indexNumber && this.#index !== undefined) return this.#index;
    const index = this.#blocks.index(number, this.#flags);
    this.#index = index;
    this.#indexNumber = number;
    return index;
  }
}

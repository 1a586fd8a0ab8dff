import { assert } from "../common/assert.ts";
import type { KeyOrder } from "../common/comparator.ts";
import { KIND_MAX, SEQUENCE_MAX, type InternalKey } from "../common/internal-key.ts";
import { IndexBuilder, type IndexEntry } from "./index-block.ts";
import type { BlockHandle } from "./table-format.ts";

interface Partition {
  readonly bytes: Uint8Array;
  readonly separator: Separator;
  readonly first: number;
}

type Separator = Omit<IndexEntry, "offset" | "length" | "first">;

/**
 * Collects the index of a table while its data blocks are written, and writes it behind them: index-block.ts.
 *
 * An entry is complete when the block after it has begun, or none will: that decides its separator.
 */
export class TableIndexBuilder {
  readonly #order: KeyOrder;
  readonly #sizeMax: number;
  readonly #partitions: Partition[] = [];
  readonly #open = new IndexBuilder(0);
  /** The separator of the last entry in #open. */
  #separator: Separator | undefined;
  /** The data block that still waits for its separator. */
  #waiting: BlockHandle | undefined;
  /** Entries completed, and the number of the first one in #open. */
  #count = 0;
  #first = 0;

  constructor(order: KeyOrder, indexBlockSize: number) {
    this.#order = order;
    this.#sizeMax = indexBlockSize;
  }

  /** A data block was written. */
  add(block: BlockHandle): void {
    assert(this.#waiting === undefined, "the block before has its separator");
    this.#waiting = block;
  }

  /** The block written last ends with `last`; the next one begins with an entry of `nextKey`. */
  separate(last: InternalKey, nextKey: Uint8Array): void {
    if (this.#order.compare(last.key, nextKey) === 0) return this.#complete(last);
    const key = this.#order.separator(last.key, nextKey);
    const isBetween = this.#order.compare(last.key, key) < 0 && this.#order.compare(key, nextKey) < 0;
    this.#complete(isBetween ? highest(key) : last);
  }

  /** The block written last ends with `last` and is the last one. */
  end(last: InternalKey): void {
    const key = this.#order.successor(last.key);
    this.#complete(this.#order.compare(last.key, key) < 0 ? highest(key) : last);
  }

  /** Writes the index blocks, the top last, and returns where the top lies. */
  finish(write: (block: Uint8Array) => BlockHandle): BlockHandle {
    assert(this.#waiting === undefined, "every block has its separator");
    if (this.#partitions.length === 0) return write(this.#open.finish());
    this.#cut();
    const top = new IndexBuilder(1);
    for (const { bytes, separator, first } of this.#partitions) top.add({ ...separator, ...write(bytes), first });
    return write(top.finish());
  }

  #complete(separator: Separator): void {
    assert(this.#waiting !== undefined, "a separator belongs to a block");
    const { offset, length } = this.#waiting;
    this.#waiting = undefined;
    const { key, sequence, kind } = separator;
    const entry = { key, sequence, kind, offset, length };
    if (this.#open.count > 0 && this.#open.byteLengthWith(entry) > this.#sizeMax) this.#cut();
    this.#open.add(entry);
    this.#separator = { key, sequence, kind };
    this.#count++;
  }

  #cut(): void {
    assert(this.#separator !== undefined, "a partition is never empty");
    this.#partitions.push({ bytes: this.#open.finish(), separator: this.#separator, first: this.#first });
    this.#first = this.#count;
  }
}

function highest(key: Uint8Array): Separator {
  return { key, sequence: SEQUENCE_MAX, kind: KIND_MAX };
}

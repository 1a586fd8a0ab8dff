import { copyToBuffer, toBytes, type BytesLike } from "../common/bytes.ts";
import type { KeyOrder } from "../common/comparator.ts";
import { invalidArgument } from "../common/errors.ts";
import type { Pin } from "./cursor-pins.ts";
import type { Snapshot } from "./snapshots.ts";
import type { VisibleBounds, VisibleCursor } from "./visible-cursor.ts";

export interface IterateOptions {
  readonly gt?: BytesLike;
  readonly gte?: BytesLike;
  readonly lt?: BytesLike;
  readonly lte?: BytesLike;
  /** Only keys that begin with these bytes; bytewise order only. Narrows the bounds further. */
  readonly prefix?: BytesLike;
  readonly reverse?: boolean;
  /** Entries at most; absent: all, 0: none. */
  readonly limit?: number;
  /** false: undefined in place of each key. */
  readonly keys?: boolean;
  /** false: undefined in place of each value. */
  readonly values?: boolean;
  readonly snapshot?: Snapshot;
  /** Keep blocks that are read in the block cache. Default true. */
  readonly fillCache?: boolean;
}

/** Bounds as given, copied, and as the half-open range that a cursor can be held to. */
export interface Range {
  readonly gt: Uint8Array | undefined;
  readonly lte: Uint8Array | undefined;
  readonly bounds: VisibleBounds;
}

/** Checks and copies bounds; throws INVALID_ARGUMENT for gt with gte, lt with lte, or a prefix without bytewise order. */
export function resolveRange(options: IterateOptions, order: KeyOrder): Range {
  const { gt, gte, lt, lte, prefix } = options;
  if (gt !== undefined && gte !== undefined) throw invalidArgument("gt and gte exclude each other");
  if (lt !== undefined && lte !== undefined) throw invalidArgument("lt and lte exclude each other");
  if (prefix !== undefined && !order.isBytewise) throw invalidArgument("prefix needs the bytewise comparator");
  const lowers = [bound(gte, "gte"), afterKey(bound(gt, "gt"), order), bound(prefix, "prefix")];
  const uppers = [
    bound(lt, "lt"),
    order.isBytewise ? afterKey(bound(lte, "lte"), order) : undefined,
    afterPrefix(prefix),
  ];
  const lower = lowers.reduce((a, b) => pick(a, b, (x, y) => order.compare(x, y) > 0), undefined);
  const upper = uppers.reduce((a, b) => pick(a, b, (x, y) => order.compare(x, y) < 0), undefined);
  return {
    gt: order.isBytewise ? undefined : bound(gt, "gt"),
    lte: order.isBytewise ? undefined : bound(lte, "lte"),
    bounds: { ...(lower && { lower }), ...(upper && { upper }) },
  };
}

export function resolveLimit(limit: number | undefined): number {
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  if (!Number.isSafeInteger(limit) || limit < 0)
    throw invalidArgument(`limit must be an integer of at least 0, not ${String(limit)}`);
  return limit;
}

function bound(input: BytesLike | undefined, what: string): Uint8Array | undefined {
  return input === undefined ? undefined : Uint8Array.prototype.slice.call(toBytes(input, what));
}

// In byte order nothing stands between a key and the key with a zero byte behind it. Under another order the bound itself
// is the best that is known, and the iteration skips what equals it.
function afterKey(key: Uint8Array | undefined, order: KeyOrder): Uint8Array | undefined {
  if (!key || !order.isBytewise) return key;
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

// The first key behind all keys with this prefix: its last byte that can grow, grown.
function afterPrefix(prefix: BytesLike | undefined): Uint8Array | undefined {
  if (prefix === undefined) return undefined;
  const end = bound(prefix, "prefix")!;
  let length = end.length;
  while (length > 0 && end[length - 1] === 0xff) length--;
  if (length === 0) return undefined;
  end[length - 1]!++;
  return end.subarray(0, length);
}

function pick(
  a: Uint8Array | undefined,
  b: Uint8Array | undefined,
  better: (a: Uint8Array, b: Uint8Array) => boolean,
): Uint8Array | undefined {
  return a && (!b || !better(b, a)) ? a : b;
}

/** Which of the two halves of an entry are wanted. */
interface Wanted {
  readonly keys: boolean;
  readonly values: boolean;
}

export interface IterationPlan extends Wanted {
  readonly pin: Pin;
  readonly order: KeyOrder;
  readonly entries: VisibleCursor;
  readonly range: Range;
  readonly reverse: boolean;
  readonly limit: number;
}

/**
 * One pass over a range, frozen when it was made. Single use, as a generator is. Keys and values are fresh copies. The
 * end of the range, return() (a `break` in for-of) and an error each let go of what it keeps alive.
 */
export class Iteration implements IterableIterator<[Buffer, Buffer]>, AsyncIterable<[Buffer, Buffer]>, Disposable {
  readonly #plan: IterationPlan;
  #begun = false;
  #left: number;
  #done = false;

  /** @internal Made by Database.iterate(). */
  constructor(plan: IterationPlan) {
    this.#plan = plan;
    this.#left = plan.limit;
  }

  next(): IteratorResult<[Buffer, Buffer], undefined> {
    if (this.#done) return { done: true, value: undefined };
    const { pin, entries } = this.#plan;
    pin.use("iteration");
    try {
      if (this.#left > 0 && this.#move()) {
        this.#left--;
        return { done: false, value: pair(entries, this.#plan) };
      }
    } catch (error) {
      pin.tell(error);
      this.return();
      throw error;
    }
    return this.return();
  }

  return(): IteratorResult<[Buffer, Buffer], undefined> {
    this.#done = true;
    this.#plan.pin.release();
    return { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }

  // Not a generator: one that was never started would not pass its return() on, and the pins would stay.
  [Symbol.asyncIterator](): AsyncIterableIterator<[Buffer, Buffer]> {
    return {
      next: async () => this.next(),
      return: async () => this.return(),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  [Symbol.dispose](): void {
    this.return();
  }

  #move(): boolean {
    const { entries, reverse, order, range } = this.#plan;
    if (!this.#begun) {
      this.#begun = true;
      this.#start();
    } else if (reverse) entries.prev();
    else entries.next();
    if (!entries.valid) return false;
    const { gt, lte } = range;
    if (!reverse) return !lte || order.compare(entries.key, lte) <= 0;
    return !gt || order.compare(entries.key, gt) > 0;
  }

  #start(): void {
    const { entries, reverse, order, range } = this.#plan;
    const { gt, lte } = range;
    if (reverse) {
      if (lte) entries.seekForPrev(lte);
      else entries.last();
      return;
    }
    entries.first();
    if (gt && entries.valid && order.compare(entries.key, gt) === 0) entries.next();
  }
}

// Typed as the common case; with keys: false or values: false that half is undefined.
function pair(entries: VisibleCursor, { keys, values }: Wanted): [Buffer, Buffer] {
  return [keys ? copyToBuffer(entries.key) : undefined, values ? entries.takeValue() : undefined] as [Buffer, Buffer];
}
